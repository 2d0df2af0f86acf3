//! The errors of reading a registry.

use std::io;
use std::path::{Path, PathBuf};

use sreg_files::{is_absent, is_not_a_file};
use sreg_index::hasher::HashError;
use sreg_index::map::MapError;
use sreg_model::document::DocumentError;
use sreg_model::fault::Code;
use sreg_model::layout::Place;
use sreg_model::settings::SettingsError;
use sreg_sign::policy::PolicyError;
use sreg_store::StoreError;

/// An error of reading a registry.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RegistryError {
    /// The path does not contain a registry.
    #[error("sreg.json not found in {path}: not a registry", path = .0.display())]
    NotARegistry(PathBuf),
    /// The registry has no head.
    #[error("{path} has no head: nothing is published there", path = .0.display())]
    NoHead(PathBuf),
    /// A document is not signed as trust requires, or differs from its pin.
    #[error("{path} is not trusted", path = path.display())]
    Policy {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PolicyError,
    },
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
    /// The store cannot be read or written.
    #[error(transparent)]
    Store(StoreError),
    /// Hashing failed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The run was cancelled.
    #[error("interrupted")]
    Cancelled,
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
            Self::NoHead(_) => Code::MissingHead,
            Self::Policy { source, .. } => source.code(),
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
            Self::Store(source) => source.code(),
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
