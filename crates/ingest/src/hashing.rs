//! Hashes images that are not in the hash cache, and puts images into the registry.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rayon::prelude::*;
use sreg_index::chain::sidecar_len;
use sreg_index::hasher::{self, HashError, IoMode};
use sreg_index::stamp::{FileId, Stamp};
use sreg_model::Digest;
use sreg_model::layout::{FoldedRepository, Place};
use sreg_publish::folder_writer::{FolderWriter, check_room};
use sreg_publish::writer::{Puts, Writer};
use sreg_publish::{LinkMode, Progress};
use sreg_registry::Registry;

use crate::hash_cache::{Cache, Known};
use crate::images::SourceImage;
use sreg_publish::PublishError;
use sreg_registry::RegistryError;

/// The origin of an image's hash.
pub(crate) enum Hashing {
    Reused(Known),
    /// Hashed by this run; the flag tells whether to cache the result.
    Hashed(Known, bool),
}

impl Hashing {
    pub(crate) fn known(&self) -> &Known {
        match self {
            Self::Reused(known) | Self::Hashed(known, _) => known,
        }
    }
}

/// Hashes all images that are not cached or whose digest chain is not in the registry, writes the digest
/// chains, and puts images into the registry if `import` is given.
pub(crate) fn bring(
    writer: &FolderWriter,
    found: &[SourceImage],
    mode: IoMode,
    import: Option<LinkMode>,
    progress: &dyn Progress,
) -> Brought {
    if let Some(link) = import
        && let Err(error) = check_space(writer.registry(), found, link)
    {
        return Brought {
            hashed: Vec::new(),
            changed: BTreeSet::new(),
            stopped: Some(error),
        };
    }
    let mut results: Vec<Option<Hashing>> = found
        .iter()
        .map(|image| reuse(writer.registry(), image))
        .collect();
    let mut order: Vec<usize> = (0..found.len())
        .filter(|number| results[*number].is_none())
        .collect();
    // The largest first, so that the last one does not occupy a single core.
    order.sort_by_key(|number| std::cmp::Reverse(found[*number].stamp.size));
    progress.expect(order.iter().map(|number| found[*number].stamp.size).sum());
    settle_clock(order.iter().map(|number| &found[*number].stamp));
    let started = now_nanoseconds();
    let hashed: Vec<(usize, Result<Hashing, PublishError>)> = order
        .par_iter()
        // In order from the front, regardless of the pool's preference.
        .with_max_len(1)
        .map(|number| {
            (
                *number,
                hash_one(writer, &found[*number], mode, progress, started),
            )
        })
        .collect();
    let mut stopped: Option<PublishError> = None;
    for (number, result) in hashed {
        match result {
            Ok(hashing) => results[number] = Some(hashing),
            // A real error takes precedence over cancellation.
            Err(error) if stopped.as_ref().is_none_or(PublishError::is_cancelled) => {
                stopped = Some(error)
            }
            Err(_) => {}
        }
    }
    let hashed: Vec<Hashing> = results.into_iter().flatten().collect();
    let mut brought = Brought {
        changed: BTreeSet::new(),
        stopped,
        hashed,
    };
    match changed(writer, found, &order, &brought.hashed) {
        Ok(changed) => brought.changed = changed,
        Err(error) => brought.stopped = brought.stopped.or(Some(error)),
    }
    if let (None, Some(link)) = (&brought.stopped, import) {
        brought.stopped = import_all(writer, found, &mut brought, link, progress).err();
    }
    let cancelled = || {
        progress
            .is_cancelled()
            .then(|| RegistryError::Cancelled.into())
    };
    brought.stopped = brought.stopped.or_else(cancelled);
    brought
}

/// The result of putting images into the registry.
pub(crate) struct Brought {
    /// In the order of the images; fewer after an error.
    pub(crate) hashed: Vec<Hashing>,
    /// Blobs that were changed in place since they were published, and were not replaced.
    pub(crate) changed: BTreeSet<Place>,
    /// The error, if any.
    pub(crate) stopped: Option<PublishError>,
}

/// Returns the blobs whose source, a hard link to them, was changed since they were published.
fn changed(
    writer: &FolderWriter,
    found: &[SourceImage],
    order: &[usize],
    hashed: &[Hashing],
) -> Result<BTreeSet<Place>, PublishError> {
    let files: HashMap<FileId, Digest> = hashed
        .iter()
        .map(|hashing| (hashing.known().stamp.file(), hashing.known().digest))
        .collect();
    let repositories: BTreeSet<FoldedRepository> = order
        .iter()
        .map(|number| FoldedRepository::new(&found[*number].subject.repository))
        .collect();
    let mut changed = BTreeSet::new();
    for repository in repositories {
        changed.extend(writer.changed(&repository, &files)?);
    }
    Ok(changed)
}

/// Removes the names of changed blobs once the next version is published.
pub(crate) fn unlink(
    writer: &FolderWriter,
    changed: &BTreeSet<Place>,
    progress: &dyn Progress,
) -> Result<(), PublishError> {
    for place in changed {
        writer.unlink(place)?;
        progress.note(&format!(
            "removed {place}: its source, a hard link to it, was changed in place"
        ));
    }
    writer.sync()
}

/// Returns the number of images that were not read.
pub(crate) fn reused(hashed: &[Hashing]) -> usize {
    hashed
        .iter()
        .filter(|hashing| matches!(hashing, Hashing::Reused(_)))
        .count()
}

