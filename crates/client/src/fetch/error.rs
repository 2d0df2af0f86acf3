//! Why an image could not be fetched.

use std::path::{Path, PathBuf};
use std::{fmt, io};

use sreg_model::Digest;
use sreg_model::fault::Code;
use sreg_store::StoreError;

/// Why an image could not be fetched.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Every source that has it gives other bytes.
    #[error("every source has wrong bytes for {digest}: {faults}")]
    Mismatch {
        /// The image.
        digest: Digest,
        /// What is wrong with each source.
        faults: Faults,
    },
    /// No source has as many bytes as the image.
    #[error("every source has another size for {digest}: {faults}")]
    Size {
        /// The image.
        digest: Digest,
        /// What is wrong with each source.
        faults: Faults,
    },
    /// No source has it.
    #[error("no source has {digest}: {faults}")]
    Missing {
        /// The image.
        digest: Digest,
        /// What each source says.
        faults: Faults,
    },
    /// The sources that may have it cannot be read.
    #[error("cannot download {digest} from any source: {faults}")]
    Unreachable {
        /// The image.
        digest: Digest,
        /// What is wrong with each source.
        faults: Faults,
    },
    /// There is not enough room, which is known before anything is fetched.
    #[error("not enough space for {path}: {free} bytes free, {needed} needed", path = path.display())]
    NoRoom {
        /// What would be written.
        path: PathBuf,
        /// The bytes that are yet to be written.
        needed: u64,
        /// The bytes that the file system still takes.
        free: u64,
    },
    /// The disk is full, or the quota used up.
    #[error("no space left for {path}", path = path.display())]
    Full {
        /// What is written.
        path: PathBuf,
        /// What the file system says.
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
    /// The observer asked to stop.
    #[error("interrupted")]
    Interrupted,
}

impl FetchError {
    /// The error's word in `spec/cli.md`.
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

    /// After all sources have failed: what is worst decides, since only a source that may be there
    /// another time is worth another try.
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
                // Only what looks whether to stop says so.
                io::ErrorKind::Interrupted => Self::Interrupted,
                _ => Self::Write { path, source },
            }
        }
    }
}

/// What is wrong with sources, in the order in which they were left.
#[derive(Debug)]
pub struct Faults(pub Vec<SourceFault>);

impl Faults {
    /// What all stores say alike, otherwise that they are out of reach.
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

/// Why a source was left.
#[derive(Debug, thiserror::Error)]
#[error("{source_name}: {fault}")]
pub struct SourceFault {
    /// The URL or path of the image there.
    pub source_name: String,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong with a source.
#[derive(Debug)]
#[non_exhaustive]
pub enum Fault {
    /// It has no such image.
    Missing,
    /// A chunk, counted from 0, came twice with bytes that are not those of the image.
    Chunk(usize),
    /// It gave as many bytes as the image has, of this digest.
    Digest(Digest),
    /// It gave only so many bytes from the image's start.
    Short(u64),
    /// It gave more bytes than this.
    Long(u64),
    /// It cannot be read.
    Store(StoreError),
}

impl Fault {
    /// The fault that an error of a store is; a missing object is told apart.
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
