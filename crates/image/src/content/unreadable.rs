//! Why a part of an image is not read.

use std::io;

/// Why a part of an image is not read. It becomes a note, and has no code.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("{0}")]
    Read(#[from] io::Error),
    #[error("the primary partition does not start with its file system")]
    Elsewhere,
    #[error("the squashfs is damaged or not supported")]
    Squashfs,
    #[error("squashfs with {0} compression is not supported")]
    Compression(&'static str),
    #[error("the squashfs has {0} inodes, expected at most {1}")]
    Inodes(u32, u32),
    #[error("the tables of the squashfs have {0} bytes, expected at most {1}")]
    Tables(u64, u64),
    #[error("the text exceeds the limit of {0} bytes for all texts of an image")]
    TooMuchText(u64),
    #[error("the inflated image has more than {0} bytes, the limit")]
    Inflated(u64),
}
