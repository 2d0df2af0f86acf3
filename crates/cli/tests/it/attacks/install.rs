//! Images that nobody published: by wrong keys, or out of other places.

use std::fs;

use sreg_model::Document;
use sreg_model::head::Head;
use sreg_model::statement::Statement;
use sreg_model::trust::Trust;
use sreg_sign::Purpose;

use super::victim::{Victim, bring, put};
use crate::support::snapshot;

#[test]
fn arbitrary_install_by_an_undelegated_key() {
    let victim = Victim::new();
    // The thief holds the head key, and not that of lab: a registry of its own, with the same trust
    // but for lab, makes the statements and nodes.
    let bench = &victim.bench;
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
        "--out",
        "unused",
    ]);
    let honest = victim.save();
    bench.sif("lab/tool/6.6.sif");
    bench.ok(&["index", "images", "--out", "public", "--key", "key-1"]);
    // Readers see all of it but the trust that would allow it.
    let forged: Head = victim.read::<Head>("head").body().clone();
    fs::remove_file(bench.public().join("trust/3")).unwrap();
    let trust = victim.read::<Trust>("trust/2").id();
    fs::remove_dir_all(bench.public().join("heads")).unwrap();
    for (path, bytes) in &honest {
        if path.starts_with("heads/") {
            put(&bench.public(), path, bytes);
        }
    }
    let before: Document<Head> = Document::parse(
        honest
            .iter()
            .find(|(path, _)| path == "head")
            .unwrap()
            .1
            .clone(),
    )
    .unwrap();
    put(&bench.public(), "head", before.bytes());
    // The reader has seen neither trust 3 nor its head.
    fs::remove_dir_all(bench.path("state")).unwrap();
    bench.ok(&["trust", "add", "public", "--yes"]);
    victim.forge_head(|head| {
        head.index = forged.index.clone();
        head.previous = Some(before.id());
        head.version += 1;
        head.trust = Some(sreg_model::head::TrustVersion {
            id: trust,
            version: 2,
        });
    });
    victim.looks(7, &["untrusted-statement"]);
    victim.looks_at("public//lab/tool:6.6", 7, &["untrusted-statement"]);
}

#[test]
fn arbitrary_install_by_changed_bytes() {
    let victim = Victim::new();
    let digest = victim.statement().1.body().image().unwrap().digest;
    let path = victim
        .bench
        .public()
        .join(format!("v2/lab/tool/blobs/{digest}"));
    // Published by a link: it must not change the source.
    let mut bytes = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&path, bytes).unwrap();
    victim.looks(6, &["blob-mismatch"]);
    victim.looks_at("public//lab/tool:1.0", 6, &["blob-mismatch"]);
}

#[test]
fn mix_and_match_between_tags() {
    let victim = Victim::new();
    victim.publish("lab/tool/1.1.sif");
    let all = snapshot(&victim.bench.public());
    let statements: Vec<&(String, Vec<u8>)> = all
        .iter()
        .filter(|(path, _)| path.starts_with("s/"))
        .collect();
    // Each statement in the place of each other.
    for (path, _) in &statements {
        for (other, bytes) in &statements {
            if path == other {
                continue;
            }
            put(&victim.bench.public(), path, bytes);
            let ran = victim.bench.run(&["verify", "public"]);
            assert_eq!(ran.code, 6, "{path} {other}: {}", ran.stderr);
            assert!(
                ran.stderr.contains("error[document-mismatch]"),
                "{}",
                ran.stderr
            );
        }
        let honest = &all.iter().find(|(found, _)| found == path).unwrap().1;
        put(&victim.bench.public(), path, honest);
    }
    victim.looks(0, &[]);
}

#[test]
fn mix_and_match_between_registries() {
    // Another registry of the same key: what it signed there is nothing here.
    let victim = Victim::new();
    let bench = &victim.bench;
    bench.ok(&["index", "images", "--out", "second", "--key", "key-1"]);
    let second = bench.path("second");
    let head = fs::read(second.join("head")).unwrap();
    let honest = victim.save();
    put(&bench.public(), "head", &head);
    let ran = bench.run(&["verify", "public"]);
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("error[other-registry]"),
        "{}",
        ran.stderr
    );
    // All of it but the trust: its statements too.
    bring(&second, &bench.public());
    let ran = bench.run(&["verify", "public//lab/tool:1.0"]);
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    // All of it: the place is known to be another registry's.
    victim.serve(&snapshot(&second));
    victim.looks(7, &["other-registry"]);
    // Without any signature: it was a registry with keys.
    bench.ok(&["index", "images", "--out", "plain"]);
    victim.serve(&snapshot(&bench.path("plain")));
    victim.looks(7, &["unsigned"]);
    let mut stripped = honest.clone();
    stripped.retain(|(path, _)| !path.starts_with("trust/"));
    victim.serve(&stripped);
    victim.looks(7, &["missing-trust", "unsigned"]);
    victim.serve(&honest);
    victim.looks(0, &[]);
}

