//! The chain of heads (`spec/head.md`), and the trust chain behind it (`spec/trust.md`).
//!
//! A reader follows the chain from slot to slot. Slot content that does not follow the previous head is
//! invalid and ends the chain, as an empty slot does (COM-23).

use sreg_model::Document;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_sign::TrustChain;

use crate::error::RegistryError;
use crate::journal;
use crate::registry::Registry;

/// The maximal number of heads that a reader follows from a `head` that is out of date.
const MOST_LAG: u64 = 64;

/// A head, and the trust chain to check it against.
#[derive(Debug, Clone, Copy)]
pub struct HeadCursor<'a> {
    /// All trust versions; `None` if the registry has no keys.
    pub trust_chain: Option<&'a TrustChain>,
    /// The head.
    pub head: &'a Document<Head>,
}

/// The content of the slot after a head.
#[derive(Debug)]
pub enum NextSlot {
    /// The slot is empty.
    Empty,
    /// A head that follows.
    Head(Box<Document<Head>>),
    /// Invalid slot content, which can never become valid: its first bytes.
    Invalid(Vec<u8>),
    /// Content that the known trust cannot decide: a later trust document exists or is about to be published.
    Unsettled,
}

/// The end of a chain of heads.
#[derive(Debug)]
pub struct ChainEnd {
    /// The last head.
    pub head: Document<Head>,
    /// The content of the next slot, which is not a head.
    pub next: NextSlot,
    /// The copy in `head`, if its slot has lost it.
    pub lost: Option<Document<Head>>,
}

impl ChainEnd {
    /// Returns whether the head is valid under the newest trust.
    pub fn counts(&self, trust_chain: Option<&TrustChain>) -> bool {
        match trust_chain {
            Some(trust_chain) => trust_chain.check_newest_head(&self.head).is_ok(),
            None => self.head.body().registry.is_none(),
        }
    }
}

impl HeadCursor<'_> {
    /// Reads the slot after the head.
    ///
    /// # Errors
    /// `Read` or `Store` if the slot, the journal or trust cannot be read.
    pub fn next(&self, registry: &Registry) -> Result<NextSlot, RegistryError> {
        let body = self.head.body();
        let slot = Place::HeadSlot {
            epoch: body.epoch,
            version: body.version.saturating_add(1),
        };
        let Some(bytes) = registry.slot(&slot)? else {
            return Ok(NextSlot::Empty);
        };
        if let Some(next) = following(self.trust_chain, Some(self.head), &slot, &bytes) {
            return Ok(NextSlot::Head(Box::new(next)));
        }
        Ok(match is_settled(registry, self.trust_chain)? {
            true => NextSlot::Invalid(bytes),
            false => NextSlot::Unsettled,
        })
    }

    /// Returns whether no head follows, and no later trust that may drop this one.
    ///
    /// # Errors
    /// `Read` or `Store` if the slot, the journal or trust cannot be read.
    pub fn is_newest(&self, registry: &Registry) -> Result<bool, RegistryError> {
        let is_last = matches!(self.next(registry)?, NextSlot::Empty | NextSlot::Invalid(_));
        Ok(is_last && !has_later_trust(registry, self.trust_chain)?)
    }

    /// Follows the chain to its end.
    ///
    /// # Errors
    /// `Read` or `Store` if a slot, the journal or trust cannot be read.
    pub fn end(&self, registry: &Registry) -> Result<ChainEnd, RegistryError> {
        self.end_within(registry, u64::MAX)
    }

    fn end_within(&self, registry: &Registry, max_heads: u64) -> Result<ChainEnd, RegistryError> {
        let mut head = self.head.clone();
        let mut left = max_heads;
        loop {
            let trust_chain = self.trust_chain;
            let line = HeadCursor {
                trust_chain,
                head: &head,
            };
            match line.next(registry)? {
                NextSlot::Head(next) if left > 0 => head = *next,
                next => {
                    let lost = None;
                    return Ok(ChainEnd { head, next, lost });
                }
            }
            left -= 1;
        }
    }
}

/// Parses the content of `slot` as a head that follows `before`. Without `before` any first head is accepted:
/// of the registry, or of an epoch whose base cannot be read.
pub fn following(
    trust_chain: Option<&TrustChain>,
    before: Option<&Document<Head>>,
    slot: &Place,
    bytes: &[u8],
) -> Option<Document<Head>> {
    let head = Document::<Head>::parse(bytes.to_vec()).ok()?;
    let body = head.body();
    let (epoch, version) = (body.epoch, body.version);
    if *slot != (Place::HeadSlot { epoch, version }) {
        return None;
    }
    let previous = match before {
        Some(before) => Some(before.id()),
        None => trust_chain.and_then(|trust_chain| trust_chain.base(epoch)?.id),
    };
    let trust = |head: &Head| head.trust.map_or(0, |trust| trust.version);
    let is_later = before.is_none_or(|before| trust(before.body()) <= trust(body));
    (body.previous == previous && is_later && is_sound(trust_chain, &head)).then_some(head)
}

