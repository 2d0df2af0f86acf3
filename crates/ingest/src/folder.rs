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
use sreg_registry::derive::{self, Lines};
use sreg_registry::{Registry, RegistryError, SourceFault};

use crate::hash_cache::Cache;
use crate::hashing::{self, Brought, Hashing};
use crate::images::{self, Classified, SourceImage};
use crate::source::{self, Naming};
use crate::{host, prune};

/// What to index, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder of images.
    pub source: PathBuf,
    /// The registry to publish into; made where it is absent.
    pub out: PathBuf,
    /// How references are read from paths.
    pub naming: Naming,
    /// How images get into the registry.
    pub link: LinkMode,
    /// How images are read.
    pub io: IoMode,
    /// Where the registry will be served; absent: as `sreg.json` says.
    pub base_url: Option<BaseUrl>,
    /// Where images are when they are not to be in the registry; absent: as `sreg.json` says.
    pub blob_url: Option<BlobUrl>,
    /// What is to serve the registry; absent: as `sreg.json` says.
    pub host: Option<Host>,
    /// A file that remembers what was hashed.
    pub cache: Option<PathBuf>,
    /// A file that remembers which references came from this source.
    pub origin: Option<PathBuf>,
    /// Whether to remove every reference that the source does not have.
    pub prune: bool,
    /// Whether to remove references whose images are gone from `source`, however many they are.
    pub allow_removals: bool,
    /// Whether to publish the rest when some images cannot be.
    pub skip_invalid: bool,
    /// Whether to stop before anything is written.
    pub dry_run: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// The newest head; absent after a dry run of what was never published.
    pub head: Option<Document<Head>>,
    /// What was published; absent after a dry run.
    pub published: Option<Published>,
    /// Whether nothing was published there before.
    pub is_new: bool,
    /// The registry that was given keys by this run.
    pub begun: Option<Digest>,
    /// References that were signed as they were published, without being in the source.
    pub adopted: usize,
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
    pub files: Vec<(PathBuf, Subject, Digest)>,
    /// References that were removed.
    pub removed: Vec<Subject>,
    /// References that the registry has, but not the source, and that stay.
    pub kept: Vec<Subject>,
    /// Images that were left out, and why.
    pub skipped: Vec<SourceFault>,
    /// Images whose names do not say that they are, and folders that were not looked into.
    pub passed_over: Vec<SourceFault>,
    /// The reference of each image, by path.
    pub named: Vec<Reading>,
    /// What the registry says of itself now.
    pub settings: Settings,
    /// Images that are larger than what its host takes, with their sizes.
    pub too_large: Vec<(Subject, u64)>,
}

/// The reference that a path was read as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reading {
    /// The image.
    pub path: PathBuf,
    /// What it is published as.
    pub subject: Subject,
    /// The other references that its name could mean.
    pub others: Vec<String>,
    /// What is odd about the file. That of a file which the cache knows was said before.
    pub note: Option<&'static str>,
}

