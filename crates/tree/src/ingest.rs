//! Indexes a folder of images: from files to a published version (`spec/cli.md`, `sreg index`).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rayon::prelude::*;
use sreg_image::Image as ImageFile;
use sreg_index::chain::sidecar_len;
use sreg_index::hasher::{self, HashError, IoMode};
use sreg_index::stamp::Stamp;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::settings::{BaseUrl, BlobUrl, Settings};
use sreg_model::statement::{Image, MAX_SIZE, Subject};
use sreg_model::{Arch, Digest, Document, ImageFormat, Namespace};

use crate::cache::{Cache, Known, write_whole};
use crate::error::TreeError;
use crate::publish::{self, Edition, Lines, Watch};
use crate::source::{self, Candidate, SourceFault};
use crate::staging::{LinkMode, Writer};
use crate::tree::Tree;
use crate::views;

/// What to index, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of images.
    pub source: PathBuf,
    /// The tree to publish into; made where it is absent.
    pub out: PathBuf,
    /// The namespace of images that lie in `source` itself.
    pub namespace: Namespace,
    /// How images get into the tree.
    pub link: LinkMode,
    /// How images are read.
    pub io: IoMode,
    /// Where the tree will be served; absent: as `sreg.json` says.
    pub base_url: Option<BaseUrl>,
    /// Where images are when they are not to be in the tree; absent: as `sreg.json` says.
    pub blob_url: Option<BlobUrl>,
    /// A file that remembers what was hashed.
    pub cache: Option<PathBuf>,
    /// A file that remembers which references came from this source.
    pub origin: Option<PathBuf>,
    /// Whether to remove every reference that the source does not have.
    pub prune: bool,
    /// Whether to publish the rest when some images cannot be.
    pub skip_invalid: bool,
    /// Whether to stop before anything is written.
    pub dry_run: bool,
    /// The time to state, in Unix seconds.
    pub now: u64,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The newest head; absent after a dry run of what was never published.
    pub head: Option<Document<Head>>,
    /// The images of the source.
    pub images: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The images that were read.
    pub hashed: usize,
    /// The images that the cache knew.
    pub reused: usize,
    /// What every file became; nothing after a dry run.
    pub published: Vec<(PathBuf, Subject, Digest)>,
    /// References that were removed.
    pub removed: Vec<Subject>,
    /// References that the tree has, but not the source, and that stay.
    pub kept: Vec<Subject>,
    /// Images that were left out, and why.
    pub skipped: Vec<SourceFault>,
}

/// Indexes a folder.
///
/// # Errors
/// When an image cannot be published and `skip_invalid` is not set, or the tree cannot be
/// written. What was published before is then still there, whole.
pub fn index_folder(options: &Options, watch: &dyn Watch) -> Result<Outcome, TreeError> {
    let mut scan = source::scan(&options.source, &options.out, &options.namespace);
    let mut cache = options
        .cache
        .as_deref()
        .map_or_else(Cache::none, Cache::open);
    let (found, faults) = recognize(scan.candidates, &cache);
    scan.faults.extend(faults);
    let subjects: Vec<_> = found
        .iter()
        .map(|image| (image.subject.clone(), image.path.clone()))
        .collect();
    let collisions = source::collisions(&subjects);
    let collided: BTreeSet<&PathBuf> = collisions.iter().map(|fault| &fault.path).collect();
    let found: Vec<Found> = found
        .into_iter()
        .filter(|image| !collided.contains(&image.path))
        .collect();
    scan.faults.extend(collisions);
    scan.faults
        .sort_by(|left, right| left.path.cmp(&right.path));
    if !scan.faults.is_empty() && !options.skip_invalid {
        return Err(TreeError::Source(scan.faults));
    }
    if found.is_empty() && !options.prune {
        return Err(TreeError::NoImages(options.source.clone()));
    }
    if options.dry_run {
        return dry_run(options, found, scan.faults);
    }

    let new = with_options(Settings::default(), options);
    let mut writer = Writer::open(&options.out, &new, watch, &|| watch.waiting())?;
    let settings = with_options(writer.tree().settings().clone(), options);
    let head = publish::recover(&writer, watch)?;
    let lines = publish::lines(writer.tree(), head.as_ref().map(Document::body))?;
    let import = settings.blob_url.is_none();
    if import {
        check_space(writer.tree(), &found, options.link)?;
    }
    let (hashed, stopped) = hash_all(&writer, &found, options.io, watch);
    let ready: Vec<(&Found, &Known)> = found
        .iter()
        .zip(&hashed)
        .filter_map(|(image, known)| Some((image, known.as_ref()?.known())))
        .collect();
    let stopped = match stopped {
        None if import => import_all(&writer, &ready, options.link, watch).err(),
        other => other,
    };
    // Also when something went wrong: what was hashed need not be hashed again.
    remember(&mut cache, &ready, &hashed);
    if let Some(error) = stopped {
        return Err(error);
    }
    if watch.is_cancelled() {
        return Err(TreeError::Cancelled);
    }

    let mut edition = Edition {
        present: ready
            .iter()
            .map(|(image, known)| published(image, known))
            .collect(),
        removed: Vec::new(),
    };
    let origin = options
        .origin
        .as_deref()
        .map(read_origin)
        .unwrap_or_default();
    let (removed, kept) = absent(&lines, &edition, &origin, options.prune, &scan.faults);
    edition.removed = removed
        .iter()
        .map(|subject| {
            (
                subject.clone(),
                "no longer in the indexed folder".to_owned(),
            )
        })
        .collect();
    let head = publish::publish(
        &mut writer,
        head,
        &lines,
        &edition,
        &settings,
        options.now,
        watch,
    )?;
    if let Some(file) = &options.origin {
        let subjects: Vec<String> = edition
            .present
            .iter()
            .map(|(subject, _)| subject.to_string())
            .collect();
        // Lost, it only makes the next run keep what it might have removed.
        let _ = write_whole(file, &serde_json::to_vec(&subjects).unwrap_or_default());
    }
    let reused = hashed
        .iter()
        .flatten()
        .filter(|hashed| matches!(hashed, Hashing::Reused(_)))
        .count();
    Ok(Outcome {
        head: Some(head),
        images: found.len(),
        bytes: found.iter().map(|image| image.stamp.size).sum(),
        hashed: found.len() - reused,
        reused,
        published: ready
            .iter()
            .map(|(image, known)| (image.path.clone(), image.subject.clone(), known.digest))
            .collect(),
        removed,
        kept,
        skipped: scan.faults,
    })
}

