//! The published state that a writer starts from, and recovery of killed runs.

use sreg_index::hasher::Observer;
use sreg_model::Document;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::lock::Pin;
use sreg_model::trust::Trust;
use sreg_registry::Registry;
use sreg_registry::derive::{Entries, entries};
use sreg_registry::heads::{self, HeadCursor, NextSlot};
use sreg_registry::journal::{Journal, Noted, Version, parse};
use sreg_registry::trust::read_trust;
use sreg_sign::TrustChain;

use crate::error::PublishError;
use crate::update_views::{self, ViewsAt};
use crate::writer::Writer;
use sreg_registry::RegistryError;

/// The published state.
pub struct Base {
    /// All trust versions; `None` if the registry has no keys.
    pub trust_chain: Option<TrustChain>,
    /// The newest head; `None` if nothing is published. In a new epoch without heads, the head that the epoch
    /// begins after.
    pub head: Option<Document<Head>>,
    /// The head that the views show.
    pub views_at: Option<Document<Head>>,
    /// The invalid content of the slot after the newest head, if any.
    pub invalid_slot: Option<Vec<u8>>,
}

impl Base {
    /// Returns the published state, for readers.
    ///
    /// # Errors
    /// Those of reading trust and heads.
    pub fn read(registry: &Registry) -> Result<Self, PublishError> {
        let trust_chain = registry.trust_chain()?;
        let head = heads::newest(registry, trust_chain.as_ref())?;
        Ok(Self {
            trust_chain,
            head,
            views_at: None,
            invalid_slot: None,
        })
    }

    /// Returns what views show before `newest`: if it is of a later epoch, others may have written views of
    /// dropped heads.
    pub(crate) fn views_before(&self, newest: &Document<Head>) -> ViewsAt<'_> {
        let views_at = self.views_at.as_ref();
        match views_at.is_none_or(|views_at| views_at.body().epoch == newest.body().epoch) {
            true => ViewsAt::of(views_at),
            false => ViewsAt::at_most(views_at),
        }
    }

    /// Checks the published state against the pins.
    ///
    /// # Errors
    /// `Policy` if the registry is another one, or older than a pin.
    pub fn check_known(&self, registry: &Registry, known: &[Pin]) -> Result<(), RegistryError> {
        registry.check_pins(self.trust_chain.as_ref(), self.head.as_ref(), known)
    }

    /// Returns the trust chain including `trust`.
    pub(crate) fn trust_chain_after(&self, trust: Option<&Document<Trust>>) -> Option<TrustChain> {
        let Some(trust) = trust else {
            return self.trust_chain.clone();
        };
        match self.trust_chain.clone() {
            None => TrustChain::begin(trust.clone()).ok(),
            Some(mut trust_chain) => trust_chain
                .extend(trust.clone())
                .is_ok()
                .then_some(trust_chain),
        }
    }

    /// Returns all entries of the index.
    ///
    /// # Errors
    /// Those of reading the index.
    pub fn entries(&self, writer: &dyn Writer) -> Result<Entries, RegistryError> {
        entries(writer.registry(), self.head.as_ref().map(Document::body))
    }
}

/// Returns the published state without looking for a later head, which the creation of its slot will reveal.
/// Returns `None` if anything is unfinished: `head` and the journal name different versions, trust is about to be
/// published, or it does not count the head.
///
/// # Errors
/// Those of reading trust, the journal and `head`.
pub(crate) fn read_quickly(writer: &dyn Writer) -> Result<Option<Base>, PublishError> {
    let registry = writer.registry();
    let Some(journal) = writer.journal()? else {
        return Ok(None);
    };
    let trust_chain = registry.trust_chain()?;
    let Some((head, true)) = heads::copied(registry, trust_chain.as_ref())? else {
        return Ok(None);
    };
    let is_shown = journal.views_at == Some(Noted::of(&head));
    // A head that trust no longer counts is followed by one that it does.
    let counts = check_newest(registry, trust_chain.as_ref(), &head).is_ok();
    if journal.trust.is_some() || !is_shown || !counts {
        return Ok(None);
    }
    registry.keep_head(&head);
    Ok(Some(Base {
        trust_chain,
        views_at: Some(head.clone()),
        head: Some(head),
        invalid_slot: None,
    }))
}