fn reuse(registry: &Registry, image: &SourceImage) -> Option<Hashing> {
    let known = image
        .known
        .as_ref()
        .filter(|known| has_chain(registry, image, known))?;
    tracing::debug!(path = %image.path.display(), "unchanged since it was hashed: not read again");
    Some(Hashing::Reused(known.clone()))
}

fn hash_one(
    writer: &FolderWriter,
    image: &SourceImage,
    mode: IoMode,
    progress: &dyn Progress,
    started: i128,
) -> Result<Hashing, PublishError> {
    if progress.is_cancelled() {
        return Err(RegistryError::Cancelled.into());
    }
    let hashed = hasher::hash(&image.path, mode, progress).map_err(|error| match error {
        HashError::Cancelled => RegistryError::Cancelled,
        error => error.into(),
    })?;
    if !hashed.stamp.has_same_content(&image.stamp) {
        return Err(HashError::Changed {
            path: image.path.clone(),
        }
        .into());
    }
    let chain = hashed.chain.sidecar_digest();
    writer.put(
        &Place::blob(&image.subject.repository, chain),
        hashed.chain.sidecar(),
    )?;
    let known = Known {
        stamp: hashed.stamp,
        digest: hashed.chain.digest(),
        chain,
        format: image.format,
        arch: image.header_arch,
    };
    Ok(Hashing::Hashed(known, !hashed.stamp.is_racy_at(started)))
}

fn has_chain(registry: &Registry, image: &SourceImage, known: &Known) -> bool {
    let place = Place::blob(&image.subject.repository, known.chain);
    fs::metadata(registry.path(&place))
        .is_ok_and(|found| found.len() == sidecar_len(image.stamp.size))
}

/// Waits until recently written files are old enough to be cached.
fn settle_clock<'a>(stamps: impl Iterator<Item = &'a Stamp>) {
    let step = Duration::from_millis(5);
    let stamps: Vec<&Stamp> = stamps.collect();
    // Four ticks of a file system with fractional seconds; does not wait for others.
    for _ in 0..8 {
        let now = now_nanoseconds();
        if !stamps.iter().any(|stamp| {
            stamp.is_racy_at(now) && stamp.modified % 1_000_000_000 != 0 && stamp.modified <= now
        }) {
            return;
        }
        std::thread::sleep(step);
    }
}

fn now_nanoseconds() -> i128 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            i128::try_from(since.as_nanos()).unwrap_or(i128::MAX)
        })
}

/// Puts all missing images into the registry.
fn import_all(
    writer: &FolderWriter,
    found: &[SourceImage],
    brought: &mut Brought,
    link: LinkMode,
    progress: &dyn Progress,
) -> Result<(), PublishError> {
    let Brought {
        hashed, changed, ..
    } = brought;
    let place = |(image, hashing): (&'_ SourceImage, &'_ Hashing)| {
        Place::blob(&image.subject.repository, hashing.known().digest)
    };
    let places: BTreeMap<Place, &SourceImage> = found
        .iter()
        .zip(&*hashed)
        .map(|pair| (place(pair), pair.0))
        .collect();
    places.par_iter().try_for_each(|(place, image)| {
        let how = (link, changed.contains(place));
        if progress.is_cancelled() {
            return Err(RegistryError::Cancelled.into());
        }
        writer.import(place, &image.path, &image.stamp, how, progress)
    })?;
    changed.retain(|place| !places.contains_key(place));
    Ok(())
}

/// Updates the cache, with the stamps that files have after linking.
pub(crate) fn remember(cache: &mut Cache, found: &[SourceImage], hashed: &[Hashing]) {
    // After an error there may be fewer results than images: match them by their stamps.
    let quiet: BTreeMap<(u64, u64), &Known> = hashed
        .iter()
        .filter(|hashing| !matches!(hashing, Hashing::Hashed(_, false)))
        .map(|hashing| {
            (
                (hashing.known().stamp.device, hashing.known().stamp.inode),
                hashing.known(),
            )
        })
        .collect();
    cache.replace(found.iter().filter_map(|image| {
        let stamp = Stamp::of(&fs::metadata(&image.path).ok()?);
        let known = *quiet.get(&(stamp.device, stamp.inode))?;
        let same = stamp.has_same_content(&known.stamp);
        same.then(|| {
            (
                image.path.clone(),
                Known {
                    stamp,
                    ..known.clone()
                },
            )
        })
    }));
    // A lost cache only costs time.
    let _ = cache.save();
}

/// Space for the file system's own metadata.
const SLACK: u64 = 1 << 20;

/// Refuses to start if space is insufficient; images that can be linked need none.
fn check_space(
    registry: &Registry,
    found: &[SourceImage],
    mode: LinkMode,
) -> Result<(), PublishError> {
    let root = registry.root();
    let device = Stamp::of(&fs::metadata(root).map_err(PublishError::read(root))?).device;
    let needed: u64 = found
        .iter()
        .filter(|image| mode == LinkMode::Copy || image.stamp.device != device)
        .filter(|image| {
            !image
                .known
                .as_ref()
                .is_some_and(|known| is_published(registry, image, known))
        })
        .map(|image| image.stamp.size + sidecar_len(image.stamp.size))
        .sum();
    match needed {
        0 => Ok(()),
        _ => check_room(
            root,
            "images and digest chains",
            needed.saturating_add(SLACK),
        ),
    }
}

fn is_published(registry: &Registry, image: &SourceImage, known: &Known) -> bool {
    let place = Place::blob(&image.subject.repository, known.digest);
    fs::metadata(registry.path(&place)).is_ok_and(|found| found.len() == image.stamp.size)
}
