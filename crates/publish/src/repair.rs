//! Rewrites derived files: the copy of the head, views, digest chains (`spec/cli.md`).

use std::collections::HashSet;

use rayon::prelude::*;
use sreg_index::hasher::{self, IoMode, Observer};
use sreg_model::fault::Code;
use sreg_model::layout::Place;
use sreg_model::lock::Pin;
use sreg_model::node::TagEntry;
use sreg_model::statement::Statement;
use sreg_registry::heads::HeadCursor;
use sreg_registry::journal::Journal;
use sreg_registry::reachable::reachable;
use sreg_registry::verify::{self, BlobCheck, Fault, Options};
use sreg_registry::{Registry, derive};

use crate::attempts::until_won;
use crate::commit::show;
use crate::destination::Destination;
use crate::error::PublishError;
use crate::folder_writer::FolderWriter;
use crate::progress::Progress;
use crate::recover::{Base, recover};
use crate::session::Session;
use crate::update_views::ViewsAt;
use crate::writer::Writer;
use sreg_registry::RegistryError;

/// The result of a repair.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repaired {
    /// The repaired faults, by path.
    pub mended: Vec<Fault>,
    /// The remaining faults, which cannot be derived.
    pub left: Vec<Fault>,
}

/// Rewrites all files that can be derived from the newest head. In a folder, reads images whose digest chain
/// is wrong and images that no version names, and removes damaged ones of the latter. Leaves anything that is
/// not a file.
///
/// # Errors
/// `Policy` if the newest head is older than its pin; otherwise those of reading the head and index and of
/// writing the registry.
pub fn repair(destination: &Destination, session: &Session<'_>) -> Result<Repaired, PublishError> {
    let (known, progress) = (session.pins, session.progress);
    let options = Options {
        now: session.now,
        strays: true,
        ..Options::new(BlobCheck::Head, IoMode::Auto)
    };
    let Some(folder) = destination.store.capabilities().folder else {
        let writer = destination.open_there(progress)?;
        let nothing = |_: &Base, _: &[Fault]| Ok(false);
        return destination.at_once(|| repair_by(&*writer, known, progress, &options, &nothing));
    };
    let registry = Registry::in_store(destination.store.clone())?;
    let writer = FolderWriter::open(folder, registry.settings(), progress)?;
    let writer = writer.pass_over();
    let tidy = |base: &Base, faults: &[Fault]| {
        let is_damaged = take_damaged_away(&writer, base, faults, progress)?;
        Ok(remove_stale(&writer, base, faults)? || is_damaged)
    };
    repair_by(&writer, known, progress, &options, &tidy)
}

/// Removes faulty files that cannot be repaired. Returns whether there were any.
type Tidy<'a> = dyn Fn(&Base, &[Fault]) -> Result<bool, PublishError> + Sync + 'a;

/// Repairs what it can, then `tidy`s up. Returns whether anything changed.
fn repair_by(
    writer: &dyn Writer,
    known: &[Pin],
    progress: &dyn Progress,
    options: &Options,
    tidy: &Tidy<'_>,
) -> Result<Repaired, PublishError> {
    let look = || {
        let report = match writer.is_shared() {
            true => verify::verify_registry(writer.registry(), options, progress),
            // This run is the only writer.
            false => verify::verify_once(writer.registry(), options, progress),
        };
        Ok::<_, PublishError>(report?.faults)
    };
    let before = look()?;
    // A store's stray objects and keys that end with a slash are not listed. In a folder, an interrupted run
    // may have touched files.
    if before.is_empty() && !writer.is_shared() && writer.journal()?.is_none() {
        Base::read(writer.registry())?.check_known(writer.registry(), known)?;
        return Ok(Repaired::default());
    }
    let is_foreign = |fault: &&Fault| fault.code == Code::StrayView;
    let foreign = before.iter().filter(is_foreign);
    writer.leave(
        foreign
            .filter_map(|fault| Place::parse(&fault.path))
            .collect(),
    );
    let store = writer.registry().store().clone();
    let left = until_won(&*store, |_| {
        let base = match mend(writer, known, progress) {
            // Removals may free space.
            Err(error) if error.code() == "no-space" => {
                tidy(&Base::read(writer.registry())?, &before)?;
                mend(writer, known, progress)?
            }
            mended => mended?,
        };
        let left = look()?;
        // In a store, a stale view now was written since by a publisher that checks again.
        match tidy(&base, &left)? {
            true => look(),
            false => Ok(left),
        }
    })?;
    let is_gone = |fault: &Fault| !left.iter().any(|other| other.path == fault.path);
    let mended = before.into_iter().filter(is_gone).collect();
    Ok(Repaired { mended, left })
}

