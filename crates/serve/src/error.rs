//! Why a server does not start.

use sreg_model::fault::Code;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The folder cannot be opened.
    #[error("{path} cannot be opened")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The kernel cannot open a file below a folder and nowhere else.
    #[error("this kernel has no openat2, or it is not allowed here; Linux 5.6 or later has it")]
    Kernel,
    /// The address cannot be listened on.
    #[error("{address} cannot be listened on")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: io::Error,
    },
    /// A certificate or its key cannot be read.
    #[error("{path} cannot be read")]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// A file has no certificate or no key.
    #[error("{path} holds no {what} in PEM")]
    Pem {
        /// The file.
        path: PathBuf,
        /// `certificate` or `private key`.
        what: &'static str,
    },
    /// A certificate and a key that cannot be served with.
    #[error("{certificate} and {key} cannot be served with")]
    Certificate {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why not.
        source: rustls::Error,
    },
    /// Threads or timers cannot be had.
    #[error("the server cannot be started")]
    Start(#[source] io::Error),
}

impl ServeError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Folder { source, .. } | Self::File { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => Code::MissingFile,
                _ => Code::Unreadable,
            },
            Self::Kernel => Code::NotSupported,
            Self::Listen { .. } | Self::Start(_) => Code::CannotListen,
            Self::Pem { .. } | Self::Certificate { .. } => Code::MalformedCertificate,
        }
    }
}