/// Finishes a killed run: publishes what it signed, updates `head`, and writes the views.
///
/// # Errors
/// `Document` or `Policy` if trust is malformed or not signed as required, or the newest head is invalid;
/// otherwise those of writing the registry.
pub fn recover(writer: &dyn Writer, observer: &dyn Observer) -> Result<Base, PublishError> {
    let base = recover_any(writer, observer)?;
    if let Some(newest) = &base.head {
        check_newest(writer.registry(), base.trust_chain.as_ref(), newest)?;
    }
    Ok(base)
}

/// Recovers like [`recover`], but accepts an invalid newest head, which will be dropped.
///
/// # Errors
/// As [`recover`], but for the newest head.
pub(crate) fn recover_any(
    writer: &dyn Writer,
    observer: &dyn Observer,
) -> Result<Base, PublishError> {
    let registry = writer.registry();
    let journal = writer.journal()?;
    let mut trust_chain = registry.trust_chain()?;
    if let Some(begun) = journal.as_ref().filter(|begun| begun.trust.is_some()) {
        tracing::info!("finishing a version that another run began to publish");
        let finished = finish(writer, begun, trust_chain);
        // Another publisher was faster: it will never be published.
        if matches!(finished, Ok(_) | Err(PublishError::Conflict(_))) {
            writer.settle(begun)?;
        }
        trust_chain = finished?;
    }
    let Some(end) = heads::end(registry, trust_chain.as_ref())? else {
        return Ok(Base {
            trust_chain,
            head: None,
            views_at: None,
            invalid_slot: None,
        });
    };
    if let Some(lost) = &end.lost {
        tracing::info!(
            version = lost.body().version,
            "restoring the newest head to its slot"
        );
        put_back(writer, lost)?;
    }
    let counts = end.counts(trust_chain.as_ref());
    let newest = end.head;
    let invalid = match end.next {
        NextSlot::Invalid(bytes) => Some(bytes),
        // Its trust is published next.
        NextSlot::Unsettled => return Err(PublishError::Overtaken),
        NextSlot::Empty | NextSlot::Head(_) => None,
    };
    // The restored slot is not read yet.
    if end.lost.is_none() && counts {
        registry.keep_head(&newest);
    }
    let views_at = match &journal {
        Some(journal) => views_at(registry, journal, &newest)?,
        None => Some(newest.clone()),
    };
    let mut base = Base {
        trust_chain,
        views_at,
        head: Some(newest.clone()),
        invalid_slot: invalid,
    };
    // In a store, a concurrent publisher updates `head` and the views; this run does, too, after its commit.
    if counts && !writer.is_shared() {
        let cursor = HeadCursor {
            trust_chain: base.trust_chain.as_ref(),
            head: &newest,
        };
        writer.advance(cursor)?;
        if journal.is_some() {
            update_views::update_views(writer, base.views_before(&newest), cursor, observer)?;
            writer.end(&newest)?;
            base.views_at = Some(newest);
        }
    }
    Ok(base)
}

/// Returns the head that all views show according to a journal; `None` if it does not exist.
fn views_at(
    registry: &Registry,
    journal: &Journal,
    newest: &Document<Head>,
) -> Result<Option<Document<Head>>, RegistryError> {
    let views_at = journal.views_at;
    match views_at.filter(|views_at| views_at.version() <= Version::of(newest.body())) {
        Some(views_at) if views_at == Noted::of(newest) => Ok(Some(newest.clone())),
        Some(views_at) => views_at.find(registry),
        None => Ok(None),
    }
}

/// Restores the newest head to its slot.
fn put_back(writer: &dyn Writer, head: &Document<Head>) -> Result<(), PublishError> {
    let (epoch, version) = (head.body().epoch, head.body().version);
    let slot = Place::HeadSlot { epoch, version };
    let found = writer.registry().slot(&slot)?;
    writer.create(&slot, head.bytes(), found.as_deref())
}

