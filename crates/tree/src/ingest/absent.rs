//! What the tree has, and the indexed folder does not: what is removed, and what stays.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sreg_model::statement::Subject;

use crate::cache::write_whole;
use crate::publish::Lines;
use crate::views;

/// The subjects of `lines` that are not `present`: those to remove, and those to keep. Removed is
/// what an earlier run brought from the same folder, or everything when `prune` is set.
pub(super) fn absent(
    lines: &Lines,
    present: &BTreeSet<&Subject>,
    origin: &BTreeSet<String>,
    prune: bool,
) -> (Vec<Subject>, Vec<Subject>) {
    let mut removed = Vec::new();
    let mut kept = Vec::new();
    for (namespace, keys) in lines {
        for entry in keys
            .values()
            .flatten()
            .filter(|entry| entry.image.is_some())
        {
            let Some(repository) = views::repository(namespace, entry) else {
                continue;
            };
            let subject = Subject {
                repository,
                tag: entry.key.tag(),
                arch: entry.arch,
            };
            if present.contains(&subject) {
                continue;
            }
            if prune || origin.contains(&subject.to_string()) {
                removed.push(subject);
            } else {
                kept.push(subject);
            }
        }
    }
    (removed, kept)
}

/// The subjects that an earlier run brought from the same folder. A record that is lost only
/// makes them stay.
pub(super) fn read_origin(file: Option<&Path>) -> BTreeSet<String> {
    file.and_then(|file| fs::read(file).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// Records what this run brought.
pub(super) fn write_origin<'a>(file: Option<&Path>, present: impl Iterator<Item = &'a Subject>) {
    let subjects: Vec<String> = present.map(ToString::to_string).collect();
    if let Some(file) = file {
        // Lost, it only makes the next run keep what it might have removed.
        let _ = write_whole(file, &serde_json::to_vec(&subjects).unwrap_or_default());
    }
}
