//! Which crate may import which: `ARCHITECTURE.md` draws it, this test holds it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use cargo_metadata::{DependencyKind, MetadataCommand};

/// A crate, and the crates of this workspace that it may import.
const ALLOWED: &[(&str, &[&str])] = &[
    ("sreg-model", &[]),
    ("sreg-files", &[]),
    ("sreg-index", &["sreg-model", "sreg-files"]),
    ("sreg-sign", &["sreg-model", "sreg-files"]),
    ("sreg-image", &["sreg-model", "sreg-files"]),
    (
        "sreg-client",
        &[
            "sreg-model",
            "sreg-files",
            "sreg-index",
            "sreg-sign",
            "sreg-store",
            "sreg-tree",
        ],
    ),
    ("sreg-store", &["sreg-model", "sreg-files"]),
    ("sreg-serve", &["sreg-model"]),
    ("sreg-site", &["sreg-model", "sreg-index"]),
    (
        "sreg-tree",
        &[
            "sreg-model",
            "sreg-files",
            "sreg-index",
            "sreg-image",
            "sreg-sign",
            "sreg-site",
            "sreg-store",
        ],
    ),
    (
        "sreg-cli",
        &[
            "sreg-model",
            "sreg-files",
            "sreg-index",
            "sreg-sign",
            "sreg-image",
            "sreg-site",
            "sreg-tree",
            "sreg-client",
            "sreg-store",
            "sreg-serve",
        ],
    ),
];

/// Packages that only test, measure or generate: they may import whatever they like.
const FREE: &[&str] = &["sreg-tests", "sreg-benches", "xtask"];

#[test]
fn every_import_is_allowed() {
    let metadata = MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .no_deps()
        .exec()
        .unwrap();
    let members: BTreeSet<&str> = metadata
        .packages
        .iter()
        .map(|package| package.name.as_str())
        .collect();
    let mut wrong = Vec::new();
    for package in &metadata.packages {
        let name = package.name.as_str();
        let allowed = match ALLOWED.iter().find(|(of, _)| *of == name) {
            Some((_, allowed)) => *allowed,
            None if FREE.contains(&name) => continue,
            None => {
                wrong.push(format!("{name} is in no table of this test"));
                continue;
            }
        };
        for import in &package.dependencies {
            let to = import.name.as_str();
            // A crate's own tests may use the fixtures.
            let fixtures = import.kind == DependencyKind::Development && to == "sreg-tests";
            if members.contains(to) && !allowed.contains(&to) && !fixtures {
                wrong.push(format!("{name} imports {to}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
