//! What a new version changes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use sreg_model::Document;
use sreg_model::attachment::Attachment;
use sreg_model::statement::{Image, Statement, Subject};
use sreg_registry::derive::{self, Lines};

/// What a registry is to say of some subjects. Others stay as they are.
#[derive(Debug, Default)]
pub struct Changeset {
    /// The images of subjects that are present.
    pub present: Vec<(Subject, Image)>,
    /// Subjects that are gone, and why.
    pub removed: Vec<(Subject, String)>,
    /// Subjects whose statements are made anew, with what they say now.
    pub again: Vec<Subject>,
    /// What is attached to the images of subjects, which stay as they are else.
    pub attached: Vec<(Subject, Attachment)>,
    /// Statements that publishers signed, of subjects in `present`.
    pub provided: BTreeMap<Subject, Provided>,
}

/// A statement that its publisher signed, in a file beside the image.
#[derive(Debug, Clone)]
pub struct Provided {
    /// The file.
    pub path: PathBuf,
    /// The statement.
    pub statement: Document<Statement>,
}

/// The subjects that an changeset says nothing of.
pub fn others(lines: &Lines, changeset: &Changeset) -> Vec<Subject> {
    let present = changeset.present.iter().map(|(subject, _)| subject);
    let removed = changeset.removed.iter().map(|(subject, _)| subject);
    let stated: BTreeSet<&Subject> = present.chain(removed).collect();
    let subjects = lines.iter().flat_map(|(namespace, keys)| {
        let lines = keys.values().flatten();
        lines.filter_map(move |line| {
            Some(Subject {
                repository: derive::repository(namespace, line)?,
                tag: line.key.tag(),
                arch: line.arch,
            })
        })
    });
    subjects
        .filter(|subject| !stated.contains(subject))
        .collect()
}
