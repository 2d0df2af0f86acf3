//! Indexes a folder of images: from files to a published version (`spec/cli.md`, `sreg index`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use sreg_files::{is_absent, read_capped};
use sreg_index::hasher::IoMode;
use sreg_model::fault::Code;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::settings::{BaseUrl, BlobUrl, Settings};
use sreg_model::statement::{Image, Subject};
use sreg_model::{Digest, Document, Host, document, trust};
use sreg_publish::changeset::{Changeset, Provided, others};
use sreg_publish::commit::publish;
use sreg_publish::folder_writer::FolderWriter;
use sreg_publish::recover::{Base, recover};
use sreg_publish::signing::signing;
use sreg_publish::version::Publication;
use sreg_publish::writer::Writer;
use sreg_publish::{Keys, LinkMode, Published, Session};
use sreg_registry::Registry;
use sreg_registry::derive::{self, Entries};

use crate::error::IngestError;
use crate::hash_cache::Cache;
use crate::hashing::{self, Brought, Hashing};
use crate::images::{self, Classified, SourceImage};
use crate::source::{self, Naming};
use crate::{host, prune};
use sreg_publish::PublishError;
use sreg_publish::SourceFault;
use sreg_registry::RegistryError;

/// Options of indexing.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of images.
    pub source: PathBuf,
    /// The registry to publish in, created if absent.
    pub out: PathBuf,
    /// The rules for reading references from paths.
    pub naming: Naming,
    /// How to put images into the registry.
    pub link: LinkMode,
    /// How to read images.
    pub io: IoMode,
    /// The URL of the registry; `None` to leave it unchanged.
    pub base_url: Option<BaseUrl>,
    /// The URL of images outside the registry; `None` to leave it unchanged.
    pub blob_url: Option<BlobUrl>,
    /// The host of the registry; `None` to leave it unchanged.
    pub host: Option<Host>,
    /// The file of the hash cache.
    pub cache: Option<PathBuf>,
    /// The file that records which references came from this source.
    pub origin: Option<PathBuf>,
    /// Whether to remove every reference that the source does not have.
    pub prune: bool,
    /// Whether to remove references whose images are gone from `source`, however many they are.
    pub allow_removals: bool,
    /// Whether to publish the rest if some images are invalid.
    pub skip_invalid: bool,
    /// Whether to stop before anything is written.
    pub dry_run: bool,
}

/// The result of indexing.
#[derive(Debug)]
pub struct Outcome {
    /// The newest head; `None` after a dry run without a published version.
    pub head: Option<Document<Head>>,
    /// The published version; `None` after a dry run.
    pub published: Option<Published>,
    /// Whether this is the first version.
    pub is_new: bool,
    /// The id of the registry, if this run gave it its first key.
    pub begun: Option<Digest>,
    /// The number of references that were signed without being in the source.
    pub adopted: usize,
    /// Whether the settings changed, so that all views were rewritten.
    pub settings_changed: bool,
    /// The number of images in the source.
    pub images: usize,
    /// Their bytes.
    pub bytes: u64,
    /// The number of images that were read.
    pub hashed: usize,
    /// The number of images found in the hash cache.
    pub reused: usize,
    /// The reference and digest of each file; empty after a dry run.
    pub files: Vec<(PathBuf, Subject, Digest)>,
    /// The removed references.
    pub removed: Vec<Subject>,
    /// The references that are not in the source but remain.
    pub kept: Vec<Subject>,
    /// The skipped images, and why.
    pub skipped: Vec<SourceFault>,
    /// Images without the name of one, and folders that were not searched.
    pub passed_over: Vec<SourceFault>,
    /// The reference of each image, by path.
    pub named: Vec<Reading>,
    /// The settings of the registry.
    pub settings: Settings,
    /// The images that are too large for the host, with their sizes.
    pub too_large: Vec<(Subject, u64)>,
}

