//! A thief of the head key, and what honest people do afterwards: nothing that they do makes the thief's
//! work honest.

use std::fs;

use serde_json::json;
use sreg_model::Document;
use sreg_model::head::Head;
use sreg_model::statement::Statement;
use sreg_model::trust::Trust;

use super::victim::{Victim, put};
use crate::support::snapshot;

/// The thief indexes an image of its own as `lab/tool:1.0` with a trust that nobody else sees, and
/// publishes the index under a head.
fn plant(victim: &Victim) {
    let bench = &victim.bench;
    let honest = victim.save();
    let before = victim.read::<Head>("head");
    let trusts = |files: &[(String, Vec<u8>)]| {
        files
            .iter()
            .filter(|(path, _)| path.starts_with("trust/"))
            .count()
    };
    bench.ok(&[
        "trust",
        "delegate",
        "public",
        "lab",
        "--to",
        "key-1.pub",
        "--key",
        "key-1",
        "--yes",
    ]);
    let image = bench.images().join("lab/tool/1.0.sif");
    let own = fs::read(&image).unwrap();
    fs::remove_file(&image).unwrap();
    fs::copy(bench.images().join("lab2/x/1.sif"), &image).unwrap();
    bench.ok(&["index", "images", "--out", "public", "--key", "key-1"]);
    fs::remove_file(&image).unwrap();
    fs::write(&image, own).unwrap();
    let index = victim.read::<Head>("head").body().index.clone();
    fs::remove_file(
        bench
            .public()
            .join(format!("trust/{}", trusts(&honest) + 1)),
    )
    .unwrap();
    fs::remove_dir_all(bench.public().join("heads")).unwrap();
    for (path, bytes) in honest
        .iter()
        .filter(|(path, _)| path.starts_with("heads/") || path == "head")
    {
        put(&bench.public(), path, bytes);
    }
    victim.forget_what_the_thief_saw();
    victim.forge_head(|head| {
        head.index = index;
        head.previous = Some(before.id());
        head.version += 1;
    });
}

// spec: CLI-21
#[test]
fn what_a_thief_planted_is_not_signed_again() {
    let victim = Victim::new();
    plant(&victim);
    victim.looks(7, &["untrusted-statement"]);
    let bench = &victim.bench;
    for key in ["key-1", "key-2"] {
        bench.fails(
            7,
            "untrusted-statement",
            &["sign", "public", "--key", key, "--yes"],
        );
    }
    let image = bench.images().join("lab/tool/1.0.sif");
    let args = [
        "sign",
        image.to_str().unwrap(),
        "public//lab/tool:1.0",
        "--key",
        "key-2",
    ];
    let ran = bench.fails(7, "untrusted-statement", &args);
    assert!(
        ran.stderr.contains("never signed by a key with the right"),
        "{}",
        ran.stderr
    );
    bench.fails(
        7,
        "untrusted-statement",
        &["init", "anew", "--key", "key-2", "--from", "public"],
    );
    assert!(!bench.path("anew").exists());
    // The honest image does not follow it either: it is left behind, and heads get another key.
    let index = [
        "index", "images", "--out", "public", "--key", "key-2", "--key",
    ];
    bench.fails(7, "untrusted-statement", &[&index[..], &["key-1"]].concat());
    let version = (victim.read::<Head>("head").body().version - 1).to_string();
    bench.key(4);
    bench.ok(&[
        "trust",
        "rotate",
        "public",
        "--new-epoch",
        "--after",
        &version,
        "--from",
        "key-1.pub",
        "--to",
        "key-4.pub",
        "--key",
        "key-1",
        "--key",
        "key-4",
        "--yes",
    ]);
    bench.ok(&[&index[..], &["key-4"]].concat());
    victim.looks(0, &[]);
}

