//! What can go wrong with a registry.

use std::io;
use std::path::{Path, PathBuf};

use sreg_files::{is_absent, is_full, is_not_a_file};
use sreg_index::hasher::HashError;
use sreg_index::map::MapError;
use sreg_model::document::DocumentError;
use sreg_model::fault::Code;
use sreg_model::layout::Place;
use sreg_model::settings::SettingsError;
use sreg_model::{Arch, canonical};
use sreg_sign::AuthorError;
use sreg_sign::amend::AmendError;
use sreg_sign::policy::PolicyError;
use sreg_store::StoreError;

use crate::source_fault::SourceFault;

/// Why a registry could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// There is no registry at that path.
    #[error("sreg.json not found in {path}: not a registry", path = .0.display())]
    NotARegistry(PathBuf),
    /// The output folder holds files that are not those of a registry.
    #[error("{path} is not empty and has no sreg.json: not a registry folder", path = .0.display())]
    NotOurs(PathBuf),
    /// A file of somebody else stands where one for the host of the registry is to be.
    #[error("{path} exists and is not a file that sreg wrote for this host", path = .0.display())]
    InTheWay(PathBuf),
    /// The registry has nothing published yet.
    #[error("{path} has no head: nothing is published there", path = .0.display())]
    NoHead(PathBuf),
    /// The registry has keys, and none was given to sign with.
    #[error("{path} is a registry with keys: publishing needs one of them", path = .0.display())]
    Signed(PathBuf),
    /// A document is not signed by those whom trust asks for, or is not what is known.
    #[error("{path} is not trusted", path = path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PolicyError,
    },
    /// Something could not be signed as trust asks.
    #[error("cannot sign {what}")]
    Author {
        /// What was to be signed.
        what: String,
        /// Why.
        source: Box<AuthorError>,
    },
    /// What the keys at hand may not sign.
    #[error("cannot sign {} documents with the given keys", refused.len())]
    Unsigned {
        /// The registry.
        registry: PathBuf,
        /// Each of them, and why.
        refused: Vec<Unsigned>,
    },
    /// Trust cannot be changed so.
    #[error("invalid change of trust")]
    Amend(#[source] AmendError),
    /// A registry without keys, where one with keys was to be.
    #[error("{path} has no keys", path = .0.display())]
    NoKeys(PathBuf),
    /// Another number of keys than one, where a registry is made.
    #[error("a new registry needs exactly one key, got {0}")]
    OneKey(usize),
    /// A registry has keys where none was to be.
    #[error("{place} already holds the registry {registry}")]
    HasKeys {
        /// Where it is.
        place: String,
        /// Its id.
        registry: sreg_model::Digest,
    },
    /// A registry without keys, where an empty one was to be made.
    #[error("{path} already holds a registry without keys", path = .0.display())]
    Published(PathBuf),
    /// A statement that is published, and that nobody signed who ever might.
    #[error("the statement for {0} was never signed by a key with the right to sign it")]
    NeverCounted(String),
    /// A name below which nothing is published.
    #[error("nothing is published below {0}")]
    NothingBelow(String),
    /// A reference that names no image, or several.
    #[error("{}", not_one(.reference, .archs))]
    NotOneImage {
        /// The reference.
        reference: String,
        /// The architectures that it has images for.
        archs: Vec<Arch>,
    },
    /// A statement that keys which count no longer have signed.
    #[error(
        "the statement for {0} is no longer valid: its signing key was revoked or lost the right to sign it"
    )]
    CountsNoLonger(String),
    /// What is said of attachments is too much: its bytes, and the most.
    #[error("the attachments take {0} bytes in the statement, more than the limit of {1}")]
    NoRoom(usize, usize),
    /// A file that cannot be described so.
    #[error("invalid attachment")]
    Attachment(#[source] DocumentError),
    /// A tag that is not to move again.
    #[error("{0} is frozen by its publisher")]
    Frozen(String),
    /// `sreg.json` cannot be used.
    #[error("cannot use {path}", path = path.display())]
    Settings {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SettingsError,
    },
    /// A document is malformed.
    #[error("{path} is not a valid document", path = path.display())]
    Document {
        /// The file.
        path: PathBuf,
        /// Why.
        source: DocumentError,
    },
    /// A document is not the one that its path or its referrer names.
    #[error("{path}: {what}", path = path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// What is not as it should be.
        what: String,
    },
    /// The index cannot be read.
    #[error("cannot read the index of {path}", path = path.display())]
    Map {
        /// The registry.
        path: PathBuf,
        /// Why.
        source: MapError,
    },
    /// A file that the registry names is not there.
    #[error("{path} is missing", path = registry.join(place.to_string()).display())]
    Missing {
        /// The registry.
        registry: PathBuf,
        /// Where the file should be.
        place: Box<Place>,
    },
    /// The file system refused to read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file system refused to write.
    #[error("cannot write {path}", path = path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Where the registry is kept cannot be read or written.
    #[error(transparent)]
    Store(StoreError),
    /// Not enough free space for what would be written.
    #[error("not enough space in {path}: {} free, {} needed for {what}", size(*.free), size(*.needed), path = path.display())]
    Space {
        /// The output folder.
        path: PathBuf,
        /// What would be written.
        what: &'static str,
        /// The bytes that it takes, with a reserve.
        needed: u64,
        /// The bytes that are free.
        free: u64,
    },
    /// Somebody else published at the same time.
    #[error("{path} exists: another publisher has published this version", path = .0.display())]
    Conflict(PathBuf),
    /// Somebody else has published what makes it another question whether this may be published.
    #[error("{path}: {what} meanwhile", path = .path.display())]
    Meanwhile {
        /// What was changed.
        path: PathBuf,
        /// What was published.
        what: String,
    },
    /// A copy has a version that what it is a copy of has not.
    #[error("the copy has version {version}, which the source, at version {newest}, does not have")]
    Diverged {
        /// The copy's version.
        version: u64,
        /// The version of what is to be copied.
        newest: u64,
    },
    /// A store that writes whatever was asked to be so.
    #[error("{path} does not support conditional writes: concurrent publishing would lose data", path = .0.display())]
    Unconditional(PathBuf),
    /// Somebody else has published since.
    #[error("another publisher has published in the meantime")]
    Overtaken,
    /// The newest version has the highest number that there is.
    #[error("{path} is at version {max}, the last possible one", path = .0.display(), max = canonical::MAX_INTEGER)]
    LastVersion(PathBuf),
    /// Two references that differ by case alone.
    #[error("{0} and {1} differ only in case")]
    CaseCollision(String, String),
    /// Images that cannot be published.
    #[error("cannot publish {} of the images", .0.len())]
    Source(Vec<SourceFault>),
    /// Most of what was indexed from a folder is gone from it: more likely a disk that is not mounted.
    #[error("{gone} of the {of} references indexed from {source_folder} are gone from it, such as {first}", source_folder = source_folder.display())]
    MassRemoval {
        /// The folder of images.
        source_folder: PathBuf,
        /// How many references would be removed.
        gone: usize,
        /// How many published references came from the folder.
        of: usize,
        /// The first of those that would be removed.
        first: String,
    },
    /// A source without an image: more likely the wrong folder than an empty registry.
    #[error("{path} contains no images", path = .0.display())]
    NoImages(PathBuf),
    /// An image could not be fetched.
    #[error("cannot fetch an image")]
    Fetch {
        /// The error's word.
        code: Code,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Hashing failed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The run was asked to stop.
    #[error("interrupted")]
    Cancelled,
}

