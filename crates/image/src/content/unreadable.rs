//! Why something inside an image is not read.

use std::io;

/// Why something inside an image is not read. It ends as a note, so it has no codes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("{0}")]
    Read(#[from] io::Error),
    #[error("the primary partition does not start with its file system")]
    Elsewhere,
    #[error("the squashfs is damaged, or of a kind that this program cannot read")]
    Squashfs,
    #[error("its squashfs is compressed with {0}, which this program cannot read")]
    Compression(&'static str),
    #[error("its squashfs has {0} inodes, and at most {1} are read")]
    Inodes(u32, u32),
    #[error("the tables of its squashfs have {0} bytes, and at most {1} are read")]
    Tables(u64, u64),
    #[error("it is larger than what is left of {0} bytes, the limit for all texts of an image")]
    TooMuchText(u64),
    #[error("the inflated image is larger than the limit of {0} bytes")]
    Inflated(u64),
}
