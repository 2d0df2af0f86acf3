//! A tree that is broken: every command gives the fault the same word, and none makes it worse.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{Bench, snapshot};

fn published() -> Bench {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.sif("lab/tool_2.sif");
    bench.index();
    bench
}

/// The words of the faults or warnings of a verification.
fn words(report: &Value, key: &str) -> Vec<String> {
    let list = report[key].as_array().unwrap();
    let word = |fault: &Value| fault["code"].as_str().unwrap().to_owned();
    list.iter().map(word).collect()
}

/// Puts something that is no good at a path.
type Damage = fn(&Path);

fn pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

/// A file that opens, and that nobody can read.
fn unreadable(path: &Path) {
    symlink("/proc/self/mem", path).unwrap();
}

/// The statement of a tag.
fn statement(bench: &Bench, tag: &str) -> PathBuf {
    let named = format!("\"tag\":\"{tag}\"");
    let files = snapshot(&bench.public().join("s"));
    let found = files
        .into_iter()
        .find(|(_, bytes)| String::from_utf8_lossy(bytes).contains(&named));
    bench.public().join("s").join(found.unwrap().0)
}

#[test]
fn a_head_that_cannot_be_used_is_one_fault_and_recovered_from_its_slot() {
    let bench = published();
    let head = bench.public().join("head");
    let damages: [(Damage, i32, &str); 4] = [
        (
            |head| fs::write(head, "{}\n").unwrap(),
            6,
            "malformed-document",
        ),
        (pipe, 6, "not-a-file"),
        (|head| fs::create_dir(head).unwrap(), 6, "not-a-file"),
        (unreadable, 5, "unreadable"),
    ];
    for (damage, code, word) in damages {
        fs::remove_file(&head).unwrap();
        damage(&head);
        let ran = bench.run(&["verify", "public", "--format", "json"]);
        let report = ran.json();
        assert_eq!(
            (ran.code, words(&report, "faults")),
            (code, vec![word.into()])
        );
        assert_eq!(words(&report, "warnings"), ["not-judged"], "{word}");
        assert_eq!(bench.run(&["ls", "public"]).code, code, "{word}");
        if head.is_dir() {
            fs::remove_dir(&head).unwrap();
        }
        assert_eq!(bench.run(&["repair", "public"]).code, 0, "{word}");
        bench.is_whole();
    }
}

#[test]
fn a_root_that_cannot_be_read_keeps_all_else_from_being_judged() {
    let bench = published();
    let root = bench.index()["root"].as_str().unwrap()["sha256:".len()..].to_owned();
    let node = bench.public().join(format!("n/{}/{root}", &root[..2]));
    fs::remove_file(&node).unwrap();
    for (damage, code, word) in [
        (pipe as Damage, 6, "not-a-file"),
        (unreadable, 5, "unreadable"),
    ] {
        damage(&node);
        let ran = bench.run(&["verify", "public", "--format", "json"]);
        let report = ran.json();
        assert_eq!(
            (ran.code, words(&report, "faults")),
            (code, vec![word.into()])
        );
        assert_eq!(words(&report, "warnings"), ["not-judged"], "{word}");
        fs::remove_file(&node).unwrap();
    }
}

#[test]
fn a_statement_that_is_missing_has_one_word_and_nothing_is_published_on_top() {
    for touched in [false, true] {
        let bench = published();
        fs::remove_file(statement(&bench, "1")).unwrap();
        let head = bench.read("head");
        if touched {
            bench.sif("lab/other_1.sif");
        }
        for args in [
            &["verify", "public"][..],
            &["ls", "public"],
            &["inspect", "public//lab/tool:1"],
            &["repair", "public"],
            &["index", "images", "--out", "public"],
        ] {
            let ran = bench.run(args);
            assert_eq!(ran.code, 4, "{args:?}: {}", ran.stderr);
            let said = ran.stderr.contains("error[missing-statement]: ");
            assert!(said, "{args:?}: {}", ran.stderr);
        }
        let ran = bench.run(&["index", "images", "--out", "public"]);
        let hint = "run `sreg verify public` to list all faults, and restore the file";
        assert!(ran.stderr.contains(hint), "{}", ran.stderr);
        assert_eq!(bench.read("head"), head);
    }
}

