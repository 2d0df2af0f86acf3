//! Images that are gone from a folder, and references that are removed by name.

use std::fs;

use serde_json::json;
use sreg_model::Arch;
use sreg_tests::images;

use crate::support::{Bench, snapshot};

/// A registry with `count` images of one folder.
fn published(count: usize) -> Bench {
    let bench = Bench::new();
    for number in 0..count {
        bench.sif(&format!("lab/tool_{number:02}.sif"));
    }
    bench.index();
    bench
}

fn lose(bench: &Bench, numbers: std::ops::Range<usize>) {
    for number in numbers {
        fs::remove_file(bench.images().join(format!("lab/tool_{number:02}.sif"))).unwrap();
    }
}

// spec: CLI-36
#[test]
fn an_empty_folder_removes_nothing() {
    let bench = published(3);
    lose(&bench, 0..3);
    let ran = bench.index_fails(8, "mass-removal", &[]);
    assert!(ran.stderr.contains("3 of the 3"), "{}", ran.stderr);
    assert!(ran.stderr.contains("lab/tool:00"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--allow-removals"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("--prune"), "{}", ran.stderr);
    // A dry run would end in the same way.
    bench.index_fails(8, "mass-removal", &["--dry-run"]);
    let answer = bench.index_with(&["--allow-removals"]);
    assert_eq!(answer["removed"].as_array().unwrap().len(), 3);
    assert_eq!(bench.ls(), [""; 0]);
    bench.is_whole();
}

// spec: CLI-36
#[test]
fn a_tenth_may_go_and_more_may_not() {
    let bench = published(20);
    lose(&bench, 0..2);
    assert_eq!(bench.index()["removed"].as_array().unwrap().len(), 2);
    // Two are more than a tenth of 18.
    lose(&bench, 2..4);
    let ran = bench.index_fails(8, "mass-removal", &[]);
    assert!(ran.stderr.contains("2 of the 18"), "{}", ran.stderr);
    bench.sif("lab/tool_02.sif");
    assert_eq!(bench.index()["removed"].as_array().unwrap().len(), 1);
    bench.is_whole();
}

// spec: CLI-36
#[test]
fn a_refusal_comes_before_anything_is_hashed() {
    let bench = published(2);
    lose(&bench, 0..2);
    // A chain is written as soon as an image is hashed.
    bench.write("lab/new_1.sif", &images::sif("new", Arch::Amd64, 10));
    let before = snapshot(&bench.public());
    bench.index_fails(8, "mass-removal", &[]);
    assert_eq!(snapshot(&bench.public()), before);
}

// spec: CLI-36
#[test]
fn allowed_removals_leave_what_came_from_elsewhere() {
    let bench = published(2);
    let other = bench.sif("../other/lab/guest_1.sif");
    bench.ok(&["push", other.to_str().unwrap(), "public//lab/guest:1"]);
    lose(&bench, 0..2);
    bench.index_with(&["--allow-removals"]);
    assert_eq!(bench.ls(), ["lab/guest:1 amd64"]);
    // With --prune, all that the folder does not have goes without a question.
    bench.index_with(&["--prune"]);
    assert_eq!(bench.ls(), [""; 0]);
    bench.is_whole();
}

// spec: CLI-37
#[test]
fn one_reference_is_removed_by_name() {
    let bench = Bench::new();
    bench.sif("lab/tool/1.0.sif");
    bench.sif("lab/tool/1.1.sif");
    let arm = images::sif("arm", Arch::Arm64, 100);
    bench.write("lab/tool/1.1.arm64.sif", &arm);
    bench.index_by(1);
    let rm = ["rm", "public//lab/tool:1.1", "--reason", "wrong libc"];
    // Nobody removes anything without a key.
    bench.fails(2, "signed-registry", &rm);
    let rm = [&rm[..], &["--key", "key-1"]].concat();
    let arm_only = [&rm[..], &["--arch", "arm64", "--format", "json"]].concat();
    let answer = bench.ok(&arm_only).json();
    assert_eq!(answer["archs"], json!(["arm64"]));
    assert_eq!(bench.ls(), ["lab/tool:1.0 amd64", "lab/tool:1.1 amd64"]);
    let ran = bench.ok(&rm);
    assert!(
        ran.stdout.contains("lab/tool:1.1 removed"),
        "{}",
        ran.stdout
    );
    assert_eq!(bench.ls(), ["lab/tool:1.0 amd64"]);
    bench.is_whole();
    bench.fails(4, "missing-reference", &rm);
    let statements = snapshot(&bench.public().join("s"));
    let reasons = statements
        .iter()
        .filter(|(_, bytes)| String::from_utf8_lossy(bytes).contains("\"reason\":\"wrong libc\""));
    assert_eq!(reasons.count(), 2);
}

// spec: CLI-37
#[test]
fn a_tag_is_removed_for_all_its_architectures() {
    let bench = Bench::new();
    bench.sif("lab/kept/1.0.sif");
    bench.sif("lab/tool/1.0.sif");
    for arch in [Arch::Arm64, Arch::Riscv64] {
        let image = images::sif(arch.as_str(), arch, 100);
        bench.write(&format!("lab/tool/1.0.{arch}.sif"), &image);
    }
    bench.index();
    let rm = [
        "rm",
        "public//lab/tool:1.0",
        "--reason",
        "x",
        "--format",
        "json",
    ];
    let answer = bench.ok(&rm).json();
    assert_eq!(answer["archs"], json!(["amd64", "arm64", "riscv64"]));
    assert_eq!(bench.ls(), ["lab/kept:1.0 amd64"]);
    bench.is_whole();
}

// spec: CLI-37
#[test]
fn a_removal_that_is_not_possible_changes_nothing() {
    let bench = published(1);
    let frozen = bench.sif("../other/frozen.sif");
    let push = [
        "push",
        frozen.to_str().unwrap(),
        "public//lab/frozen:1",
        "--frozen",
    ];
    bench.ok(&push);
    let rm = |reference: &'static str, reason: &'static str| ["rm", reference, "--reason", reason];
    bench.fails(8, "frozen-tag", &rm("public//lab/frozen:1", "x"));
    bench.fails(2, "usage", &rm("public//lab/tool", "no tag"));
    bench.fails(2, "usage", &rm("public//lab/tool:00", ""));
    bench.fails(4, "missing-reference", &rm("public//lab/tool:99", "x"));
    let digest = format!("sha256:{}", "0".repeat(64));
    let other = format!("public//lab/tool:00@{digest}");
    bench.fails(4, "missing-reference", &["rm", &other, "--reason", "x"]);
    bench.fails(4, "not-a-registry", &rm("nowhere//lab/tool:00", "x"));
    bench.is_whole();
}

/// A folder on a disk that is not mounted looks like a broken link.
// spec: CLI-65
#[test]
fn behind_a_broken_link_nothing_is_gone() {
    let bench = published(20);
    let disk = bench.path("disk");
    fs::create_dir_all(disk.join("more")).unwrap();
    fs::write(
        disk.join("more/1.sif"),
        images::sif("more", Arch::Amd64, 100),
    )
    .unwrap();
    std::os::unix::fs::symlink(disk.join("more"), bench.images().join("lab/more")).unwrap();
    bench.index();
    assert!(
        bench.ls().iter().any(|row| row.contains("lab/more:1")),
        "{:?}",
        bench.ls()
    );
    fs::rename(&disk, bench.path("away")).unwrap();
    lose(&bench, 0..1);
    for more in [&[][..], &["--prune"]] {
        let answer = bench.index_with(more);
        assert_eq!(answer["removed"].as_array().unwrap().len(), 0);
    }
    assert!(
        bench.ls().iter().any(|row| row.contains("lab/more:1")),
        "{:?}",
        bench.ls()
    );
    let ran = bench.run(&["index", "images", "--out", "public"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("symbolic link that cannot be followed"),
        "{}",
        ran.stderr
    );
    fs::rename(bench.path("away"), &disk).unwrap();
    bench.index();
    bench.is_whole();
}