fn mend(writer: &dyn Writer, known: &[Pin], progress: &dyn Progress) -> Result<Base, PublishError> {
    let registry = writer.registry();
    let base = recover(writer, progress)?;
    base.check_known(registry, known)?;
    let cursor = cursor_of(&base, registry)?;
    // From a server, a digest chain costs as much as its image: its publisher uploads both again.
    if !writer.is_shared() {
        let lines = derive::entries(registry, Some(cursor.head.body()))?;
        let entries: Vec<&Vec<TagEntry>> = lines.values().flat_map(|keys| keys.values()).collect();
        entries
            .par_iter()
            .try_for_each(|entries| mend_chains(writer, entries, progress))?;
    }
    writer.begin(&Journal::new(None))?;
    writer.advance(cursor)?;
    let (trust_chain, views_at) = (
        base.trust_chain.clone(),
        ViewsAt::at_most(base.views_at.as_ref()),
    );
    show(writer, trust_chain, views_at, cursor.head, progress)?;
    Ok(base)
}

fn cursor_of<'a>(base: &'a Base, registry: &Registry) -> Result<HeadCursor<'a>, PublishError> {
    let no_head = || RegistryError::NoHead(registry.root().to_owned());
    Ok(HeadCursor {
        trust_chain: base.trust_chain.as_ref(),
        head: base.head.as_ref().ok_or_else(no_head)?,
    })
}

/// Removes the faulty views that an older head derives; foreign files are never deleted. Returns whether
/// there were any.
fn remove_stale(writer: &dyn Writer, base: &Base, faults: &[Fault]) -> Result<bool, PublishError> {
    let stale: Vec<Place> = faults
        .iter()
        .filter(|fault| fault.code == Code::StaleView)
        .filter_map(|fault| Place::parse(&fault.path))
        .collect();
    let cursor = cursor_of(base, writer.registry())?;
    stale
        .iter()
        .try_for_each(|place| writer.remove(cursor, place))?;
    writer.sync()?;
    Ok(!stale.is_empty())
}

/// Removes the damaged blobs that no version names. Returns whether there were any. If a statement cannot be
/// read, all remain.
fn take_damaged_away(
    writer: &FolderWriter,
    base: &Base,
    faults: &[Fault],
    progress: &dyn Progress,
) -> Result<bool, PublishError> {
    let damaged: Vec<Place> = faults
        .iter()
        .filter(|fault| fault.code == Code::BlobMismatch && fault.reference.is_none())
        .filter_map(|fault| Place::parse(&fault.path))
        .filter(|place| matches!(place, Place::Blob(..)))
        .collect();
    if damaged.is_empty() {
        return Ok(false);
    }
    let named = match &base.head {
        Some(head) => reachable(writer.registry(), head.body()),
        None => Ok(HashSet::new()),
    };
    let Ok(named) = named else {
        return Ok(false);
    };
    for place in damaged.iter().filter(|place| !named.contains(place)) {
        progress.note(&match writer.take_away(place)? {
            Some(aside) => format!(
                "moved {place} to {}: damaged, and not named by the newest version",
                aside.display()
            ),
            None => format!(
                "removed {place}: a hard link to a file that was changed, and not named by the newest version"
            ),
        });
    }
    writer.sync()?;
    Ok(true)
}

/// Recomputes missing or wrong digest chains from images that are intact.
fn mend_chains(
    writer: &dyn Writer,
    entries: &[TagEntry],
    observer: &dyn Observer,
) -> Result<(), PublishError> {
    let registry = writer.registry();
    for entry in entries {
        let Ok(statement) = registry.statement(&entry.statement) else {
            continue;
        };
        let statement: &Statement = statement.body();
        let Some(image) = statement.image() else {
            continue;
        };
        let repository = &statement.subject.repository;
        let place = Place::blob(repository, image.chain);
        let most =
            usize::try_from(sreg_index::chain::sidecar_len(image.size)).unwrap_or(usize::MAX - 1);
        if registry
            .read(&place, most)
            .is_ok_and(|bytes| sreg_model::Digest::of(&bytes) == image.chain)
        {
            continue;
        }
        let blob = registry.path(&Place::blob(repository, image.digest));
        if let Ok(hashed) = hasher::hash(&blob, IoMode::Auto, observer)
            && hashed.chain.sidecar_digest() == image.chain
        {
            writer.put(&place, hashed.chain.sidecar())?;
        }
    }
    Ok(())
}