#[test]
fn a_draft_that_gives_all_away_is_shown_and_asked_about() {
    let victim = Victim::new();
    let bench = &victim.bench;
    bench.key(3);
    bench.ok(&[
        "trust",
        "add-key",
        "public",
        "key-3.pub",
        "--role",
        "root",
        "--threshold",
        "2",
        "--key",
        "key-1",
        "--key",
        "key-3",
    ]);
    let mut trust = victim.read::<Trust>("trust/3").body().clone();
    trust.previous = Some(victim.read::<Trust>("trust/3").id());
    trust.version = 4;
    trust.roles.root.keys.truncate(1);
    trust.roles.root.threshold = 1;
    let draft = Document::new(trust.clone()).unwrap();
    fs::write(bench.path("draft"), draft.bytes()).unwrap();
    let ran = bench.fails(
        2,
        "not-confirmed",
        &["trust", "sign", "draft", "public", "--key", "key-1"],
    );
    assert!(
        ran.stdout.contains("signed   by nobody yet"),
        "{}",
        ran.stdout
    );
    assert_eq!(fs::read(bench.path("draft")).unwrap(), draft.bytes());
    // One whose epoch begins after a head that does not exist would empty the registry.
    trust.head_base =
        serde_json::from_value(json!({"epoch": 2, "id": draft.id(), "version": 777})).unwrap();
    fs::write(bench.path("draft"), Document::new(trust).unwrap().bytes()).unwrap();
    bench.fails(
        4,
        "missing-head",
        &[
            "trust", "sign", "draft", "public", "--yes", "--key", "key-1", "--key", "key-3",
        ],
    );
    victim.looks(0, &[]);
}

#[test]
fn publishers_see_a_fork_too() {
    let victim = Victim::new();
    let old = victim.save();
    victim.publish("lab/tool/1.1.sif");
    let before = Document::<Head>::parse(
        old.iter()
            .find(|(path, _)| path == "head")
            .unwrap()
            .1
            .clone(),
    )
    .unwrap();
    victim.serve(&old);
    let mut previous = before.id();
    for _ in 0..2 {
        victim.forge_head(|head| {
            head.previous = Some(previous);
            head.version += 1;
            head.issued += 7;
        });
        previous = victim.read::<Head>("head").id();
    }
    victim.looks(7, &["fork"]);
    let bench = &victim.bench;
    bench.fails(7, "fork", &["trust", "add", "public", "--yes"]);
    bench.fails(
        7,
        "fork",
        &[
            "index", "images", "--out", "public", "--key", "key-1", "--key", "key-2",
        ],
    );
    bench.fails(7, "fork", &["refresh", "public", "--key", "key-1"]);
    victim.looks(7, &["fork"]);
}

#[test]
fn a_place_is_that_of_the_registry_that_was_added_last() {
    let victim = Victim::new();
    let bench = &victim.bench;
    let old = victim.save();
    bench.ok(&["init", "anew", "--key", "key-2", "--from", "public"]);
    let shown = bench
        .ok(&["trust", "show", "anew", "--format", "json"])
        .json();
    let id = shown["registry"].as_str().unwrap();
    victim.serve(&snapshot(&bench.path("anew")));
    victim.looks(7, &["other-registry"]);
    bench.ok(&["trust", "add", "public", "--trust", id]);
    victim.looks(0, &[]);
    victim.serve(&old);
    victim.looks(7, &["other-registry"]);
    // Behind a link, the place is known by the name that was given.
    std::os::unix::fs::symlink("anew", bench.path("current")).unwrap();
    bench.ok(&["trust", "add", "current"]);
    bench.ok(&["index", "images", "--out", "plain"]);
    fs::remove_file(bench.path("current")).unwrap();
    std::os::unix::fs::symlink("plain", bench.path("current")).unwrap();
    victim.looks_at("current", 7, &["unsigned"]);
    bench.ok(&["trust", "forget", id]);
    bench.fails(2, "not-in-trust", &["trust", "forget", id]);
    victim.looks_at("current", 0, &[]);
}

#[test]
fn a_lock_file_never_goes_back() {
    let victim = Victim::new();
    let bench = &victim.bench;
    let old = victim.save();
    victim.publish("lab/tool/1.1.sif");
    bench.ok(&["trust", "add", "public", "--lock", "ci.lock"]);
    let lock = fs::read(bench.path("ci.lock")).unwrap();
    victim.serve(&old);
    fs::remove_dir_all(bench.path("state")).unwrap();
    bench.fails(
        7,
        "rolled-back",
        &["trust", "add", "public", "--yes", "--lock", "ci.lock"],
    );
    assert_eq!(fs::read(bench.path("ci.lock")).unwrap(), lock);
}

