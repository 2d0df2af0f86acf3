//! Verification of earlier statements, and of those that earlier indexes name.

use std::collections::HashSet;
use std::sync::Mutex;

use rayon::prelude::*;
use sreg_model::fault::Code;
use sreg_model::layout::Place;
use sreg_model::statement::{Statement, Subject};
use sreg_model::{Digest, Document, Namespace, manifest};
use sreg_sign::policy::PolicyError;

use super::nodes::Walked;
use super::{Run, into_inner, unlocked};
use crate::derive::repository;
use crate::error::RegistryError;

impl Run<'_> {
    /// Verifies the statements before the newest ones, and those that older indexes name. Their images may be
    /// missing.
    pub(super) fn earlier_statements(&self, walked: &Walked) {
        let newest: HashSet<Digest> = entries(walked).map(|(_, id)| id).collect();
        let lineage = Mutex::new(newest.clone());
        // Subjects with a complete history.
        let whole: Mutex<HashSet<Subject>> = Mutex::default();
        newest.par_iter().for_each(|id| {
            // The newest statements were already reported on, with their tags.
            if let Ok(statement) = self.registry.statement(id)
                && self.follow(statement.body(), &lineage)
            {
                unlocked(&whole).insert(statement.body().subject.clone());
            }
        });
        let (lineage, whole) = (into_inner(lineage), into_inner(whole));
        let stated: HashSet<Subject> = entries(walked).filter_map(|(subject, _)| subject).collect();
        let known = Mutex::new(lineage.clone());
        walked.old.par_iter().for_each(|id| {
            if lineage.contains(id) {
                return;
            }
            let Some(statement) = self.earlier_statement(*id) else {
                return;
            };
            let body = statement.body();
            self.follow(body, &known);
            if walked.whole && (whole.contains(&body.subject) || !stated.contains(&body.subject)) {
                let what = format!(
                    "newest statement for {} under an earlier head, but not reached from the newest head",
                    body.subject
                );
                let place = Place::Statement(*id);
                self.held(&place, None, Err(PolicyError::RolledBack(what)));
            }
        });
    }

    /// Verifies the statements before `later` that were not yet checked. Returns whether all of them could be
    /// read.
    fn follow(&self, later: &Statement, met: &Mutex<HashSet<Digest>>) -> bool {
        let mut later = later.clone();
        while let Some(id) = later.previous {
            if !unlocked(met).insert(id) {
                return true;
            }
            let Some(statement) = self.earlier_statement(id) else {
                return false;
            };
            self.check_order(statement.body(), &later, id);
            later = statement.body().clone();
        }
        true
    }

    fn earlier_statement(&self, id: Digest) -> Option<Document<Statement>> {
        let statement = self.load_statement(id, None)?;
        self.hold_earlier_statement(&statement);
        self.expect_content(statement.body());
        Some(statement)
    }

    /// Verifies that a statement's number is one more than its predecessor's, for the same subject (STM-16),
    /// and that its epoch does not fall (STM-20).
    fn check_order(&self, body: &Statement, later: &Statement, id: Digest) {
        let message = if later.subject != body.subject || later.seq != body.seq + 1 {
            format!(
                "is number {} for {}, but number {} for {} names it as its predecessor",
                body.seq, body.subject, later.seq, later.subject
            )
        } else if later.epoch < body.epoch {
            format!(
                "is of epoch {}, but its successor, number {} for {}, is of epoch {}",
                body.epoch, later.seq, later.subject, later.epoch
            )
        } else {
            return;
        };
        let place = Place::Statement(id);
        self.fault(Code::StatementOrder, place, message);
    }

    fn expect_content(&self, statement: &Statement) {
        let repository = &statement.subject.repository;
        if let (Some(image), Some(manifest)) = (statement.image(), statement.manifest()) {
            for place in [
                Place::blob(repository, image.digest),
                Place::blob(repository, image.chain),
                Place::blob(repository, manifest::empty_config_digest()),
                Place::manifest(repository, manifest.digest()),
            ] {
                // Readers may still ask for an old image by digest; if it exists, it is checked as a stray
                // file.
                if matches!(
                    self.registry.size(&place),
                    Err(RegistryError::Missing { .. })
                ) {
                    self.expect(&place);
                }
            }
        }
    }
}

/// Returns the subjects and statements of the newest index's entries, without reserved names.
fn entries(walked: &Walked) -> impl Iterator<Item = (Option<Subject>, Digest)> {
    walked.tags.iter().flat_map(|(namespace, entries)| {
        let namespace: &Namespace = namespace;
        entries.iter().map(move |entry| {
            let subject = repository(namespace, entry).map(|repository| Subject {
                repository,
                tag: entry.key.tag(),
                arch: entry.arch,
            });
            (subject, entry.statement)
        })
    })
}