/// An image whose headers are sound.
#[derive(Debug)]
struct Found {
    path: PathBuf,
    stamp: Stamp,
    subject: Subject,
    /// What the headers say, which the name may add to.
    header_arch: Arch,
    format: ImageFormat,
    known: Option<Known>,
}

/// Reads the headers of all candidates that the cache does not know.
fn recognize(candidates: Vec<Candidate>, cache: &Cache) -> (Vec<Found>, Vec<SourceFault>) {
    let results: Vec<Result<Found, SourceFault>> = candidates
        .into_par_iter()
        .map(|candidate| recognize_one(candidate, cache))
        .collect();
    let mut found = Vec::new();
    let mut faults = Vec::new();
    for result in results {
        match result {
            Ok(image) => found.push(image),
            Err(fault) => faults.push(fault),
        }
    }
    (found, faults)
}

fn recognize_one(candidate: Candidate, cache: &Cache) -> Result<Found, SourceFault> {
    let Candidate {
        path,
        stamp,
        repository,
        tag,
        arch,
    } = candidate;
    let known = cache.get(&path, &stamp).cloned();
    let (format, header_arch) = match &known {
        Some(known) => (known.format, known.arch),
        None => {
            let image = ImageFile::open(&path)
                .map_err(|error| SourceFault::new(error.code(), &path, explain(&error)))?;
            (image.format(), image.arch())
        }
    };
    if stamp.size == 0 || stamp.size > MAX_SIZE {
        return Err(SourceFault::new(
            "image-size",
            &path,
            format!("{} bytes are not from 1 to 2^44", stamp.size),
        ));
    }
    let arch = match (arch, header_arch) {
        (None, header) => header,
        (Some(named), Arch::Unknown) => named,
        (Some(named), header) if named == header => header,
        (Some(named), header) => {
            let message = format!("its name says {named}, but its header says {header}; rename it");
            return Err(SourceFault::new("arch-mismatch", &path, message));
        }
    };
    let subject = Subject {
        repository,
        tag,
        arch,
    };
    Ok(Found {
        path,
        stamp,
        subject,
        header_arch,
        format,
        known,
    })
}

/// An error with its causes in one line.
fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Settings with what the options change.
fn with_options(mut settings: Settings, options: &Options) -> Settings {
    if options.base_url.is_some() {
        settings.base_url.clone_from(&options.base_url);
    }
    if options.blob_url.is_some() {
        settings.blob_url.clone_from(&options.blob_url);
    }
    settings
}

