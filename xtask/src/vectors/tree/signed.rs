//! Trees of registries with keys: `spec/trust.md`, and what it asks of heads and statements.
//!
//! A [`Scene`] is such a registry before it is written: documents as JSON values, in which a test
//! changes anything, and the keys that sign each. Ids, links and nodes follow from them.

mod invalid;
mod valid;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::image::{FIRST, Image, put_constants, put_list};
use super::versions::{put_index, sharded};
use super::{Files, encode};
use crate::vectors::Case;
use crate::vectors::artifact;
use crate::vectors::example::{ISSUED, quote};
use crate::vectors::keys::{fingerprint, role_of, sorted_keys};
use crate::vectors::oracle;
use crate::vectors::signature::{public_key, sign};

/// The clock of these vectors.
const NOW: u64 = ISSUED + 1_000;
const TRUST: &str = "trust@sreg.v1";
const HEAD: &str = "head@sreg.v1";
const IMAGE: &str = "image@sreg.v1";

/// A document and who signs it: the numbers of keys, and what they sign it for.
#[derive(Clone)]
struct Signed {
    body: Value,
    by: Vec<(u8, &'static str)>,
    /// What is done to the file in the end.
    spoil: fn(String) -> String,
}

impl Signed {
    fn new(body: Value, by: &[u8], purpose: &'static str) -> Self {
        Self {
            body,
            by: by.iter().map(|seed| (*seed, purpose)).collect(),
            spoil: |text| text,
        }
    }

    fn line(&self) -> String {
        format!("{}\n", self.body)
    }

    fn id(&self) -> String {
        oracle::digest(self.line())
    }

    fn file(&self) -> String {
        let line = self.line();
        let signatures = self
            .by
            .iter()
            .map(|(seed, purpose)| sign(*seed, purpose, &line));
        (self.spoil)(format!("{line}{}", signatures.collect::<String>()))
    }
}

/// A statement, and the image that it is about.
#[derive(Clone)]
struct Claim {
    statement: Signed,
    image: Image,
}

impl Claim {
    /// What clients see of the statement's signatures.
    fn put_signatures(&self, files: &mut Files) {
        if self.statement.body.get("registry").is_none() {
            return;
        }
        let (folded, name) = (self.image.folded(), self.image.key().replace(':', "_"));
        let file = self.statement.file();
        let blob = format!("v2/{folded}/blobs/{}", oracle::digest(&file));
        files.insert(blob, file.clone().into());
        let signatures = artifact::signatures(&name, "amd64", file);
        let referrers = artifact::referrers(&folded, &self.image.manifest(), &[signatures]);
        files.extend(
            referrers
                .into_iter()
                .map(|(path, text)| (path, text.into())),
        );
    }
}

/// A head, and the statements that its index names, by their numbers.
#[derive(Clone)]
struct Version {
    head: Signed,
    claims: Vec<usize>,
}

/// A registry with keys.
#[derive(Clone)]
struct Scene {
    trust: Vec<Signed>,
    claims: Vec<Claim>,
    versions: Vec<Version>,
    /// The registry that the reader expects, and what it knows of it.
    knows: Option<Value>,
    now: u64,
    /// What is done to the tree in the end.
    spoil: fn(&mut Files),
}

/// A trust document in which each role and each scope has the keys of some numbers.
fn trust(root: (&[u8], u64), head: (&[u8], u64), scopes: &[(&str, &[u8], u64)]) -> Value {
    let mut seeds: Vec<u8> = [root.0, head.0].concat();
    seeds.extend(scopes.iter().flat_map(|(_, keys, _)| keys.iter()));
    seeds.sort_unstable();
    seeds.dedup();
    let keys: Vec<Value> = sorted_keys(seeds.iter().map(|seed| public_key(*seed)))
        .iter()
        .map(|key| json!({"key": key, "state": "active"}))
        .collect();
    let role = |(seeds, threshold): (&[u8], u64)| {
        role_of(
            &sorted_keys(seeds.iter().map(|seed| public_key(*seed))),
            threshold,
        )
    };
    let delegations: Vec<Value> = scopes
        .iter()
        .map(|(scope, keys, threshold)| {
            let mut delegation = role((keys, *threshold));
            delegation["scope"] = json!(scope);
            delegation["epoch"] = json!(1);
            delegation
        })
        .collect();
    json!({
        "delegations": delegations,
        "expires": ISSUED + 157_680_000,
        "head_base": {"epoch": 1},
        "issued": ISSUED,
        "keys": keys,
        "nonce": "000102030405060708090a0b0c0d0e0f",
        "roles": {"head": role(head), "root": role(root)},
        "type": "sreg-trust-v1",
        "version": 1,
    })
}

/// Sets the state of a key in a trust document.
fn set_state(trust: &mut Value, seed: u8, state: &str) {
    let key = json!(public_key(seed));
    let keys = trust["keys"].as_array_mut().expect("a list");
    let listed = keys.iter_mut().find(|listed| listed["key"] == key);
    listed.expect("the key is listed")["state"] = json!(state);
}

impl Scene {
    /// `lab/tool:1.0`, published with one key that does everything.
    fn one_key() -> Self {
        Self::of(
            trust((&[1], 1), (&[1], 1), &[("lab", &[1], 1)]),
            &[1],
            &[1],
            &[1],
        )
    }

