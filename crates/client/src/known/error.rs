//! The errors of known registries and lock files.

use std::io;
use std::path::{Path, PathBuf};

use sreg_model::document::DocumentError;
use sreg_model::fault::Code;

use crate::known::question::Question;

/// An error of known registries or a lock file, or a registry that is not one of them.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KnownError {
    /// A file of a known registry is damaged. Its content is not used, but the registry does not count as
    /// unknown.
    #[error("{} is damaged: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The damage.
        what: String,
    },
    /// A file or the folder of known registries cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Known registries are not readable, and no other pin names the expected registry.
    #[error("cannot read {}", path.display())]
    Denied {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file or the folder of known registries cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The program has no folder for known registries.
    #[error("no folder for known registries")]
    NoFolder,
    /// The lock file cannot be read.
    #[error("cannot read {}", path.display())]
    ReadLockFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The lock file is too large.
    #[error("{} is larger than 1 MiB", .0.display())]
    LockFileTooLarge(PathBuf),
    /// The lock file is malformed.
    #[error("{}", path.display())]
    MalformedLockFile {
        /// The file.
        path: PathBuf,
        /// The damage.
        source: DocumentError,
    },
    /// The lock file cannot be written.
    #[error("cannot write {}", path.display())]
    WriteLockFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The lock file would not be valid with the pin that is added.
    #[error(transparent)]
    InvalidLockFile(DocumentError),
    /// The registry is not known, and its id was not confirmed.
    #[error("{}, which is not known", .0.subject())]
    Unconfirmed(Box<Question>),
}

impl KnownError {
    /// Returns the error's code in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Malformed { .. } => Code::MalformedState,
            Self::ReadLockFile { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Code::MissingFile
            }
            Self::ReadLockFile { source, .. } if sreg_files::is_not_a_file(source) => {
                Code::NotAFile
            }
            Self::Read { .. }
            | Self::Denied { .. }
            | Self::ReadLockFile { .. }
            | Self::LockFileTooLarge(_) => Code::Unreadable,
            Self::Write { .. } | Self::WriteLockFile { .. } => Code::Unwritable,
            Self::NoFolder => Code::Config,
            Self::MalformedLockFile { source, .. } | Self::InvalidLockFile(source) => source.code(),
            Self::Unconfirmed(_) => Code::UntrustedRegistry,
        }
    }

    pub(crate) fn malformed(path: &Path) -> impl Fn(String) -> Self {
        move |what| Self::Malformed {
            path: path.to_owned(),
            what,
        }
    }

    pub(crate) fn read(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Read {
            path: path.to_owned(),
            source,
        }
    }

    pub(crate) fn write(path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Write {
            path: path.to_owned(),
            source,
        }
    }
}
