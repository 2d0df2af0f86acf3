//! Why an operation failed.

use sreg_client::known::KnownError;
use sreg_client::pull::PullError;
use sreg_client::resolve::ResolveError;
use sreg_model::fault::Code;
use sreg_model::reference::ReferenceError;
use sreg_registry::RegistryError;
use sreg_sign::SignError;
use sreg_store::StoreError;

/// Why an operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The registry cannot be read or written, or is not as it should be.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A reference resolves to no image that may be used.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// An image that was resolved cannot be downloaded or written.
    #[error(transparent)]
    Pull(#[from] PullError),
    /// What is remembered of registries cannot be used, or the registry is another one.
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
    /// Images are pushed to a tag, and the reference has a digest.
    #[error("cannot push to a digest: {0} has no tag")]
    PushToDigest(String),
    /// Images are indexed into a folder, and the registry is at a URL.
    #[error("{0} is not a folder: index into a folder, then mirror it")]
    NotAFolder(String),
    /// A registry is mirrored from one server to another, without a folder for images that are on their way.
    #[error("no folder for temporary files: both registries are on servers")]
    NoScratch,
    /// The system gives no random numbers, which the id of a new registry needs.
    #[error("cannot get random numbers from the system: {0}")]
    Random(getrandom::Error),
}

impl Error {
    /// Returns the error's code in `spec/cli.md`, by which programs tell errors apart.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Registry(error) => error.code(),
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
