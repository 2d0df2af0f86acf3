//! An error of an operation.

use sreg_client::known::KnownError;
use sreg_client::pull::PullError;
use sreg_client::resolve::ResolveError;
use sreg_ingest::IngestError;
use sreg_model::fault::Code;
use sreg_model::reference::ReferenceError;
use sreg_publish::PublishError;
use sreg_registry::RegistryError;
use sreg_sign::SignError;
use sreg_store::StoreError;

/// An error of an operation.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The registry cannot be read, or has a fault.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Publishing failed.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// Publishing a folder of images failed.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// A reference does not resolve to a trusted image.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A resolved image cannot be downloaded or written.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// The known registries cannot be used, or the registry is not the expected one.
    #[error(transparent)]
    Known(#[from] KnownError),
    /// A key cannot be used.
    #[error(transparent)]
    Key(#[from] SignError),
    /// A store cannot be reached or used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A text is not a reference.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// A push needs a tag, but the reference has a digest.
    #[error("cannot push to a digest: {0} has no tag")]
    PushToDigest(String),
    /// Indexing needs a folder, but the registry is at a URL.
    #[error("{0} is not a folder: index into a folder, then mirror it")]
    NotAFolder(String),
    /// Mirroring from one server to another needs a folder for temporary files.
    #[error("no folder for temporary files: both registries are on servers")]
    NoScratch,
    /// The system has no random numbers, which the id of a new registry needs.
    #[error("cannot get random numbers from the system: {0}")]
    Random(getrandom::Error),
}

impl Error {
    /// Returns the error's code in `spec/cli.md`, for programs.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Registry(error) => error.code(),
            Self::Publish(error) => error.code(),
            Self::Ingest(error) => error.code(),
            Self::Resolve(error) => error.code(),
            Self::Pull(error) => error.code(),
            Self::Known(error) => error.code(),
            Self::Key(error) => error.code(),
            Self::Store(error) => error.code(),
            Self::Reference(error) => error.code(),
            Self::PushToDigest(_) | Self::NoScratch => Code::Usage,
            Self::NotAFolder(_) => Code::NotSupported,
            Self::Random(_) => Code::Unreadable,
        }
    }

    /// Returns the error and its causes as one line.
    #[must_use]
    pub fn explain(&self) -> String {
        sreg_registry::explain(self)
    }
}