#[test]
fn a_planted_journal_publishes_nothing() {
    let victim = Victim::new();
    let bench = &victim.bench;
    let mut trust = victim.read::<Trust>("trust/2").body().clone();
    trust.previous = Some(victim.read::<Trust>("trust/2").id());
    trust.version = 3;
    let trust = victim.signed(trust, sreg_sign::Purpose::Trust, &[9]);
    let text = String::from_utf8(trust.bytes().to_vec()).unwrap();
    let journal = json!({"trust": text, "type": "sreg-journal-v1"});
    put(
        &bench.public(),
        "staging/journal",
        journal.to_string().as_bytes(),
    );
    bench.ok(&["repair", "public"]);
    assert!(!bench.public().join("trust/3").exists());
    victim.looks(0, &[]);
}

#[test]
fn recovery_takes_back_what_the_thief_shows_and_tells_what_it_takes_back() {
    let victim = Victim::new();
    let version = victim.read::<Head>("head").body().version.to_string();
    victim.publish("lab/tool/1.1.sif");
    victim.looks(0, &[]);
    victim.looks_at("public//lab/tool:1.1", 0, &[]);
    let bench = &victim.bench;
    let rotate = [
        "trust",
        "rotate",
        "public",
        "--new-epoch",
        "--after",
        &version,
        "--key",
        "key-1",
    ];
    let ran = bench.fails(2, "not-confirmed", &rotate);
    assert!(
        ran.stdout.contains("invalid  lab/tool:1.1"),
        "{}",
        ran.stdout
    );
    bench.ok(&[&rotate[..], &["--yes"]].concat());
    assert!(
        !bench
            .public()
            .join("lab/tool/manifests/1.1/index.html")
            .exists()
    );
    victim.looks(0, &[]);
    // Published again, it is no second history to who has seen it before.
    bench.ok(&[
        "index", "images", "--out", "public", "--key", "key-1", "--key", "key-2",
    ]);
    victim.looks(0, &[]);
    victim.looks_at("public//lab/tool:1.1", 0, &[]);
}

// spec: STM-20
#[test]
fn epochs_never_fall_whatever_scope_decides() {
    let victim = Victim::new();
    let bench = &victim.bench;
    bench.key(3);
    // From the namespace to a repository of its own, and back.
    let steps: [&[&str]; 3] = [
        &[
            "trust",
            "delegate",
            "public",
            "lab/tool",
            "--to",
            "key-3.pub",
            "--key",
            "key-1",
            "--yes",
        ],
        &[
            "trust",
            "remove-key",
            "public",
            "key-3.pub",
            "--scope",
            "lab/tool",
            "--key",
            "key-1",
            "--yes",
        ],
        &[
            "trust",
            "delegate",
            "public",
            "lab",
            "--to",
            "key-3.pub",
            "--key",
            "key-1",
            "--yes",
        ],
    ];
    let mut last = 0;
    for step in steps {
        bench.ok(step);
        bench.ok(&[
            "sign", "public", "--yes", "--key", "key-1", "--key", "key-2", "--key", "key-3",
        ]);
        victim.looks(0, &[]);
        let (_, statement): (String, Document<Statement>) = victim.statement();
        assert!(statement.body().epoch >= last);
        last = statement.body().epoch;
    }
}

#[test]
fn what_counts_no_longer_is_signed_again_also_after_a_renewal() {
    let victim = Victim::new();
    let bench = &victim.bench;
    bench.key(3);
    bench.ok(&[
        "trust",
        "revoke",
        "public",
        "key-2.pub",
        "--key",
        "key-1",
        "--yes",
    ]);
    bench.ok(&[
        "trust",
        "delegate",
        "public",
        "lab",
        "--to",
        "key-3.pub",
        "--key",
        "key-1",
        "--yes",
    ]);
    bench.ok(&["refresh", "public", "--key", "key-1"]);
    victim.looks(7, &["untrusted-statement"]);
    let index = ["index", "images", "--out", "public", "--key", "key-1"];
    bench.fails(7, "untrusted-statement", &index);
    bench.ok(&[
        "sign", "public", "--yes", "--key", "key-1", "--key", "key-3",
    ]);
    victim.looks(0, &[]);
    // A key that has nothing to revoke is a mistake that nobody should make unnoticed.
    bench.fails(
        2,
        "not-in-trust",
        &[
            "trust",
            "revoke",
            "public",
            &format!("SHA256:{}", "A".repeat(43)),
            "--key",
            "key-1",
        ],
    );
}
