//! What every operation is run with, and how it publishes about one subject beside other publishers.

use sreg_index::map::MapError;
use sreg_model::head::Head;
use sreg_model::lock::Pin;
use sreg_model::statement::Subject;
use sreg_model::{Document, FoldedNames, Repository};
use sreg_registry::derive::{self, Lines};
use sreg_registry::{Registry, RegistryError};

use crate::changeset::Changeset;
use crate::commit::{Published, carry_out};
use crate::progress::Progress;
use crate::recover::{Base, recover};
use crate::signing::{Keys, signing};
use crate::version::{Publication, prepare};
use crate::writer::{Deferred, Writer};

/// What every operation is run with.
#[derive(Clone, Copy)]
pub struct Session<'a> {
    /// The keys that sign; `None` to publish in a registry without keys.
    pub keys: Option<&'a Keys<'a>>,
    /// What is remembered of the registry; empty if nothing is.
    pub pins: &'a [Pin],
    /// The time to state, in Unix seconds.
    pub now: u64,
    /// Observes the run.
    pub progress: &'a dyn Progress,
}

impl<'a> Session<'a> {
    /// Returns a session without keys, for a registry that nothing is remembered of.
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
    /// What is published now, held to what is known.
    pub(crate) fn base(&self, writer: &dyn Writer) -> Result<Base, RegistryError> {
        let base = recover(writer, self.progress)?;
        base.check_known(writer.registry(), self.pins)?;
        Ok(base)
    }

    /// Publishes an changeset about subjects of one namespace, after `base`: it is made and signed, then `bring`
    /// sends what it names, and then it is committed.
    pub(crate) fn publish(
        &self,
        writer: &mut dyn Writer,
        base: &Base,
        (subject, changeset): (&Subject, Changeset),
        bring: impl FnOnce(&dyn Writer) -> Result<(), RegistryError>,
    ) -> Result<Published, RegistryError> {
        let registry = writer.registry();
        let head = base.head.as_ref().map(Document::body);
        let lines = lines_of(registry, head, &subject.repository)?;
        let signing = signing(registry, base, self.keys, &changeset, &lines, self.now)?;
        let publication = Publication {
            changeset,
            settings: registry.settings().clone(),
            signing,
            now: self.now,
        };
        let puts = Deferred::default();
        let prepared = prepare(registry, &puts, base, &lines, &publication)?;
        bring(writer)?;
        puts.write(writer)?;
        carry_out(writer, base, &prepared, self.progress)
    }
}

/// The lines of a repository's namespace. Where that is new, no other may differ from it by case alone.
fn lines_of(
    registry: &Registry,
    head: Option<&Head>,
    repository: &Repository,
) -> Result<Lines, RegistryError> {
    let mut lines = Lines::new();
    let Some(head) = head else {
        return Ok(lines);
    };
    let (index, namespace) = (registry.index(head), repository.namespace());
    let found = derive::lines_of_namespace(registry, index, namespace)?;
    if found.is_empty() {
        let mut names = FoldedNames::default();
        // Alone it collides with nothing.
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
            Some(other) => Err(RegistryError::CaseCollision(other, namespace.to_string())),
            None => Ok(lines),
        };
    }
    let keys = lines.entry(namespace.clone()).or_default();
    for line in found {
        keys.entry(line.key.as_str().to_owned())
            .or_default()
            .push(line);
    }
    Ok(lines)
}
