//! What it prints, and how it ends.

use std::fs;

use rustix::process::Signal;

use crate::support::Bench;
use crate::support::process::Process;

const ANY: [&str; 4] = ["serve", "public", "--listen", "127.0.0.1:0"];

pub(crate) fn published() -> Bench {
    let bench = Bench::new();
    bench.sif("lab/tool_1.0.sif");
    bench.index();
    bench
}

// spec: CLI-29 CLI-31
#[test]
fn the_url_comes_first_and_a_signal_ends_it() {
    let bench = published();
    for signal in [Signal::TERM, Signal::INT] {
        let process = Process::start(&mut bench.command(&ANY));
        let url = process.url();
        assert!(url.starts_with("http://127.0.0.1:"), "{url}");
        let head = process.get("/head?token=hunter2");
        assert!(head.ends_with(&bench.read("head")), "{head}");
        assert!(process.get("/staging/journal").starts_with("HTTP/1.1 404 "));
        let ran = process.end(signal);
        assert_eq!((ran.code, &*ran.stdout), (0, ""));
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains(" GET /head 200 "), "{lines:?}");
        assert!(lines[1].contains(" GET /staging/journal 404 "), "{lines:?}");
    }
}

#[test]
fn quiet_and_as_json() {
    let bench = published();
    let more = [&ANY[..], &["-q", "--format", "json"]].concat();
    let process = Process::start(&mut bench.command(&more));
    let answer: serde_json::Value = serde_json::from_str(&process.answer).unwrap();
    let url = answer["url"].as_str().unwrap().to_owned();
    let image = bench.images().join("lab/tool_1.0.sif");
    bench.ok(&["pull", &format!("{url}//lab/tool:1.0"), "-o", "pulled.sif"]);
    assert!(fs::read(bench.path("pulled.sif")).unwrap() == fs::read(image).unwrap());
    bench.ok(&["verify", &url, "--blobs", "full"]);
    bench.ok(&["doctor", &url]);
    let ran = process.end(Signal::TERM);
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (0, "", ""));
}

#[test]
fn other_machines_are_told_of() {
    let bench = published();
    let all = ["serve", "public", "--listen", "0.0.0.0:0"];
    let ran = Process::start(&mut bench.command(&all)).end(Signal::TERM);
    assert!(
        ran.stderr
            .contains("note: other machines can reach this address"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_url_that_cannot_be_printed_ends_it() {
    let bench = published();
    let full = fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let ran = bench.command(&ANY).stdout(full).output().unwrap();
    assert_eq!(ran.status.code(), Some(5));
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(said.contains("error[unwritable]"), "{said}");
}

#[test]
fn what_cannot_be_served() {
    let bench = published();
    let process = Process::start(&mut bench.command(&ANY));
    let taken = process.address().to_string();
    fs::write(bench.path("empty"), "").unwrap();
    fs::write(bench.path("sreg.json"), "{}").unwrap();
    let serve = |more: &[&'static str]| [&ANY[..], more].concat();
    for (args, code, word) in [
        (vec!["serve", "images"], 4, "not-a-registry"),
        (vec!["serve", "nothing"], 4, "not-a-registry"),
        (vec!["serve", "."], 6, "malformed-settings"),
        (vec!["serve", "https://127.0.0.1:1/x"], 2, "not-supported"),
        (
            vec!["serve", "public", "--listen", &taken],
            5,
            "cannot-listen",
        ),
        (
            vec!["serve", "public", "--listen", "192.0.2.1:0"],
            5,
            "cannot-listen",
        ),
        (vec!["serve", "public", "--listen", "8080"], 2, "usage"),
        (serve(&["--tls-cert", "empty"]), 2, "usage"),
        (serve(&["--tls-key", "empty"]), 2, "usage"),
        (
            serve(&["--tls-cert", "empty", "--tls-key", "empty"]),
            6,
            "malformed-certificate",
        ),
        (
            serve(&["--tls-cert", "nothing", "--tls-key", "empty"]),
            4,
            "missing-file",
        ),
    ] {
        let ran = bench.fails(code, word, &args);
        assert_eq!(ran.stdout, "", "{args:?}");
    }
    let ran = bench.run(&["serve", "public", "--listen", &taken]);
    assert!(
        ran.stderr.contains(&taken) && ran.stderr.contains("hint: "),
        "{}",
        ran.stderr
    );
}

/// A certificate that nobody trusts is the same at each attempt: it is reported at once.
#[test]
fn an_untrusted_certificate_is_not_asked_for_again() {
    let bench = published();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(bench.path("cert.pem"), made.cert.pem()).unwrap();
    fs::write(bench.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let tls = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"];
    let process = Process::start(&mut bench.command(&[&ANY[..], &tls].concat()));
    let port = process.address().port();
    let ran = bench.run(&[
        "-v",
        "ls",
        &format!("https://localhost:{port}"),
        "--retries",
        "3",
    ]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("certificate"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("retrying"), "{}", ran.stderr);
    process.end(Signal::TERM);
}
