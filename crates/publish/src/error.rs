//! The errors of publishing.

use std::io;
use std::path::{Path, PathBuf};

use sreg_files::is_full;
use sreg_index::hasher::HashError;
use sreg_model::document::DocumentError;
use sreg_model::fault::Code;
use sreg_model::{Arch, canonical};
use sreg_registry::RegistryError;
use sreg_sign::AuthorError;
use sreg_sign::amend::AmendError;
use sreg_store::StoreError;

use crate::source_fault::SourceFault;

/// An error of publishing in a registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The registry cannot be read, or has a fault.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The output folder contains files and is not a registry.
    #[error("{path} is not empty and has no sreg.json: not a registry folder", path = .0.display())]
    NotOurs(PathBuf),
    /// The registry has keys, but no signing key was given.
    #[error("{path} is a registry with keys: publishing needs one of them", path = .0.display())]
    Signed(PathBuf),
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
    /// A file or folder cannot be written.
    #[error("cannot write {path}", path = path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
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
    /// An image could not be downloaded.
    #[error("cannot fetch an image")]
    Fetch {
        /// The fault word.
        code: Code,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A document that the given keys have no right to sign.
#[derive(Debug)]
pub struct Unsigned {
    /// The subject of a statement, or the kind of document.
    pub what: String,
    /// Why.
    pub source: Box<AuthorError>,
}

impl From<AmendError> for PublishError {
    fn from(error: AmendError) -> Self {
        Self::Amend(error)
    }
}

impl From<StoreError> for PublishError {
    fn from(error: StoreError) -> Self {
        Self::Registry(error.into())
    }
}

impl From<HashError> for PublishError {
    fn from(error: HashError) -> Self {
        Self::Registry(error.into())
    }
}

impl PublishError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Registry(error) => error.code(),
            Self::NotOurs(_) => Code::NotOurFolder,
            Self::Signed(_) => Code::SignedRegistry,
            Self::Author { source, .. } => source.code(),
            Self::Unsigned { refused, .. } => {
                refused.first().map_or(Code::Bug, |one| one.source.code())
            }
            Self::Amend(source) => source.code(),
            Self::NoKeys(_) => Code::NoKeys,
            Self::HasKeys { .. } => Code::HasKeys,
            Self::Frozen(_) => Code::FrozenTag,
            Self::NothingBelow(_) | Self::NotOneImage { .. } => Code::MissingReference,
            Self::OneKey(_) | Self::Published(_) | Self::Attachment(_) | Self::NoRoom(..) => {
                Code::Usage
            }
            Self::NoLongerValid(_) | Self::NeverValid(_) => Code::UntrustedStatement,
            Self::Write { source, .. } if is_full(source) => Code::NoSpace,
            Self::Write { .. } => Code::Unwritable,
            Self::Space { .. } => Code::NoSpace,
            Self::Conflict(_) | Self::Overtaken | Self::Meanwhile { .. } => Code::VersionConflict,
            Self::Diverged { .. } => Code::Diverged,
            Self::Unconditional(_) => Code::UnconditionalStore,
            Self::LastVersion(_) => Code::LastVersion,
            Self::CaseCollision(..) => Code::CaseCollision,
            Self::Source(faults) => faults
                .first()
                .map_or(Code::MalformedImage, |fault| fault.code),
            Self::Fetch { code, .. } => *code,
        }
    }

    /// Returns whether the run was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Registry(RegistryError::Cancelled))
    }

    /// Returns a function that makes the error of a failed read of `path`.
    pub fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let read = RegistryError::read(path);
        move |source| read(source).into()
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
