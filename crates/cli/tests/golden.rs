//! What people see, and the whole tree of the examples, byte for byte.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::path::Path;

use sreg_model::Digest;
use support::{Bench, Ran, snapshot};

/// The examples, published at a fixed time.
fn examples() -> Bench {
    let bench = Bench::new();
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/images");
    for (name, bytes) in snapshot(&images) {
        bench.write(&name, &bytes);
    }
    let mut command = bench.command(&["index", "images", "--out", "public", "--link", "copy"]);
    let ran = Ran::of(
        &command
            .env("SOURCE_DATE_EPOCH", "1790000000")
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    bench
}

#[test]
fn the_tree_of_the_examples() {
    let bench = examples();
    let files: Vec<String> = snapshot(&bench.public())
        .into_iter()
        .map(|(path, bytes)| format!("{} {path}", &Digest::of(&bytes).hex()[..8]))
        .collect();
    insta::assert_snapshot!(files.join("\n"));
}

#[test]
fn the_text_of_ls() {
    insta::assert_snapshot!(examples().run(&["ls", "public"]).stdout);
}

#[test]
fn the_text_of_inspect() {
    let bench = examples();
    insta::assert_snapshot!(
        bench
            .run(&["inspect", "public//lab/tool:1.0", "--arch", "arm64"])
            .stdout
    );
}

#[test]
fn the_table_of_every_host() {
    let bench = examples();
    let tables = sreg_model::Host::ALL.map(|host| {
        let said = bench.ok(&[
            "index",
            "images",
            "--out",
            "public",
            "--host",
            host.as_str(),
        ]);
        let (_, table) = said.stdout.split_once("who can pull").unwrap();
        format!("who can pull{table}")
    });
    insta::assert_snapshot!(tables.join("\n"));
}

#[test]
fn the_help() {
    let bench = Bench::new();
    insta::assert_snapshot!(bench.run(&["--help"]).stdout);
    insta::assert_snapshot!("help_of_index", bench.run(&["index", "--help"]).stdout);
}
