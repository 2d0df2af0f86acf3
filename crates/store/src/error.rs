//! Why a store cannot be read or written.

use sreg_model::fault::Code;
use std::io;
use std::net::IpAddr;

/// Why a store cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The name is not that of a store.
    #[error("{name} is not the location of a registry: {what}")]
    Name {
        /// The given name.
        name: String,
        /// The fault.
        what: String,
    },
    /// The file system returned an error.
    #[error("{name}")]
    Io {
        /// The object.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The server cannot be reached, or its response breaks off. The request may be retried.
    #[error("cannot reach {name}")]
    Unreachable {
        /// The object.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The server cannot be used. The same request would fail again.
    #[error("cannot request {name}")]
    Unusable {
        /// The object.
        name: String,
        /// Why.
        source: io::Error,
    },
    /// The server answered with an error status.
    #[error("HTTP {status} for {name}{}", detail_of(.detail.as_deref()))]
    Status {
        /// The object.
        name: String,
        /// The status code.
        status: u16,
        /// The detail in the response.
        detail: Option<String>,
    },
    /// The server refuses the credentials.
    #[error("access to {name} denied: {what}")]
    Denied {
        /// The object.
        name: String,
        /// The message of the server or of the source of the credentials.
        what: String,
    },
    /// The clocks of the server and of this machine differ by more than the server allows.
    #[error("the clock of this machine differs from that of the server for {name}: {what}")]
    Clock {
        /// The object.
        name: String,
        /// The message of the server.
        what: String,
    },
    /// The server has no space, or its quota is exhausted.
    #[error("no space for {name}: {what}")]
    Full {
        /// The object.
        name: String,
        /// The message of the server.
        what: String,
    },
    /// The bucket does not exist.
    #[error("bucket of {0} not found")]
    NoBucket(String),
    /// The server does not support range requests.
    #[error("the server of {0} does not support range requests")]
    NoRanges(String),
    /// The store does not copy objects.
    #[error("cannot copy {0}: the store does not copy objects")]
    NoCopies(String),
    /// The store does not list objects.
    #[error("cannot list {0}: the store does not list objects")]
    NoLists(String),
    /// The store does not support conditional writes.
    #[error("{0} does not support conditional writes: concurrent publishing would lose data")]
    Unconditional(String),
    /// The store is read-only.
    #[error("{0} is read-only")]
    ReadOnly(String),
    /// A URL that a registry or a server names leads to an address of a private network.
    #[error("{name} leads to {address}, a private network address")]
    PrivateAddress {
        /// The object.
        name: String,
        /// The address.
        address: IpAddr,
    },
    /// The call was interrupted.
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
            Self::NoCopies(_) | Self::NoLists(_) => Code::NotSupported,
            Self::Unconditional(_) => Code::UnconditionalStore,
            Self::ReadOnly(_) => Code::ReadOnly,
            Self::PrivateAddress { .. } => Code::PrivateAddress,
            Self::Cancelled => Code::Interrupted,
        }
    }

    /// Returns whether another attempt of the same request may succeed. This decides about all retries.
    ///
    /// The transient statuses are 408, 425, 429 and 5xx (RFC 9110, 15; RFC 8470; RFC 6585), except those
    /// that are permanent: 501, 505, 507, 510, 511.
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
