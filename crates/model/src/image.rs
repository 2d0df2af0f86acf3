//! What kind of image a file is, from its first bytes (`spec/sif.md`, `spec/manifest.md`).
//!
//! SIF, a bare squashfs with or without a launch line in front, or gzip around one. Whatever
//! else a file seems to be is named in the error, so that its owner knows what to do.

use crate::fault::Code;

mod superblock;

pub use superblock::{Compression, Superblock};

/// How many of a file's first bytes [`sniff`] needs, unless the file is shorter. Apptainer
/// looks at as many.
pub const SNIFF_BYTES: usize = 2048;

/// The longest launch line in front of a squashfs, in bytes, with its line feed.
pub const MAX_LAUNCH_LINE: usize = 256;

/// What kind of image a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageKind {
    /// It has SIF's magic; whether it is a sound SIF, [`crate::sif`] says.
    Sif,
    /// A squashfs.
    Squashfs {
        /// Where it starts: 0, or after the launch line.
        offset: u64,
        /// Its superblock.
        superblock: Superblock,
    },
    /// Something inside gzip: an image only if a squashfs is inside.
    Gzip,
}

/// Why a file is no image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A file without a byte.
    #[error("the file is empty")]
    Empty,
    /// A file that no image fits in.
    #[error("the file has {0} bytes, fewer than the header of any image")]
    TooSmall(u64),
    /// A file of another kind.
    #[error("neither SIF nor squashfs: it seems to be {0}")]
    Other(&'static str),
    /// A version of squashfs that neither Linux nor the container tools mount.
    #[error("squashfs {major}.{minor} is not supported; expected 4.0")]
    SquashfsVersion {
        /// The version's first number.
        major: u16,
        /// The version's second number.
        minor: u16,
    },
    /// A superblock that contradicts itself.
    #[error("the squashfs superblock is damaged: {field} is {value}")]
    Superblock {
        /// The field, as squashfs calls it.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// A squashfs that does not fit in the file.
    #[error("the squashfs has {needed} bytes, but the file has {available} for it")]
    Truncated {
        /// The size of the squashfs, in bytes.
        needed: u64,
        /// What stands in the file from its start on, in bytes.
        available: u64,
    },
}

impl ImageError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Empty => Code::ImageEmpty,
            Self::TooSmall(_) => Code::ImageTooSmall,
            Self::Other(_) => Code::NotAnImage,
            Self::SquashfsVersion { .. } => Code::SquashfsVersion,
            Self::Superblock { .. } => Code::SquashfsSuperblock,
            Self::Truncated { .. } => Code::SquashfsTruncated,
        }
    }
}

/// Says what kind of image a file of `file_size` bytes is; `front` holds its first
/// [`SNIFF_BYTES`] bytes, or all of them. `u64::MAX` stands for a size that is not known.
///
/// # Errors
/// [`ImageError`] when the file is no image, or a squashfs that cannot be mounted.
pub fn sniff(front: &[u8], file_size: u64) -> Result<ImageKind, ImageError> {
    if file_size == 0 || front.is_empty() {
        return Err(ImageError::Empty);
    }
    if front.starts_with(&[0x1f, 0x8b]) {
        return Ok(ImageKind::Gzip);
    }
    // Short documents are named before their size is complained about.
    if let Some(text) = seems_text(front) {
        return Err(ImageError::Other(text));
    }
    if front.get(32..42) == Some(b"SIF_MAGIC\0") {
        return Ok(ImageKind::Sif);
    }
    let offset = launch_line(front);
    let inner = &front[offset..];
    if inner.starts_with(b"hsqs") {
        let offset = u64::try_from(offset).unwrap_or(u64::MAX);
        let superblock = Superblock::parse(inner, file_size.saturating_sub(offset))?;
        return Ok(ImageKind::Squashfs { offset, superblock });
    }
    match seems(front, inner) {
        Some(other) => Err(ImageError::Other(other)),
        None if front.len() < 128 => Err(ImageError::TooSmall(file_size)),
        None => Err(ImageError::Other("a file of an unknown kind")),
    }
}

/// Returns the length of a launch line, 0 where there is none. Apptainer looks for the line's end in
/// another way (` run-singularity` and one byte), to the same effect on the lines that exist.
fn launch_line(front: &[u8]) -> usize {
    if !front.starts_with(b"#!") {
        return 0;
    }
    front
        .iter()
        .take(MAX_LAUNCH_LINE)
        .position(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1)
}

fn seems_text(front: &[u8]) -> Option<&'static str> {
    let start = front.trim_ascii_start();
    let start = start
        .get(..15.min(start.len()))
        .unwrap_or_default()
        .to_ascii_lowercase();
    if front.starts_with(b"version https://git-lfs.github.com/spec/") {
        Some("a Git LFS pointer, not the file it stands for")
    } else if start.starts_with(b"<!doctype html") || start.starts_with(b"<html") {
        Some("an HTML page")
    } else if start.starts_with(b"<?xml") {
        Some("an XML document, such as a storage service's error")
    } else {
        None
    }
}

fn seems(front: &[u8], inner: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &'static str); 8] = [
        (
            b"sqsh",
            "a big-endian squashfs, which Linux no longer mounts",
        ),
        (b"\x7fELF", "an ELF program"),
        (b"PK\x03\x04", "a zip archive"),
        (b"BZh", "a bzip2 file"),
        (b"\xfd7zXZ\0", "an xz file"),
        (b"\x28\xb5\x2f\xfd", "a zstd file"),
        (b"LUKS\xba\xbe", "an encrypted volume"),
        (b"{", "a JSON document"),
    ];
    if inner.get(1080..1082) == Some(b"\x53\xef") {
        Some("an ext file system, of an image format that can no longer be run everywhere")
    } else if front.get(257..262) == Some(b"ustar") {
        Some("a tar archive")
    } else if let Some((_, name)) = known.iter().find(|(magic, _)| inner.starts_with(magic)) {
        Some(name)
    } else if front.starts_with(b"#!") {
        Some("a script, or an image damaged behind its launch line")
    } else {
        None
    }
}