/// A path and its reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The image.
    pub path: PathBuf,
    /// Its reference and architecture.
    pub subject: Subject,
    /// The other references that its name could mean.
    pub others: Vec<String>,
    /// A note about the file. Files in the hash cache had their note before.
    pub note: Option<&'static str>,
}

/// Indexes a folder.
///
/// # Errors
/// `Source` if an image is invalid and `skip_invalid` is not set; `NoImages` or `MassRemoval` if the folder
/// seems to be the wrong one; `Signed` or `Unsigned` if the keys may not sign; otherwise those of reading and
/// writing the registry. What was published before remains whole.
pub fn index_folder(options: &Options, session: &Session<'_>) -> Result<Outcome, IngestError> {
    let (keys, progress) = (session.keys, session.progress);
    let mut cache = options
        .cache
        .as_deref()
        .map_or_else(Cache::none, Cache::open);
    let Classified {
        found,
        faults,
        passed_over,
        is_partial,
    } = images::classify_all(
        source::scan(&options.source, &options.out, &options.naming),
        &cache,
    );
    if !faults.is_empty() && !options.skip_invalid {
        return Err(PublishError::Source(faults).into());
    }
    // A skipped image is not gone. If it cannot be identified, all subjects remain.
    let is_whole = faults.is_empty() && !is_partial;
    let origin = prune::read_origin(options.origin.as_deref());
    let has_origin = !origin.is_empty() && Registry::open(&options.out).is_ok();
    if found.is_empty() && !options.prune && !has_origin {
        return Err(no_images(options, passed_over));
    }
    if options.dry_run {
        return Ok(Outcome {
            passed_over,
            ..dry_run(options, keys, &found, (&origin, is_whole), faults)?
        });
    }

    check_before(options, keys)?;
    let new = with_options(Settings::default(), options);
    let mut writer = FolderWriter::open(&options.out, &new, progress)?;
    let settings = with_options(writer.registry().settings().clone(), options);
    let base = recover(&writer, progress)?;
    base.check_known(writer.registry(), session.pins)?;
    check_keys(&base, options, keys)?;
    host::check_file(writer.registry(), &settings)?;
    let entries = base.entries(&writer)?;
    let (removed, kept) = absent_subjects(options, &entries, &found, &origin, is_whole)?;

    let is_new = base.head.is_none();
    let settings_changed = !is_new && *writer.registry().settings() != settings;

    let import = settings.blob_url.is_none().then_some(options.link);
    let brought = hashing::bring(&writer, &found, options.io, import, progress);
    let Brought {
        hashed,
        changed,
        stopped,
    } = brought;
    // Save hashes also after an error. But changed blobs are found by hashing their sources, which must
    // happen until the blobs are removed.
    if changed.is_empty() {
        hashing::remember(&mut cache, &found, &hashed);
    }
    if let Some(error) = stopped {
        return Err(error.into());
    }

    let mut changeset = Changeset {
        present: present(&found, &hashed),
        ..Changeset::default()
    };
    if keys.is_some() {
        changeset.provided = provided(&found)?;
    }
    changeset.removed = removed
        .iter()
        .map(|subject| {
            (
                subject.clone(),
                "no longer in the indexed folder".to_owned(),
            )
        })
        .collect();
    let begins = base.trust_chain.is_none() && keys.is_some();
    if begins {
        changeset.again = others(&entries, &changeset);
    }
    let signing = signing(
        writer.registry(),
        &base,
        keys,
        &changeset,
        &entries,
        session.now,
    )?;
    let begun = signing
        .as_ref()
        .filter(|_| begins)
        .map(|signing| signing.author.trust_chain().registry());
    let adopted = changeset.again.len();
    let sizes = changeset.present.iter();
    let sizes = sizes.map(|(subject, image)| (subject.clone(), image.size));
    let too_large = host::too_large(&settings, &entries, sizes, &kept);
    let publication = Publication {
        changeset,
        settings,
        signing,
        now: session.now,
    };
    let published = publish(&mut writer, &base, &entries, &publication, progress)?;
    let changeset = publication.changeset;
    if !changed.is_empty() {
        hashing::unlink(&writer, &changed, progress)?;
        hashing::remember(&mut cache, &found, &hashed);
    }
    prune::write_origin(
        options.origin.as_deref(),
        changeset.present.iter().map(|(subject, _)| subject),
    );

    let files = found
        .iter()
        .zip(&changeset.present)
        .map(|(image, (subject, published))| {
            (image.path.clone(), subject.clone(), published.digest)
        });
    Ok(Outcome {
        is_new,
        begun,
        adopted,
        settings_changed,
        files: files.collect(),
        removed,
        kept,
        settings: publication.settings,
        too_large,
        passed_over,
        published: Some(published.clone()),
        ..outcome(
            Some(published.head),
            &found,
            hashing::reused(&hashed),
            faults,
        )
    })
}

