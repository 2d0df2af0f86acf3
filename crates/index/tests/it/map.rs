//! The map against a slow oracle, written straight from `spec/index.md`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use sreg_index::diff::{Difference, Side, diff};
use sreg_index::map::{self, Changes, MapError, MapRoot, MemoryNodes, NodeSource};
use sreg_index::proof::Proof;
use sreg_model::node::{ImageSize, MapName, TagEntry, encode_entry, key_hash};
use sreg_model::{Arch, Digest};

fn tags() -> MapName {
    MapName::Tags("lab".parse().unwrap())
}

fn entry(key: &str, version: u64, arch: Arch) -> TagEntry {
    TagEntry {
        arch,
        image: (version % 5 != 4).then(|| ImageSize {
            digest: Digest::of(&version.to_le_bytes()),
            size: version + 1,
        }),
        key: key.parse().unwrap(),
        statement: Digest::of(format!("{key} {version} {arch}").as_bytes()),
    }
}

type Set = BTreeMap<String, Vec<TagEntry>>;

fn lines_of(set: &Set) -> Vec<TagEntry> {
    set.values().flatten().cloned().collect()
}

/// `Map(E, d)` of the spec, word by word: the id and the count.
fn oracle(entries: &[TagEntry], prefix: &str) -> (Digest, u64) {
    let shown = if prefix.is_empty() { "-" } else { prefix };
    let mut file = String::new();
    if entries.len() <= 32 {
        file.push_str(&format!("sreg-node-v1 leaf tags/lab {shown}\n"));
        let mut entries = entries.to_vec();
        entries.sort_by_key(|entry| (entry.key.as_str().to_owned(), entry.arch.as_str()));
        for entry in &entries {
            file.push_str(std::str::from_utf8(&encode_entry(entry)).unwrap());
        }
    } else {
        file.push_str(&format!("sreg-node-v1 branch tags/lab {shown}\n"));
        for digit in "0123456789abcdef".chars() {
            let longer = format!("{prefix}{digit}");
            let below: Vec<TagEntry> = entries
                .iter()
                .filter(|entry| key_hash(entry.key.as_str()).hex().starts_with(&longer))
                .cloned()
                .collect();
            if !below.is_empty() {
                let (id, count) = oracle(&below, &longer);
                file.push_str(&format!("{digit} {} {count}\n", id.hex()));
            }
        }
    }
    (Digest::of(file.as_bytes()), entries.len() as u64)
}

fn build(nodes: &MemoryNodes, set: &Set) -> MapRoot {
    map::update(nodes, nodes, &tags(), None, set.clone()).unwrap()
}

fn keys() -> impl Strategy<Value = String> {
    "[a-d][0-9]{0,2}:[0-9]{1,2}"
}

fn lines(key: &str, versions: &[u64]) -> Vec<TagEntry> {
    let archs = [Arch::Amd64, Arch::Arm64, Arch::Riscv64];
    let mut lines: Vec<TagEntry> = versions
        .iter()
        .zip(archs)
        .map(|(version, arch)| entry(key, *version, arch))
        .collect();
    lines.sort_by_key(|entry| entry.arch);
    lines
}

fn sets(most: usize) -> impl Strategy<Value = Set> {
    prop::collection::btree_map(keys(), prop::collection::vec(0u64..50, 1..4), 0..most).prop_map(
        |set| {
            set.into_iter()
                .map(|(key, versions)| (key.clone(), lines(&key, &versions)))
                .collect()
        },
    )
}

/// Counts the nodes that are read.
struct Counting<'a>(&'a MemoryNodes, AtomicUsize);

impl NodeSource for Counting<'_> {
    fn load(&self, id: &Digest) -> Result<Vec<u8>, MapError> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.load(id)
    }
}

