//! The changes of a new version.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use sreg_model::Document;
use sreg_model::attachment::Attachment;
use sreg_model::statement::{Image, Statement, Subject};
use sreg_registry::derive::{self, Entries};

/// Changes of some subjects. All others remain unchanged.
#[derive(Debug, Default)]
pub struct Changeset {
    /// The images of subjects that are present.
    pub present: Vec<(Subject, Image)>,
    /// Removed subjects, and the reasons.
    pub removed: Vec<(Subject, String)>,
    /// Subjects to re-sign with the same claim.
    pub again: Vec<Subject>,
    /// New attachments of otherwise unchanged images.
    pub attached: Vec<(Subject, Attachment)>,
    /// Statements signed by publishers, for subjects in `present`.
    pub provided: BTreeMap<Subject, Provided>,
}

/// A statement signed by its publisher, in a file beside the image.
#[derive(Debug, Clone)]
pub struct Provided {
    /// The file.
    pub path: PathBuf,
    /// The statement.
    pub statement: Document<Statement>,
}

/// Returns the subjects that a changeset does not name.
pub fn others(entries: &Entries, changeset: &Changeset) -> Vec<Subject> {
    let present = changeset.present.iter().map(|(subject, _)| subject);
    let removed = changeset.removed.iter().map(|(subject, _)| subject);
    let stated: BTreeSet<&Subject> = present.chain(removed).collect();
    let subjects = entries.iter().flat_map(|(namespace, keys)| {
        let entries = keys.values().flatten();
        entries.filter_map(move |entry| {
            Some(Subject {
                repository: derive::repository(namespace, entry)?,
                tag: entry.key.tag(),
                arch: entry.arch,
            })
        })
    });
    subjects
        .filter(|subject| !stated.contains(subject))
        .collect()
}
