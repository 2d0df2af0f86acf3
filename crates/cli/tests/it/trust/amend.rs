//! Trust is changed, by one key or several.

use std::fs;

use serde_json::json;
use sreg_model::Document;
use sreg_model::head::Head;
use sreg_tests::keys::fingerprint;

use super::{copy, delegated, published};
use crate::support::snapshot;

// spec: CLI-17
#[test]
fn what_a_revoked_key_signed_is_listed_and_signed_again() {
    let bench = delegated();
    let image = bench.sif("lab/tool/1.1.sif");
    bench.ok(&[
        "sign",
        image.to_str().unwrap(),
        "public//lab/tool:1.1",
        "--key",
        "key-2",
    ]);
    bench.index_by(1);
    let ran = bench.fails(
        2,
        "not-confirmed",
        &["trust", "revoke", "public", "key-2.pub", "--key", "key-1"],
    );
    assert!(
        ran.stdout.contains("invalid  lab/tool:1.1"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stderr.contains("sreg sign public --key KEY"),
        "{}",
        ran.stderr
    );
    let ran = bench.ok(&[
        "trust",
        "revoke",
        "public",
        "key-2.pub",
        "--key",
        "key-1",
        "--yes",
        "--format",
        "json",
    ]);
    assert_eq!(ran.json()["invalid"], json!(["lab/tool:1.1"]));
    assert_eq!(bench.verify(), (7, vec!["untrusted-statement".to_owned()]));
    // With the statement still beside the image, its key signs nothing any more.
    bench.fails(
        7,
        "untrusted-statement",
        &["sign", "public", "--key", "key-2", "--yes"],
    );
    let ran = bench.ok(&["sign", "public", "--key", "key-1", "--yes"]);
    assert!(
        ran.stdout.contains("signed   lab/tool:1.1"),
        "{}",
        ran.stdout
    );
    assert_eq!(bench.verify(), (0, vec![]));
}

// spec: TRUST-13
#[test]
fn a_retired_key_signs_nothing_new() {
    let bench = delegated();
    let image = bench.sif("lab/tool/1.1.sif");
    let path = image.to_str().unwrap();
    bench.ok(&["sign", path, "public//lab/tool:1.1", "--key", "key-2"]);
    bench.index_by(1);
    bench.ok(&["trust", "retire", "public", "key-2.pub", "--key", "key-1"]);
    assert_eq!(bench.verify(), (0, vec![]));
    bench.fails(
        7,
        "untrusted-statement",
        &["sign", path, "public//lab/tool:1.2", "--key", "key-2"],
    );
    // A key with a role is not simply retired.
    bench.fails(
        2,
        "trust-change",
        &["trust", "retire", "public", "key-1.pub", "--key", "key-1"],
    );
}

#[test]
fn one_key_comes_in_the_place_of_another() {
    let bench = published();
    bench.key(2);
    let rotate = [
        "trust",
        "rotate",
        "public",
        "--from",
        "key-1.pub",
        "--to",
        "key-2.pub",
        "--key",
        "key-1",
    ];
    // The new version needs both, and heads a key that is at hand.
    let ran = bench.ok(&rotate);
    assert!(ran.stdout.contains("missing  1 of"), "{}", ran.stdout);
    let ran = bench.ok(&[
        "trust", "sign", "--yes", "trust-2", "public", "--key", "key-2",
    ]);
    assert!(ran.stdout.contains("trust version 2"), "{}", ran.stdout);
    assert_eq!(bench.verify(), (0, vec![]));
    assert_eq!(bench.document("head")["version"], 2);
    bench.sif("lab/tool/1.1.sif");
    bench.index_fails(7, "untrusted-statement", &["--key", "key-1"]);
    bench.index_by(2);
    assert_eq!(bench.verify(), (0, vec![]));
    let log = bench.ok(&["log", "public", "--format", "json"]).json();
    let by = |at: usize| log[at]["signers"][0].as_str().unwrap().to_owned();
    assert_eq!(
        (by(0), by(1), by(2)),
        (fingerprint(2), fingerprint(2), fingerprint(1))
    );
}

#[test]
fn two_root_keys_sign_trust_together() {
    let bench = published();
    let (_, _) = (bench.key(1), bench.key(2));
    let add = [
        "trust",
        "add-key",
        "public",
        "key-2.pub",
        "--role",
        "root",
        "--threshold",
        "2",
    ];
    bench.ok(&[&add[..], &["--key", "key-1", "--key", "key-2"]].concat());
    let change = [
        "trust",
        "delegate",
        "public",
        "physics",
        "--to",
        "key-2.pub",
        "--key",
        "key-1",
    ];
    let ran = bench.ok(&[&change[..], &["--format", "json", "--out", "next"]].concat());
    let answer = ran.json();
    assert_eq!(
        (&answer["published"], &answer["file"]),
        (&json!(false), &json!("next"))
    );
    assert!(!bench.public().join("trust/3").exists());
    // Who holds one of two keys cannot go on alone.
    bench.sif("physics/sim/2.sif");
    let ran = bench.index_fails(7, "untrusted-statement", &["--key", "key-1"]);
    assert!(
        ran.stderr
            .contains("has no delegation for it or its namespace"),
        "{}",
        ran.stderr
    );
    bench.fails(2, "usage", &["trust", "sign", "--yes", "next", "public"]);
    bench.ok(&["trust", "sign", "--yes", "next", "--key", "key-2"]);
    bench.ok(&["trust", "sign", "--yes", "next", "public", "--key", "key-2"]);
    assert_eq!(
        bench.document("trust/3")["delegations"][2]["scope"],
        "physics"
    );
    // What another has published meanwhile is in the way.
    bench.fails(
        8,
        "version-conflict",
        &["trust", "sign", "--yes", "next", "public", "--key", "key-2"],
    );
    bench.index_with(&["--key", "key-1", "--key", "key-2"]);
    assert_eq!(bench.verify(), (0, vec![]));
}

// spec: COM-13
#[test]
fn a_change_of_trust_that_was_killed_is_finished_without_a_key() {
    let bench = published();
    let before = bench.path("before");
    copy(&bench.public(), &before);
    bench.sif("physics/sim/2.sif");
    bench.index_by(1);
    let after = snapshot(&bench.public());
    let read = |path: &str| bench.read(path);
    let shown: Document<Head> = Document::parse(read("heads/1/1").into()).unwrap();
    let journal = json!({
        "views_at": {"epoch": 1, "id": shown.id(), "version": 1},
        "trust": read("trust/2"),
        "head": read("heads/1/2"),
        "type": "sreg-journal-v1",
    });
    // All that comes before the commit is there, and nothing after it.
    for (path, bytes) in &after {
        if path.starts_with("n/") || path.starts_with("s/") || path.contains("/blobs/") {
            let path = before.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    let moments: [&[&str]; 3] = [&[], &["trust/2"], &["trust/2", "heads/1/2"]];
    for there in moments {
        let tree = bench.path("killed");
        let _ = fs::remove_dir_all(&tree);
        copy(&before, &tree);
        for path in there {
            fs::copy(bench.public().join(path), tree.join(path)).unwrap();
        }
        fs::create_dir_all(tree.join("staging")).unwrap();
        fs::write(tree.join("staging/journal"), journal.to_string()).unwrap();
        bench.ok(&["repair", "killed"]);
        assert_eq!(snapshot(&tree), after, "{there:?}");
    }
}

#[test]
fn ssh_keygen_is_told_who_may_sign() {
    let bench = delegated();
    let list = bench.ok(&["trust", "export", "public"]).stdout;
    let (_, public) = sreg_tests::keys::ed25519(2);
    let key = public.rsplit_once(' ').unwrap().0;
    let key = key.rsplit_once(' ').unwrap().0;
    assert!(
        list.contains(&format!("lab namespaces=\"image@sreg.v1\" {key}\n")),
        "{list}"
    );
    assert_eq!(list.lines().count(), 5, "{list}");
}

#[test]
fn a_revoked_key_never_comes_back() {
    let bench = delegated();
    let by = ["--key", "key-1", "--yes"];
    bench.ok(&[&["trust", "revoke", "public", "key-2.pub"], &by[..]].concat());
    // Nobody lists it any more.
    bench.ok(&[&["trust", "remove-key", "public", &fingerprint(2)], &by[..]].concat());
    let again = ["trust", "delegate", "public", "lab", "--to", "key-2.pub"];
    let ran = bench.fails(2, "trust-change", &[&again[..], &by].concat());
    assert!(ran.stderr.contains("is revoked"), "{}", ran.stderr);
}

#[test]
fn what_others_have_begun_is_not_overwritten() {
    let bench = published();
    bench.key(2);
    let change = ["trust", "add-key", "public", "key-2.pub", "--role", "head"];
    bench.ok(&change);
    let begun = fs::read(bench.path("trust-2")).unwrap();
    let ran = bench.fails(2, "usage", &change);
    assert!(
        ran.stderr.contains("sreg trust sign trust-2 public"),
        "{}",
        ran.stderr
    );
    assert_eq!(fs::read(bench.path("trust-2")).unwrap(), begun);
    // In another registry it has no place.
    bench.ok(&["init", "second", "--key", "key-1"]);
    let sign = [
        "trust", "sign", "trust-2", "second", "--key", "key-1", "--yes",
    ];
    bench.fails(7, "other-registry", &sign);
    bench.ok(&[
        "trust", "sign", "trust-2", "public", "--key", "key-1", "--yes",
    ]);
    assert_eq!(bench.verify(), (0, vec![]));
}
