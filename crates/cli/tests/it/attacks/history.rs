//! Older, later and other versions than the honest ones.

use std::fs;

use serde_json::json;
use sreg_model::head::Head;
use sreg_model::trust::Trust;
use sreg_model::{Digest, Document};
use sreg_sign::Purpose;

use super::victim::{Victim, bring_back, put};

#[test]
fn rollback_to_an_older_head() {
    let victim = Victim::new();
    let old = victim.save();
    victim.publish("lab/tool/1.1.sif");
    victim.looks(0, &[]);
    victim.serve(&old);
    victim.looks(7, &["rolled-back"]);
    victim.looks_at("public//lab/tool:1.0", 7, &["rolled-back"]);
    // Who has seen nothing of it cannot tell, and a lock file can.
    let id = victim.read::<Trust>("trust/1").id();
    let seen = json!({"registries": [{"head": {"epoch": 1, "id": Digest::of(b"x"), "version": 99}, "id": id}], "type": "sreg-lock-v1"});
    fs::write(victim.bench.path("lock"), format!("{seen}\n")).unwrap();
    fs::remove_dir_all(victim.bench.path("state")).unwrap();
    let ran = victim.bench.run(&["verify", "public", "--lock", "lock"]);
    assert_eq!(ran.code, 7);
    assert!(ran.stderr.contains("error[rolled-back]"), "{}", ran.stderr);
    // Nobody publishes on top of it either.
    let args = ["index", "images", "--out", "public", "--key", "key-1"];
    victim.bench.run(&args);
}

#[test]
fn rollback_of_trust() {
    let victim = Victim::new();
    let old = victim.save();
    victim
        .bench
        .ok(&["trust", "retire", "public", "key-2.pub", "--key", "key-1"]);
    victim.bench.ok(&["refresh", "public", "--key", "key-1"]);
    victim.looks(0, &[]);
    victim.serve(&old);
    victim.looks(7, &["rolled-back"]);
    let ran = victim.bench.fails(
        7,
        "rolled-back",
        &["index", "images", "--out", "public", "--key", "key-1"],
    );
    assert!(ran.stderr.contains("--new-epoch"), "{}", ran.stderr);
}

// spec: TRUST-24 STM-21
#[test]
fn rollback_of_a_statement_under_a_new_head() {
    let victim = Victim::new();
    let old = victim.read::<Head>("head").body().index.clone();
    let before = victim.save();
    // Written anew: what is published shares its bytes with the file.
    let image = victim.bench.images().join("lab/tool/1.0.sif");
    fs::remove_file(&image).unwrap();
    fs::copy(victim.bench.images().join("lab2/x/1.sif"), &image).unwrap();
    victim.publish("lab2/y/1.sif");
    victim.looks(0, &[]);
    victim.looks_at("public//lab/tool:1.0", 0, &[]);
    let last = victim.read::<Head>("head").id();
    bring_back(&victim, &before);
    victim.forge_head(|head| {
        head.index = old;
        head.previous = Some(last);
        head.version += 1;
    });
    // Whoever looks at all of it needs no memory of the tag; whoever looks at the tag has one.
    let ran = victim.bench.run(&["verify", "public", "--format", "json"]);
    let words = ran.json().to_string();
    assert_eq!(ran.code, 7);
    assert!(words.contains("rolled-back"), "{words}");
    let ran = victim.bench.run(&["verify", "public//lab/tool:1.0"]);
    assert_eq!(ran.code, 7);
    assert!(ran.stderr.contains("error[rolled-back]"), "{}", ran.stderr);
}

#[test]
fn freeze_past_each_expiry() {
    let victim = Victim::new();
    let expires = |path: &str| victim.bench.document(path)["expires"].as_u64().unwrap();
    let at = |now: u64| {
        let now = now.to_string();
        let ran = victim
            .bench
            .run(&["verify", "public", "--now", &now, "--format", "json"]);
        let faults = ran.json()["faults"].clone();
        let words: Vec<String> = faults
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| fault["code"].as_str().unwrap().to_owned())
            .collect();
        (ran.code, words.join(" "))
    };
    let (head, trust) = (expires("head"), expires("trust/2"));
    assert_eq!(at(head - 1), (0, String::new()));
    assert_eq!(at(head), (7, "expired-head".to_owned()));
    assert_eq!(at(trust), (7, "expired-head expired-trust".to_owned()));
}