/// Returns whether a head is signed as the trust that it names requires.
fn is_sound(trust_chain: Option<&TrustChain>, head: &Document<Head>) -> bool {
    match trust_chain {
        Some(trust_chain) if head.body().epoch > 0 => {
            trust_chain.check_head_in_its_time(head).is_ok()
        }
        _ => head.body().registry.is_none(),
    }
}

/// Returns whether no trust later than `trust_chain` is published or about to be. A writer notes it in the
/// journal before it creates the slot of the head that goes with it.
///
/// # Errors
/// `Read` or `Store` if the journal or trust cannot be read.
pub fn is_settled(
    registry: &Registry,
    trust_chain: Option<&TrustChain>,
) -> Result<bool, RegistryError> {
    if journal::journal(registry)?.is_some_and(|journal| journal.trust.is_some()) {
        return Ok(false);
    }
    has_later_trust(registry, trust_chain).map(|later| !later)
}

/// Returns whether a trust version later than `trust_chain` is published.
///
/// # Errors
/// `Read` or `Store` if it cannot be read.
pub fn has_later_trust(
    registry: &Registry,
    trust_chain: Option<&TrustChain>,
) -> Result<bool, RegistryError> {
    let version = trust_chain.map_or(0, |trust_chain| trust_chain.newest().body().version);
    match registry.size(&Place::Trust(version + 1)) {
        Ok(_) => Ok(true),
        Err(RegistryError::Missing { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns the newest head: the one in `head`, or a later one whose run was killed before it updated `head`.
/// If the slot of its version contains another valid head, that one counts, because `head` is only a copy.
/// With keys, it is a head of trust's current epoch, or the one that this epoch begins after.
///
/// # Errors
/// `NoHead` if none is published; otherwise as [`end`].
pub fn newest(
    registry: &Registry,
    trust_chain: Option<&TrustChain>,
) -> Result<Option<Document<Head>>, RegistryError> {
    Ok(end(registry, trust_chain)?.map(|end| end.head))
}

/// Returns the end of the chain of heads; `None` if none is published.
///
/// # Errors
/// `Read` or `Store` if a slot, the journal or trust cannot be read; `Missing` if a signed head has no trust.
pub fn end(
    registry: &Registry,
    trust_chain: Option<&TrustChain>,
) -> Result<Option<ChainEnd>, RegistryError> {
    let from = |head: &Document<Head>| HeadCursor { trust_chain, head }.end(registry);
    if let Some((head, is_kept)) = copied(registry, trust_chain)? {
        let mut end = from(&head)?;
        end.lost = (!is_kept).then_some(head);
        if end.counts(trust_chain) {
            return Ok(Some(end));
        }
    }
    if let Some(head) = noted_head(registry, trust_chain)? {
        let end = from(&head)?;
        if end.counts(trust_chain) {
            return Ok(Some(end));
        }
    }
    // Follows all of them: content by a writer without a key never leads on.
    from_first(registry, trust_chain, u64::MAX)
}

/// Returns the end of the chain of trust's current epoch; if the epoch has no head yet, the head that it
/// begins after.
fn from_first(
    registry: &Registry,
    trust_chain: Option<&TrustChain>,
    max_heads: u64,
) -> Result<Option<ChainEnd>, RegistryError> {
    let epoch = epoch(trust_chain);
    let slot = Place::HeadSlot { epoch, version: 1 };
    let found = registry.slot(&slot)?;
    let first = found
        .as_deref()
        .and_then(|bytes| following(trust_chain, None, &slot, bytes));
    if let Some(head) = first {
        let head = &head;
        return HeadCursor { trust_chain, head }
            .end_within(registry, max_heads)
            .map(Some);
    }
    let base = trust_chain.and_then(|trust_chain| trust_chain.newest().body().head_base.version);
    let Some(version) = base else {
        return Ok(None);
    };
    let head = registry.head_slot(epoch - 1, version)?;
    let next = match found {
        None => NextSlot::Empty,
        Some(bytes) if is_settled(registry, trust_chain)? => NextSlot::Invalid(bytes),
        Some(_) => NextSlot::Unsettled,
    };
    let lost = None;
    Ok(head.map(|head| ChainEnd { head, next, lost }))
}

/// Returns the head in the slot of the version of `head`, or the copy in `head` itself, if it is of the
/// current epoch; also returns whether its slot has it. Does not look for later heads.
///
/// # Errors
/// `Read` or `Store` if `head`, the slot or trust cannot be read; `Missing` if a signed head has no trust.
pub fn copied(
    registry: &Registry,
    trust_chain: Option<&TrustChain>,
) -> Result<Option<(Document<Head>, bool)>, RegistryError> {
    let copy = match registry.head() {
        Ok(copy) => copy,
        // `head` is only a copy: if a folder has something else in its place, the slots decide.
        Err(
            RegistryError::NoHead(_) | RegistryError::Document { .. } | RegistryError::Read { .. },
        ) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if trust_chain.is_none() && copy.body().registry.is_some() {
        return Err(registry.missing(&Place::Trust(1)));
    }
    if copy.body().epoch != epoch(trust_chain) {
        return Ok(None);
    }
    let kept = sound_slot(
        registry,
        trust_chain,
        copy.body().epoch,
        copy.body().version,
    )?;
    Ok(match kept {
        Some(kept) => Some((kept, true)),
        None => is_sound(trust_chain, &copy).then_some((copy, false)),
    })
}

/// Returns the head that all views show, if it is of the current epoch.
fn noted_head(
    registry: &Registry,
    trust_chain: Option<&TrustChain>,
) -> Result<Option<Document<Head>>, RegistryError> {
    let noted = journal::journal(registry)?.and_then(|journal| journal.views_at);
    let Some(noted) = noted.filter(|noted| noted.epoch == epoch(trust_chain)) else {
        return Ok(None);
    };
    Ok(noted
        .find(registry)?
        .filter(|head| is_sound(trust_chain, head)))
}

/// Returns the head in a slot, if it is signed as trust requires.
fn sound_slot(
    registry: &Registry,
    trust_chain: Option<&TrustChain>,
    epoch: u64,
    version: u64,
) -> Result<Option<Document<Head>>, RegistryError> {
    match registry.head_slot(epoch, version) {
        Ok(found) => Ok(found.filter(|head| is_sound(trust_chain, head))),
        Err(RegistryError::Document { .. } | RegistryError::Mismatch { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

fn epoch(trust_chain: Option<&TrustChain>) -> u64 {
    trust_chain.map_or(0, |trust_chain| trust_chain.newest().body().head_base.epoch)
}

/// Returns the newest head for a reader that found one that trust does not accept; `None` if no later one is
/// valid. Trust and head are published one after the other, and the slot exists before the trust document
/// (HEAD-17).
///
/// # Errors
/// `Read` or `Store` if a slot, the journal or trust cannot be read.
pub fn behind(
    registry: &Registry,
    trust_chain: &TrustChain,
    lagging: &Head,
) -> Result<Option<Document<Head>>, RegistryError> {
    let epoch = trust_chain.newest().body().head_base.epoch;
    let newest = match lagging.epoch == epoch {
        true => {
            let Some(start) = sound_slot(registry, Some(trust_chain), epoch, lagging.version)?
            else {
                return Ok(None);
            };
            let line = HeadCursor {
                trust_chain: Some(trust_chain),
                head: &start,
            };
            Some(line.end_within(registry, MOST_LAG)?.head)
        }
        false => from_first(registry, Some(trust_chain), MOST_LAG)?.map(|end| end.head),
    };
    Ok(newest.filter(|newest| trust_chain.check_newest_head(newest).is_ok()))
}

/// Returns the slot of the head before `head`; `None` for the first of all, or if only unknown trust can
/// tell.
pub fn slot_before(head: &Head, trust_chain: Option<&TrustChain>) -> Option<Place> {
    if head.version > 1 {
        let (epoch, version) = (head.epoch, head.version - 1);
        return Some(Place::HeadSlot { epoch, version });
    }
    let epoch = head.epoch.checked_sub(1)?;
    let version = trust_chain?.base(head.epoch)?.version?;
    Some(Place::HeadSlot { epoch, version })
}

/// Returns the head before `head`, if there is one.
///
/// # Errors
/// `Mismatch` if its slot is empty or contains another head, or if the first head of an epoch follows another
/// than trust states; `Document` if it is malformed; `Read` or `Store` if it cannot be read.
pub fn before(
    registry: &Registry,
    head: &Head,
    trust_chain: Option<&TrustChain>,
) -> Result<Option<Document<Head>>, RegistryError> {
    if head.version == 1
        && let Some(base) = trust_chain.and_then(|trust_chain| trust_chain.base(head.epoch))
        && base.id != head.previous
    {
        let (epoch, version) = (head.epoch, head.version);
        return Err(RegistryError::Mismatch {
            path: registry.path(&Place::HeadSlot { epoch, version }),
            what: "does not follow the head that trust names as the last one of the earlier epoch"
                .to_owned(),
        });
    }
    let (Some(id), Some(slot)) = (head.previous, slot_before(head, trust_chain)) else {
        return Ok(None);
    };
    let Place::HeadSlot { epoch, version } = slot else {
        return Ok(None);
    };
    let mismatch = |what: String| RegistryError::Mismatch {
        path: registry.path(&slot),
        what,
    };
    let previous = registry
        .head_slot(epoch, version)?
        .ok_or_else(|| mismatch("missing, but a later head names it".to_owned()))?;
    match previous.id() {
        found if found == id => Ok(Some(previous)),
        found => Err(mismatch(format!(
            "id is {found}, but the next head names {id}"
        ))),
    }
}
