//! The errors of resolving references.

use std::path::PathBuf;

use sreg_model::fault::Code;
use sreg_model::{Arch, Reference};
use sreg_registry::verify::Fault;
use sreg_registry::{Registry, RegistryError, explain};
use sreg_sign::policy::PolicyError;
use sreg_store::StoreError;

use crate::known::KnownError;

/// The errors of resolving references.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ResolveError {
    /// The registry has a fault, or the reference is not published in it.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The image was removed.
    #[error("{reference} was removed from {}: {reason}", registry.display())]
    Removed {
        /// The registry.
        registry: PathBuf,
        /// The reference.
        reference: Box<Reference>,
        /// The publisher's reason.
        reason: String,
    },
    /// The reference has images, but not for the architecture.
    #[error("{reference} has no image for this architecture")]
    NoArch {
        /// The reference.
        reference: Box<Reference>,
        /// The architectures for which it has images.
        archs: Vec<Arch>,
    },
    /// The registry has no keys, and one with keys is required.
    #[error("{} is not signed", .0.display())]
    Unsigned(PathBuf),
    /// Known registries cannot be used, or the registry is not one of them.
    #[error(transparent)]
    Known(#[from] KnownError),
    /// The lock file lists no version of the registry.
    #[error("no lock file lists a version of {}", .0.display())]
    NotLocked(PathBuf),
    /// The registry does not have the version that the lock file lists.
    #[error("{} has no version {version} of epoch {epoch}", registry.display())]
    NoSuchVersion {
        /// The registry.
        registry: PathBuf,
        /// The epoch of the version.
        epoch: u64,
        /// The version.
        version: u64,
    },
    /// The registry's document differs from the one in the lock file.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// Offline: the registry is not known.
    #[error("{} is not a known registry, and --offline forbids asking it", .0.display())]
    NeverSeen(PathBuf),
    /// Offline: the newest trust document that was seen is older than the one in the lock file.
    #[error("the lock file lists a trust version that was not seen yet")]
    OlderThanLocked,
    /// Offline: the cache has no valid statement for the reference.
    #[error("{0} not found in the cache")]
    NotCached(Box<Reference>),
    /// Offline: the image was removed when the registry was last seen.
    #[error("{0} was removed")]
    RemovedBefore(Box<Reference>),
    /// The registry is at an https:// URL, but names a file at another kind of URL.
    #[error("{url} must be https://, because {registry} is")]
    InsecureUrl {
        /// The URL of the file, without secrets.
        url: String,
        /// The URL of the registry.
        registry: String,
    },
    /// The registry cannot be read.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// A store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ResolveError {
    /// Returns the error's code in `spec/cli.md`; of several faults, that of the first.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Refused(refusal) => {
                let first = refusal.faults.first();
                let code = first.map(|fault| fault.code);
                code.unwrap_or(Code::Bug)
            }
            Self::Removed { .. }
            | Self::NoArch { .. }
            | Self::NotCached(_)
            | Self::RemovedBefore(_) => Code::MissingReference,
            Self::Unsigned(_) => Code::Unsigned,
            Self::Known(error) => error.code(),
            Self::NotLocked(_) | Self::NeverSeen(_) => Code::UntrustedRegistry,
            Self::NoSuchVersion { .. } => Code::MissingHead,
            Self::Policy(error) => error.code(),
            Self::OlderThanLocked => Code::RolledBack,
            Self::InsecureUrl { .. } => Code::MalformedUrl,
            Self::Registry(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }

    /// Returns one message for each fault, with its causes.
    #[must_use]
    pub fn messages(&self) -> Vec<String> {
        match self {
            Self::Refused(refusal) => {
                let faults = refusal.faults.iter();
                faults.map(|fault| refusal.message(fault)).collect()
            }
            error => vec![explain(error)],
        }
    }
}

/// A refused registry and its faults.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.messages())]
pub struct Refusal {
    /// The registry, or its mirror.
    pub registry: Registry,
    /// The requested reference.
    pub reference: Reference,
    /// The faults, at least one.
    pub faults: Vec<Fault>,
}

impl Refusal {
    /// Returns whether the only fault is that the reference is not published.
    #[must_use]
    pub fn is_missing(&self) -> bool {
        let mut faults = self.faults.iter();
        faults.all(|fault| fault.code == Code::MissingReference)
    }

    /// Returns the message of a fault.
    #[must_use]
    pub fn message(&self, fault: &Fault) -> String {
        let root = self.registry.root().display();
        match fault.code == Code::MissingReference {
            true => format!("{} not found in {root}: {}", self.reference, fault.message),
            false => format!("{root}/{}: {}", fault.path, fault.message),
        }
    }

    fn messages(&self) -> String {
        let messages: Vec<String> = self.faults.iter().map(|one| self.message(one)).collect();
        messages.join("; ")
    }
}