    /// The same published by several hands: 1 and 2 sign trust together, 3 heads, and two of 4, 5
    /// and 6 statements about `lab`.
    fn hands() -> Self {
        let trust = trust(
            (&[1, 2], 2),
            (&[3], 1),
            &[("lab", &[4, 5, 6], 2), ("physics", &[7], 1)],
        );
        Self::of(trust, &[1, 2], &[3], &[4, 5])
    }

    fn of(trust: Value, root: &[u8], head: &[u8], lab: &[u8]) -> Self {
        let mut scene = Self {
            trust: vec![Signed::new(trust, root, TRUST)],
            claims: Vec::new(),
            versions: Vec::new(),
            knows: None,
            now: NOW,
            spoil: |_| {},
        };
        scene.state(FIRST, lab);
        scene.publish(head, &[0]);
        scene
    }

    fn registry(&self) -> String {
        self.trust[0].id()
    }

    /// The next version of trust: the body of the last one, changed.
    fn next_trust(&mut self, by: &[u8], change: impl FnOnce(&mut Value)) {
        let last = self.trust.last().expect("there is a first");
        let mut body = last.body.clone();
        body["previous"] = json!(last.id());
        body["registry"] = json!(self.registry());
        body["version"] = json!(body["version"].as_u64().unwrap_or(0) + 1);
        body.as_object_mut().expect("an object").remove("nonce");
        change(&mut body);
        self.trust.push(Signed::new(body, by, TRUST));
    }

    /// States that an image is published, after the last statement about its reference.
    fn state(&mut self, image: Image, by: &[u8]) -> usize {
        let mut body: Value = serde_json::from_str(&image.statement().line()).expect("JSON");
        let same = |claim: &&Claim| {
            claim.image.repository == image.repository && claim.image.tag == image.tag
        };
        if let Some(before) = self.claims.iter().rev().find(same) {
            body["previous"] = json!(before.statement.id());
            body["seq"] = json!(before.statement.body["seq"].as_u64().unwrap_or(0) + 1);
        }
        body["epoch"] = json!(1);
        body["registry"] = json!(self.registry());
        let statement = Signed::new(body, by, IMAGE);
        self.claims.push(Claim { statement, image });
        self.claims.len() - 1
    }

    /// A head after the last one, under the newest trust.
    fn publish(&mut self, by: &[u8], claims: &[usize]) {
        let trust = self.trust.last().expect("there is a first");
        let (epoch, base) = (&trust.body["head_base"]["epoch"], &trust.body["head_base"]);
        let last = self
            .versions
            .last()
            .filter(|last| last.head.body["epoch"] == *epoch);
        let version = last.map_or(0, |last| last.head.body["version"].as_u64().unwrap_or(0)) + 1;
        let previous = last.map_or(base["id"].clone(), |last| json!(last.head.id()));
        let mut body = json!({
            "epoch": epoch,
            "expires": ISSUED + 34_560_000,
            "issued": ISSUED + version,
            "registry": self.registry(),
            "trust": {"id": trust.id(), "version": trust.body["version"]},
            "type": "sreg-head-v1",
            "version": version,
        });
        if previous != Value::Null {
            body["previous"] = previous;
        }
        let mut files = Files::new();
        let root = self.put_claims(&mut files, claims);
        body["index"] = json!({"digest": root, "tags": claims.len()});
        let head = Signed::new(body, by, HEAD);
        self.versions.push(Version {
            head,
            claims: claims.to_vec(),
        });
    }