/// Indexes a folder.
///
/// # Errors
/// When an image cannot be published and `skip_invalid` is not set, the registry cannot be written, or
/// the keys of the session may not sign what is to be published. What was published before is then still there, whole.
pub fn index_folder(options: &Options, session: &Session<'_>) -> Result<Outcome, RegistryError> {
    let (keys, watch) = (session.keys, session.progress);
    let mut cache = options
        .cache
        .as_deref()
        .map_or_else(Cache::none, Cache::open);
    let Classified {
        found,
        faults,
        passed_over,
    } = images::classify_all(
        source::scan(&options.source, &options.out, &options.naming),
        &cache,
    );
    if !faults.is_empty() && !options.skip_invalid {
        return Err(RegistryError::Source(faults));
    }
    let origin = prune::read_origin(options.origin.as_deref());
    let has_origin = !origin.is_empty() && Registry::open(&options.out).is_ok();
    if found.is_empty() && !options.prune && !has_origin {
        return Err(no_images(options, passed_over));
    }
    if options.dry_run {
        return Ok(Outcome {
            passed_over,
            ..dry_run(options, keys, &found, &origin, faults)?
        });
    }

    check_before(options, keys)?;
    let new = with_options(Settings::default(), options);
    let mut writer = FolderWriter::open(&options.out, &new, watch)?;
    let settings = with_options(writer.registry().settings().clone(), options);
    let base = recover(&writer, watch)?;
    base.check_known(writer.registry(), session.pins)?;
    check_keys(&base, options, keys)?;
    host::check_file(writer.registry(), &settings)?;
    let lines = base.lines(&writer)?;
    let (removed, kept) = absent_subjects(options, &lines, &found, &origin, &faults)?;

    let is_new = base.head.is_none();
    let settings_changed = !is_new && *writer.registry().settings() != settings;

    let import = settings.blob_url.is_none().then_some(options.link);
    let brought = hashing::bring(&writer, &found, options.io, import, watch);
    let Brought {
        hashed,
        changed,
        stopped,
    } = brought;
    // Also when something went wrong: what was hashed need not be hashed again. But blobs that were changed
    // are found by their sources, which are to be hashed until these are removed.
    if changed.is_empty() {
        hashing::remember(&mut cache, &found, &hashed);
    }
    if let Some(error) = stopped {
        return Err(error);
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
        changeset.again = others(&lines, &changeset);
    }
    let signing = signing(
        writer.registry(),
        &base,
        keys,
        &changeset,
        &lines,
        session.now,
    )?;
    let begun = signing
        .as_ref()
        .filter(|_| begins)
        .map(|signing| signing.author.trust_chain().registry());
    let adopted = changeset.again.len();
    let sizes = changeset.present.iter();
    let sizes = sizes.map(|(subject, image)| (subject.clone(), image.size));
    let too_large = host::too_large(&settings, &lines, sizes, &kept);
    let publication = Publication {
        changeset,
        settings,
        signing,
        now: session.now,
    };
    let published = publish(&mut writer, &base, &lines, &publication, watch)?;
    let changeset = publication.changeset;
    if !changed.is_empty() {
        hashing::unlink(&writer, &changed, watch)?;
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

/// An outcome that says nothing of what became of references yet.
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

/// There is no image; there may be some whose names do not say that they are.
fn no_images(options: &Options, passed_over: Vec<SourceFault>) -> RegistryError {
    if passed_over.is_empty() {
        return RegistryError::NoImages(options.source.clone());
    }
    let none = SourceFault::new(
        Code::NoImages,
        &options.source,
        "no file in it has the name of an image",
    );
    RegistryError::Source(std::iter::once(none).chain(passed_over).collect())
}

fn reading(image: &SourceImage) -> Reading {
    Reading {
        path: image.path.clone(),
        subject: image.subject.clone(),
        others: image.others.clone(),
        note: image.note,
    }
}

/// The subjects that the source does not have: those to remove, and those to keep. An image that
/// was left out is not gone, and which one that is cannot always be said: then all stay.
///
/// # Errors
/// `MassRemoval` if more would be removed than a person removes by hand, and the options do not allow it.
fn absent_subjects(
    options: &Options,
    lines: &Lines,
    found: &[SourceImage],
    origin: &BTreeSet<String>,
    skipped: &[SourceFault],
) -> Result<(Vec<Subject>, Vec<Subject>), RegistryError> {
    let none = BTreeSet::new();
    let is_whole = skipped.is_empty();
    let (removed, kept) = prune::absent(
        lines,
        &found.iter().map(|image| &image.subject).collect(),
        if is_whole { origin } else { &none },
        options.prune && is_whole,
    );
    if !options.prune && !options.allow_removals {
        prune::check_removals(&options.source, lines, origin, &removed)?;
    }
    if found.is_empty() && removed.is_empty() && !options.prune {
        return Err(RegistryError::NoImages(options.source.clone()));
    }
    Ok((removed, kept))
}

/// Settings with what the options change.
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
    origin: &BTreeSet<String>,
    skipped: Vec<SourceFault>,
) -> Result<Outcome, RegistryError> {
    let (head, lines, settings) = match Registry::open(&options.out) {
        Ok(registry) => {
            let base = Base::read(&registry)?;
            check_keys(&base, options, keys)?;
            let settings = with_options(registry.settings().clone(), options);
            host::check_file(&registry, &settings)?;
            let head = base.head;
            let lines = derive::lines(&registry, head.as_ref().map(Document::body))?;
            (head, lines, settings)
        }
        Err(RegistryError::NotARegistry(_)) => {
            let settings = with_options(Settings::default(), options);
            (None, Lines::new(), settings)
        }
        Err(error) => return Err(error),
    };
    let (removed, kept) = absent_subjects(options, &lines, found, origin, &skipped)?;
    let reused = found.iter().filter(|image| image.known.is_some()).count();
    let sizes = found
        .iter()
        .map(|image| (image.subject.clone(), image.stamp.size));
    Ok(Outcome {
        too_large: host::too_large(&settings, &lines, sizes, &kept),
        settings,
        removed,
        kept,
        ..outcome(head, found, reused, skipped)
    })
}

/// What is to be published: the images of `found`, in order.
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

/// Refuses to make a registry with keys that cannot be, before there is a folder for it.
fn check_before(options: &Options, keys: Option<&Keys<'_>>) -> Result<(), RegistryError> {
    let has_keys = match Registry::open(&options.out) {
        Ok(registry) => registry.stated_id()?.is_some(),
        Err(_) => false,
    };
    match keys.filter(|_| !has_keys) {
        Some(keys) if !keys.may_begin => Err(RegistryError::NoKeys(options.out.clone())),
        Some(keys) if keys.signers.len() != 1 => Err(RegistryError::OneKey(keys.signers.len())),
        _ => Ok(()),
    }
}

/// Refuses to publish in a registry with keys without one, and to make a registry where the source
/// is part of one already: before anything is hashed.
fn check_keys(
    base: &Base,
    options: &Options,
    keys: Option<&Keys<'_>>,
) -> Result<(), RegistryError> {
    match (keys, &base.trust_chain) {
        (None, Some(_)) => Err(RegistryError::Signed(options.out.clone())),
        (Some(keys), None) if !keys.may_begin => Err(RegistryError::NoKeys(options.out.clone())),
        (Some(_), None) => refuse_second(&options.source),
        _ => Ok(()),
    }
}

fn refuse_second(source: &Path) -> Result<(), RegistryError> {
    let path = source.join(Place::Trust(1).to_string());
    let Ok(bytes) = read_capped(&path, trust::MAX_BYTES) else {
        return Ok(());
    };
    let trust: Document<trust::Trust> =
        Document::parse(bytes).map_err(|source| RegistryError::Document { path, source })?;
    Err(RegistryError::HasKeys {
        place: source.display().to_string(),
        registry: trust.id(),
    })
}

/// The statements that publishers signed, each in a file beside its image.
fn provided(found: &[SourceImage]) -> Result<BTreeMap<Subject, Provided>, RegistryError> {
    let mut provided = BTreeMap::new();
    for image in found {
        let path = statement_file(&image.path);
        let bytes = match read_capped(&path, document::MAX_BYTES) {
            Err(error) if is_absent(&error) => continue,
            bytes => bytes.map_err(RegistryError::read(&path))?,
        };
        let statement = Document::parse(bytes).map_err(|source| RegistryError::Document {
            path: path.clone(),
            source,
        })?;
        provided.insert(image.subject.clone(), Provided { path, statement });
    }
    Ok(provided)
}

/// Where the statement of an image is looked for that its publisher signed.
#[must_use]
pub fn statement_file(image: &Path) -> PathBuf {
    let mut name = image.as_os_str().to_owned();
    name.push(".statement");
    PathBuf::from(name)
}