/// Refuses to publish on top of a head that readers refuse.
pub(crate) fn check_newest(
    registry: &Registry,
    trust_chain: Option<&TrustChain>,
    newest: &Document<Head>,
) -> Result<(), RegistryError> {
    let (epoch, version) = (newest.body().epoch, newest.body().version);
    let path = registry.path(&Place::HeadSlot { epoch, version });
    match trust_chain {
        Some(trust_chain) if trust_chain.newest().body().head_base.epoch == epoch => trust_chain
            .check_newest_head(newest)
            .map_err(|source| RegistryError::Policy { path, source }),
        None if newest.body().registry.is_some() => Err(registry.missing(&Place::Trust(1))),
        _ => Ok(()),
    }
}

/// Publishes the head and trust that a killed run signed. A head that does not follow, or lost a race, will
/// never be published.
fn finish(
    writer: &dyn Writer,
    begun: &Journal,
    trust_chain: Option<TrustChain>,
) -> Result<Option<TrustChain>, PublishError> {
    let Some(trust) = parse::<Trust>(begun.trust.as_deref()) else {
        return Ok(trust_chain);
    };
    let version = trust.body().version;
    let there = trust_chain
        .as_ref()
        .and_then(|trust_chain| trust_chain.version(version));
    let is_there = there.is_some_and(|there| there.id() == trust.id());
    let extended = match &trust_chain {
        // Its head may still be missing.
        Some(trust_chain) if is_there => Ok(trust_chain.clone()),
        None => TrustChain::begin(trust.clone()),
        Some(trust_chain) => {
            let mut trust_chain = trust_chain.clone();
            trust_chain.extend(trust.clone()).map(|()| trust_chain)
        }
    };
    let Ok(extended) = extended else {
        return Ok(trust_chain);
    };
    if let Some(head) = parse::<Head>(begun.head.as_deref())
        && !finish_head(writer, &extended, &head)?
    {
        return Ok(trust_chain);
    }
    if !is_there {
        create_trust(writer, &trust)?;
    }
    Ok(Some(extended))
}

/// Creates a trust version. The same body with other signatures counts as the same.
pub(crate) fn create_trust(
    writer: &dyn Writer,
    trust: &Document<Trust>,
) -> Result<(), PublishError> {
    let version = trust.body().version;
    match writer.create(&Place::Trust(version), trust.bytes(), None) {
        Err(PublishError::Conflict(path)) => match read_trust(writer.registry(), version) {
            Ok(found) if found.id() == trust.id() => Ok(()),
            Err(error @ (RegistryError::Store(_) | RegistryError::Read { .. })) => {
                Err(error.into())
            }
            Ok(_) | Err(_) => Err(PublishError::Conflict(path)),
        },
        created => created,
    }
}

/// Publishes a signed head, unless it does not follow or another publisher was faster. Returns whether it is
/// published.
fn finish_head(
    writer: &dyn Writer,
    trust_chain: &TrustChain,
    head: &Document<Head>,
) -> Result<bool, PublishError> {
    let (epoch, version) = (head.body().epoch, head.body().version);
    let registry = writer.registry();
    let before = match version {
        1 => None,
        _ => match registry.head_slot(epoch, version - 1) {
            Ok(before) => before,
            Err(RegistryError::Document { .. } | RegistryError::Mismatch { .. }) => None,
            Err(error) => return Err(error.into()),
        },
    };
    let slot = Place::HeadSlot { epoch, version };
    let follows = |bytes: &[u8]| {
        (version == 1 || before.is_some())
            && heads::following(Some(trust_chain), before.as_ref(), &slot, bytes).is_some()
    };
    if trust_chain.check_newest_head(head).is_err() || !follows(head.bytes()) {
        return Ok(false);
    }
    let found = registry.slot(&slot)?;
    if found
        .as_ref()
        .is_some_and(|found| found != head.bytes() && follows(found))
    {
        return Ok(false);
    }
    writer.create(&slot, head.bytes(), found.as_deref())?;
    Ok(true)
}
