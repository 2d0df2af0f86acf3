//! What people are told.

use std::fs;

use crate::support::Bench;

#[test]
fn what_is_removed_on_both_sides_is_no_difference() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.sif("lab/old_1.sif");
    bench.index();
    bench.ok(&["mirror", "public", "copy"]);
    fs::remove_file(bench.images().join("lab/old_1.sif")).unwrap();
    // The same reference, removed at two times.
    bench.ok(&["index", "images", "--out", "public"]);
    let mut later = bench.command(&["index", "images", "--out", "copy", "--prune"]);
    later.env("SOURCE_DATE_EPOCH", "1790000000");
    assert!(later.output().unwrap().status.success());
    let ran = bench.run(&["diff", "public", "copy", "--format", "json"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "[]\n"),
        "{}",
        ran.stderr
    );
    // And one that never was there.
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index();
    bench.ok(&["mirror", "public", "copy"]);
    let old = bench.sif("lab/old_1.sif");
    bench.index();
    fs::remove_file(old).unwrap();
    bench.index();
    let ran = bench.run(&["diff", "public", "copy"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
}

#[test]
fn a_path_with_hidden_characters_is_printed_with_escapes() {
    let bench = Bench::new();
    bench.sif("la\u{200b}b/tool_1.sif");
    let ran = bench.index_fails(6, "malformed-namespace", &[]);
    assert!(
        ran.stderr.contains("la\\u{200b}b/tool_1.sif"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains('\u{200b}'), "{}", ran.stderr);
}