#[test]
fn an_image_that_is_missing_has_one_word() {
    let bench = published();
    let rows = bench.run(&["ls", "public//lab/tool:1", "--format", "json"]);
    let digest = rows.json()[0]["digest"].as_str().unwrap().to_owned();
    let blob = bench.public().join(format!("v2/lab/tool/blobs/{digest}"));
    fs::remove_file(&blob).unwrap();
    for command in ["verify", "inspect"] {
        let ran = bench.run(&[command, "public//lab/tool:1"]);
        assert_eq!(ran.code, 4, "{command}: {}", ran.stderr);
        assert!(ran.stderr.contains("error[missing-blob]"), "{}", ran.stderr);
    }
    pipe(&blob);
    let ran = bench.run(&["verify", "public", "--format", "json"]);
    assert_eq!(words(&ran.json(), "faults"), ["not-a-file"]);
}

#[test]
fn repair_goes_round_what_stands_in_the_way() {
    let bench = published();
    let view = |tag: &str| {
        bench
            .public()
            .join(format!("lab/tool/manifests/{tag}/index.html"))
    };
    fs::remove_file(view("1")).unwrap();
    fs::create_dir(view("1")).unwrap();
    fs::write(view("1").join("mine"), "").unwrap();
    fs::remove_file(view("2")).unwrap();
    let list = bench.public().join("lab/tool/tags");
    fs::remove_dir_all(&list).unwrap();
    fs::write(&list, "mine").unwrap();
    let ran = bench.run(&["repair", "public", "--format", "json"]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    let report = ran.json();
    assert_eq!(words(&report, "mended"), ["missing-view"]);
    assert_eq!(
        report["faults"][0]["path"],
        "lab/tool/manifests/1/index.html"
    );
    assert_eq!(words(&report, "faults"), ["not-a-file", "missing-view"]);
    assert!(view("2").is_file() && view("1").join("mine").exists() && list.is_file());
    assert!(ran.stderr.contains("move away"), "{}", ran.stderr);
    fs::remove_dir_all(view("1")).unwrap();
    fs::remove_file(&list).unwrap();
    assert_eq!(bench.run(&["repair", "public"]).code, 0);
    bench.is_whole();
}

#[test]
fn one_cause_is_listed_once() {
    let bench = published();
    let view = bench.public().join("lab/tool/tags/index.html");
    fs::remove_file(&view).unwrap();
    pipe(&view);
    assert_eq!(bench.verify(), (6, vec!["not-a-file".to_owned()]));
    fs::remove_file(&view).unwrap();
    fs::write(bench.path("elsewhere"), "{}").unwrap();
    symlink(bench.path("elsewhere"), &view).unwrap();
    assert_eq!(bench.verify(), (6, vec!["view-mismatch".to_owned()]));
    assert_eq!(bench.run(&["repair", "public"]).code, 0);
    bench.is_whole();
}

#[test]
fn a_lost_statement_of_another_architecture_is_no_reason_to_break_off_in_the_middle() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index();
    let lost = statement(&bench, "1");
    fs::remove_file(bench.images().join("lab/tool_1.sif")).unwrap();
    bench.write(
        "lab/tool_1.arm64.sif",
        &sreg_tests::images::sif("arm", sreg_model::Arch::Arm64, 100),
    );
    let head = bench.read("head");
    fs::remove_file(lost).unwrap();
    fs::remove_dir_all(bench.path("state")).unwrap();
    let ran = bench.run(&["index", "images", "--out", "public"]);
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert_eq!(bench.read("head"), head);
    assert_eq!(bench.verify(), (4, vec!["missing-statement".to_owned()]));
}

#[test]
fn nothing_follows_the_last_version() {
    let bench = published();
    let head = bench.read("head");
    let previous = format!("\"previous\":\"sha256:{}\",\"type\"", "0".repeat(64));
    let last = head
        .replace("\"type\"", &previous)
        .replace("\"version\":1}", "\"version\":9007199254740991}");
    fs::write(bench.public().join("head"), &last).unwrap();
    // What changes nothing needs no version.
    bench.index();
    bench.sif("lab/tool_3.sif");
    let ran = bench.run(&["index", "images", "--out", "public"]);
    let said = "error[last-version]: public is at version 9007199254740991, the last";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
    assert_eq!((ran.code, bench.read("head")), (2, last));
}
