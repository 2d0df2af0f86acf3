//! `sreg mirror`, `sreg doctor`.

use std::fs;

use super::{as_stranger, new_image, published, signed};
use crate::support::snapshot;

// spec: COM-22
#[test]
fn a_copy_is_the_same_registry() {
    let bench = signed();
    let key = bench.key(1);
    bench.ok(&["mirror", "public", "copy"]);
    bench.ok(&["verify", "copy", "--require-signed"]);
    let same = |bench: &crate::support::Bench| {
        let (left, right) = (snapshot(&bench.public()), snapshot(&bench.path("copy")));
        assert!(left == right, "every file is the same");
    };
    same(&bench);
    let image = new_image(&bench, "new.sif");
    bench.ok(&["push", &image, "public//lab/tool:1.0", "--key", &key]);
    bench.ok(&["push", &image, "public//more/tool:1.0", "--key", &key]);
    let copied = bench
        .ok(&["mirror", "public", "copy", "--format", "json"])
        .json();
    assert_eq!(
        (copied["versions"].as_u64(), copied["images"].as_u64()),
        (Some(2), Some(2))
    );
    bench.ok(&["verify", "copy", "--require-signed"]);
    let again = bench
        .ok(&["mirror", "public", "copy", "--format", "json"])
        .json();
    assert_eq!(again["versions"].as_u64(), Some(0));
    // What the copy has of its own is not overwritten, and goes back.
    bench.ok(&["push", &image, "copy//lab/other:1", "--key", &key]);
    let diverged = |from: &str, to: &str| {
        // Who has published knows of what is newer, and is told of that first.
        let ran = as_stranger(&bench, &["mirror", from, to]);
        assert_eq!(ran.code, 8, "{}", ran.stderr);
        assert!(ran.stderr.contains("error[diverged]"), "{}", ran.stderr);
    };
    diverged("public", "copy");
    bench.ok(&["mirror", "copy", "public"]);
    bench.ok(&["verify", "public", "--require-signed"]);
    let push = |to: &str| as_stranger(&bench, &["push", &image, to, "--key", &key]);
    assert_eq!(push("copy//lab/left:1").code, 0);
    fs::remove_dir_all(bench.path("stranger")).unwrap();
    assert_eq!(push("public//lab/right:1").code, 0);
    fs::remove_dir_all(bench.path("stranger")).unwrap();
    diverged("public", "copy");
    diverged("copy", "public");
}

/// What an epoch of the registry has left behind, its copies leave behind, too.
#[test]
fn a_copy_follows_a_new_epoch() {
    let bench = signed();
    let key = bench.key(1);
    let image = bench.sif("stolen.sif");
    let image = image.to_str().unwrap();
    let heads = bench.ok(&["log", "public", "--format", "json"]).json();
    let last_good = heads[0]["version"].to_string();
    bench.ok(&["push", image, "public//lab/stolen:1", "--key", &key]);
    bench.ok(&["mirror", "public", "copy"]);
    let epoch = [
        "trust",
        "rotate",
        "public",
        "--new-epoch",
        "--after",
        &last_good,
    ];
    bench.ok(&[&epoch[..], &["--key", &key, "--yes"]].concat());
    bench.ok(&["push", image, "public//lab/after:1", "--key", &key]);
    bench.ok(&["mirror", "public", "copy"]);
    let listed = bench.ok(&["ls", "copy"]).stdout;
    assert!(listed.contains("lab/after:1"), "{listed}");
    assert!(!listed.contains("lab/stolen:1"), "{listed}");
    let verified = bench.ok(&["verify", "copy", "--format", "json"]).json();
    assert_eq!(verified["faults"], serde_json::json!([]));
}

#[test]
fn another_registry_and_a_damaged_one_are_not_copied_over_a_good_one() {
    let bench = signed();
    bench.ok(&["mirror", "public", "copy"]);
    let other = published();
    fs::rename(other.public(), bench.path("unsigned")).unwrap();
    let before = snapshot(&bench.path("copy"));
    let ran = bench.run(&["mirror", "unsigned", "copy"]);
    assert!([2, 7].contains(&ran.code), "{}", ran.stderr);
    let image = new_image(&bench, "new.sif");
    let key = bench.key(1);
    bench.ok(&["push", &image, "public//lab/new:1", "--key", &key]);
    let blobs = bench.public().join("v2/lab/new/blobs");
    for entry in fs::read_dir(blobs).unwrap() {
        let path = entry.unwrap().path();
        let mut bytes = fs::read(&path).unwrap();
        if bytes.len() > 1 << 20 {
            bytes[7] ^= 1;
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }
    }
    bench.fails(6, "document-mismatch", &["mirror", "public", "copy"]);
    let after = snapshot(&bench.path("copy"));
    let heads = |files: &[(String, Vec<u8>)]| {
        let heads = files.iter().filter(|(name, _)| name.starts_with("heads/"));
        heads.count()
    };
    assert_eq!(heads(&before), heads(&after), "no version is published");
    assert_eq!(as_stranger(&bench, &["verify", "copy"]).code, 0);
}

#[test]
fn a_place_is_looked_at() {
    let bench = published();
    let rows = bench
        .ok(&["doctor", "public", "--write", "--format", "json"])
        .json();
    let rows = rows.as_array().unwrap();
    assert!(
        rows.len() >= 4 && rows.iter().all(|row| row["ok"] == true),
        "{rows:?}"
    );
    bench.ok(&["verify", "public"]);
    bench.fails(4, "not-a-registry", &["ls", "nowhere"]);
    let ran = bench.run(&["doctor", "nowhere"]);
    assert_eq!(ran.code, 4, "{}", ran.stdout);
    assert!(ran.stdout.contains("not-a-registry"), "{}", ran.stdout);
    assert!(!bench.path("nowhere").exists());
}

/// A registry without keys that has nothing in common with the one that is copied is not an earlier epoch of it.
#[test]
fn a_signed_registry_does_not_replace_an_unrelated_one_without_keys() {
    let bench = signed();
    let image = bench.sif("../only/precious_1.sif");
    let only = image.parent().unwrap().to_str().unwrap();
    bench.ok(&["index", only, "--out", "other"]);
    let before = snapshot(&bench.path("other"));
    let ran = bench.run(&["mirror", "public", "other"]);
    assert_eq!(ran.code, 8, "{}", ran.stderr);
    assert!(ran.stderr.contains("error[diverged]"), "{}", ran.stderr);
    let lasting = |files: Vec<(String, Vec<u8>)>| -> Vec<(String, Vec<u8>)> {
        let is_kept = |file: &(String, Vec<u8>)| !file.0.starts_with("staging");
        files.into_iter().filter(is_kept).collect()
    };
    assert_eq!(lasting(snapshot(&bench.path("other"))), lasting(before));
    // One that was given keys since does replace its own copy.
    bench.ok(&["mirror", "other", "copy"]);
    bench.key(2);
    bench.ok(&["index", only, "--out", "other", "--key", "key-2"]);
    bench.ok(&["mirror", "other", "copy"]);
    bench.ok(&["verify", "copy", "--require-signed"]);
}
