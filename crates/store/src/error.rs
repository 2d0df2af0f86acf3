//! Why a store cannot be read or written.

use sreg_model::fault::Code;
use std::io;
use std::net::IpAddr;

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
    /// The server cannot be reached, or its response breaks off: it may be tried again.
    #[error("{name} is out of reach")]
    Unreachable {
        /// The object.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The server cannot be used, and the same request would fail again.
    #[error("{name} cannot be requested")]
    Unusable {
        /// The object.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The server answers with another status than a success.
    #[error("HTTP {status} for {name}{}", detail_of(.detail.as_deref()))]
    Status {
        /// The object.
        name: String,
        /// The status code.
        status: u16,
        /// What the server says of it.
        detail: Option<String>,
    },
    /// The server wants other credentials.
    #[error("{name} is refused: {what}")]
    Denied {
        /// The object.
        name: String,
        /// What the server or the credentials' source says.
        what: String,
    },
    /// The server's clock and that of this machine differ by more than the server allows.
    #[error("the clock of this machine differs from that of the server of {name}: {what}")]
    Clock {
        /// The object.
        name: String,
        /// What the server says.
        what: String,
    },
    /// The server has no room for it, or its quota is used up.
    #[error("no space for {name}: {what}")]
    Full {
        /// The object.
        name: String,
        /// What the server says.
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
    /// The store does not support conditional writes.
    #[error("{0} does not support conditional writes: concurrent publishing would lose data")]
    Unconditional(String),
    /// The store takes no writes.
    #[error("{0} can only be read")]
    ReadOnly(String),
    /// A URL that a registry or a server names leads to an address of a private network.
    #[error("{name} leads to {address}, an address of a private network")]
    PrivateAddress {
        /// The object.
        name: String,
        /// The address.
        address: IpAddr,
    },
    /// The call was asked to stop.
    #[error("interrupted")]
    Cancelled,
}

fn detail_of(detail: Option<&str>) -> String {
    detail.map_or_else(String::new, |detail| format!(": {detail}"))
}

impl StoreError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Name { .. } => Code::MalformedUrl,
            Self::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Code::NoSpace,
                _ => Code::Unreadable,
            },
            Self::Unreachable { .. }
            | Self::Unusable { .. }
            | Self::Status { .. }
            | Self::NoRanges(_) => Code::Unreachable,
            Self::Denied { .. } => Code::AccessDenied,
            Self::Clock { .. } => Code::WrongClock,
            Self::Full { .. } => Code::NoSpace,
            Self::NoBucket(_) => Code::MissingBucket,
            Self::NoCopies(_) => Code::NotSupported,
            Self::Unconditional(_) => Code::UnconditionalStore,
            Self::ReadOnly(_) => Code::ReadOnly,
            Self::PrivateAddress { .. } => Code::PrivateAddress,
            Self::Cancelled => Code::Interrupted,
        }
    }

    /// Returns whether the same request may succeed a moment later. All retries ask this, and only this.
    ///
    /// Of statuses these are 408, 425, 429 and 5xx (RFC 9110, 15; RFC 8470; RFC 6585), but for those that
    /// say that the server never will: 501, 505, 507, 510, 511.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status, .. } => match status {
                408 | 425 | 429 => true,
                501 | 505 | 507 | 510 | 511 => false,
                status => *status >= 500,
            },
            _ => false,
        }
    }

    /// Returns the error with its causes, as one line.
    #[must_use]
    pub fn explain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(": ");
            text.push_str(&error.to_string());
            cause = error.source();
        }
        text
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

    pub(crate) fn status(name: &str, status: u16) -> Self {
        Self::Status {
            name: name.to_owned(),
            status,
            detail: None,
        }
    }
}

pub(crate) type BoxedError = Box<dyn std::error::Error + Send + Sync>;
