//! Why a store cannot be read or written.

use std::io;

/// Why a store cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// No name of a store.
    #[error("{name} is no place of a registry: {what}")]
    Name {
        /// What was given.
        name: String,
        /// Why it is none.
        what: String,
    },
    /// The file system refuses.
    #[error("{name}")]
    Io {
        /// The object.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The server cannot be reached, or what it sends breaks off: it may be tried again.
    #[error("{name} is out of reach")]
    Unreachable {
        /// The object.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The server answers with something else than was asked for.
    #[error("{name} is answered with {status}")]
    Status {
        /// The object.
        name: String,
        /// The answer's status code.
        status: u16,
    },
    /// The server wants other credentials.
    #[error("{name} is refused: {what}")]
    Denied {
        /// The object.
        name: String,
        /// What the server or the credentials' source says.
        what: String,
    },
    /// There is no such bucket.
    #[error("there is no bucket for {0}")]
    NoBucket(String),
    /// The server sends whole objects only.
    #[error("{0} is served as a whole only")]
    NoRanges(String),
    /// The store makes no copies of its objects.
    #[error("{0} cannot be copied there: the store makes no copies")]
    NoCopies(String),
    /// The store takes no writes.
    #[error("{0} can only be read")]
    ReadOnly(String),
    /// The call was asked to stop.
    #[error("interrupted")]
    Cancelled,
}

impl StoreError {
    /// The error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Name { .. } => "malformed-url",
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "no-space",
                _ => "unreadable",
            },
            Self::Unreachable { .. } | Self::Status { .. } | Self::NoRanges(_) => "unreachable",
            Self::Denied { .. } => "access-denied",
            Self::NoBucket(_) => "missing-bucket",
            Self::NoCopies(_) => "not-supported",
            Self::ReadOnly(_) => "read-only",
            Self::Cancelled => "interrupted",
        }
    }

    /// Whether the same may go well a moment later.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status, .. } => *status == 429 || *status >= 500,
            _ => false,
        }
    }

    pub(crate) fn io(name: String) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { name, source }
    }

    pub(crate) fn unreachable(name: &str, source: impl Into<BoxedError>) -> Self {
        Self::Unreachable {
            name: name.to_owned(),
            source: io::Error::other(source),
        }
    }
}

type BoxedError = Box<dyn std::error::Error + Send + Sync>;