/// Fewer cases than usual, because each takes long, unless somebody asks for a number.
fn config() -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(64),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_fast_map_is_the_slow_one(set in sets(300)) {
        let nodes = MemoryNodes::default();
        let root = build(&nodes, &set);
        prop_assert_eq!((root.id, root.count), oracle(&lines_of(&set), ""));
    }

    /// Any order of adds and removes that ends in the same set gives the same root.
    #[test]
    fn history_does_not_matter(start in sets(200), detour in sets(200), end in sets(200), parts in 1usize..9) {
        let nodes = MemoryNodes::default();
        let mut root = build(&nodes, &start);
        for target in [&detour, &end] {
            let mut now = Set::new();
            map::walk(&nodes, &tags(), root, &mut |entry: TagEntry| {
                now.entry(entry.key.as_str().to_owned()).or_default().push(entry);
                Ok::<_, MapError>(())
            }).unwrap();
            let removed = now.keys().filter(|key| !target.contains_key(*key)).map(|key| (key.clone(), vec![]));
            let changes: Vec<(String, Vec<TagEntry>)> = removed.chain(target.clone()).collect();
            for part in changes.chunks(changes.len().div_ceil(parts).max(1)) {
                let part: Changes<TagEntry> = part.iter().cloned().collect();
                root = map::update(&nodes, &nodes, &tags(), Some(root), part).unwrap();
            }
        }
        prop_assert_eq!(root, build(&nodes, &end));
    }

    #[test]
    fn look_up_and_proof_agree_with_the_set(set in sets(200), key in keys()) {
        let nodes = MemoryNodes::default();
        let root = build(&nodes, &set);
        let expected = set.get(&key).cloned().unwrap_or_default();
        prop_assert_eq!(&map::look_up::<TagEntry>(&nodes, &tags(), root, &key).unwrap(), &expected);
        let proof = Proof::of::<TagEntry>(&nodes, &tags(), root, &key).unwrap();
        prop_assert_eq!(&proof.verify::<TagEntry>(&tags(), root, &key).unwrap(), &expected);
    }

    /// A proof with one byte changed proves nothing, nor does it for another map.
    #[test]
    fn a_changed_proof_is_refused(set in sets(200), key in keys(), node in any::<prop::sample::Index>(), at in any::<prop::sample::Index>()) {
        let nodes = MemoryNodes::default();
        let root = build(&nodes, &set);
        let proof = Proof::of::<TagEntry>(&nodes, &tags(), root, &key).unwrap();
        let mut changed = proof.nodes().to_vec();
        let node = node.index(changed.len());
        let at = at.index(changed[node].len());
        changed[node][at] ^= 1;
        prop_assert!(Proof::from_nodes(changed).verify::<TagEntry>(&tags(), root, &key).is_err());
        let other = MapName::Tags("lab2".parse().unwrap());
        prop_assert!(proof.verify::<TagEntry>(&other, root, &key).is_err());
    }

    #[test]
    fn diff_gives_what_differs(left in sets(200), right in sets(200)) {
        let nodes = MemoryNodes::default();
        let (left_root, right_root) = (build(&nodes, &left), build(&nodes, &right));
        let mut found = BTreeMap::new();
        let side = |root| Side { source: &nodes, root: Some(root) };
        diff(&tags(), side(left_root), side(right_root), &mut |difference: Difference<TagEntry>| {
            found.insert(difference.key, (difference.left, difference.right));
            Ok::<_, MapError>(())
        }).unwrap();
        let none = Vec::new();
        let expected: BTreeMap<String, (Vec<TagEntry>, Vec<TagEntry>)> = left.keys().chain(right.keys())
            .map(|key| (key.clone(), (left.get(key).unwrap_or(&none).clone(), right.get(key).unwrap_or(&none).clone())))
            .filter(|(_, (left, right))| left != right)
            .collect();
        prop_assert_eq!(found, expected);
    }
}

fn large(count: u64) -> Set {
    (0..count)
        .map(|number| {
            (
                format!("tool:{number}"),
                vec![entry(&format!("tool:{number}"), number, Arch::Amd64)],
            )
        })
        .collect()
}

#[test]
fn diff_reads_only_what_differs() {
    let nodes = MemoryNodes::default();
    let mut set = large(20_000);
    let left = build(&nodes, &set);
    set.insert(
        "tool:777".to_owned(),
        vec![entry("tool:777", 1, Arch::Arm64)],
    );
    let right = build(&nodes, &set);
    let counting = Counting(&nodes, AtomicUsize::new(0));
    let side = |root| Side {
        source: &counting,
        root: Some(root),
    };
    let mut found = Vec::new();
    diff(
        &tags(),
        side(left),
        side(right),
        &mut |difference: Difference<TagEntry>| {
            found.push(difference.key);
            Ok::<_, MapError>(())
        },
    )
    .unwrap();
    assert_eq!(found, ["tool:777"]);
    // 20,000 lines stand four or five nodes deep; both sides read one path.
    assert!(counting.1.into_inner() <= 12);
}

#[test]
fn one_more_tag_writes_one_path() {
    let nodes = MemoryNodes::default();
    let root = build(&nodes, &large(20_000));
    let new = MemoryNodes::default();
    let change = Changes::from([("new:1".to_owned(), vec![entry("new:1", 1, Arch::Amd64)])]);
    map::update(&nodes, &new, &tags(), Some(root), change).unwrap();
    let bytes: usize = new.into_nodes().values().map(Vec::len).sum();
    assert!(bytes <= 32 << 10, "{bytes}");
}

/// The hashes of three keys that were ground until they share nine digits; with all
/// architectures they are more lines than a leaf holds.
#[test]
fn keys_with_a_long_common_prefix_stand_deep() {
    let keys = ["k:2135527", "k:24048191", "k:48106476"];
    let nodes = MemoryNodes::default();
    let lines = |key: &str| -> Vec<TagEntry> {
        let mut lines: Vec<TagEntry> = Arch::ALL.iter().map(|arch| entry(key, 1, *arch)).collect();
        lines.sort_by_key(|entry| entry.arch);
        lines
    };
    let set: Set = keys
        .iter()
        .map(|key| ((*key).to_owned(), lines(key)))
        .collect();
    let root = build(&nodes, &set);
    assert_eq!((root.id, root.count), oracle(&lines_of(&set), ""));
    let proof = Proof::of::<TagEntry>(&nodes, &tags(), root, keys[0]).unwrap();
    assert_eq!(proof.nodes().len(), 11);
    // Without one of them, all merge back into one leaf.
    let change = Changes::<TagEntry>::from([(keys[0].to_owned(), Vec::new())]);
    let merged = map::update(&nodes, &nodes, &tags(), Some(root), change).unwrap();
    let proof = Proof::of::<TagEntry>(&nodes, &tags(), merged, keys[1]).unwrap();
    assert_eq!(proof.nodes().len(), 1);
}

#[test]
fn a_wrong_count_or_node_is_named() {
    let nodes = MemoryNodes::default();
    let root = build(&nodes, &large(100));
    let wrong = MapRoot { count: 99, ..root };
    let error = map::look_up::<TagEntry>(&nodes, &tags(), wrong, "tool:1").unwrap_err();
    assert_eq!(error.code(), "node-sum");
    let missing = MapRoot {
        id: Digest::of(b""),
        ..root
    };
    let error = map::look_up::<TagEntry>(&nodes, &tags(), missing, "tool:1").unwrap_err();
    assert_eq!(error.code(), "missing-node");
}
