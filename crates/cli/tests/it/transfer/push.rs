//! `sreg push`.

use std::fs;

use super::{as_stranger, new_image, published, signed};
use crate::support::snapshot;

// spec: CLI-23
#[test]
fn what_is_published_already_is_not_published_again() {
    let bench = published();
    let image = new_image(&bench, "new.sif");
    let pushed = bench
        .ok(&["push", &image, "public//lab/new:1", "--format", "json"])
        .json();
    assert_eq!(
        (pushed["version"].as_u64(), pushed["sent"].as_bool()),
        (Some(2), Some(true))
    );
    bench.ok(&["verify", "public"]);
    let before = snapshot(&bench.public());
    let again = bench
        .ok(&["push", &image, "public//lab/new:1", "--format", "json"])
        .json();
    assert_eq!(again["changed"].as_bool(), Some(false));
    assert_eq!(again["sent"].as_bool(), Some(false));
    assert!(snapshot(&bench.public()) == before, "not a byte is another");
    let other_tag = bench
        .ok(&["push", &image, "public//lab/new:2", "--format", "json"])
        .json();
    assert_eq!(
        other_tag["sent"].as_bool(),
        Some(false),
        "its bytes are there"
    );
    assert_eq!(other_tag["version"].as_u64(), Some(3));
    bench.ok(&["verify", "public"]);
}

/// Bytes of the right number that are wrong are replaced, in a folder as in a bucket.
#[test]
fn a_damaged_image_in_a_folder_is_replaced() {
    let bench = signed();
    let key = bench.key(1);
    let image = new_image(&bench, "new.sif");
    let push = ["push", &image, "public//lab/tool:1.0", "--key", &key];
    bench.ok(&push);
    let bytes = fs::read(bench.path(&image)).unwrap();
    let digest = sreg_model::Digest::of(&bytes);
    let blob = bench.public().join(format!("v2/lab/tool/blobs/{digest}"));
    fs::remove_file(&blob).unwrap();
    fs::write(&blob, vec![0; bytes.len()]).unwrap();
    bench.ok(&push);
    assert!(fs::read(&blob).unwrap() == bytes);
}

// spec: COM-20
#[test]
fn what_may_not_be_published_is_refused_before_a_byte_is_written() {
    let bench = signed();
    let image = new_image(&bench, "new.sif");
    let (key, stranger) = (bench.key(1), bench.key(2));
    bench.ok(&[
        "push",
        &image,
        "public//lab/frozen:1",
        "--frozen",
        "--key",
        &key,
    ]);
    let other = new_image(&bench, "other.sif");
    fs::write(bench.path("broken.sif"), b"SIF_MAGIC no more").unwrap();
    let files = snapshot(&bench.public());
    for (code, word, args) in [
        (
            2,
            "signed-registry",
            vec!["push", &other, "public//lab/x:1"],
        ),
        (
            7,
            "untrusted-statement",
            vec!["push", &other, "public//lab/x:1", "--key", &stranger],
        ),
        (
            8,
            "frozen-tag",
            vec!["push", &other, "public//lab/frozen:1", "--key", &key],
        ),
        (
            8,
            "case-collision",
            vec!["push", &other, "public//LAB/x:1", "--key", &key],
        ),
        (
            8,
            "case-collision",
            vec!["push", &other, "public//lab/TOOL:1", "--key", &key],
        ),
        (
            6,
            "image-too-small",
            vec!["push", "broken.sif", "public//lab/x:1", "--key", &key],
        ),
        (
            4,
            "missing-file",
            vec!["push", "none.sif", "public//lab/x:1", "--key", &key],
        ),
        (
            4,
            "not-a-registry",
            vec!["push", &other, "nowhere//lab/x:1", "--key", &key],
        ),
        (2, "usage", vec!["push", &other, "lab/x:1", "--key", &key]),
    ] {
        bench.fails(code, word, &args);
        assert!(
            snapshot(&bench.public()) == files,
            "{args:?}: something is written"
        );
    }
    assert!(
        !bench.path("nowhere").exists(),
        "a mistyped place is not made"
    );
}

#[test]
fn a_statement_that_its_publisher_signed_is_published_by_who_signs_heads() {
    let bench = signed();
    let (root, publisher) = (bench.key(1), bench.key(2));
    let delegate = [
        "trust",
        "delegate",
        "public",
        "lab",
        "--to",
        "key-1.pub",
        "--to",
        "key-2.pub",
        "--key",
        &root,
    ];
    bench.ok(&delegate);
    let image = new_image(&bench, "new.sif");
    bench.ok(&["sign", &image, "public//lab/new:1", "--key", &publisher]);
    bench.ok(&["push", &image, "public//lab/new:1", "--key", &root]);
    bench.ok(&["verify", "public", "--require-signed"]);
    // The same statement is not the next one of another tag.
    bench.fails(
        6,
        "document-mismatch",
        &["push", &image, "public//lab/new:2", "--key", &root],
    );
}

// spec: CLI-22
#[test]
fn a_token_is_never_shown() {
    let bench = published();
    let mut command = bench.command(&[
        "-v",
        "pull",
        "http://127.0.0.1:9//lab/tool:1.0",
        "--retries",
        "0",
    ]);
    command.env("SREG_TOKEN", "not-to-be-seen");
    command.env("AWS_SECRET_ACCESS_KEY", "not-to-be-seen");
    let ran = crate::support::Ran::of(&command.output().unwrap());
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    let doctor = as_stranger(&bench, &["doctor", "public"]);
    for text in [&ran.stderr, &ran.stdout, &doctor.stdout, &doctor.stderr] {
        assert!(!text.contains("not-to-be-seen"), "{text}");
    }
}
