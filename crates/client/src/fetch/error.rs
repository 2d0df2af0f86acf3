//! The errors of downloads.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use sreg_model::Digest;
use sreg_model::fault::Code;
use sreg_store::StoreError;

/// The errors of downloads.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Every source that has it sends wrong bytes.
    #[error("every source has wrong bytes for {digest}: {faults}")]
    Mismatch {
        /// The image.
        digest: Digest,
        /// The fault of each source.
        faults: Faults,
    },
    /// No source has as many bytes as the image.
    #[error("every source has another size for {digest}: {faults}")]
    Size {
        /// The image.
        digest: Digest,
        /// The fault of each source.
        faults: Faults,
    },
    /// No source has it.
    #[error("no source has {digest}: {faults}")]
    Missing {
        /// The image.
        digest: Digest,
        /// The fault of each source.
        faults: Faults,
    },
    /// The sources that may have it cannot be read.
    #[error("cannot download {digest} from any source: {faults}")]
    Unreachable {
        /// The image.
        digest: Digest,
        /// The fault of each source.
        faults: Faults,
    },
    /// There is not enough free space, which is checked before the download.
    #[error("not enough space for {path}: {free} bytes free, {needed} needed", path = path.display())]
    NoRoom {
        /// The file.
        path: PathBuf,
        /// The bytes that remain to be written.
        needed: u64,
        /// The bytes that are free.
        free: u64,
    },
    /// The disk is full, or the quota is used up.
    #[error("no space left for {path}", path = path.display())]
    Full {
        /// The file.
        path: PathBuf,
        /// The error of the file system.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write {path}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The observer cancelled the download.
    #[error("interrupted")]
    Interrupted,
}

impl FetchError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Mismatch { .. } => Code::BlobMismatch,
            Self::Size { .. } => Code::BlobSize,
            Self::Missing { .. } => Code::MissingBlob,
            Self::Unreachable { faults, .. } => faults.code(),
            Self::NoRoom { .. } | Self::Full { .. } => Code::NoSpace,
            Self::Write { .. } => Code::Unwritable,
            Self::Interrupted => Code::Interrupted,
        }
    }

    /// Returns the error after all sources have failed. The most retryable fault decides: a source that may
    /// be available later is worth another attempt.
    pub(crate) fn of(digest: Digest, faults: Vec<SourceFault>) -> Self {
        let has = |see: fn(&Fault) -> bool| faults.iter().any(|fault| see(&fault.fault));
        let (broken, store, length) = (
            has(|fault| matches!(fault, Fault::Chunk(_) | Fault::Digest(_))),
            has(|fault| matches!(fault, Fault::Store(_))),
            has(|fault| matches!(fault, Fault::Short(_) | Fault::Long(_))),
        );
        let faults = Faults(faults);
        match (broken, store, length) {
            (true, _, _) => Self::Mismatch { digest, faults },
            (_, true, _) => Self::Unreachable { digest, faults },
            (_, _, true) => Self::Size { digest, faults },
            _ => Self::Missing { digest, faults },
        }
    }

    pub(crate) fn write(path: &Path) -> impl Fn(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| {
            let path = path.clone();
            match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Self::Full { path, source }
                }
                // Only checks for cancellation return this.
                io::ErrorKind::Interrupted => Self::Interrupted,
                _ => Self::Write { path, source },
            }
        }
    }
}

/// The faults of sources, in order.
#[derive(Debug)]
pub struct Faults(pub Vec<SourceFault>);

impl Faults {
    /// Returns the common code of all stores' errors, otherwise `unreachable`.
    fn code(&self) -> Code {
        let mut codes = self.0.iter().filter_map(|fault| match &fault.fault {
            Fault::Store(error) => Some(error.code()),
            _ => None,
        });
        match codes.next() {
            Some(first) if codes.all(|code| code == first) => first,
            _ => Code::Unreachable,
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("no source");
        }
        for (at, fault) in self.0.iter().enumerate() {
            let between = if at > 0 { "; " } else { "" };
            write!(f, "{between}{fault}")?;
        }
        Ok(())
    }
}

/// A failed source.
#[derive(Debug, thiserror::Error)]
#[error("{source_name}: {fault}")]
pub struct SourceFault {
    /// The URL or path of the image there.
    pub source_name: String,
    /// Its fault.
    pub fault: Fault,
}

/// The fault of a source.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// The image is missing.
    Missing,
    /// A chunk, counted from 0, was wrong twice.
    Chunk(usize),
    /// The size is right, but the digest is this one.
    Digest(Digest),
    /// The source has only this many bytes from the image's start.
    Short(u64),
    /// The source has more bytes than this.
    Long(u64),
    /// The source cannot be read.
    Store(StoreError),
}

impl Fault {
    /// Converts an error of a store; distinguishes a missing object.
    pub(crate) fn of(error: StoreError) -> Self {
        match &error {
            StoreError::Status {
                status: 403 | 404 | 410,
                ..
            } => Self::Missing,
            StoreError::Io { source, .. } if sreg_files::is_absent(source) => Self::Missing,
            _ => Self::Store(error),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("not found"),
            Self::Chunk(chunk) => write!(f, "wrong bytes in MiB {chunk} (counted from 0)"),
            Self::Digest(found) => write!(f, "digest is {found}"),
            Self::Short(bytes) => write!(f, "ends after {bytes} bytes"),
            Self::Long(most) => write!(f, "longer than {most} bytes"),
            Self::Store(error) => {
                write!(f, "{error}")?;
                match std::error::Error::source(error) {
                    Some(cause) => write!(f, ": {cause}"),
                    None => Ok(()),
                }
            }
        }
    }
}
