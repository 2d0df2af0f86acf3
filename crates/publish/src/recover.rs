//! What a writer finds: it finishes what a killed run began before it goes on.

use sreg_index::hasher::Observer;
use sreg_model::Document;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::lock::Pin;
use sreg_model::trust::Trust;
use sreg_registry::derive::{Lines, lines};
use sreg_registry::heads::{self, HeadCursor, NextSlot};
use sreg_registry::journal::{Journal, Version, parse};
use sreg_registry::trust::read_trust;
use sreg_registry::{Registry, RegistryError};
use sreg_sign::policy::PolicyError;
use sreg_sign::{TrustChain, check_known_head, check_seen_slot, seen_slot};

use crate::update_views::{self, ViewsAt};
use crate::writer::Writer;

/// What is published already.
pub struct Base {
    /// Every version of trust; nothing where the registry has no keys.
    pub trust_chain: Option<TrustChain>,
    /// The newest head; nothing where nothing was published yet. Where a new epoch of heads has
    /// begun and has none yet, the one that it begins after.
    pub head: Option<Document<Head>>,
    /// The head that the views show.
    pub shown: Option<Document<Head>>,
    /// What stands in the slot after the newest head, and is none.
    pub junk: Option<Vec<u8>>,
}

impl Base {
    /// What is published, for who only reads.
    ///
    /// # Errors
    /// Those of reading trust and heads.
    pub fn read(registry: &Registry) -> Result<Self, RegistryError> {
        let trust_chain = registry.trust_chain()?;
        let head = heads::newest(registry, trust_chain.as_ref())?;
        Ok(Self {
            trust_chain,
            head,
            shown: None,
            junk: None,
        })
    }

    /// What views show before `newest` is shown: where that is of a later epoch, others may have written
    /// views of what it has left behind.
    pub(crate) fn views_before(&self, newest: &Document<Head>) -> ViewsAt<'_> {
        let shown = self.shown.as_ref();
        match shown.is_none_or(|shown| shown.body().epoch == newest.body().epoch) {
            true => ViewsAt::of(shown),
            false => ViewsAt::at_most(shown),
        }
    }

    /// Refuses to go on from what is older than what is known, or from another registry.
    ///
    /// # Errors
    /// `Policy` if the registry is another one, or older than what is known.
    pub fn check_known(&self, registry: &Registry, known: &[Pin]) -> Result<(), RegistryError> {
        let refused = |place: Place| {
            let path = registry.path(&place);
            move |source| RegistryError::Policy { path, source }
        };
        for known in known {
            let trust_chain = self.trust_chain.as_ref();
            let trust_chain = trust_chain.ok_or(PolicyError::Unsigned(known.id));
            let trust_chain = trust_chain.map_err(refused(Place::Trust(1)))?;
            let newest = Place::Trust(trust_chain.newest().body().version);
            trust_chain.check_known(known).map_err(refused(newest))?;
            if let Some(head) = &self.head {
                check_known_head(known, head).map_err(refused(Place::Head))?;
                if let Some(slot) = seen_slot(known, trust_chain)
                    && let Place::HeadSlot { epoch, version } = slot
                    && let Some(found) = registry.head_slot(epoch, version)?
                {
                    check_seen_slot(known, &found).map_err(refused(slot))?;
                }
            }
        }
        Ok(())
    }

    /// All trust once `trust` is published, too.
    pub(crate) fn series_after(&self, trust: Option<&Document<Trust>>) -> Option<TrustChain> {
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

    /// All lines of the index.
    ///
    /// # Errors
    /// Those of reading the index.
    pub fn lines(&self, writer: &dyn Writer) -> Result<Lines, RegistryError> {
        lines(writer.registry(), self.head.as_ref().map(Document::body))
    }
}

/// Returns what is published, without a look at whether a head follows the one in `head`: the creation of its slot
/// tells. `None` if anything is unfinished: `head` and the journal name different versions, or trust is about to
/// be published.
///
/// # Errors
/// Those of reading trust, the journal and `head`.
pub(crate) fn read_quickly(writer: &dyn Writer) -> Result<Option<Base>, RegistryError> {
    let registry = writer.registry();
    let Some(journal) = writer.journal()? else {
        return Ok(None);
    };
    let trust_chain = registry.trust_chain()?;
    let Some((head, true)) = heads::copied(registry, trust_chain.as_ref())? else {
        return Ok(None);
    };
    let is_shown = journal.shown.is_some_and(|shown| shown.id == head.id());
    if journal.trust.is_some() || !is_shown {
        return Ok(None);
    }
    check_newest(registry, trust_chain.as_ref(), &head)?;
    registry.keep_head(&head);
    Ok(Some(Base {
        trust_chain,
        shown: Some(head.clone()),
        head: Some(head),
        junk: None,
    }))
}

