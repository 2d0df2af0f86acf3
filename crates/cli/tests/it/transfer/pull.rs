//! `sreg pull`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{as_stranger, new_image, published, signed};
use crate::support::Bench;

fn digest(bench: &Bench, reference: &str) -> String {
    let rows = bench.ok(&["ls", "public", "--format", "json"]).json();
    let rows = rows.as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["reference"] == reference)
        .unwrap();
    row["digest"].as_str().unwrap().to_owned()
}

/// The one image that has a blob in `lab/tool`: its file in the tree.
fn blob(bench: &Bench, reference: &str) -> std::path::PathBuf {
    let name = digest(bench, reference);
    let repository = reference.split(':').next().unwrap();
    bench.public().join(format!("v2/{repository}/blobs/{name}"))
}

// spec: CLI-24
#[test]
fn a_file_gets_its_name_once_every_byte_is_verified() {
    let bench = published();
    bench.ok(&["pull", "public//lab/tool:1.0"]);
    let file = bench.path("tool_1.0.sif");
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o111,
        0o111
    );
    let image = fs::read(bench.images().join("lab/tool/1.0.sif")).unwrap();
    assert!(fs::read(&file).unwrap() == image);
    // The same once more is there already; another is not replaced unless that is said.
    bench.ok(&["pull", "public//lab/tool:1.0"]);
    fs::write(&file, b"mine").unwrap();
    bench.fails(8, "file-exists", &["pull", "public//lab/tool:1.0"]);
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    bench.ok(&["pull", "--force", "public//lab/tool:1.0"]);
    assert!(fs::read(&file).unwrap() == image);
    // A link is replaced, and what it leads to stays.
    fs::write(bench.path("elsewhere"), b"mine").unwrap();
    std::os::unix::fs::symlink("elsewhere", bench.path("link")).unwrap();
    bench.ok(&["pull", "--force", "-o", "link", "public//lab/tool:1.0"]);
    assert_eq!(fs::read(bench.path("elsewhere")).unwrap(), b"mine");
    assert!(bench.path("link").symlink_metadata().unwrap().is_file());
    // To standard output.
    for args in [
        ["pull", "-o", "-", "public//lab/tool:1.0"].as_slice(),
        &["pull", "--stream", "public//lab/tool:1.0"],
    ] {
        let ran = bench.command(args).output().unwrap();
        assert!(ran.status.success() && ran.stdout == image, "{args:?}");
    }
    // One byte is wrong.
    let mut damaged = image.clone();
    damaged[20_000] ^= 1;
    fs::remove_file(blob(&bench, "lab/tool:1.0")).unwrap();
    fs::write(blob(&bench, "lab/tool:1.0"), damaged).unwrap();
    bench.fails(
        6,
        "blob-mismatch",
        &["pull", "-o", "new", "public//lab/tool:1.0"],
    );
    assert!(!bench.path("new").exists());
}

// spec: CLI-26
#[test]
fn a_mirror_has_what_the_first_place_has_not() {
    let bench = published();
    bench.ok(&["mirror", "public", "good"]);
    let image = fs::read(bench.images().join("lab/tool/1.0.sif")).unwrap();
    let mut damaged = image.clone();
    damaged[20_000] ^= 1;
    let path = blob(&bench, "lab/tool:1.0");
    fs::remove_file(&path).unwrap();
    let pull = [
        "pull",
        "--force",
        "-o",
        "f",
        "public//lab/tool:1.0",
        "--mirror",
        "good",
    ];
    for bytes in [None, Some(&damaged[..]), Some(&image[..100])] {
        if let Some(bytes) = bytes {
            fs::write(&path, bytes).unwrap();
        }
        bench.ok(&pull);
        assert!(fs::read(bench.path("f")).unwrap() == image);
    }
    // Also where the first has no registry any longer.
    fs::remove_file(bench.public().join("head")).unwrap();
    bench.ok(&pull);
    fs::remove_file(bench.public().join("sreg.json")).unwrap();
    bench.ok(&pull);
}