#[test]
fn fast_forward_and_recovery() {
    let victim = Victim::new();
    let good = victim.read::<Head>("head");
    victim.forge_head(|head| {
        head.version = (1 << 53) - 1;
        head.previous = Some(good.id());
    });
    // The trust chain does not lead to it, which only a look at all of it can tell.
    let ran = victim.bench.run(&["verify", "public"]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    victim.looks_at("public//lab/tool:1.0", 6, &["document-mismatch"]);
    // The owner leaves it behind, and gives heads to another key.
    let bench = &victim.bench;
    bench.key(3);
    let version = good.body().version.to_string();
    bench.ok(&[
        "trust",
        "rotate",
        "public",
        "--from",
        "key-1.pub",
        "--to",
        "key-3.pub",
        "--new-epoch",
        "--after",
        &version,
        "--key",
        "key-1",
        "--key",
        "key-3",
    ]);
    assert_eq!(bench.document("head")["epoch"], 2);
    let ran = bench.run(&["verify", "public"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("warning[abandoned-head]"),
        "{}",
        ran.stderr
    );
    // The thief's key signs nothing any more.
    let newest = victim.read::<Head>("head").id();
    victim.forge_head(|head| {
        head.previous = Some(newest);
        head.version += 1;
    });
    victim.looks(7, &["untrusted-head"]);
}

#[test]
fn jammed_slots_of_a_thief() {
    let victim = Victim::new();
    let good = victim.read::<Head>("head");
    // The thief fills the next slots, each honestly chained.
    let mut previous = good.id();
    for _ in 0..3 {
        victim.forge_head(|head| {
            head.previous = Some(previous);
            head.version += 1;
            head.issued += 1;
        });
        previous = victim.read::<Head>("head").id();
    }
    victim.looks(0, &[]);
    let version = good.body().version.to_string();
    victim.bench.ok(&[
        "trust",
        "rotate",
        "public",
        "--new-epoch",
        "--after",
        &version,
        "--key",
        "key-1",
    ]);
    let ran = victim.bench.ok(&["verify", "public"]);
    assert_eq!(
        ran.stderr.matches("warning[abandoned-head]").count(),
        3,
        "{}",
        ran.stderr
    );
    victim.publish("lab/tool/1.1.sif");
    victim.looks(0, &[]);
}

#[test]
fn a_fork_is_kept_as_evidence() {
    let victim = Victim::new();
    let honest = victim.save();
    victim.publish("lab/tool/1.1.sif");
    let seen = victim.save();
    victim.looks(0, &[]);
    assert_eq!(victim.evidence(), 0);
    // The same version once more, with something else in it.
    let old: Document<Head> = Document::parse(
        honest
            .iter()
            .find(|(path, _)| path == "head")
            .unwrap()
            .1
            .clone(),
    )
    .unwrap();
    victim.serve(&honest);
    victim.forge_head(|head| {
        head.previous = Some(old.id());
        head.version += 1;
        head.issued += 1;
    });
    victim.looks(7, &["fork"]);
    assert!(victim.evidence() >= 2, "both sides");
    let ran = victim.bench.run(&["verify", "public//lab/tool:1.0"]);
    assert_eq!(ran.code, 7);
    assert!(
        ran.stderr.contains("registries/evidence/"),
        "{}",
        ran.stderr
    );
    // A longer history that leaves out what was seen.
    let forked = victim.read::<Head>("head").id();
    victim.forge_head(|head| {
        head.previous = Some(forked);
        head.version += 1;
    });
    victim.looks(7, &["fork"]);
    // The same document with another signature is none.
    victim.serve(&seen);
    let head = victim.signed(
        victim.read::<Head>("head").body().clone(),
        Purpose::Head,
        &[9, 1],
    );
    let version = head.body().version;
    put(&victim.bench.public(), "head", head.bytes());
    put(
        &victim.bench.public(),
        &format!("heads/1/{version}"),
        head.bytes(),
    );
    victim.looks(0, &[]);
}

#[test]
fn a_broken_chain() {
    let victim = Victim::new();
    victim.publish("lab/tool/1.1.sif");
    victim.forge_head(|head| {
        head.previous = Some(Digest::of(b"another"));
        head.version += 1;
    });
    victim.looks(6, &["document-mismatch"]);
}