/// Finishes what a killed run began: publishes what it had signed, moves `head` on to the newest
/// version, and brings the views to it.
///
/// # Errors
/// When trust is malformed or not signed as it should be, the newest head does not count, or the registry
/// cannot be written.
pub fn recover(writer: &dyn Writer, observer: &dyn Observer) -> Result<Base, RegistryError> {
    let base = recover_any(writer, observer)?;
    if let Some(newest) = &base.head {
        check_newest(writer.registry(), base.trust_chain.as_ref(), newest)?;
    }
    Ok(base)
}

/// The same where the newest head need not count: it is to be left behind.
///
/// # Errors
/// As [`recover`], but for the newest head.
pub(crate) fn recover_any(
    writer: &dyn Writer,
    observer: &dyn Observer,
) -> Result<Base, RegistryError> {
    let registry = writer.registry();
    let journal = writer.journal()?;
    let mut trust_chain = registry.trust_chain()?;
    if let Some(begun) = journal.as_ref().filter(|begun| begun.trust.is_some()) {
        tracing::info!("finishing a version that another run began to publish");
        let finished = finish(writer, begun, trust_chain);
        // Somebody was faster: it never will be published.
        if matches!(finished, Ok(_) | Err(RegistryError::Conflict(_))) {
            writer.settle(begun)?;
        }
        trust_chain = finished?;
    }
    let Some(end) = heads::end(registry, trust_chain.as_ref())? else {
        return Ok(Base {
            trust_chain,
            head: None,
            shown: None,
            junk: None,
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
    let junk = match end.next {
        NextSlot::Invalid(bytes) => Some(bytes),
        // Its trust is published next.
        NextSlot::Unsettled => return Err(RegistryError::Overtaken),
        NextSlot::Empty | NextSlot::Head(_) => None,
    };
    // That it was put back is not known yet.
    if end.lost.is_none() && counts {
        registry.keep_head(&newest);
    }
    let shown = match &journal {
        Some(journal) => shown(registry, journal, &newest)?,
        None => Some(newest.clone()),
    };
    let mut base = Base {
        trust_chain,
        shown,
        head: Some(newest.clone()),
        junk,
    };
    // In a store whoever is publishing meanwhile brings `head` and the views along; so does this run,
    // once it has.
    if counts && !writer.is_shared() {
        let line = HeadCursor {
            trust_chain: base.trust_chain.as_ref(),
            head: &newest,
        };
        writer.advance(line)?;
        if journal.is_some() {
            update_views::update_views(writer, base.views_before(&newest), line, observer)?;
            writer.end(&newest)?;
            base.shown = Some(newest);
        }
    }
    Ok(base)
}

/// The head that a journal says all views show; nothing, where there is no such head.
fn shown(
    registry: &Registry,
    journal: &Journal,
    newest: &Document<Head>,
) -> Result<Option<Document<Head>>, RegistryError> {
    let shown = journal.shown;
    match shown.filter(|shown| shown.version() <= Version::of(newest.body())) {
        Some(shown) if shown.id == newest.id() => Ok(Some(newest.clone())),
        Some(shown) => shown.find(registry),
        None => Ok(None),
    }
}

/// Puts the newest head back into its slot, which has lost it.
fn put_back(writer: &dyn Writer, head: &Document<Head>) -> Result<(), RegistryError> {
    let (epoch, version) = (head.body().epoch, head.body().version);
    let slot = Place::HeadSlot { epoch, version };
    let found = writer.registry().slot(&slot)?;
    writer.create(&slot, head.bytes(), found.as_deref())
}

/// Nothing is published on top of a head that readers refuse.
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

/// Publishes the head, and the trust that it was made under, that a killed run had signed and begun to
/// publish. What does not follow, or what somebody else was faster than, never will be published.
fn finish(
    writer: &dyn Writer,
    begun: &Journal,
    trust_chain: Option<TrustChain>,
) -> Result<Option<TrustChain>, RegistryError> {
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

/// Creates a version of trust. The same with other signatures is the same.
pub(crate) fn create_trust(
    writer: &dyn Writer,
    trust: &Document<Trust>,
) -> Result<(), RegistryError> {
    let version = trust.body().version;
    match writer.create(&Place::Trust(version), trust.bytes(), None) {
        Err(RegistryError::Conflict(path)) => match read_trust(writer.registry(), version) {
            Ok(found) if found.id() == trust.id() => Ok(()),
            Err(error @ (RegistryError::Store(_) | RegistryError::Read { .. })) => Err(error),
            Ok(_) | Err(_) => Err(RegistryError::Conflict(path)),
        },
        created => created,
    }
}

/// Publishes a head that was signed, unless it does not follow or somebody was faster: whether it is
/// published.
fn finish_head(
    writer: &dyn Writer,
    trust_chain: &TrustChain,
    head: &Document<Head>,
) -> Result<bool, RegistryError> {
    let (epoch, version) = (head.body().epoch, head.body().version);
    let registry = writer.registry();
    let before = match version {
        1 => None,
        _ => match registry.head_slot(epoch, version - 1) {
            Ok(before) => before,
            Err(RegistryError::Document { .. } | RegistryError::Mismatch { .. }) => None,
            Err(error) => return Err(error),
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
