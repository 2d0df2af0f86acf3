//! Indexes a folder of images: from files to a published version (`spec/cli.md`, `sreg index`).

mod absent;
mod found;
mod hashing;

use std::path::PathBuf;

use sreg_index::hasher::IoMode;
use sreg_model::head::Head;
use sreg_model::settings::{BaseUrl, BlobUrl, Settings};
use sreg_model::statement::{Image, Subject};
use sreg_model::{Digest, Document, Namespace};

use self::found::{Found, Sorted};
use self::hashing::Hashing;
use crate::cache::Cache;
use crate::error::TreeError;
use crate::publish::{self, Edition, Lines, Watch};
use crate::source::{self, SourceFault};
use crate::staging::{LinkMode, Writer};
use crate::tree::Tree;

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
    /// Whether nothing was published there before.
    pub is_new: bool,
    /// Whether other settings were given than before, so that all views were written anew.
    pub settings_changed: bool,
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
    let mut cache = options
        .cache
        .as_deref()
        .map_or_else(Cache::none, Cache::open);
    let Sorted { found, faults } = found::sort(
        source::scan(&options.source, &options.out, &options.namespace),
        &cache,
    );
    if !faults.is_empty() && !options.skip_invalid {
        return Err(TreeError::Source(faults));
    }
    if found.is_empty() && !options.prune {
        return Err(TreeError::NoImages(options.source.clone()));
    }
    if options.dry_run {
        return dry_run(options, &found, faults);
    }

    let new = with_options(Settings::default(), options);
    let mut writer = Writer::open(&options.out, &new, watch, &|| watch.waiting())?;
    let settings = with_options(writer.tree().settings().clone(), options);
    let head = publish::recover(&writer, watch)?;
    let lines = publish::lines(writer.tree(), head.as_ref().map(Document::body))?;

    let is_new = head.is_none();
    let settings_changed = !is_new && *writer.tree().settings() != settings;

    let import = settings.blob_url.is_none().then_some(options.link);
    let (hashed, stopped) = hashing::bring(&writer, &found, options.io, import, watch);
    // Also when something went wrong: what was hashed need not be hashed again.
    hashing::remember(&mut cache, &found, &hashed);
    if let Some(error) = stopped {
        return Err(error);
    }

    let mut edition = Edition {
        present: present(&found, &hashed),
        removed: Vec::new(),
    };
    let (removed, kept) = absent_subjects(
        options,
        &lines,
        edition.present.iter().map(|(subject, _)| subject),
        &faults,
    );
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
    absent::write_origin(
        options.origin.as_deref(),
        edition.present.iter().map(|(subject, _)| subject),
    );

    let published = found
        .iter()
        .zip(&edition.present)
        .map(|(image, (subject, published))| {
            (image.path.clone(), subject.clone(), published.digest)
        });
    Ok(Outcome {
        is_new,
        settings_changed,
        published: published.collect(),
        removed,
        kept,
        ..outcome(Some(head), &found, hashing::reused(&hashed), faults)
    })
}

/// An outcome that says nothing of what became of references yet.
fn outcome(
    head: Option<Document<Head>>,
    found: &[Found],
    reused: usize,
    skipped: Vec<SourceFault>,
) -> Outcome {
    Outcome {
        head,
        is_new: false,
        settings_changed: false,
        images: found.len(),
        bytes: found.iter().map(|image| image.stamp.size).sum(),
        hashed: found.len() - reused,
        reused,
        published: Vec::new(),
        removed: Vec::new(),
        kept: Vec::new(),
        skipped,
    }
}

/// The subjects that the source does not have: those to remove, and those to keep. An image that
/// was left out is not gone, and which one that is cannot always be said: then all stay.
fn absent_subjects<'a>(
    options: &Options,
    lines: &Lines,
    present: impl Iterator<Item = &'a Subject>,
    skipped: &[SourceFault],
) -> (Vec<Subject>, Vec<Subject>) {
    let mut origin = absent::read_origin(options.origin.as_deref());
    if !skipped.is_empty() {
        origin.clear();
    }
    absent::absent(
        lines,
        &present.collect(),
        &origin,
        options.prune && skipped.is_empty(),
    )
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
    found: &[Found],
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
    let (removed, kept) = absent_subjects(
        options,
        &lines,
        found.iter().map(|image| &image.subject),
        &skipped,
    );
    let reused = found.iter().filter(|image| image.known.is_some()).count();
    Ok(Outcome {
        removed,
        kept,
        ..outcome(head, found, reused, skipped)
    })
}

/// What is to be published: the images of `found`, in order.
fn present(found: &[Found], hashed: &[Hashing]) -> Vec<(Subject, Image)> {
    let published = |(image, hashing): (&Found, &Hashing)| {
        let known = hashing.known();
        let published = Image {
            digest: known.digest,
            size: known.stamp.size,
            chain: known.chain,
            format: known.format,
            frozen: false,
            urls: Vec::new(),
        };
        (image.subject.clone(), published)
    };
    found.iter().zip(hashed).map(published).collect()
}