/// A document that the keys at hand may not sign.
#[derive(Debug)]
pub struct Unsigned {
    /// The subject of a statement, or what else it is.
    pub what: String,
    /// Why.
    pub source: Box<AuthorError>,
}

impl From<AmendError> for RegistryError {
    fn from(error: AmendError) -> Self {
        Self::Amend(error)
    }
}

impl From<StoreError> for RegistryError {
    fn from(error: StoreError) -> Self {
        Self::store(error)
    }
}

impl RegistryError {
    /// The error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NotARegistry(_) => Code::NotARegistry,
            Self::NotOurs(_) => Code::NotOurFolder,
            Self::InTheWay(_) => Code::FileExists,
            Self::NoHead(_) => Code::MissingHead,
            Self::Signed(_) => Code::SignedRegistry,
            Self::Policy { source, .. } => source.code(),
            Self::Author { source, .. } => source.code(),
            Self::Unsigned { refused, .. } => {
                refused.first().map_or(Code::Bug, |one| one.source.code())
            }
            Self::Amend(source) => source.code(),
            Self::NoKeys(_) => Code::NoKeys,
            Self::OneKey(_) => Code::Usage,
            Self::HasKeys { .. } => Code::HasKeys,
            Self::Frozen(_) => Code::FrozenTag,
            Self::Published(_) => Code::Usage,
            Self::NothingBelow(_) | Self::NotOneImage { .. } => Code::MissingReference,
            Self::Attachment(_) | Self::NoRoom(..) => Code::Usage,
            Self::CountsNoLonger(_) => Code::UntrustedStatement,
            Self::NeverCounted(_) => Code::UntrustedStatement,
            Self::Settings { source, .. } => source.code(),
            Self::Document { source, .. } => source.code(),
            Self::Mismatch { .. } => Code::DocumentMismatch,
            Self::Map {
                source: MapError::Io { source, .. },
                ..
            } => match source.get_ref().and_then(|inner| inner.downcast_ref()) {
                // What the registry itself has said.
                Some(error) => Self::code(error),
                None => unread(source),
            },
            Self::Map { source, .. } => source.code(),
            Self::Missing { place, .. } => missing(place),
            Self::Read { source, .. } => unread(source),
            Self::Write { source, .. } if is_full(source) => Code::NoSpace,
            Self::Write { .. } => Code::Unwritable,
            Self::Store(source) => source.code(),
            Self::Space { .. } => Code::NoSpace,
            Self::Conflict(_) => Code::VersionConflict,
            Self::Diverged { .. } => Code::Diverged,
            Self::Unconditional(_) => Code::UnconditionalStore,
            Self::Overtaken | Self::Meanwhile { .. } => Code::VersionConflict,
            Self::LastVersion(_) => Code::LastVersion,
            Self::CaseCollision(..) => Code::CaseCollision,
            Self::Source(faults) => faults
                .first()
                .map_or(Code::MalformedImage, |fault| fault.code),
            Self::MassRemoval { .. } => Code::MassRemoval,
            Self::NoImages(_) => Code::NoImages,
            Self::Fetch { code, .. } => *code,
            Self::Hash(error) => error.code(),
            Self::Cancelled => Code::Interrupted,
        }
    }

    /// Returns whether something could not be read, whatever it is: that is no absence.
    pub fn is_unread(&self) -> bool {
        let is_of_map = matches!(
            self,
            Self::Map {
                source: MapError::Io { .. },
                ..
            }
        );
        is_of_map || matches!(self, Self::Store(_) | Self::Read { .. } | Self::Cancelled)
    }

    /// Why a store could not be read; a file that cannot be is told as such.
    pub fn store(error: StoreError) -> Self {
        match error {
            StoreError::Io { name, source } => Self::Read {
                path: PathBuf::from(name),
                source,
            },
            StoreError::Cancelled => Self::Cancelled,
            error => Self::Store(error),
        }
    }

    /// Returns a function that makes the error of a failed read of `path`.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    /// Why a file of the registry at `root` could not be read.
    pub fn read_place(root: &Path, place: &Place) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            if is_absent(&source) {
                let place = Box::new(place.clone());
                return Self::Missing {
                    registry: root.to_owned(),
                    place,
                };
            }
            Self::read(&root.join(place.to_string()))(source)
        }
    }

    /// Returns a function that makes the error of a failed write of `path`.
    pub fn write(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Write {
            path: path.to_owned(),
            source,
        }
    }
}

