//! A reader who knows a registry, and what thieves of its keys can make.

use std::fs;
use std::path::Path;

use sreg_model::Document;
use sreg_model::document::Body;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::statement::Statement;
use sreg_sign::{Purpose, sign};

use crate::support::{Bench, snapshot};

/// A reader who knows the registry: `lab` is published by key 2, heads are signed by key 1.
pub(crate) struct Victim {
    pub(crate) bench: Bench,
}

impl Victim {
    pub(crate) fn new() -> Self {
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
        bench.ok(&[
            "sign",
            "--yes",
            "public//lab",
            "--key",
            "key-2",
            "--key",
            "key-1",
        ]);
        let victim = Self { bench };
        victim.looks(0, &[]);
        victim
    }

    /// The reader verifies: the exit code and the words of all faults. What it knows changes only if
    /// all is well.
    pub(crate) fn looks(&self, code: i32, words: &[&str]) {
        self.looks_at("public", code, words);
    }

    pub(crate) fn looks_at(&self, target: &str, code: i32, words: &[&str]) {
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
    pub(crate) fn memory(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = snapshot(&self.bench.path("state/sreg/registries"));
        files.retain(|(path, _)| !path.starts_with("evidence/"));
        files
    }

    pub(crate) fn evidence(&self) -> usize {
        snapshot(&self.bench.path("state/sreg/registries/evidence")).len()
    }

    pub(crate) fn save(&self) -> Vec<(String, Vec<u8>)> {
        snapshot(&self.bench.public())
    }

    /// Puts another tree in the place of the published one.
    pub(crate) fn serve(&self, files: &[(String, Vec<u8>)]) {
        fs::remove_dir_all(self.bench.public()).unwrap();
        for (path, bytes) in files {
            put(&self.bench.public(), path, bytes);
        }
    }

    /// A new version by the honest publisher.
    pub(crate) fn publish(&self, name: &str) {
        self.bench.sif(name);
        let args = [
            "index", "images", "--out", "public", "--key", "key-1", "--key", "key-2",
        ];
        self.bench.ok(&args);
    }

    pub(crate) fn read<T: Body>(&self, path: &str) -> Document<T> {
        Document::parse(fs::read(self.bench.public().join(path)).unwrap()).unwrap()
    }

    /// The newest statement about `lab/tool:1.0`, as a document and its path.
    pub(crate) fn statement(&self) -> (String, Document<Statement>) {
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

    /// The reader has seen nothing of what was made here in its name.
    pub(crate) fn forget_what_the_thief_saw(&self) {
        fs::remove_dir_all(self.bench.path("state")).unwrap();
        self.bench.ok(&["trust", "add", "public", "--yes"]);
    }

    /// What a thief of the key that signs heads can publish: any head.
    pub(crate) fn forge_head(&self, change: impl FnOnce(&mut Head)) {
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

    pub(crate) fn signed<T: Body>(&self, body: T, purpose: Purpose, seeds: &[u8]) -> Document<T> {
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

pub(crate) fn put(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Replaces what is in a tree by what `index` makes of an index root, as a thief of the head key can:
/// the newest head of another tree whose nodes are brought along.
pub(crate) fn bring(from: &Path, to: &Path) {
    for (path, bytes) in snapshot(from) {
        let kind = path.split('/').next().unwrap();
        if matches!(kind, "n" | "s" | "v2") || path.ends_with("index.html") {
            put(to, &path, &bytes);
        }
    }
}

/// The views of an older version, so that only what is signed tells.
pub(crate) fn bring_back(victim: &Victim, files: &[(String, Vec<u8>)]) {
    for (path, bytes) in files {
        if path.ends_with("index.html") || path.contains("/manifests/") {
            put(&victim.bench.public(), path, bytes);
        }
    }
}
