//! The commit: publishes head and trust, then updates the views (`spec/commit.md`).

use sreg_model::Document;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::trust::Trust;
use sreg_registry::Registry;
use sreg_registry::derive::Entries;
use sreg_registry::heads::{self, HeadCursor, has_later_trust};
use sreg_registry::journal::{Journal, Noted};
use sreg_registry::trust::read_trust;
use sreg_sign::TrustChain;

use crate::attempts::ATTEMPTS;
use crate::error::PublishError;
use crate::progress::Progress;
use crate::recover::{Base, create_trust};
use crate::update_views::{self, ViewsAt};
use crate::version::{Prepared, Publication, prepare};
use crate::writer::Writer;
use sreg_registry::RegistryError;

/// The files and folders that every version writes: head, slot, trust, journal.
const FILES: usize = 8;
/// The views of a new tag for two architectures, with their folders.
const FILES_OF_A_TAG: usize = 32;

/// A published version.
#[derive(Debug, Clone)]
pub struct Published {
    /// The newest head.
    pub head: Document<Head>,
    /// All trust versions; `None` if the registry has no keys.
    pub trust_chain: Option<TrustChain>,
    /// Whether there is a new version; `false` if nothing had to change.
    pub changed: bool,
}

/// Publishes a version, unless it changes nothing. Returns the newest head.
///
/// The images and digest chains of the changeset must already be in the registry.
///
/// # Errors
/// Those of reading and writing the registry; `Conflict` or `Overtaken` if another publisher was faster.
pub fn publish(
    writer: &mut dyn Writer,
    base: &Base,
    entries: &Entries,
    publication: &Publication<'_>,
    progress: &dyn Progress,
) -> Result<Published, PublishError> {
    let prepared = prepare(writer.registry(), writer, base, entries, publication)?;
    carry_out(writer, base, &prepared, progress)
}

/// Publishes a prepared version. Returns the newest head. Statements, nodes, images and digest chains must
/// already be in the registry.
///
/// Readers see no change before the commit; if the run is killed after it, the next run finishes it.
pub(crate) fn carry_out(
    writer: &mut dyn Writer,
    base: &Base,
    prepared: &Prepared,
    progress: &dyn Progress,
) -> Result<Published, PublishError> {
    let nothing = || RegistryError::NoHead(writer.registry().root().to_owned());
    if prepared.is_nothing(writer.registry()) {
        let newest = base.head.clone().ok_or_else(nothing)?;
        writer.advance(HeadCursor {
            trust_chain: base.trust_chain.as_ref(),
            head: &newest,
        })?;
        // A killed run may have left views unwritten, and no other run may follow.
        if base.views_at.as_ref().map(Document::id) != Some(newest.id()) {
            let views_at = base.views_before(&newest);
            show(
                writer,
                base.trust_chain.clone(),
                views_at,
                &newest,
                progress,
            )?;
        }
        return Ok(Published {
            head: newest,
            trust_chain: base.trust_chain.clone(),
            changed: false,
        });
    }
    check_room(writer, prepared, 0)?;
    let (trust, next) = (prepared.trust.as_ref(), prepared.next.as_ref());
    let same_settings = *writer.registry().settings() == prepared.settings;
    let noted = base.views_at.as_ref().filter(|_| same_settings);
    let noted = noted.map(Noted::of);
    writer.begin(&Journal::new(noted).with(trust, next))?;
    writer.sync()?;
    let trust_chain = base.trust_chain_after(trust);
    let newest = commit(writer, base, trust_chain.as_ref(), trust, next)?;
    let newest = newest.or(base.head.as_ref()).ok_or_else(nothing)?;
    if !same_settings {
        writer.replace_settings(&prepared.settings)?;
    }
    progress.committed(newest.body());
    let views_at = match same_settings {
        true => base.views_before(newest),
        false => ViewsAt::at_most(base.views_at.as_ref()),
    };
    let last_chain = show(writer, trust_chain.clone(), views_at, newest, progress)?;
    // COM-25: a trust document published meanwhile may begin an epoch before this head.
    let (epoch, version) = (newest.body().epoch, newest.body().version);
    let is_abandoned = |chain: &TrustChain| chain.is_abandoned(epoch, version);
    if next.is_some() && last_chain.as_ref().is_some_and(is_abandoned) {
        return Err(PublishError::Overtaken);
    }
    Ok(Published {
        head: newest.clone(),
        trust_chain,
        changed: true,
    })
}

/// Checks that the files of the commit, its views and `more` files fit, so that a run that cannot succeed
/// takes no space.
pub(crate) fn check_room(
    writer: &dyn Writer,
    prepared: &Prepared,
    more: usize,
) -> Result<(), PublishError> {
    writer.check_room(FILES + prepared.changed * FILES_OF_A_TAG + more)
}

/// Notes in the journal that views must be written, before readers see any change.
pub(crate) fn begin_views(writer: &dyn Writer, base: &Base) -> Result<(), PublishError> {
    let views_at = base.views_at.as_ref().map(Noted::of);
    writer.begin(&Journal::new(views_at))?;
    writer.sync()
}