#[test]
fn mix_and_match_of_sidecars() {
    let victim = Victim::new();
    victim.publish("lab/tool/1.1.sif");
    let all = victim.save();
    let chains: Vec<&(String, Vec<u8>)> = all
        .iter()
        .filter(|(path, bytes)| path.starts_with("v2/lab/tool/blobs/") && bytes.len() == 32)
        .collect();
    assert_eq!(chains.len(), 2);
    put(&victim.bench.public(), &chains[0].0, &chains[1].1);
    victim.looks(6, &["blob-mismatch"]);
}

#[test]
fn wrong_namespace_and_swapped_roles() {
    let victim = Victim::new();
    let bench = &victim.bench;
    // The key of lab signs for lab2, or heads, or trust.
    let image = bench.sif("lab2/x/2.sif");
    let image = image.to_str().unwrap();
    bench.fails(
        7,
        "untrusted-statement",
        &["sign", image, "public//lab2/x:2", "--key", "key-2"],
    );
    bench.fails(
        7,
        "untrusted-statement",
        &["index", "images", "--out", "public", "--key", "key-2"],
    );
    let mut head = victim.read::<Head>("head").body().clone();
    head.previous = Some(victim.read::<Head>("head").id());
    head.version += 1;
    let head = victim.signed(head, Purpose::Head, &[2]);
    put(
        &bench.public(),
        &format!("heads/1/{}", head.body().version),
        head.bytes(),
    );
    put(&bench.public(), "head", head.bytes());
    victim.looks(7, &["untrusted-head"]);
}

/// Whoever may send pull requests, and holds the key of `lab`, changes images and statements of a
/// folder; the head key, trust and what is known come from the other side.
#[test]
fn tag_squatting_by_a_pull_request() {
    let victim = Victim::new();
    let bench = &victim.bench;
    let index = ["index", "images", "--out", "public", "--key", "key-1"];
    let lab = bench.images().join("lab/tool/1.0.sif");
    // A tag in a namespace of others, signed by the wrong key or by nobody.
    let foreign = bench.sif("lab2/x/9.sif");
    let statement = bench.images().join("lab2/x/9.sif.statement");
    let path = foreign.to_str().unwrap();
    bench.ok(&["sign", path, "public//lab/tool:9", "--key", "key-2"]);
    bench.fails(6, "document-mismatch", &index);
    let mut body = Document::<Statement>::parse(fs::read(&statement).unwrap())
        .unwrap()
        .body()
        .clone();
    body.subject.repository = "lab2/x".parse().unwrap();
    fs::write(
        &statement,
        victim.signed(body, Purpose::Image, &[2]).bytes(),
    )
    .unwrap();
    bench.fails(7, "untrusted-statement", &index);
    fs::remove_file(&statement).unwrap();
    fs::remove_file(&foreign).unwrap();
    // A tag that moves without the publisher's word, or with a word of before.
    let (_, before) = victim.statement();
    let old = fs::read(&lab).unwrap();
    fs::remove_file(&lab).unwrap();
    fs::copy(bench.images().join("lab2/x/1.sif"), &lab).unwrap();
    bench.fails(7, "untrusted-statement", &index);
    let beside = bench.images().join("lab/tool/1.0.sif.statement");
    fs::write(&beside, before.bytes()).unwrap();
    bench.fails(7, "untrusted-statement", &index);
    fs::remove_file(&beside).unwrap();
    fs::remove_file(&lab).unwrap();
    fs::write(&lab, old).unwrap();
    // A namespace that nobody was given, where the head key is not all there is.
    bench.key(3);
    bench.ok(&[
        "trust",
        "add-key",
        "public",
        "key-3.pub",
        "--role",
        "root",
        "--key",
        "key-1",
    ]);
    let squatter = bench.sif("lab3/x/1.sif");
    bench.fails(7, "untrusted-statement", &index);
    fs::remove_file(squatter).unwrap();
    // One that differs from another by case alone.
    let other_case = bench.sif("Lab2/x/1.sif");
    bench.fails(8, "case-collision", &index);
    fs::remove_file(other_case).unwrap();
    // Trust of the pull request's own making.
    let mut trust = victim.read::<Trust>("trust/3").body().clone();
    trust.version = 4;
    trust.previous = Some(victim.read::<Trust>("trust/3").id());
    trust.roles.root.keys = vec![trust.delegations[0].keys[0]];
    let trust = victim.signed(trust, Purpose::Trust, &[2]);
    put(&bench.public(), "trust/4", trust.bytes());
    bench.fails(7, "untrusted-trust", &index);
    victim.looks(7, &["untrusted-trust"]);
    fs::remove_file(bench.public().join("trust/4")).unwrap();
    bench.ok(&index);
    victim.looks(0, &[]);
}