fn dry_run(
    options: &Options,
    found: Vec<Found>,
    skipped: Vec<SourceFault>,
) -> Result<Outcome, TreeError> {
    let (head, lines) = match Tree::open(&options.out) {
        Ok(tree) => {
            let head = crate::history::newest(&tree)?;
            let lines = publish::lines(&tree, head.as_ref().map(Document::body))?;
            (head, lines)
        }
        Err(TreeError::NotATree(_)) => (None, Lines::new()),
        Err(error) => return Err(error),
    };
    let subjects: BTreeSet<&Subject> = found.iter().map(|image| &image.subject).collect();
    let origin = options
        .origin
        .as_deref()
        .map(read_origin)
        .unwrap_or_default();
    let (removed, kept) = absent_from(&lines, &subjects, &origin, options.prune, &skipped);
    let reused = found.iter().filter(|image| image.known.is_some()).count();
    Ok(Outcome {
        head,
        images: found.len(),
        bytes: found.iter().map(|image| image.stamp.size).sum(),
        hashed: found.len() - reused,
        reused,
        published: Vec::new(),
        removed,
        kept,
        skipped,
    })
}

/// Room for what a file system needs beside the bytes of files.
const SLACK: u64 = 1 << 20;

/// Refuses to begin what would not fit: images are counted unless they can be linked.
fn check_space(tree: &Tree, found: &[Found], mode: LinkMode) -> Result<(), TreeError> {
    let root = tree.root();
    let device = Stamp::of(&fs::metadata(root).map_err(TreeError::read(root))?).device;
    let needed: u64 = found
        .iter()
        .filter(|image| mode == LinkMode::Copy || image.stamp.device != device)
        .filter(|image| {
            !image
                .known
                .as_ref()
                .is_some_and(|known| is_published(tree, image, known))
        })
        .map(|image| image.stamp.size + sidecar_len(image.stamp.size))
        .sum();
    let free = rustix::fs::statvfs(root).map_err(|error| TreeError::read(root)(error.into()))?;
    let free = free.f_bavail.saturating_mul(free.f_frsize);
    if needed > 0 && needed.saturating_add(SLACK) > free {
        return Err(TreeError::Space {
            path: root.to_owned(),
            needed,
            free,
        });
    }
    Ok(())
}

fn is_published(tree: &Tree, image: &Found, known: &Known) -> bool {
    let place = Place::blob(&image.subject.repository, known.digest);
    fs::metadata(tree.path(&place)).is_ok_and(|found| found.len() == image.stamp.size)
}

/// How an image came to be known.
enum Hashing {
    Reused(Known),
    /// Hashed now, and whether the result may be kept for later runs.
    Hashed(Known, bool),
}

impl Hashing {
    fn known(&self) -> &Known {
        match self {
            Self::Reused(known) | Self::Hashed(known, _) => known,
        }
    }
}

/// Hashes all images that are not known or whose chain is not in the tree, and writes their
/// chains. Results stand in the order of `found`; the first error ends the run.
fn hash_all(
    writer: &Writer,
    found: &[Found],
    mode: IoMode,
    watch: &dyn Watch,
) -> (Vec<Option<Hashing>>, Option<TreeError>) {
    let mut order: Vec<usize> = Vec::new();
    let mut results: Vec<Option<Hashing>> = Vec::new();
    for (number, image) in found.iter().enumerate() {
        let reused = image
            .known
            .as_ref()
            .filter(|known| has_chain(writer.tree(), image, known));
        if reused.is_none() {
            order.push(number);
        }
        results.push(reused.cloned().map(Hashing::Reused));
    }
    // The largest first, so that no core is left alone with one at the end.
    order.sort_by_key(|number| std::cmp::Reverse(found[*number].stamp.size));
    watch.expect(
        order.len(),
        order.iter().map(|number| found[*number].stamp.size).sum(),
    );
    settle_clock(order.iter().map(|number| &found[*number].stamp));
    let started = now_nanoseconds();
    let hashed: Vec<(usize, Result<Hashing, TreeError>)> = order
        .par_iter()
        // One after the other from the front, whatever the pool would rather do.
        .with_max_len(1)
        .map(|number| {
            (
                *number,
                hash_one(writer, &found[*number], mode, watch, started),
            )
        })
        .collect();
    let mut error: Option<TreeError> = None;
    for (number, result) in hashed {
        match result {
            Ok(hashing) => results[number] = Some(hashing),
            // One that says more than that the run was stopped goes first.
            Err(new)
                if error
                    .as_ref()
                    .is_none_or(|old| matches!(old, TreeError::Cancelled)) =>
            {
                error = Some(new)
            }
            Err(_) => {}
        }
    }
    (results, error)
}