// spec: CLI-27
#[test]
fn from_a_registry_that_nobody_knows_nothing_is_pulled() {
    let bench = signed();
    let id = bench
        .ok(&["trust", "show", "public", "--format", "json"])
        .json();
    let id = id["registry"].as_str().unwrap().to_owned();
    let pull = |more: &[&str]| {
        let args = [&["pull", "--force", "-o", "f"], more].concat();
        as_stranger(&bench, &args)
    };
    let refused = pull(&["public//lab/tool:1.0"]);
    assert_eq!(refused.code, 7, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("error[untrusted-registry]"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains(&format!("--trust {id}")),
        "{}",
        refused.stderr
    );
    assert!(!bench.path("f").exists());
    assert!(
        !bench.path("stranger/sreg").exists(),
        "nothing is remembered"
    );
    let named = digest(&bench, "lab/tool:1.0");
    assert_eq!(pull(&[&format!("public//lab/tool@{named}")]).code, 0);
    assert!(!bench.path("stranger/sreg").exists());
    let other = format!("sha256:{}", "0".repeat(64));
    assert_eq!(pull(&["--trust", &other, "public//lab/tool:1.0"]).code, 7);
    assert_eq!(pull(&["--trust", &id, "public//lab/tool:1.0"]).code, 0);
    assert_eq!(
        pull(&["public//lab/tool:1.0"]).code,
        0,
        "it is known from now on"
    );
    // Without keys.
    let unsigned = published();
    let told = unsigned.ok(&["pull", "public//lab/tool:1.0"]);
    assert!(told.stderr.contains("unsigned"), "{}", told.stderr);
    let strict = [
        "pull",
        "-o",
        "g",
        "--require-signed",
        "public//lab/tool:1.0",
    ];
    unsigned.fails(7, "unsigned", &strict);
}

// spec: CLI-28
#[test]
fn the_version_of_a_lock_file_and_what_a_cache_has() {
    let bench = signed();
    let key = bench.key(1);
    let first = fs::read(bench.images().join("lab/tool/1.0.sif")).unwrap();
    bench.ok(&["trust", "add", "public", "--yes", "--lock", "sreg.lock"]);
    bench.ok(&[
        "pull",
        "-o",
        "a",
        "--cache",
        "cached",
        "public//lab/tool:1.0",
    ]);
    let image = new_image(&bench, "new.sif");
    bench.ok(&["push", &image, "public//lab/tool:1.0", "--key", &key]);
    // The newest, the locked, the cached.
    bench.ok(&["pull", "-o", "b", "public//lab/tool:1.0"]);
    assert!(fs::read(bench.path("b")).unwrap() == fs::read(bench.path(&image)).unwrap());
    let late = ["--now", "4000000000"];
    let locked = ["pull", "-o", "c", "--locked", "public//lab/tool:1.0"];
    bench.ok(&locked);
    assert!(fs::read(bench.path("c")).unwrap() == first);
    fs::rename(bench.public(), bench.path("away")).unwrap();
    let offline = [
        "pull",
        "-o",
        "d",
        "--offline",
        "--cache",
        "cached",
        "public//lab/tool:1.0",
    ];
    let ran = bench.run(&[&offline[..], &late[..]].concat());
    // What was seen last is the newer image, which this cache never had.
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    fs::rename(bench.path("away"), bench.public()).unwrap();
    bench.ok(&[
        "pull",
        "-o",
        "e",
        "--cache",
        "cached",
        "public//lab/tool:1.0",
    ]);
    fs::rename(bench.public(), bench.path("away")).unwrap();
    bench.ok(&[&offline[..], &late[..]].concat());
    assert!(fs::read(bench.path("d")).unwrap() == fs::read(bench.path(&image)).unwrap());
    let other = [
        "pull",
        "-o",
        "z",
        "--offline",
        "--cache",
        "cached",
        "public//greeting:1.0",
    ];
    assert_ne!(bench.run(&other).code, 0, "it was never pulled");
    fs::rename(bench.path("away"), bench.public()).unwrap();
    fs::remove_file(bench.path("sreg.lock")).unwrap();
    bench.fails(
        7,
        "untrusted-registry",
        &["pull", "-o", "y", "--locked", "public//lab/tool:1.0"],
    );
}

// spec: CLI-25
#[test]
fn what_has_come_stays_and_is_verified_before_it_is_used() {
    let bench = published();
    let image = new_image(&bench, "big.sif");
    bench.ok(&["push", &image, "public//lab/big:1"]);
    let bytes = fs::read(bench.path(&image)).unwrap();
    // The last MiB is missing where it is pulled from.
    let path = blob(&bench, "lab/big:1");
    fs::remove_file(&path).unwrap();
    fs::write(&path, &bytes[..2 << 20]).unwrap();
    let ran = bench.run(&["pull", "-o", "f", "--retries", "0", "public//lab/big:1"]);
    assert_ne!(ran.code, 0);
    assert!(!bench.path("f").exists());
    let part = bench.path("f.part");
    assert!(part.exists(), "{}", ran.stderr);
    // Somebody has changed what is there.
    let mut partial = fs::read(&part).unwrap();
    partial[1000] ^= 1;
    fs::write(&part, partial).unwrap();
    fs::write(&path, &bytes).unwrap();
    let pulled = bench
        .ok(&["pull", "-o", "f", "public//lab/big:1", "--format", "json"])
        .json();
    assert!(fs::read(bench.path("f")).unwrap() == bytes);
    assert_eq!(
        pulled["resumed"].as_u64(),
        Some(1 << 20),
        "one MiB of two held"
    );
    assert!(!part.exists());
}

/// A server that notes what it is asked, and has nothing.
fn listener() -> (String, std::sync::Arc<std::sync::Mutex<String>>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let asked = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let noted = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..read]).into_owned();
            noted.lock().unwrap().push_str(&text);
            let _ = stream.write_all(
                b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            );
        }
    });
    (url, asked)
}

