//! The errors of publishing a folder of images.

use std::path::PathBuf;

use sreg_index::hasher::HashError;
use sreg_model::fault::Code;
use sreg_publish::PublishError;
use sreg_registry::RegistryError;

/// An error of publishing a folder of images.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// The registry cannot be read or written.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A file that sreg did not write has the path of a file for the registry's host.
    #[error("{path} exists and is not a file that sreg wrote for this host", path = .0.display())]
    InTheWay(PathBuf),
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
}

impl From<RegistryError> for IngestError {
    fn from(error: RegistryError) -> Self {
        Self::Publish(error.into())
    }
}

impl From<HashError> for IngestError {
    fn from(error: HashError) -> Self {
        Self::Publish(error.into())
    }
}

impl IngestError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Publish(error) => error.code(),
            Self::InTheWay(_) => Code::FileExists,
            Self::MassRemoval { .. } => Code::MassRemoval,
            Self::NoImages(_) => Code::NoImages,
        }
    }
}
