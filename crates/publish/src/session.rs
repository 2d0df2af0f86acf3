//! The session of an operation, and publication for one subject beside concurrent publishers.

use sreg_index::map::MapError;
use sreg_model::head::Head;
use sreg_model::lock::Pin;
use sreg_model::statement::Subject;
use sreg_model::{Document, FoldedNames, Repository};
use sreg_registry::Registry;
use sreg_registry::derive::{self, Entries};

use crate::changeset::Changeset;
use crate::commit::{Published, carry_out, check_room};
use crate::error::PublishError;
use crate::progress::Progress;
use crate::recover::{Base, read_quickly, recover};
use crate::signing::{Keys, signing};
use crate::version::{Publication, prepare};
use crate::writer::{Deferred, Writer};

/// The keys, pins, time and observer of an operation.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// The keys that sign; `None` to publish in a registry without keys.
    pub keys: Option<&'a Keys<'a>>,
    /// The pins of the registry; empty if it is unknown.
    pub pins: &'a [Pin],
    /// The time to state, in Unix seconds.
    pub now: u64,
    /// Observes the run.
    pub progress: &'a dyn Progress,
}

impl<'a> Session<'a> {
    /// Returns a session without keys, for an unknown registry.
    #[must_use]
    pub fn new(now: u64, progress: &'a dyn Progress) -> Self {
        Self {
            keys: None,
            pins: &[],
            now,
            progress,
        }
    }
}

impl Session<'_> {
    /// Returns the published state, checked against the pins. The first attempt in a store assumes that no other
    /// publisher is active, and reads less.
    pub(crate) fn base(&self, writer: &dyn Writer, attempt: u32) -> Result<Base, PublishError> {
        let base = match attempt == 1 && writer.is_shared() {
            true => read_quickly(writer)?,
            false => None,
        };
        let base = match base {
            Some(base) => base,
            None => recover(writer, self.progress)?,
        };
        base.check_known(writer.registry(), self.pins)?;
        Ok(base)
    }

    /// Publishes a changeset for subjects of one namespace on top of `base`: prepares and signs it, lets
    /// `bring` upload its files, then commits.
    pub(crate) fn publish(
        &self,
        writer: &mut dyn Writer,
        base: &Base,
        (subject, changeset): (&Subject, Changeset),
        bring: impl FnOnce(&dyn Writer) -> Result<(), PublishError>,
    ) -> Result<Published, PublishError> {
        let registry = writer.registry();
        let head = base.head.as_ref().map(Document::body);
        let entries = lines_of(registry, head, &subject.repository)?;
        let signing = signing(registry, base, self.keys, &changeset, &entries, self.now)?;
        let publication = Publication {
            changeset,
            settings: registry.settings().clone(),
            signing,
            now: self.now,
        };
        let puts = Deferred::default();
        let prepared = prepare(registry, &puts, base, &entries, &publication)?;
        if !prepared.is_nothing(registry) {
            check_room(writer, &prepared, puts.count())?;
        }
        bring(writer)?;
        puts.write(writer)?;
        carry_out(writer, base, &prepared, self.progress)
    }
}

/// Returns the entries of a repository's namespace. A new namespace may not differ from another only in case.
fn lines_of(
    registry: &Registry,
    head: Option<&Head>,
    repository: &Repository,
) -> Result<Entries, PublishError> {
    let mut entries = Entries::new();
    let Some(head) = head else {
        return Ok(entries);
    };
    let (index, namespace) = (registry.index(head), repository.namespace());
    let found = derive::entries_of_namespace(registry, index, namespace)?;
    if found.is_empty() {
        let mut names = FoldedNames::default();
        // A single name cannot collide.
        let _ = names.insert(namespace.as_str());
        let mut other = None;
        let found = index.namespaces(&mut |entry| {
            if names.collision(entry.namespace.as_str()).is_some() {
                other = Some(entry.namespace.to_string());
            }
            Ok::<_, MapError>(())
        });
        found.map_err(|error| registry.map_error(error))?;
        return match other {
            Some(other) => Err(PublishError::CaseCollision(other, namespace.to_string())),
            None => Ok(entries),
        };
    }
    let keys = entries.entry(namespace.clone()).or_default();
    for entry in found {
        keys.entry(entry.key.as_str().to_owned())
            .or_default()
            .push(entry);
    }
    Ok(entries)
}