    /// The index is written anew after a statement was changed.
    fn reindex(&mut self) {
        let roots: Vec<String> = self
            .versions
            .iter()
            .map(|version| self.put_claims(&mut Files::new(), &version.claims))
            .collect();
        for (version, root) in self.versions.iter_mut().zip(roots) {
            version.head.body["index"]["digest"] = json!(root);
        }
    }

    /// Changes the newest statement, and what names it.
    fn change_claim(&mut self, change: impl FnOnce(&mut Signed)) {
        change(&mut self.claims.last_mut().expect("there is one").statement);
        self.reindex();
    }

    /// Changes the newest head.
    fn change_head(&mut self, change: impl FnOnce(&mut Signed)) {
        change(&mut self.versions.last_mut().expect("there is one").head);
    }

    /// Writes statements, nodes and all, and gives the id of the root.
    fn put_claims(&self, files: &mut Files, claims: &[usize]) -> String {
        let mut maps: BTreeMap<&str, Vec<oracle::Line>> = BTreeMap::new();
        for claim in claims.iter().map(|number| &self.claims[*number]) {
            let lines = maps.entry(claim.image.namespace()).or_default();
            lines.push(claim.image.line_of(&claim.statement.id()));
        }
        let maps: Vec<(&str, Vec<oracle::Line>)> = maps.into_iter().collect();
        put_index(files, &maps)
    }

    fn files(&self) -> Files {
        let mut files = Files::new();
        put_constants(&mut files);
        for (number, trust) in self.trust.iter().enumerate() {
            files.insert(format!("trust/{}", number + 1), trust.file().into());
        }
        for claim in &self.claims {
            let place = sharded("s", &claim.statement.id());
            files.insert(place, claim.statement.file().into());
        }
        for version in &self.versions {
            self.put_claims(&mut files, &version.claims);
            let (epoch, number) = (&version.head.body["epoch"], &version.head.body["version"]);
            let file = version.head.file();
            files.insert(format!("heads/{epoch}/{number}"), file.clone().into());
            files.insert("head".to_owned(), file.into());
        }
        let mut lists: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        let newest = &self.versions.last().expect("there is one").claims;
        for claim in newest.iter().map(|number| &self.claims[*number]) {
            claim.image.publish(&mut files);
            claim.put_signatures(&mut files);
            lists
                .entry(claim.image.repository)
                .or_default()
                .push(quote(claim.image.tag));
        }
        for (repository, tags) in lists {
            put_list(&mut files, repository, &tags.join(","));
        }
        (self.spoil)(&mut files);
        files
    }

    fn with_context(&self, case: Case) -> Case {
        let case = case.with("now", json!(self.now));
        match &self.knows {
            Some(knows) => case.with("knows", knows.clone()),
            None => case,
        }
    }

    fn valid(&self, name: &str, ids: &'static str, note: &str, warnings: Value) -> Case {
        let expect = json!({"warnings": warnings});
        let name = format!("keys-{name}");
        self.with_context(Case::valid(
            "tree",
            &name,
            ids,
            note,
            encode(&self.files()),
            expect,
        ))
    }

    fn invalid(&self, name: &str, ids: &'static str, note: &str, class: &'static str) -> Case {
        let name = format!("keys-{name}");
        self.with_context(Case::invalid(
            "tree",
            &name,
            ids,
            note,
            encode(&self.files()),
            class,
        ))
    }

    /// What a reader knows that saw a head, by its number, and a version of trust.
    fn knowing(&self, head: Option<usize>, trust: Option<usize>) -> Value {
        let mut knows = json!({"id": self.registry()});
        if let Some(head) = head.map(|number| &self.versions[number].head) {
            let (epoch, version) = (&head.body["epoch"], &head.body["version"]);
            knows["head"] = json!({"epoch": epoch, "id": head.id(), "version": version});
        }
        if let Some(number) = trust {
            knows["trust"] = json!({"id": self.trust[number].id(), "version": number + 1});
        }
        knows
    }
}

/// Who is listed under a fingerprint: for delegations that are changed by hand.
fn print_of(seed: u8) -> String {
    fingerprint(&public_key(seed))
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = valid::cases();
    cases.extend(invalid::cases());
    cases
}