/// Returns an outcome without changed references.
fn outcome(
    head: Option<Document<Head>>,
    found: &[SourceImage],
    reused: usize,
    skipped: Vec<SourceFault>,
) -> Outcome {
    Outcome {
        head,
        published: None,
        is_new: false,
        begun: None,
        adopted: 0,
        settings_changed: false,
        images: found.len(),
        bytes: found.iter().map(|image| image.stamp.size).sum(),
        hashed: found.len() - reused,
        reused,
        files: Vec::new(),
        removed: Vec::new(),
        kept: Vec::new(),
        skipped,
        passed_over: Vec::new(),
        named: found.iter().map(reading).collect(),
        settings: Settings::default(),
        too_large: Vec::new(),
    }
}

/// Returns the error for a folder without images; lists images without the name of one.
fn no_images(options: &Options, passed_over: Vec<SourceFault>) -> IngestError {
    if passed_over.is_empty() {
        return IngestError::NoImages(options.source.clone());
    }
    let none = SourceFault::new(
        Code::NoImages,
        &options.source,
        "no file in it has the name of an image",
    );
    PublishError::Source(std::iter::once(none).chain(passed_over).collect()).into()
}

fn reading(image: &SourceImage) -> Reading {
    Reading {
        path: image.path.clone(),
        subject: image.subject.clone(),
        others: image.others.clone(),
        note: image.note,
    }
}

/// Returns the subjects that the source lacks: those to remove, and those to keep; all to keep unless the
/// source is whole.
///
/// # Errors
/// `MassRemoval` if more would be removed than a person removes by hand, and the options do not allow it.
fn absent_subjects(
    options: &Options,
    entries: &Entries,
    found: &[SourceImage],
    origin: &BTreeSet<String>,
    is_whole: bool,
) -> Result<(Vec<Subject>, Vec<Subject>), IngestError> {
    let none = BTreeSet::new();
    let (removed, kept) = prune::absent(
        entries,
        &found.iter().map(|image| &image.subject).collect(),
        if is_whole { origin } else { &none },
        options.prune && is_whole,
    );
    if !options.prune && !options.allow_removals {
        prune::check_removals(&options.source, entries, origin, &removed)?;
    }
    if found.is_empty() && removed.is_empty() && !options.prune {
        return Err(IngestError::NoImages(options.source.clone()));
    }
    Ok((removed, kept))
}

/// Returns the settings with the changes of the options.
fn with_options(mut settings: Settings, options: &Options) -> Settings {
    if options.base_url.is_some() {
        settings.base_url.clone_from(&options.base_url);
    }
    if options.blob_url.is_some() {
        settings.blob_url.clone_from(&options.blob_url);
    }
    settings.host = options.host.or(settings.host);
    settings
}

