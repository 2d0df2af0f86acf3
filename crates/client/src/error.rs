//! Why what is known cannot be read or written.

use sreg_model::fault::Code;
use std::io;
use std::path::{Path, PathBuf};

/// Why what is known cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateError {
    /// A file that is damaged: nothing in it is relied on, and nothing is taken for unknown.
    #[error("{} is damaged: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl StateError {
    /// The error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Malformed { .. } => Code::MalformedState,
            Self::Read { .. } => Code::Unreadable,
            Self::Write { .. } => Code::Unwritable,
        }
    }

    /// Returns whether the user may not read what is kept, so that it is not known what that is.
    #[must_use]
    pub fn is_denied(&self) -> bool {
        matches!(self, Self::Read { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
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
