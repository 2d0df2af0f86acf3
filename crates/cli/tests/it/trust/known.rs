//! What readers know, and where registries are served.

use std::fs;

use super::{copy, published};
use crate::support::Ran;

// spec: CLI-18 CLI-19
#[test]
fn what_is_known_is_held_to() {
    let bench = published();
    let id = bench
        .ok(&["trust", "show", "public", "--format", "json"])
        .json()["registry"]
        .as_str()
        .unwrap()
        .to_owned();
    let stranger = |args: &[&str]| {
        let mut command = bench.command(args);
        command.env("XDG_STATE_HOME", bench.path("stranger"));
        Ran::of(&command.output().unwrap())
    };
    let ran = stranger(&["verify", "public"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("warning[not-pinned]"), "{}", ran.stderr);
    let ran = stranger(&["verify", "public", "--require-signed"]);
    assert_eq!(ran.code, 7);
    assert!(
        ran.stderr.contains("error[untrusted-registry]"),
        "{}",
        ran.stderr
    );
    let ran = stranger(&["trust", "add", "public"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stdout.contains(&id), "{}", ran.stdout);
    let zeros = format!("sha256:{}", "0".repeat(64));
    for args in [
        ["trust", "add", "public", "--trust", &zeros],
        ["verify", "public", "--blobs", "none", "--trust"],
    ] {
        let args = if args[4] == "--trust" {
            [&args[..], &[&zeros]].concat()
        } else {
            args.to_vec()
        };
        let ran = stranger(&args);
        assert_eq!(ran.code, 7, "{args:?}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("error[other-registry]"),
            "{}",
            ran.stderr
        );
    }
    // A lock file is enough, and is not remembered.
    let ran = stranger(&["trust", "add", "public", "--trust", &id, "--lock"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    fs::remove_dir_all(bench.path("stranger")).unwrap();
    assert_eq!(stranger(&["verify", "public", "--require-signed"]).code, 0);
    fs::rename(bench.path("sreg.lock"), bench.path("elsewhere")).unwrap();
    assert_eq!(stranger(&["verify", "public", "--require-signed"]).code, 7);
    assert_eq!(
        stranger(&[
            "verify",
            "public",
            "--require-signed",
            "--lock",
            "elsewhere"
        ])
        .code,
        0
    );
    // Said once, it is known for good.
    assert_eq!(stranger(&["verify", "public", "--trust", &id]).code, 0);
    assert_eq!(stranger(&["verify", "public", "--require-signed"]).code, 0);
    // Without keys there is nobody to know.
    bench.ok(&["index", "images", "--out", "plain"]);
    let ran = stranger(&["verify", "plain", "--require-signed"]);
    assert_eq!(ran.code, 7);
    assert!(ran.stderr.contains("error[unsigned]"), "{}", ran.stderr);
}

/// Serves a folder on loopback, as any web server does: the URL.
fn serve(folder: std::path::PathBuf) -> String {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut request = String::new();
            stream.read_line(&mut request).unwrap();
            let path = request.split(' ').nth(1).unwrap().trim_start_matches('/');
            let (status, body) = match fs::read(folder.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", b"no such file".to_vec()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream
                .get_mut()
                .write_all(&[head.as_bytes(), &body].concat());
        }
    });
    format!("http://{address}")
}

// spec: CLI-13 CLI-18
#[test]
fn one_pin_serves_every_url_of_a_registry() {
    let bench = published();
    let (first, second) = (serve(bench.public()), serve(bench.public()));
    let stranger = |args: &[&str]| {
        let mut command = bench.command(args);
        command.env("XDG_STATE_HOME", bench.path("stranger"));
        Ran::of(&command.output().unwrap())
    };
    let ran = stranger(&["trust", "show", &first]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains(&format!("sreg trust add {first}")),
        "{}",
        ran.stderr
    );
    assert_eq!(stranger(&["trust", "add", &first, "--yes"]).code, 0);
    let ran = stranger(&["trust", "show", &second, "--format", "json"]);
    assert_eq!(ran.json()["known"], true);
    assert_eq!(stranger(&["verify", "public", "--require-signed"]).code, 0);
    assert_eq!(
        stranger(&["trust", "export", &second]).stdout,
        bench.ok(&["trust", "export", "public"]).stdout
    );

    // The same URL with another registry behind it: nothing is pinned anew.
    let kept = bench.path("kept");
    copy(&bench.public(), &kept);
    fs::remove_dir_all(bench.public()).unwrap();
    bench.ok(&["index", "images", "--out", "third", "--key", &bench.key(3)]);
    copy(&bench.path("third"), &bench.public());
    let ran = stranger(&["trust", "add", &first, "--yes"]);
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("error[other-registry]"),
        "{}",
        ran.stderr
    );
    // An older one, too.
    fs::remove_dir_all(bench.public()).unwrap();
    copy(&kept, &bench.public());
    assert_eq!(stranger(&["trust", "add", &first]).code, 0);

    // A second registry is not made where one is served.
    let args = [
        "index",
        "images",
        "--out",
        "fourth",
        "--key",
        "key-1",
        "--base-url",
        &second,
    ];
    bench.fails(2, "has-keys", &args);
    bench.ok(&[
        "index",
        "images",
        "--out",
        "fourth",
        "--key",
        "key-1",
        "--base-url",
        "http://127.0.0.1:9",
    ]);

    let ran = stranger(&["trust", "add", "http://127.0.0.1:9"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    let ran = stranger(&["trust", "add", &format!("{first}/lab")]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("error[not-a-registry]"),
        "{}",
        ran.stderr
    );
}

/// Another registry in the place of a known one says nothing about the known one's signers.
#[test]
fn another_registry_is_no_fork_of_the_known_one() {
    let bench = published();
    let pulled = ["pull", "public//lab/tool:1.0", "-o", "tool.sif", "--force"];
    bench.ok(&["trust", "add", "public", "--yes"]);
    bench.ok(&pulled);
    fs::rename(bench.public(), bench.path("real")).unwrap();
    for (other, more) in [("signed", &["--key", "key-2"][..]), ("unsigned", &[])] {
        bench.key(2);
        let index = [&["index", "images", "--out", other][..], more].concat();
        let mut command = bench.command(&index);
        command.env("XDG_STATE_HOME", bench.path("stranger"));
        let ran = Ran::of(&command.output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        fs::rename(bench.path(other), bench.public()).unwrap();
        for args in [
            &["verify", "public"][..],
            &["verify", "public//lab/tool:1.0"],
            &pulled,
        ] {
            let ran = bench.run(args);
            assert_eq!(ran.code, 7, "{args:?}: {}", ran.stderr);
            for word in ["fork", "rolled-back", "evidence"] {
                assert!(!ran.stderr.contains(word), "{args:?}: {}", ran.stderr);
            }
        }
        fs::remove_dir_all(bench.public()).unwrap();
    }
    assert!(!bench.path("state/sreg/registries/evidence").exists());
}

/// A lock file that cannot be reached is not none.
#[test]
fn a_broken_link_in_the_place_of_a_lock_file() {
    let bench = published();
    std::os::unix::fs::symlink("nowhere", bench.path("sreg.lock")).unwrap();
    for args in [&["verify", "public"][..], &["pull", "public//lab/tool:1.0"]] {
        let ran = bench.run(args);
        assert_eq!(ran.code, 4, "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("sreg.lock"), "{}", ran.stderr);
    }
}
