//! Why a server cannot start.

use sreg_model::fault::Code;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Why a server cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServeError {
    /// The folder cannot be opened.
    #[error("cannot open {path}")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The kernel does not support `openat2`.
    #[error("openat2 is missing or not permitted: Linux 5.6 or later has it")]
    Kernel,
    /// The server cannot listen on the address.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// A certificate or its key cannot be read.
    #[error("cannot read {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// A file has no certificate or no key.
    #[error("no PEM {what} in {path}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// `certificate` or `private key`.
        what: &'static str,
    },
    /// The certificate and the key cannot be used together.
    #[error("cannot serve TLS with {certificate} and {key}")]
    Certificate {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// The cause.
        source: rustls::Error,
    },
    /// Threads or timers cannot be created.
    #[error("cannot start the server")]
    Start(#[source] io::Error),
}

impl ServeError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Folder { source, .. } | Self::File { source, .. } => match source.kind() {
                io::ErrorKind::NotFound => Code::MissingFile,
                _ if sreg_files::is_not_a_file(source) => Code::NotAFile,
                _ => Code::Unreadable,
            },
            Self::Kernel => Code::NotSupported,
            Self::Listen { .. } | Self::Start(_) => Code::CannotListen,
            Self::Pem { .. } | Self::Certificate { .. } => Code::MalformedCertificate,
        }
    }
}
