//! Makes a new version: statements, nodes and the next head, signed but not published (`spec/commit.md`).

use sreg_index::index::update;
use sreg_model::head::{Head, IndexRoot};
use sreg_model::layout::Place;
use sreg_model::settings::Settings;
use sreg_model::trust::Trust;
use sreg_model::{Document, FoldedNames, canonical};
use sreg_registry::Registry;
use sreg_registry::derive::Entries;

use crate::changeset::Changeset;
use crate::error::PublishError;
use crate::recover::Base;
use crate::signing::{Signing, unsigned};
use crate::statements::changes;
use crate::writer::{Nodes, Puts};
use sreg_registry::RegistryError;

/// A publication and its signer.
pub struct Publication<'a> {
    /// The changes.
    pub changeset: Changeset,
    /// The settings for `sreg.json`.
    pub settings: Settings,
    /// `None` in a registry without keys.
    pub signing: Option<Signing<'a>>,
    /// The time to state, in Unix seconds.
    pub now: u64,
}

/// A signed version that is not published yet.
pub(crate) struct Prepared {
    pub(crate) trust: Option<Document<Trust>>,
    /// The next head; `None` if the newest one remains.
    pub(crate) next: Option<Document<Head>>,
    pub(crate) settings: Settings,
    /// The number of tags that differ in the next head.
    pub(crate) changed: usize,
}

impl Prepared {
    /// Returns whether there is nothing to publish.
    pub(crate) fn is_nothing(&self, registry: &Registry) -> bool {
        self.next.is_none() && self.trust.is_none() && *registry.settings() == self.settings
    }
}

/// Makes and signs a version. Writes statements and nodes to `puts`; readers see no change.
///
/// # Errors
/// `CaseCollision`, `Frozen`, `Unsigned` or `LastVersion` if it may not be published; otherwise those of
/// reading the registry.
pub(crate) fn prepare(
    registry: &Registry,
    puts: &dyn Puts,
    base: &Base,
    entries: &Entries,
    publication: &Publication<'_>,
) -> Result<Prepared, PublishError> {
    let signing = publication.signing.as_ref();
    check_case(entries, &publication.changeset)?;
    let changes = changes(
        registry,
        puts,
        entries,
        &publication.changeset,
        signing,
        publication.now,
    )?;
    let changed = changes.values().map(|keys| keys.len()).sum();
    let old = base.head.as_ref().map(|head| &head.body().index);
    let index =
        update(registry, &Nodes(puts), old, changes).map_err(|error| registry.map_error(error))?;
    let kept = base.head.as_ref().filter(|head| {
        let due = signing.is_some_and(|signing| signing.is_due(head, publication.now));
        head.body().index == index && !due
    });
    let next = match kept {
        Some(_) => None,
        None => Some(next_head(registry, base, index, signing, publication.now)?),
    };
    Ok(Prepared {
        trust: signing.and_then(|signing| signing.trust.clone()),
        next,
        settings: publication.settings.clone(),
        changed,
    })
}

/// Makes the next head, signed if the registry has keys.
fn next_head(
    registry: &Registry,
    base: &Base,
    index: IndexRoot,
    signing: Option<&Signing<'_>>,
    now: u64,
) -> Result<Document<Head>, PublishError> {
    let issued = now.min(canonical::MAX_INTEGER);
    let before = base.head.as_ref();
    let last = |head: &&Document<Head>| head.body().version == canonical::MAX_INTEGER;
    let Some(signing) = signing else {
        if before.filter(last).is_some() {
            return Err(PublishError::LastVersion(registry.root().to_owned()));
        }
        let head = Head::unsigned(index, issued, before.map(|head| (head.body(), head.id())));
        let unsigned = Document::new(head).map_err(|source| RegistryError::Document {
            path: registry.path(&Place::Head),
            source,
        })?;
        return Ok(unsigned);
    };
    let begun = &signing.author.trust().body().head_base;
    let before = before.filter(|head| head.body().epoch == begun.epoch);
    if before.filter(last).is_some() {
        return Err(PublishError::LastVersion(registry.root().to_owned()));
    }
    let head = Head {
        epoch: begun.epoch,
        expires: Some(issued.saturating_add(signing.term)),
        previous: before.map_or(begun.id, |head| Some(head.id())),
        version: before.map_or(1, |head| head.body().version + 1),
        ..Head::unsigned(index, issued, None)
    };
    signing
        .author
        .head(head)
        .map_err(|source| unsigned(registry, "the head".to_owned(), source))
}

/// Refuses a new name that differs from another only in case.
fn check_case(entries: &Entries, changeset: &Changeset) -> Result<(), PublishError> {
    let mut new = FoldedNames::default();
    for (subject, _) in &changeset.present {
        let reference = format!("{}:{}", subject.repository, subject.tag);
        new.insert(&reference)
            .map_err(|other| PublishError::CaseCollision(other, reference))?;
    }
    // Published names do not collide with each other, and most namespaces not with new names.
    for (namespace, keys) in entries
        .iter()
        .filter(|(namespace, _)| new.has_folded(namespace.as_str()))
    {
        for key in keys.keys() {
            let reference = format!("{namespace}/{key}");
            if let Some(other) = new.collision(&reference) {
                return Err(PublishError::CaseCollision(reference, other.clone()));
            }
        }
    }
    Ok(())
}
