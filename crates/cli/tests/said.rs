//! What people are told: errors of arguments, hints, notes.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod support;

use std::fs;

use support::{Bench, Ran};

fn published() -> Bench {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index();
    bench
}

/// Runs what must fail with `code`.
fn failed(bench: &Bench, args: &[&str], code: i32) -> String {
    let ran = bench.run(args);
    assert_eq!(ran.code, code, "{args:?}: {}{}", ran.stdout, ran.stderr);
    ran.stderr
}

// spec: CLI-7
#[test]
fn arguments_that_make_no_sense_have_a_word_and_the_usage() {
    let bench = Bench::new();
    for (args, word, says) in [
        (&["index", "--nonsense"][..], "usage", "Usage: sreg index"),
        (
            &["verify2"],
            "usage",
            "\n  tip: a similar subcommand exists: 'verify'",
        ),
        (&["verify"], "usage", "\n  <TARGET>\n\nUsage: sreg verify"),
        (
            &["ls", ".", "--format", "yaml"],
            "usage",
            "\n  [possible values: text, json]",
        ),
        (&["ls", ".", "-qv"], "usage", "cannot be used with"),
        (&["index", "--base-url", "x"], "malformed-url", "--base-url"),
        (&["index", "--namespace", "-"], "usage", "--namespace"),
    ] {
        let stderr = failed(&bench, args, 2);
        let start = format!("error[{word}]: ");
        assert!(
            stderr.starts_with(&start) && stderr.contains(says),
            "{args:?}: {stderr}"
        );
        assert!(!stderr.contains("error: "), "{stderr}");
    }
    // All placeholders that there are.
    let template = "https://example.org/{digest}/{no}";
    let stderr = failed(&bench, &["index", "--blob-url", template], 2);
    assert!(stderr.starts_with("error[malformed-url]: "), "{stderr}");
    let known =
        "unknown placeholder; known are {digest} {hex} {namespace} {name} {tag} {arch} {ext}";
    assert!(stderr.contains(known), "{stderr}");
    // What was typed steers no terminal, and makes no line of its own.
    for args in [
        &["ls", "--x\u{1b}[31m\nerror[bug]: y"][..],
        &["ls", ".", "--jobs", "\u{1b}\nx"],
    ] {
        let stderr = failed(&bench, args, 2);
        assert!(
            !stderr.contains('\u{1b}') && !stderr.contains("\nerror"),
            "{stderr}"
        );
        assert!(stderr.contains("\\u{1b}"), "{stderr}");
    }
    // Help that is asked for is an answer.
    for args in [&["--help"][..], &["index", "--help"], &["--version"]] {
        let ran = bench.run(args);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{args:?}");
        assert!(ran.stdout.contains("sreg"), "{args:?}");
    }
    let stderr = failed(&bench, &[], 2);
    assert!(stderr.contains("Usage: sreg"), "{stderr}");
}

#[test]
fn a_folder_of_images_is_to_be_indexed_and_an_empty_one_to_be_filled() {
    let bench = published();
    fs::create_dir(bench.path("empty")).unwrap();
    for command in ["verify", "ls"] {
        for (folder, hint) in [
            ("images", "sreg index images --out public"),
            ("images/lab", "sreg index images/lab --out public"),
            ("empty", "sreg index IMAGES --out empty"),
            ("cache", "sreg index IMAGES --out public"),
        ] {
            let stderr = failed(&bench, &[command, folder], 4);
            let line = format!("run `{hint}` to create a registry");
            assert!(stderr.contains(&line), "{command} {folder}: {stderr}");
        }
    }
    let stderr = failed(&bench, &["ls", "absent"], 4);
    assert!(
        stderr.contains("run `sreg index IMAGES --out absent` to create a registry there\n"),
        "{stderr}"
    );
    for (folder, hint) in [
        (
            "public",
            Some("hint: run `sreg ls public` to list its images"),
        ),
        ("images", Some("hint: name an image file in it")),
        ("empty", None),
    ] {
        let stderr = failed(&bench, &["inspect", folder], 2);
        let line = stderr.lines().find(|line| line.starts_with("hint"));
        assert_eq!(line, hint);
    }
}

#[test]
fn the_tags_that_exist_are_said_where_one_does_not() {
    let bench = Bench::new();
    for tag in 10..22 {
        bench.sif(&format!("lab/tool_{tag}.sif"));
    }
    bench.sif("lab/other_1.sif");
    bench.index();
    let tags = "hint: lab/tool has the tags 10, 11, 12, 13, 14, 15, 16, 17, 18, 19 and 2 more\n";
    for command in ["verify", "inspect"] {
        for (target, hint) in [
            ("public//lab/tool", tags),
            ("public//lab/tool:9", tags),
            ("public//lab/other", "hint: lab/other has the tags 1\n"),
            (
                "public//lab/none",
                "hint: run `sreg ls public` to list its references\n",
            ),
        ] {
            let stderr = failed(&bench, &[command, target], 4);
            assert!(stderr.contains("error[missing-reference]"), "{stderr}");
            assert!(stderr.contains(hint), "{command} {target}: {stderr}");
        }
    }
    let stderr = failed(
        &bench,
        &["inspect", "public//lab/tool:10", "--arch", "arm64"],
        4,
    );
    assert!(stderr.contains("hint: run `sreg ls"), "{stderr}");
}

#[test]
fn that_a_registry_is_unsigned_is_said_once_and_by_verify() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    let says = |ran: &Ran| {
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stderr.contains("the registry is unsigned")
    };
    let index = ["index", "images", "--out", "public"];
    assert!(says(&bench.run(&index)));
    assert!(!says(&bench.run(&index)));
    bench.sif("lab/tool_2.sif");
    assert!(!says(&bench.run(&index)));
    for target in ["public", "public//lab/tool:1"] {
        assert!(says(&bench.run(&["verify", target])));
        assert!(!says(&bench.run(&["verify", "-q", target])));
    }
}

#[test]
fn settings_that_change_are_said() {
    let bench = published();
    let index = ["index", "images", "--out", "public"];
    let other = [&index[..], &["--base-url", "https://example.org"]].concat();
    let said = |args: &[&str]| {
        let ran = bench.run(args);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.stdout.contains("settings changed: views rewritten\n")
    };
    assert!(!said(&index));
    assert!(said(&other));
    assert!(!said(&other));
    assert!(!said(&index));
}

#[test]
fn one_of_something_is_said_as_one() {
    let bench = published();
    let ran = bench.run(&["inspect", "public//lab/tool:1"]);
    assert!(ran.stdout.contains("(1 chunk)"), "{}", ran.stdout);
}
