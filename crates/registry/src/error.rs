//! The errors of registries.

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

/// An error of reading or writing a registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The path does not contain a registry.
    #[error("sreg.json not found in {path}: not a registry", path = .0.display())]
    NotARegistry(PathBuf),
    /// The output folder contains files and is not a registry.
    #[error("{path} is not empty and has no sreg.json: not a registry folder", path = .0.display())]
    NotOurs(PathBuf),
    /// A file that sreg did not write has the path of a file for the registry's host.
    #[error("{path} exists and is not a file that sreg wrote for this host", path = .0.display())]
    InTheWay(PathBuf),
    /// The registry has no head.
    #[error("{path} has no head: nothing is published there", path = .0.display())]
    NoHead(PathBuf),
    /// The registry has keys, but no signing key was given.
    #[error("{path} is a registry with keys: publishing needs one of them", path = .0.display())]
    Signed(PathBuf),
    /// A document is not signed as trust requires, or differs from its pin.
    #[error("{path} is not trusted", path = path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PolicyError,
    },
    /// Signing as trust requires failed.
    #[error("cannot sign {what}")]
    Author {
        /// The document.
        what: String,
        /// Why.
        source: Box<AuthorError>,
    },
    /// The given keys do not have the right to sign these documents.
    #[error("cannot sign {} documents with the given keys", refused.len())]
    Unsigned {
        /// The registry.
        registry: PathBuf,
        /// Each document, and why.
        refused: Vec<Unsigned>,
    },
    /// The change of trust is invalid.
    #[error("invalid change of trust")]
    Amend(#[source] AmendError),
    /// The registry has no keys, and the operation needs one with keys.
    #[error("{path} has no keys", path = .0.display())]
    NoKeys(PathBuf),
    /// A new registry needs exactly one key; contains the number of keys that were given.
    #[error("a new registry needs exactly one key, got {0}")]
    OneKey(usize),
    /// The place already has a registry with keys.
    #[error("{place} already holds the registry {registry}")]
    HasKeys {
        /// The place of the registry.
        place: String,
        /// Its id.
        registry: sreg_model::Digest,
    },
    /// The place already has a registry without keys.
    #[error("{path} already holds a registry without keys", path = .0.display())]
    Published(PathBuf),
    /// A published statement was never signed by a key with the right to sign it.
    #[error("the statement for {0} was never signed by a key with the right to sign it")]
    NeverValid(String),
    /// Nothing is published below this name.
    #[error("nothing is published below {0}")]
    NothingBelow(String),
    /// The reference does not name exactly one image.
    #[error("{}", not_one(.reference, .archs))]
    NotOneImage {
        /// The reference.
        reference: String,
        /// The architectures of its images.
        archs: Vec<Arch>,
    },
    /// A statement is no longer valid: its key was revoked or lost the right to sign it.
    #[error(
        "the statement for {0} is no longer valid: its signing key was revoked or lost the right to sign it"
    )]
    NoLongerValid(String),
    /// The descriptions of attachments are too long: their bytes, and the limit.
    #[error("the attachments take {0} bytes in the statement, more than the limit of {1}")]
    NoRoom(usize, usize),
    /// The description of an attachment is invalid.
    #[error("invalid attachment")]
    Attachment(#[source] DocumentError),
    /// The tag is frozen.
    #[error("{0} is frozen by its publisher")]
    Frozen(String),
    /// `sreg.json` is invalid.
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
    /// A document does not match its path or its referrer.
    #[error("{path}: {what}", path = path.display())]
    Mismatch {
        /// The file.
        path: PathBuf,
        /// The mismatch.
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
    /// A file that the registry names is missing.
    #[error("{path} is missing", path = registry.join(place.to_string()).display())]
    Missing {
        /// The registry.
        registry: PathBuf,
        /// The place of the file.
        place: Box<Place>,
    },
    /// A file or folder cannot be read.
    #[error("cannot read {path}", path = path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {path}", path = path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(StoreError),
    /// There is not enough free space.
    #[error("not enough space in {path}: {} free, {} needed for {what}", size(*.free), size(*.needed), path = path.display())]
    Space {
        /// The output folder.
        path: PathBuf,
        /// The content to write.
        what: &'static str,
        /// The bytes needed, with a reserve.
        needed: u64,
        /// The bytes that are free.
        free: u64,
    },
    /// Another publisher created the same version.
    #[error("{path} exists: another publisher has published this version", path = .0.display())]
    Conflict(PathBuf),
    /// Another publisher changed something that this operation depends on.
    #[error("{path}: {what} meanwhile", path = .path.display())]
    Meanwhile {
        /// The file that changed.
        path: PathBuf,
        /// The change.
        what: String,
    },
    /// The copy has a version that its source does not have.
    #[error("the copy has version {version}, which the source, at version {newest}, does not have")]
    Diverged {
        /// The copy's version.
        version: u64,
        /// The source's version.
        newest: u64,
    },
    /// The store ignores conditional writes.
    #[error("{path} does not support conditional writes: concurrent publishing would lose data", path = .0.display())]
    Unconditional(PathBuf),
    /// Another publisher has published since the registry was read.
    #[error("another publisher has published in the meantime")]
    Overtaken,
    /// The newest version has the highest possible number.
    #[error("{path} is at version {max}, the last possible one", path = .0.display(), max = canonical::MAX_INTEGER)]
    LastVersion(PathBuf),
    /// Two references differ only in case.
    #[error("{0} and {1} differ only in case")]
    CaseCollision(String, String),
    /// Some images cannot be published.
    #[error("cannot publish {} of the images", .0.len())]
    Source(Vec<SourceFault>),
    /// Most references that were indexed from a folder are gone from it, perhaps because a disk is not
    /// mounted.
    #[error("{gone} of the {of} references indexed from {source_folder} are gone from it, such as {first}", source_folder = source_folder.display())]
    MassRemoval {
        /// The folder of images.
        source_folder: PathBuf,
        /// How many references would be removed.
        gone: usize,
        /// How many published references came from the folder.
        of: usize,
        /// The first reference that would be removed.
        first: String,
    },
    /// The source contains no image: more likely the wrong folder than an empty registry.
    #[error("{path} contains no images", path = .0.display())]
    NoImages(PathBuf),
    /// An image could not be downloaded.
    #[error("cannot fetch an image")]
    Fetch {
        /// The fault word.
        code: Code,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Hashing failed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The run was cancelled.
    #[error("interrupted")]
    Cancelled,
}

/// A document that the given keys have no right to sign.
#[derive(Debug)]
pub struct Unsigned {
    /// The subject of a statement, or the kind of document.
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
    /// Returns the error's word in `spec/cli.md`.
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
            Self::NoLongerValid(_) => Code::UntrustedStatement,
            Self::NeverValid(_) => Code::UntrustedStatement,
            Self::Settings { source, .. } => source.code(),
            Self::Document { source, .. } => source.code(),
            Self::Mismatch { .. } => Code::DocumentMismatch,
            Self::Map {
                source: MapError::Io { source, .. },
                ..
            } => match source.get_ref().and_then(|inner| inner.downcast_ref()) {
                // The registry's own error.
                Some(error) => Self::code(error),
                None => unread(source),
            },
            Self::Map { source, .. } => source.code(),
            Self::Missing { place, .. } => place.kind().missing,
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

    /// Returns whether something could not be read, which does not mean that it is absent.
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

    /// Returns the error for a store that could not be read; `Read` if it is a folder.
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

    /// Returns a function that makes the error of a failed read of a registry's file.
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

/// Formats a size, exactly if it is short.
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

/// Returns the fault word for an existing file that could not be read.
fn unread(error: &io::Error) -> Code {
    if is_not_a_file(error) {
        Code::NotAFile
    } else {
        Code::Unreadable
    }
}

/// Formats an error with its causes in one line.
#[must_use]
pub fn explain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // A transparent error already shows its cause.
        if !text.ends_with(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}
