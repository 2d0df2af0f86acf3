//! What an attacker can do who holds the place where a registry is served, or some of its keys: each
//! is refused, and leaves nothing behind but the evidence.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::json;
use sreg_model::document::Body;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::statement::Statement;
use sreg_model::trust::Trust;
use sreg_model::{Digest, Document};
use sreg_sign::{Purpose, sign};

use support::{Bench, snapshot};

/// A reader who knows the registry: `lab` is published by key 2, heads are signed by key 1.
struct Victim {
    bench: Bench,
}

impl Victim {
    fn new() -> Self {
        let bench = Bench::new();
        bench.sif("lab/tool/1.0.sif");
        bench.sif("lab2/x/1.sif");
        bench.index_by(1);
        bench.key(2);
        let args = [
            "trust",
            "delegate",
            "public",
            "lab",
            "--to",
            "key-2.pub",
            "--key",
            "key-1",
            "--yes",
        ];
        bench.ok(&args);
        bench.ok(&["sign", "public//lab", "--key", "key-2", "--key", "key-1"]);
        let victim = Self { bench };
        victim.looks(0, &[]);
        victim
    }

    /// The reader verifies: the exit code and the words of all faults. What it knows changes only if
    /// all is well.
    fn looks(&self, code: i32, words: &[&str]) {
        self.looks_at("public", code, words);
    }