#[test]
fn the_token_goes_to_no_other_host_than_the_one_that_is_named() {
    let (url, asked) = listener();
    let bench = Bench::new();
    bench.sif("lab/tool/1.0.sif");
    bench.index_with(&["--blob-url", &format!("{url}/{{hex}}")]);
    let pull = |args: &[&str]| {
        let pull = ["pull", "--retries", "0", "--allow-private"];
        let mut command = bench.command(&[&pull[..], args].concat());
        command.env("SREG_TOKEN", "not-to-be-seen");
        crate::support::Ran::of(&command.output().unwrap())
    };
    // Where the registry says that images are; where a mirror is.
    assert_ne!(pull(&["public//lab/tool:1.0"]).code, 0);
    assert_ne!(pull(&["none//lab/tool:1.0", "--mirror", &url]).code, 0);
    let text = asked.lock().unwrap().clone();
    assert!(text.matches("GET /").count() >= 2, "{text}");
    assert!(!text.contains("not-to-be-seen"), "{text}");
    // The server that is named gets it.
    assert_ne!(pull(&[&format!("{url}//lab/tool:1.0")]).code, 0);
    assert!(asked.lock().unwrap().contains("not-to-be-seen"));
}

#[test]
fn what_somebody_plants_in_a_shared_cache_is_passed_by() {
    let bench = signed();
    bench.ok(&["trust", "add", "public", "--yes"]);
    let pull = [
        "pull",
        "--force",
        "-o",
        "f",
        "--cache",
        "cached",
        "public//lab/tool:1.0",
    ];
    bench.ok(&pull);
    // Pipes, which nobody ever writes to, in the place of all that is there.
    let mut folders = vec![bench.path("cached")];
    let mut planted = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            fs::remove_file(&path).unwrap();
            let made = std::process::Command::new("mkfifo").arg(&path).status();
            assert!(made.unwrap().success());
            planted += 1;
        }
    }
    assert!(planted >= 3, "{planted} files were in the cache");
    fs::remove_file(bench.path("f")).unwrap();
    bench.ok(&pull);
    let offline = [
        "pull",
        "-o",
        "g",
        "--offline",
        "--cache",
        "cached",
        "public//lab/tool:1.0",
    ];
    assert_ne!(bench.run(&offline).code, 0, "what vouches for it is gone");
}

