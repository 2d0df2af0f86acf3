//! References in the registry that the indexed folder lacks: those to remove and those to keep.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use sreg_model::statement::Subject;
use sreg_registry::derive::{self, Entries};

use crate::error::IngestError;
use crate::hash_cache::write_whole;

/// Returns the subjects of `entries` that are not `present`: those to remove, and those to keep. Removes what
/// an earlier run published from the same folder, or everything with `prune`.
pub(crate) fn absent(
    entries: &Entries,
    present: &BTreeSet<&Subject>,
    origin: &BTreeSet<String>,
    prune: bool,
) -> (Vec<Subject>, Vec<Subject>) {
    let absent = subjects(entries).filter(|subject| !present.contains(subject));
    absent.partition(|subject| prune || origin.contains(&subject.to_string()))
}

/// One of this many references from a folder may disappear without confirmation.
const SHARE: usize = 10;

/// Refuses to remove all references of a folder, or more than one reference and a tenth of them: a disk that
/// is not mounted looks like an empty folder.
///
/// # Errors
/// `MassRemoval`.
pub(crate) fn check_removals(
    source: &Path,
    entries: &Entries,
    origin: &BTreeSet<String>,
    removed: &[Subject],
) -> Result<(), IngestError> {
    let Some(first) = removed.first() else {
        return Ok(());
    };
    let published = subjects(entries);
    let of = published
        .filter(|subject| origin.contains(&subject.to_string()))
        .count();
    let gone = removed.len();
    match gone < of && gone <= (of / SHARE).max(1) {
        true => Ok(()),
        false => Err(IngestError::MassRemoval {
            source_folder: source.to_owned(),
            gone,
            of,
            first: first.to_string(),
        }),
    }
}

/// Returns the subjects that have an image.
fn subjects(entries: &Entries) -> impl Iterator<Item = Subject> {
    entries.iter().flat_map(|(namespace, keys)| {
        let entries = keys.values().flatten();
        let present = entries.filter(|entry| entry.image.is_some());
        present.filter_map(move |entry| {
            Some(Subject {
                repository: derive::repository(namespace, entry)?,
                tag: entry.key.tag(),
                arch: entry.arch,
            })
        })
    })
}

/// Returns the subjects that an earlier run published from the same folder. A lost record only keeps them
/// published.
pub(crate) fn read_origin(file: Option<&Path>) -> BTreeSet<String> {
    file.and_then(|file| fs::read(file).ok())
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}

/// Records the subjects that this run published.
pub(crate) fn write_origin<'a>(file: Option<&Path>, present: impl Iterator<Item = &'a Subject>) {
    let subjects: Vec<String> = present.map(ToString::to_string).collect();
    if let Some(file) = file {
        // If it is lost, the next run keeps references that it might have removed.
        let _ = write_whole(file, &serde_json::to_vec(&subjects).unwrap_or_default());
    }
}