/// Updates the views from `views_at` to the newest head, including heads that others publish meanwhile. Returns
/// the trust chain that is published then.
pub(crate) fn show(
    writer: &dyn Writer,
    mut trust_chain: Option<TrustChain>,
    views_at: ViewsAt<'_>,
    committed: &Document<Head>,
    progress: &dyn Progress,
) -> Result<Option<TrustChain>, PublishError> {
    let mut newest = committed.clone();
    let mut left_behind: Option<Document<Head>> = None;
    for _ in 0..ATTEMPTS {
        let cursor = HeadCursor {
            trust_chain: trust_chain.as_ref(),
            head: &newest,
        };
        let from = match &left_behind {
            Some(head) => ViewsAt::AtMost(head.body()),
            None => views_at,
        };
        let rolled = update_views::update_views(writer, from, cursor, progress);
        let is_shown = !matches!(rolled, Err(PublishError::Overtaken));
        if is_shown {
            rolled?;
            writer.sync()?;
            writer.end(&newest)?;
        }
        if !writer.is_shared() {
            return Ok(trust_chain);
        }
        let registry = writer.registry();
        if is_shown && cursor.is_newest(registry)? {
            return Ok(trust_chain);
        }
        trust_chain = registry.trust_chain()?;
        let Some(found) = heads::newest(registry, trust_chain.as_ref())? else {
            return Ok(trust_chain);
        };
        if found.body().epoch > newest.body().epoch {
            left_behind = Some(newest.clone());
        }
        newest = found;
        // Its publisher may have died before this step.
        writer.advance(HeadCursor {
            trust_chain: trust_chain.as_ref(),
            head: &newest,
        })?;
    }
    // Other publishers are so active that they will write the views.
    Ok(trust_chain)
}

/// Publishes head and trust. The slot of the head comes first: it decides whether both are published or
/// another publisher was faster (COM-24). Readers find it through trust.
fn commit<'a>(
    writer: &dyn Writer,
    base: &Base,
    trust_chain: Option<&TrustChain>,
    trust: Option<&Document<Trust>>,
    head: Option<&'a Document<Head>>,
) -> Result<Option<&'a Document<Head>>, PublishError> {
    if let Some(trust) = trust {
        check_unpublished(writer.registry(), trust)?;
    }
    if let Some(head) = head {
        let (epoch, version) = (head.body().epoch, head.body().version);
        let slot = Place::HeadSlot { epoch, version };
        // From now on no other trust can begin its epoch, and no other head can be the first of it.
        let before_the_first = match (trust, version) {
            (Some(_), 1) => writer.registry().slot(&slot)?,
            _ => None,
        };
        let invalid = before_the_first.as_ref().or(base.invalid_slot.as_ref());
        writer.create(&slot, head.bytes(), invalid.map(Vec::as_slice))?;
    }
    if let Some(trust) = trust {
        create_trust(writer, trust)?;
    }
    if let Some(head) = head {
        match trust {
            Some(_) => check_slot(writer.registry(), head)?,
            None if writer.is_shared() => {
                check_not_left_behind(writer.registry(), trust_chain, head)?;
            }
            None => {}
        }
        writer.advance(HeadCursor { trust_chain, head })?;
    }
    Ok(head)
}

/// Refuses a trust version if another one was published since it was made. It is already noted in the
/// journal, so nobody publishes one after this check.
fn check_unpublished(registry: &Registry, trust: &Document<Trust>) -> Result<(), PublishError> {
    let version = trust.body().version;
    match read_trust(registry, version) {
        Err(RegistryError::Missing { .. }) => Ok(()),
        Ok(found) if found.id() == trust.id() => Ok(()),
        Ok(_) => Err(PublishError::Conflict(
            registry.path(&Place::Trust(version)),
        )),
        Err(error) => Err(error.into()),
    }
}

/// Refuses to report a head as published if its slot was taken by a writer that ignores the rules for invalid
/// slot content.
fn check_slot(registry: &Registry, head: &Document<Head>) -> Result<(), PublishError> {
    let (epoch, version) = (head.body().epoch, head.body().version);
    let slot = Place::HeadSlot { epoch, version };
    match registry.slot(&slot)?.as_deref() == Some(head.bytes()) {
        true => Ok(()),
        false => Err(PublishError::Meanwhile {
            path: registry.path(&slot),
            what: "another head replaced it".to_owned(),
        }),
    }
}

/// Refuses to continue with a head if trust published meanwhile begins an epoch before it (COM-25).
fn check_not_left_behind(
    registry: &Registry,
    trust_chain: Option<&TrustChain>,
    head: &Document<Head>,
) -> Result<(), PublishError> {
    if !has_later_trust(registry, trust_chain)? {
        return Ok(());
    }
    let (epoch, version) = (head.body().epoch, head.body().version);
    let trust_chain = registry.trust_chain()?;
    match trust_chain.is_some_and(|chain| chain.is_abandoned(epoch, version)) {
        true => Err(PublishError::Overtaken),
        false => Ok(()),
    }
}