fn not_one(reference: &str, archs: &[Arch]) -> String {
    let archs: Vec<&str> = archs.iter().map(|arch| arch.as_str()).collect();
    match archs[..] {
        [] => format!("{reference} is not published"),
        _ => format!(
            "{reference} has several architectures ({}): choose one with --arch",
            archs.join(", ")
        ),
    }
}

/// A size for people, exact where that is short.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    let mut unit = None;
    let mut rest = bytes;
    let mut tenths = 0;
    for next in UNITS {
        if rest < 1024 {
            break;
        }
        tenths = rest % 1024 * 10 / 1024;
        rest /= 1024;
        unit = Some(next);
    }
    match unit {
        Some(unit) => format!("{rest}.{tenths} {unit}"),
        None => format!("{bytes} bytes"),
    }
}

/// The word for something that is not there.
fn missing(place: &Place) -> Code {
    match place {
        Place::Settings => Code::NotARegistry,
        Place::Head | Place::HeadSlot { .. } => Code::MissingHead,
        Place::Trust(_) => Code::MissingTrust,
        Place::Node(_) => Code::MissingNode,
        Place::Statement(_) => Code::MissingStatement,
        Place::Blob(..) => Code::MissingBlob,
        // All others are views.
        _ => Code::MissingView,
    }
}

/// The word for something that is there, and could not be read.
fn unread(error: &io::Error) -> Code {
    if is_not_a_file(error) {
        Code::NotAFile
    } else {
        Code::Unreadable
    }
}

/// An error with its causes in one line.
#[must_use]
pub fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // A transparent error shows its cause already.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
