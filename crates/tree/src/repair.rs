//! Rewrites what can be derived: the copy of the head, views, chains (`spec/cli.md`).

use rayon::prelude::*;
use sreg_index::hasher::{self, IoMode, Observer};
use sreg_model::layout::Place;
use sreg_model::node::TagEntry;
use sreg_model::statement::Statement;

use crate::error::TreeError;
use crate::history::Line;
use crate::publish::{self, Base};
use crate::staging::{FolderWriter, Journal};
use crate::tree::Tree;
use crate::verify::{self, BlobCheck, Options};
use crate::views::{self, Shown};
use crate::writer::{Puts, Writer};

/// What was mended.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Repaired {
    /// The faults that are gone, by path.
    pub mended: Vec<verify::Fault>,
    /// The faults that are left, which cannot be derived.
    pub left: Vec<verify::Fault>,
}

/// Rewrites all that can be derived from the newest head. Images are not read, but those whose
/// chain is wrong. What stands where a file should be, and is none, stays.
///
/// # Errors
/// When the tree cannot be written, or its newest head or index cannot be read.
pub fn repair(
    tree: &Tree,
    observer: &dyn Observer,
    now: u64,
    waiting: &dyn Fn(),
) -> Result<Repaired, TreeError> {
    let options = &Options {
        now,
        ..Options::new(BlobCheck::Head, IoMode::Auto)
    };
    let writer = FolderWriter::open(tree.root(), tree.settings(), observer, waiting)?.pass_over();
    let before = verify::verify_once(tree, options, observer)?.faults;
    // Even where the views look right: their files may have been touched meanwhile.
    let mut left = before.clone();
    if !before.is_empty() || writer.journal()?.is_some() {
        let base = mend(&writer, observer)?;
        left = verify::verify_once(tree, options, observer)?.faults;
        if remove_stale(&writer, &base, &left)? {
            left = verify::verify_once(tree, options, observer)?.faults;
        }
    }
    let mended = before
        .into_iter()
        .filter(|fault| !left.iter().any(|other| other.path == fault.path))
        .collect();
    Ok(Repaired { mended, left })
}

fn mend(writer: &FolderWriter, observer: &dyn Observer) -> Result<Base, TreeError> {
    let tree = writer.tree();
    let base = publish::recover(writer, observer)?;
    let line = line_of(&base, tree)?;
    let head = line.head;
    let lines = publish::lines(tree, Some(head.body()))?;
    let entries: Vec<&Vec<TagEntry>> = lines.values().flat_map(|keys| keys.values()).collect();
    entries
        .par_iter()
        .try_for_each(|entries| mend_chains(writer, entries, observer))?;
    writer.begin(&Journal::new(None))?;
    views::roll_forward(writer, Shown::Nothing, line, observer)?;
    writer.sync()?;
    writer.end(head)?;
    Ok(base)
}

fn line_of<'a>(base: &'a Base, tree: &Tree) -> Result<Line<'a>, TreeError> {
    let no_head = || TreeError::NoHead(tree.root().to_owned());
    Ok(Line {
        series: base.series.as_ref(),
        head: base.head.as_ref().ok_or_else(no_head)?,
    })
}

/// Removes the views among `faults` that an older head derives, and says whether there were any: what
/// sreg did not write is never deleted.
fn remove_stale(
    writer: &FolderWriter,
    base: &Base,
    faults: &[verify::Fault],
) -> Result<bool, TreeError> {
    let stale: Vec<Place> = faults
        .iter()
        .filter(|fault| fault.code == "stale-view")
        .filter_map(|fault| Place::parse(&fault.path))
        .collect();
    let line = line_of(base, writer.tree())?;
    stale
        .iter()
        .try_for_each(|place| writer.remove(line, place))?;
    writer.sync()?;
    Ok(!stale.is_empty())
}

/// A chain that is missing or wrong is made again from its image, if that is right.
fn mend_chains(
    writer: &FolderWriter,
    entries: &[TagEntry],
    observer: &dyn Observer,
) -> Result<(), TreeError> {
    let tree = writer.tree();
    for entry in entries {
        let Ok(statement) = tree.statement(&entry.statement) else {
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
        if tree
            .read(&place, most)
            .is_ok_and(|bytes| sreg_model::Digest::of(&bytes) == image.chain)
        {
            continue;
        }
        let blob = tree.path(&Place::blob(repository, image.digest));
        if let Ok(hashed) = hasher::hash(&blob, IoMode::Auto, observer)
            && hashed.chain.sidecar_digest() == image.chain
        {
            writer.put(&place, hashed.chain.sidecar())?;
        }
    }
    Ok(())
}
