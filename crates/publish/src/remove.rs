//! Removes one published reference: its images become removed statements (`spec/cli.md`, `sreg rm`).

use sreg_model::statement::Subject;
use sreg_model::{Arch, Reference};
use sreg_registry::Registry;

use crate::attempts::until_won;
use crate::changeset::Changeset;
use crate::commit::Published;
use crate::destination::Destination;
use crate::error::PublishError;
use crate::recover::Base;
use crate::session::Session;

/// A reference to remove.
pub struct Remove {
    /// The reference: a tag, optionally with the digest that its image must have.
    pub reference: Reference,
    /// The architecture to remove; `None` for all of the tag.
    pub arch: Option<Arch>,
    /// The reason: 1 to 1,024 bytes.
    pub reason: String,
}

/// The result of a removal.
#[derive(Debug)]
pub struct Removed {
    /// The removed subjects, by architecture.
    pub subjects: Vec<Subject>,
    /// The published version.
    pub published: Published,
}

/// Publishes a version that removes the images of one reference. Their bytes remain.
///
/// # Errors
/// `NotOneImage` if nothing is published under the reference; `Frozen` if its publisher froze the tag;
/// `Signed` or `Unsigned` if the keys may not sign the removal; otherwise those of reading or writing the
/// registry. What was published before remains whole.
pub fn remove(
    destination: &Destination,
    session: &Session<'_>,
    remove: &Remove,
) -> Result<Removed, PublishError> {
    let destination = &destination.opened()?;
    let mut writer = destination.open_there(session.progress)?;
    let mut begun: Option<Vec<Subject>> = None;
    let run = |attempt| {
        let base = session.base(&*writer, attempt)?;
        let subjects = remove.subjects(writer.registry(), &base)?;
        if !subjects.is_empty() {
            begun = Some(subjects.clone());
        }
        let about = Subject {
            repository: remove.reference.repository().clone(),
            tag: remove.reference.tag_or_default().unwrap_or_default(),
            arch: Arch::Unknown,
        };
        let changeset = Changeset {
            removed: subjects
                .iter()
                .map(|subject| (subject.clone(), remove.reason.clone()))
                .collect(),
            ..Changeset::default()
        };
        // Also if there is nothing to remove: a killed run may have committed and left the rest.
        let published = match base.head.is_some() {
            true => session.publish(&mut *writer, &base, (&about, changeset), |_| Ok(()))?,
            false => return Err(remove.nothing()),
        };
        match (subjects.is_empty(), &begun) {
            (true, None) => Err(remove.nothing()),
            // An earlier attempt, whose answer was lost, has removed them.
            (true, Some(removed)) => Ok(Removed {
                subjects: removed.clone(),
                published,
            }),
            (false, _) => Ok(Removed {
                subjects,
                published,
            }),
        }
    };
    destination.at_once(|| until_won(&*destination.store, run))
}

impl Remove {
    fn nothing(&self) -> PublishError {
        PublishError::NotOneImage {
            reference: self.reference.to_string(),
            archs: Vec::new(),
        }
    }

    /// Returns the subjects that have an image under the reference.
    fn subjects(&self, registry: &Registry, base: &Base) -> Result<Vec<Subject>, PublishError> {
        let Some(head) = &base.head else {
            return Ok(Vec::new());
        };
        let entries = registry.entries(head.body(), &self.reference)?;
        let is_meant = |arch| self.arch.is_none_or(|wanted| wanted == arch);
        let present = entries
            .iter()
            .filter(|entry| entry.image.is_some() && is_meant(entry.arch));
        Ok(present
            .map(|entry| Subject {
                repository: self.reference.repository().clone(),
                tag: entry.key.tag(),
                arch: entry.arch,
            })
            .collect())
    }
}