    fn looks_at(&self, target: &str, code: i32, words: &[&str]) {
        let before = self.memory();
        let ran = self.bench.run(&["verify", target, "--format", "json"]);
        let answer = ran.json();
        let faults = answer["faults"].as_array().unwrap().iter();
        let mut found: Vec<&str> = faults
            .map(|fault| fault["code"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        found.dedup();
        assert_eq!((ran.code, &found[..]), (code, words), "{}", ran.stderr);
        if code != 0 {
            assert_eq!(self.memory(), before, "what is known was changed");
        }
    }

    /// What the reader knows, but for evidence.
    fn memory(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = snapshot(&self.bench.path("state/sreg/registries"));
        files.retain(|(path, _)| !path.starts_with("evidence/"));
        files
    }

    fn evidence(&self) -> usize {
        snapshot(&self.bench.path("state/sreg/registries/evidence")).len()
    }

    fn save(&self) -> Vec<(String, Vec<u8>)> {
        snapshot(&self.bench.public())
    }

    /// Puts another tree in the place of the published one.
    fn serve(&self, files: &[(String, Vec<u8>)]) {
        fs::remove_dir_all(self.bench.public()).unwrap();
        for (path, bytes) in files {
            put(&self.bench.public(), path, bytes);
        }
    }

    /// A new version by the honest publisher.
    fn publish(&self, name: &str) {
        self.bench.sif(name);
        let args = [
            "index", "images", "--out", "public", "--key", "key-1", "--key", "key-2",
        ];
        self.bench.ok(&args);
    }

    fn read<T: Body>(&self, path: &str) -> Document<T> {
        Document::parse(fs::read(self.bench.public().join(path)).unwrap()).unwrap()
    }

    /// The newest statement about `lab/tool:1.0`, as a document and its path.
    fn statement(&self) -> (String, Document<Statement>) {
        let all = snapshot(&self.bench.public());
        let statements = all.iter().filter(|(path, _)| path.starts_with("s/"));
        let mut found: Vec<(String, Document<Statement>)> = statements
            .map(|(path, bytes)| (path.clone(), Document::parse(bytes.clone()).unwrap()))
            .collect();
        found.retain(|(_, statement): &(String, Document<Statement>)| {
            statement.body().subject.repository.to_string() == "lab/tool"
        });
        found.sort_by_key(|(_, statement)| statement.body().seq);
        found.pop().unwrap()
    }

    /// What a thief of the key that signs heads can publish: any head.
    fn forge_head(&self, change: impl FnOnce(&mut Head)) {
        let mut head = self.read::<Head>("head").body().clone();
        change(&mut head);
        let slot = Place::HeadSlot {
            epoch: head.epoch,
            version: head.version,
        };
        let head = self.signed(head, Purpose::Head, &[1]);
        put(&self.bench.public(), &slot.to_string(), head.bytes());
        put(&self.bench.public(), "head", head.bytes());
    }

    fn signed<T: Body>(&self, body: T, purpose: Purpose, seeds: &[u8]) -> Document<T> {
        let signers: Vec<_> = seeds
            .iter()
            .map(|seed| {
                let path = self.bench.path(&self.bench.key(*seed));
                sreg_sign::open(&path, &mut |_| panic!("no passphrase")).unwrap()
            })
            .collect();
        let signers = signers.iter().map(AsRef::as_ref);
        sign(Document::new(body).unwrap(), purpose, signers).unwrap()
    }
}

fn put(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Replaces what is in a tree by what `index` makes of an index root, as a thief of the head key can:
/// the newest head of another tree whose nodes are brought along.
fn bring(from: &Path, to: &Path) {
    for (path, bytes) in snapshot(from) {
        let kind = path.split('/').next().unwrap();
        if matches!(kind, "n" | "s" | "v2") || path.ends_with("index.html") {
            put(to, &path, &bytes);
        }
    }
}

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

/// The views of an older version, so that only what is signed tells.
fn bring_back(victim: &Victim, files: &[(String, Vec<u8>)]) {
    for (path, bytes) in files {
        if path.ends_with("index.html") || path.contains("/manifests/") {
            put(&victim.bench.public(), path, bytes);
        }
    }
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
    // The series does not lead to it, which only a look at all of it can tell.
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
fn endless_documents() {
    for (path, most) in [
        ("head", 16 << 10),
        ("trust/1", 1 << 20),
        ("heads/1/1", 16 << 10),
    ] {
        let victim = Victim::new();
        let mut bytes = fs::read(victim.bench.public().join(path)).unwrap();
        bytes.resize(most + 1, b'\n');
        fs::write(victim.bench.public().join(path), &bytes).unwrap();
        let ran = victim.bench.run(&["verify", "public"]);
        assert_eq!(ran.code, 6, "{path}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("error[document-too-large]"),
            "{path}: {}",
            ran.stderr
        );
    }
    let victim = Victim::new();
    let (path, statement) = victim.statement();
    let mut bytes = statement.bytes().to_vec();
    bytes.resize((16 << 10) + 1, b'\n');
    fs::write(victim.bench.public().join(path), bytes).unwrap();
    victim.looks(6, &["document-too-large"]);
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

#[test]
fn a_new_trust_signed_by_one_side_only() {
    let victim = Victim::new();
    let bench = &victim.bench;
    bench.key(3);
    let rotate = [
        "trust",
        "rotate",
        "public",
        "--from",
        "key-1.pub",
        "--to",
        "key-3.pub",
    ];
    for (key, name) in [("key-1", "old-only"), ("key-3", "new-only")] {
        bench.ok(&[&rotate[..], &["--key", key, "--out", name]].concat());
        let trust = fs::read(bench.path(name)).unwrap();
        let honest = victim.save();
        put(&bench.public(), "trust/3", &trust);
        victim.looks(7, &["untrusted-trust"]);
        victim.serve(&honest);
    }
    victim.looks(0, &[]);
}

#[test]
fn a_revoked_key_vouches_for_nothing() {
    let victim = Victim::new();
    victim.bench.ok(&[
        "trust",
        "revoke",
        "public",
        "key-2.pub",
        "--key",
        "key-1",
        "--yes",
    ]);
    victim.looks(7, &["untrusted-statement"]);
    victim.looks_at("public//lab/tool:1.0", 7, &["untrusted-statement"]);
    // The other namespace is as it was.
    victim.looks_at("public//lab2/x:1", 0, &[]);
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

#[test]
fn names_that_lead_out_of_a_folder() {
    let victim = Victim::new();
    for name in [
        "../x",
        "lab/../../x",
        "lab/%2e%2e",
        "lab/a\\b",
        "/etc/passwd",
        "lab/x:../../y",
        "lab/\u{202e}x",
    ] {
        let target = format!("public//{name}");
        let ran = victim.bench.run(&["verify", &target]);
        assert_eq!(ran.code, 2, "{name}: {}{}", ran.stdout, ran.stderr);
        let image = victim.bench.images().join("lab/tool/1.0.sif");
        let ran = victim
            .bench
            .run(&["sign", image.to_str().unwrap(), &target, "--key", "key-2"]);
        assert_eq!(ran.code, 2, "{name}: {}{}", ran.stdout, ran.stderr);
    }
    // A place in a trust document is a name too.
    let mut trust = victim.bench.document("trust/1");
    trust["delegations"][0]["scope"] = json!("../x");
    fs::write(victim.bench.path("trust-9"), format!("{trust}\n")).unwrap();
    let ran = victim.bench.run(&["trust", "show", "trust-9"]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
}

/// Every byte of a small registry, one after the other.
#[test]
fn every_byte_counts() {
    let bench = Bench::new();
    bench.write("lab/old_1.simg", &sreg_tests::images::simg("old", 10));
    bench.index_by(1);
    // Two heads, a second trust, a removal.
    bench.write("lab2/old_2.simg", &sreg_tests::images::simg("older", 10));
    bench.index_by(1);
    fs::remove_file(bench.images().join("lab/old_1.simg")).unwrap();
    bench.index_by(1);
    let root = bench.public();
    let trust = Document::<Trust>::parse(fs::read(root.join("trust/1")).unwrap()).unwrap();
    let files = snapshot(&root);
    assert!(files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > 10_000);
    let next = std::sync::atomic::AtomicUsize::new(0);
    // Each core flips bytes in a copy of its own.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for core in 0..cores {
            let (files, next, id) = (&files, &next, trust.id());
            let root = bench.path(&format!("copy-{core}"));
            scope.spawn(move || {
                files
                    .iter()
                    .for_each(|(path, bytes)| put(&root, path, bytes));
                let take = || files.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
                while let Some((path, bytes)) = take() {
                    for at in 0..bytes.len() {
                        let mut changed = bytes.clone();
                        changed[at] ^= 1 << (at % 8);
                        put(&root, path, &changed);
                        assert!(is_refused(&root, id), "{path} at {at}");
                    }
                    put(&root, path, bytes);
                }
                assert!(!is_refused(&root, id));
            });
        }
    });
}

fn is_refused(root: &Path, id: Digest) -> bool {
    let Ok(tree) = sreg_tree::Tree::open(root) else {
        return true;
    };
    let options = sreg_tree::verify::Options {
        known: vec![sreg_model::lock::Known::registry(id)],
        ..sreg_tree::verify::Options::new(
            sreg_tree::verify::BlobCheck::Full,
            sreg_index::hasher::IoMode::Auto,
        )
    };
    let report = sreg_tree::verify::verify_tree(&tree, &options, &sreg_index::hasher::Unobserved);
    report.is_ok_and(|report| !report.faults.is_empty())
}
