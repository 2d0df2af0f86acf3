//! Rewrites what can be derived: the copy of the head, views, chains (`spec/cli.md`).

use std::fs;

use rayon::prelude::*;
use sreg_index::hasher::{self, IoMode, Observer};
use sreg_model::Namespace;
use sreg_model::layout::Place;
use sreg_model::node::TagEntry;
use sreg_model::statement::Statement;

use crate::error::TreeError;
use crate::history::{self, Line};
use crate::publish;
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
    if !before.is_empty() || writer.journal()?.is_some() {
        mend(&writer, observer)?;
    }
    let left = verify::verify_once(tree, options, observer)?.faults;
    let mended = before
        .into_iter()
        .filter(|fault| !left.iter().any(|other| other.path == fault.path))
        .collect();
    Ok(Repaired { mended, left })
}

fn mend(writer: &FolderWriter, observer: &dyn Observer) -> Result<(), TreeError> {
    let tree = writer.tree();
    let base = publish::recover(writer, observer)?;
    let Some(head) = base.head else {
        return Err(TreeError::NoHead(tree.root().to_owned()));
    };
    let lines = publish::lines(tree, Some(head.body()))?;
    let entries: Vec<&Vec<TagEntry>> = lines.values().flat_map(|keys| keys.values()).collect();
    entries
        .par_iter()
        .try_for_each(|entries| mend_chains(writer, entries, observer))?;
    let line = Line {
        series: base.series.as_ref(),
        head: &head,
    };
    // Views that an older version had, before those of the newest are written.
    remove_stale(writer, line)?;
    writer.begin(&Journal::new(None))?;
    views::roll_forward(writer, Shown::Nothing, line, observer)?;
    writer.sync()?;
    writer.end(&head)
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

/// Removes seed views of tags that are gone, if an older head derives exactly their bytes: what
/// sreg did not write is never deleted.
fn remove_stale(writer: &FolderWriter, line: Line<'_>) -> Result<(), TreeError> {
    let tree = writer.tree();
    let (series, head) = (line.series, line.head);
    let mut heads = vec![head.clone()];
    while let Ok(Some(before)) = history::before(tree, heads[heads.len() - 1].body(), series) {
        heads.push(before);
    }
    let index = tree.index(head.body());
    for namespace in folders(tree.root()) {
        let Ok(namespace) = namespace.parse::<Namespace>() else {
            continue;
        };
        let present = views::present_tags(tree, index, &namespace)?;
        for name in folders(&tree.root().join(namespace.as_str())) {
            let Ok(repository) = format!("{namespace}/{name}").parse::<sreg_model::Repository>()
            else {
                continue;
            };
            let tags = present.get(&repository).map_or(&[][..], Vec::as_slice);
            let folder = tree.root().join(format!("{repository}/manifests"));
            let gone = folders(&folder)
                .into_iter()
                .filter_map(|tag| tag.parse().ok())
                .filter(|tag| !tags.contains(tag));
            let mut places: Vec<Place> = gone
                .map(|tag| Place::SeedManifest(repository.clone(), tag))
                .collect();
            if tags.is_empty() {
                places.push(Place::SeedTags(repository.clone()));
            }
            for place in places {
                if let Ok(found) = fs::read(tree.path(&place))
                    && verify::was_derived(tree, &heads, &place, &found)
                {
                    writer.remove(line, &place)?;
                }
            }
        }
    }
    Ok(())
}

/// The names of the folders in a folder; none where it cannot be read.
fn folders(folder: &std::path::Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}