fn hash_one(
    writer: &Writer,
    image: &Found,
    mode: IoMode,
    watch: &dyn Watch,
    started: i128,
) -> Result<Hashing, TreeError> {
    if watch.is_cancelled() {
        return Err(TreeError::Cancelled);
    }
    let hashed = hasher::hash(&image.path, mode, watch).map_err(|error| match error {
        HashError::Cancelled => TreeError::Cancelled,
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

fn has_chain(tree: &Tree, image: &Found, known: &Known) -> bool {
    let place = Place::blob(&image.subject.repository, known.chain);
    fs::metadata(tree.path(&place)).is_ok_and(|found| found.len() == sidecar_len(image.stamp.size))
}

/// Waits until files that were written this moment are old enough to be remembered.
fn settle_clock<'a>(stamps: impl Iterator<Item = &'a Stamp>) {
    let step = Duration::from_millis(5);
    let stamps: Vec<&Stamp> = stamps.collect();
    // Four ticks of a file system with fractions of a second; others are not waited for.
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

/// Brings all images into the tree that are not there yet.
fn import_all(
    writer: &Writer,
    ready: &[(&Found, &Known)],
    mode: LinkMode,
    watch: &dyn Watch,
) -> Result<(), TreeError> {
    let places: BTreeMap<Place, &Found> = ready
        .iter()
        .map(|(image, known)| (Place::blob(&image.subject.repository, known.digest), *image))
        .collect();
    places.par_iter().try_for_each(|(place, image)| {
        if watch.is_cancelled() {
            return Err(TreeError::Cancelled);
        }
        writer
            .import(place, &image.path, &image.stamp, mode, watch)
            .map(|_| ())
    })
}

/// Keeps what is known in the cache, with the stamps that files have after they were linked.
fn remember(cache: &mut Cache, ready: &[(&Found, &Known)], hashed: &[Option<Hashing>]) {
    let quiet: BTreeSet<(u64, u64)> = hashed
        .iter()
        .flatten()
        .filter(|hashing| !matches!(hashing, Hashing::Hashed(_, false)))
        .map(|hashing| (hashing.known().stamp.device, hashing.known().stamp.inode))
        .collect();
    cache.replace(ready.iter().filter_map(|(image, known)| {
        let stamp = Stamp::of(&fs::metadata(&image.path).ok()?);
        let same = stamp.has_same_content(&known.stamp);
        (same && quiet.contains(&(stamp.device, stamp.inode))).then(|| {
            (
                image.path.clone(),
                Known {
                    stamp,
                    ..(*known).clone()
                },
            )
        })
    }));
    // Lost, it only costs time.
    let _ = cache.save();
}

fn published(image: &Found, known: &Known) -> (Subject, Image) {
    let published = Image {
        digest: known.digest,
        size: known.stamp.size,
        chain: known.chain,
        format: known.format,
        frozen: false,
        urls: Vec::new(),
    };
    (image.subject.clone(), published)
}

/// The subjects of the tree that the source does not have: those to remove, and those to keep.
fn absent(
    lines: &Lines,
    edition: &Edition,
    origin: &BTreeSet<String>,
    prune: bool,
    skipped: &[SourceFault],
) -> (Vec<Subject>, Vec<Subject>) {
    let present: BTreeSet<&Subject> = edition.present.iter().map(|(subject, _)| subject).collect();
    absent_from(lines, &present, origin, prune, skipped)
}

fn absent_from(
    lines: &Lines,
    present: &BTreeSet<&Subject>,
    origin: &BTreeSet<String>,
    prune: bool,
    skipped: &[SourceFault],
) -> (Vec<Subject>, Vec<Subject>) {
    let mut removed = Vec::new();
    let mut kept = Vec::new();
    for ((namespace, _), entries) in lines {
        for entry in entries.iter().filter(|entry| entry.image.is_some()) {
            let Some(repository) = views::repository(namespace, entry) else {
                continue;
            };
            let subject = Subject {
                repository,
                tag: entry.key.tag(),
                arch: entry.arch,
            };
            if present.contains(&subject) {
                continue;
            }
            // An image that was left out is not gone.
            if skipped.is_empty() && (prune || origin.contains(&subject.to_string())) {
                removed.push(subject);
            } else {
                kept.push(subject);
            }
        }
    }
    (removed, kept)
}

fn read_origin(file: &Path) -> BTreeSet<String> {
    fs::read(file)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .unwrap_or_default()
}