/// A version that a lock file lists stays what it was, also where an epoch has begun since; unless it was
/// left behind.
#[test]
fn a_locked_version_is_pulled_after_a_new_epoch() {
    let bench = signed();
    let key = bench.key(1);
    bench.ok(&["trust", "add", "public", "--yes", "--lock", "sreg.lock"]);
    let heads = bench.ok(&["log", "public", "--format", "json"]).json();
    let locked = heads[0]["version"].as_u64().unwrap();
    let pull = [
        "pull",
        "-o",
        "got",
        "--force",
        "--locked",
        "public//lab/tool:1.0",
    ];
    let first = fs::read(bench.images().join("lab/tool/1.0.sif")).unwrap();
    let image = new_image(&bench, "new.sif");
    bench.ok(&["push", &image, "public//lab/tool:1.0", "--key", &key]);
    bench.ok(&["push", &image, "public//lab/tool:2.0", "--key", &key]);
    let rotate = |after: u64| {
        let after = after.to_string();
        let epoch = [
            "trust",
            "rotate",
            "public",
            "--new-epoch",
            "--after",
            &after,
        ];
        bench.ok(&[&epoch[..], &["--key", &key, "--yes"]].concat());
    };
    rotate(locked + 1);
    bench.ok(&pull);
    assert!(fs::read(bench.path("got")).unwrap() == first);
    // Of the new epoch, one that the next leaves behind.
    bench.ok(&["push", &image, "public//lab/tool:3.0", "--key", &key]);
    bench.ok(&["trust", "add", "public", "--yes", "--lock", "sreg.lock"]);
    rotate(1);
    bench.fails(7, "head-epoch", &pull);
}

/// What was pulled while a thief published is not what the registry says, once it has left that behind.
#[test]
fn offline_takes_nothing_that_a_new_epoch_has_left_behind() {
    let bench = signed();
    let key = bench.key(1);
    bench.ok(&["trust", "add", "public", "--yes"]);
    let pull = |name: &str, more: &[&str]| {
        let reference = format!("public//lab/tool:{name}");
        let args = [
            "pull", "-o", "got", "--force", "--cache", "cached", &reference,
        ];
        bench.run(&[&args[..], more].concat())
    };
    let heads = bench.ok(&["log", "public", "--format", "json"]).json();
    let last_good = heads[0]["version"].to_string();
    let image = new_image(&bench, "stolen.sif");
    bench.ok(&["push", &image, "public//lab/tool:1.0", "--key", &key]);
    bench.ok(&["push", &image, "public//lab/tool:stolen", "--key", &key]);
    for tag in ["1.0", "stolen"] {
        assert_eq!(pull(tag, &[]).code, 0);
        assert_eq!(pull(tag, &["--offline"]).code, 0);
    }
    let epoch = [
        "trust",
        "rotate",
        "public",
        "--new-epoch",
        "--after",
        &last_good,
    ];
    bench.ok(&[&epoch[..], &["--key", &key, "--yes"]].concat());
    // The reader hears of it with the next pull.
    assert_eq!(pull("1.0", &[]).code, 0);
    assert_eq!(pull("1.0", &["--offline"]).code, 0);
    let ran = pull("stolen", &["--offline"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
}

#[test]
fn a_head_that_was_seen_and_is_hidden_is_missed() {
    let bench = signed();
    let key = bench.key(1);
    bench.ok(&["pull", "-o", "a", "public//lab/tool:1.0"]);
    let image = new_image(&bench, "new.sif");
    bench.ok(&["push", &image, "public//lab/tool:2.0", "--key", &key]);
    bench.ok(&["pull", "-o", "b", "public//lab/tool:1.0"]);
    bench.ok(&["push", &image, "public//lab/tool:3.0", "--key", &key]);
    let ran = as_stranger(
        &bench,
        &["push", &image, "public//lab/tool:4.0", "--key", &key],
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let pull = ["pull", "--force", "-o", "c", "public//lab/tool:1.0"];
    // Who has seen version 3 cannot see whether version 4 goes on from it.
    let slot = bench.public().join("heads/1/3");
    let kept = fs::read(&slot).unwrap();
    fs::remove_file(&slot).unwrap();
    bench.fails(7, "rolled-back", &pull);
    fs::write(&slot, kept).unwrap();
    bench.ok(&pull);
}
