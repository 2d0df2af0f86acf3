//! The vectors of `spec/vectors` that the crate `sreg-index` implements: digest chains, maps
//! and proofs.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sreg_index::chain::{Chain, ChainBuilder};
use sreg_index::map::{self, MapRoot, MemoryNodes};
use sreg_index::proof::Proof;
use sreg_model::node::{Entry, MapName, NamespaceEntry, Node, Position, TagEntry};
use sreg_model::{Digest, canonical};

struct Vector {
    folder: PathBuf,
    valid: bool,
    fields: Value,
    input: Vec<u8>,
}

fn vectors(area: &str) -> Vec<Vector> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vectors");
    let mut found = Vec::new();
    for (verdict, valid) in [("valid", true), ("invalid", false)] {
        let Ok(folders) = fs::read_dir(root.join(area).join(verdict)) else {
            continue;
        };
        for folder in folders {
            let folder = folder.unwrap().path();
            let text = fs::read(folder.join("vector.json")).unwrap();
            found.push(Vector {
                valid,
                fields: serde_json::from_slice(&text).unwrap(),
                input: fs::read(folder.join("input")).unwrap(),
                folder,
            });
        }
    }
    assert!(!found.is_empty(), "no vectors of {area}");
    found
}

impl Vector {
    fn field<T: serde::de::DeserializeOwned>(&self, key: &str) -> T {
        serde_json::from_value(self.fields[key].clone())
            .unwrap_or_else(|error| panic!("{}: {key}: {error}", self.folder.display()))
    }

    fn map_name(&self) -> MapName {
        match self.field::<String>("map").strip_prefix("tags/") {
            Some(namespace) => MapName::Tags(namespace.parse().unwrap()),
            None => MapName::Namespaces,
        }
    }
}

/// The file that a recipe describes.
fn file(recipe: &Value) -> Vec<u8> {
    assert_eq!(recipe["pattern"], "spread-1");
    let size = recipe["size"].as_u64().unwrap();
    let mut bytes: Vec<u8> = (0..size)
        .map(|i| (i + (i >> 8) * 7 + (i >> 16) * 13 + (i >> 20) * 31).to_le_bytes()[0])
        .collect();
    for patch in recipe["patches"].as_array().into_iter().flatten() {
        let start = usize::try_from(patch["offset"].as_u64().unwrap()).unwrap();
        let text = patch["text"].as_str().unwrap().as_bytes();
        bytes[start..start + text.len()].copy_from_slice(text);
    }
    bytes
}

#[test]
fn digest_chain() {
    for vector in vectors("digest-chain") {
        let at = vector.folder.display();
        let file = file(&serde_json::from_slice(&vector.input).unwrap());
        let sidecar = fs::read(vector.folder.join("sidecar")).unwrap();
        let digest: Digest = if vector.valid {
            serde_json::from_value(vector.fields["expect"]["digest"].clone()).unwrap()
        } else {
            vector.field("digest")
        };
        let parsed = Chain::parse(sidecar.clone(), file.len() as u64, &digest);
        let broken = parsed.as_ref().ok().map(|chain| {
            (0..chain.len()).find(|link| {
                let (offset, length) = chain.range(*link);
                let start = usize::try_from(offset).unwrap();
                !chain.holds(*link, &file[start..start + length])
            })
        });
        if vector.valid {
            let chain = parsed.unwrap_or_else(|error| panic!("{at}: {error}"));
            assert_eq!(broken, Some(None), "{at}");
            let said = json!({
                "digest": chain.digest(),
                "chain": chain.sidecar_digest(),
                "links": chain.len(),
            });
            assert_eq!(said, vector.fields["expect"], "{at}");
            let mut builder = ChainBuilder::default();
            builder.update(&file);
            assert_eq!(builder.finish().sidecar(), sidecar, "{at}");
            continue;
        }
        let word = match (&parsed, broken) {
            (Err(error), _) => error.code().word(),
            (Ok(_), Some(Some(link))) => {
                assert_eq!(vector.fields["link"], json!(link + 1), "{at}");
                "blob-mismatch"
            }
            _ => "none",
        };
        assert_eq!(vector.fields["class"], word, "{at}");
    }
}

/// Builds a map, and says what its nodes are, each branch before its children.
fn build<E: Entry>(vector: &Vector) -> Value {
    let mut changes: BTreeMap<String, Vec<E>> = BTreeMap::new();
    for line in vector.input.split_inclusive(|byte| *byte == b'\n') {
        let entry: E = canonical::from_slice(&line[..line.len() - 1]).unwrap();
        changes
            .entry(entry.key().to_owned())
            .or_default()
            .push(entry);
    }
    for entries in changes.values_mut() {
        entries.sort_by(E::order);
    }
    let name = vector.map_name();
    let (source, sink) = (MemoryNodes::default(), MemoryNodes::default());
    let root = map::update(&source, &sink, &name, None, changes).unwrap();
    let nodes = sink.into_nodes();
    let mut listed = Vec::new();
    list::<E>(&nodes, &Position::root(name), root, &mut listed);
    json!({"root": root.id, "count": root.count, "nodes": listed})
}

fn list<E: Entry>(
    nodes: &BTreeMap<Digest, Vec<u8>>,
    position: &Position,
    root: MapRoot,
    listed: &mut Vec<Value>,
) {
    let node = Node::<E>::parse(&nodes[&root.id], position).unwrap();
    listed.push(json!({
        "id": root.id,
        "kind": match &node {
            Node::Leaf(_) => "leaf",
            Node::Branch(_) => "branch",
        },
        "prefix": position.prefix.to_string(),
        "count": root.count,
    }));
    if let Node::Branch(children) = node {
        for child in children {
            let below = MapRoot {
                id: child.id,
                count: child.count,
            };
            list::<E>(nodes, &position.child(child.nibble), below, listed);
        }
    }
}

#[test]
fn maps() {
    for vector in vectors("map") {
        let said = match vector.map_name() {
            MapName::Namespaces => build::<NamespaceEntry>(&vector),
            MapName::Tags(_) => build::<TagEntry>(&vector),
        };
        assert_eq!(said, vector.fields["expect"], "{}", vector.folder.display());
    }
}

#[test]
fn proofs() {
    for vector in vectors("proof") {
        let at = vector.folder.display();
        let input: Value = serde_json::from_slice(&vector.input).unwrap();
        let nodes: Vec<String> = serde_json::from_value(input["nodes"].clone()).unwrap();
        let proof = Proof::from_nodes(nodes.into_iter().map(String::into_bytes).collect());
        let root = MapRoot {
            id: vector.field("root"),
            count: vector.field("count"),
        };
        let key: String = vector.field("key");
        match proof.verify::<TagEntry>(&vector.map_name(), root, &key) {
            Ok(lines) => assert_eq!(json!({ "lines": lines }), vector.fields["expect"], "{at}"),
            Err(error) => assert_eq!(vector.fields["class"], error.code().word(), "{at}"),
        }
    }
}