fn dry_run(
    options: &Options,
    keys: Option<&Keys<'_>>,
    found: &[SourceImage],
    (origin, is_whole): (&BTreeSet<String>, bool),
    skipped: Vec<SourceFault>,
) -> Result<Outcome, IngestError> {
    let (head, entries, settings) = match Registry::open(&options.out) {
        Ok(registry) => {
            let base = Base::read(&registry)?;
            check_keys(&base, options, keys)?;
            let settings = with_options(registry.settings().clone(), options);
            host::check_file(&registry, &settings)?;
            let head = base.head;
            let entries = derive::entries(&registry, head.as_ref().map(Document::body))?;
            (head, entries, settings)
        }
        Err(RegistryError::NotARegistry(_)) => {
            let settings = with_options(Settings::default(), options);
            (None, Entries::new(), settings)
        }
        Err(error) => return Err(error.into()),
    };
    let (removed, kept) = absent_subjects(options, &entries, found, origin, is_whole)?;
    let reused = found.iter().filter(|image| image.known.is_some()).count();
    let sizes = found
        .iter()
        .map(|image| (image.subject.clone(), image.stamp.size));
    Ok(Outcome {
        too_large: host::too_large(&settings, &entries, sizes, &kept),
        settings,
        removed,
        kept,
        ..outcome(head, found, reused, skipped)
    })
}

/// Returns the changes for the images of `found`, in order.
fn present(found: &[SourceImage], hashed: &[Hashing]) -> Vec<(Subject, Image)> {
    let published = |(image, hashing): (&SourceImage, &Hashing)| {
        let known = hashing.known();
        let published = Image {
            digest: known.digest,
            size: known.stamp.size,
            chain: known.chain,
            format: known.format,
            frozen: false,
            urls: Vec::new(),
            attached: Vec::new(),
        };
        (image.subject.clone(), published)
    };
    found.iter().zip(hashed).map(published).collect()
}

/// Refuses an impossible registry with keys before its folder is created.
fn check_before(options: &Options, keys: Option<&Keys<'_>>) -> Result<(), PublishError> {
    let has_keys = match Registry::open(&options.out) {
        Ok(registry) => registry.stated_id()?.is_some(),
        Err(_) => false,
    };
    match keys.filter(|_| !has_keys) {
        Some(keys) if !keys.may_begin => Err(PublishError::NoKeys(options.out.clone())),
        Some(keys) if keys.signers.len() != 1 => Err(PublishError::OneKey(keys.signers.len())),
        _ => Ok(()),
    }
}

/// Refuses, before hashing, to publish without a key in a registry with keys, and to create a registry from a
/// source that is part of one.
fn check_keys(base: &Base, options: &Options, keys: Option<&Keys<'_>>) -> Result<(), PublishError> {
    match (keys, &base.trust_chain) {
        (None, Some(_)) => Err(PublishError::Signed(options.out.clone())),
        (Some(keys), None) if !keys.may_begin => Err(PublishError::NoKeys(options.out.clone())),
        (Some(_), None) => refuse_second(&options.source),
        _ => Ok(()),
    }
}

fn refuse_second(source: &Path) -> Result<(), PublishError> {
    let path = source.join(Place::Trust(1).to_string());
    let Ok(bytes) = read_capped(&path, trust::MAX_BYTES) else {
        return Ok(());
    };
    let trust: Document<trust::Trust> =
        Document::parse(bytes).map_err(|source| RegistryError::Document { path, source })?;
    Err(PublishError::HasKeys {
        place: source.display().to_string(),
        registry: trust.id(),
    })
}

/// Returns the statements signed by publishers, each in a file beside its image.
fn provided(found: &[SourceImage]) -> Result<BTreeMap<Subject, Provided>, IngestError> {
    let mut provided = BTreeMap::new();
    for image in found {
        let path = statement_file(&image.path);
        let bytes = match read_capped(&path, document::MAX_BYTES) {
            Err(error) if is_absent(&error) => continue,
            bytes => bytes.map_err(PublishError::read(&path))?,
        };
        let statement = Document::parse(bytes).map_err(|source| RegistryError::Document {
            path: path.clone(),
            source,
        })?;
        provided.insert(image.subject.clone(), Provided { path, statement });
    }
    Ok(provided)
}

/// Returns the path of the statement beside an image.
#[must_use]
pub fn statement_file(image: &Path) -> PathBuf {
    let mut name = image.as_os_str().to_owned();
    name.push(".statement");
    PathBuf::from(name)
}
