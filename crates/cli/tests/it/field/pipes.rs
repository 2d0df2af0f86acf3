//! Pipes in the place of files: none is waited for, and every command ends at the first signal.

use std::fs;
use std::path::Path;

use rustix::fs::{CWD, Mode};

use crate::support::Bench;

/// Puts a pipe in the place of a file.
fn pipe(path: &Path) {
    let _ = fs::remove_file(path);
    rustix::fs::mkfifoat(CWD, path, Mode::from_raw_mode(0o644)).unwrap();
}

fn image_of(bench: &Bench) -> std::path::PathBuf {
    let rows = bench.ok(&["ls", "public", "--format", "json"]).json();
    let digest = rows[0]["digest"].as_str().unwrap();
    bench.public().join(format!("v2/lab/tool/blobs/{digest}"))
}

#[test]
fn a_pipe_in_the_place_of_a_published_image() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index();
    pipe(&image_of(&bench));
    for args in [
        &["mirror", "public", "copy"][..],
        &["pull", "public//lab/tool:1"],
        &["verify", "public"],
        &["init", "fresh", "--key", "key-1", "--from", "public"],
    ] {
        bench.key(1);
        let ran = bench.run(args);
        assert_ne!(ran.code, 0, "{args:?}");
        assert!(
            ran.stderr.contains("not a regular file") || ran.stderr.contains("not-a-file"),
            "{args:?}: {}",
            ran.stderr
        );
    }
    // Indexing the folder again brings the image back.
    bench.run(&["index", "images", "--out", "public", "--no-cache"]);
}

#[test]
fn a_pipe_that_is_given_as_an_image_or_a_file() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index();
    let path = bench.path("pipe.sif");
    pipe(&path);
    let path = path.to_str().unwrap();
    for args in [
        &["push", path, "public//lab/tool:2"][..],
        &["attach", path, "public//lab/tool:1", "--type", "text/plain"],
        &["inspect", path],
        &["verify", path],
        &["refresh", "public", "--key", path],
        &["verify", "public", "--lock", path],
        &["sign", path, "public//lab/tool:1", "--key", path],
    ] {
        let ran = bench.run(args);
        assert!(
            ![0, 70, 101].contains(&ran.code),
            "{args:?}: {} {}",
            ran.code,
            ran.stderr
        );
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
    // In a folder of images it is named.
    pipe(&bench.images().join("lab/tool_2.sif"));
    bench.index_fails(6, "not-a-file", &[]);
}

#[test]
fn pipes_where_sreg_keeps_its_own_files() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index_by(1);
    for folder in ["state", "cache"] {
        let mut next = vec![bench.path(folder)];
        while let Some(folder) = next.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => next.push(path),
                    false => pipe(&path),
                }
            }
        }
    }
    // What cannot be read is an error or costs time, and nothing is waited for.
    let ran = bench.run(&["index", "images", "--out", "public", "--key", "key-1"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
}

#[test]
fn a_pipe_or_nothing_where_a_file_is_named() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index_by(1);
    let path = bench.path("pipe.sif");
    pipe(&path);
    let path = path.to_str().unwrap();
    let cases = |file| {
        [
            vec!["push", file, "public//lab/tool:2", "--key", "key-1"],
            vec![
                "attach",
                file,
                "public//lab/tool:1",
                "--type",
                "text/plain",
                "--key",
                "key-1",
            ],
            vec!["sign", file, "public//lab/tool:1", "--key", "key-1"],
            vec!["refresh", "public", "--key", file],
            vec!["verify", "public", "--lock", file],
            vec![
                "serve",
                "public",
                "--listen",
                "127.0.0.1:0",
                "--tls-cert",
                file,
                "--tls-key",
                file,
            ],
        ]
    };
    for (file, code, word) in [(path, 6, "not-a-file"), ("nowhere", 4, "missing-file")] {
        for args in cases(file) {
            let ran = bench.run(&args);
            assert_eq!(ran.code, code, "{args:?}: {}", ran.stderr);
            assert!(
                ran.stderr.contains(&format!("error[{word}]")),
                "{args:?}: {}",
                ran.stderr
            );
        }
    }
}
