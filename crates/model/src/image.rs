//! Determines the kind of an image file from its first bytes (`spec/sif.md`, `spec/manifest.md`).
//!
//! The kinds are SIF, a bare squashfs with or without a launch line before it, and gzip around one. The
//! error names the apparent kind of any other file.

use crate::fault::Code;

mod superblock;

pub use superblock::{Compression, Superblock};

/// The number of bytes at the start of a file that [`sniff`] needs, unless the file is shorter.
/// Apptainer reads the same number.
pub const SNIFF_BYTES: usize = 2048;

/// The maximal length of the launch line before a squashfs, in bytes, with its line feed.
pub const MAX_LAUNCH_LINE: usize = 256;

/// The kind of an image file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImageKind {
    /// A file with SIF's magic. [`crate::sif`] checks whether it is sound.
    Sif,
    /// A squashfs.
    Squashfs {
        /// Its offset: 0, or after the launch line.
        offset: u64,
        /// Its superblock.
        superblock: Superblock,
    },
    /// A gzip file, which is an image only if it contains a squashfs.
    Gzip,
}

/// Why a file is not an image.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// The file is empty.
    #[error("the file is empty")]
    Empty,
    /// The file is too short for any image.
    #[error("the file has {0} bytes, fewer than the header of any image")]
    TooSmall(u64),
    /// The file is of another kind.
    #[error("neither SIF nor squashfs: it seems to be {0}")]
    Other(&'static str),
    /// Neither Linux nor the container tools mount this version of squashfs.
    #[error("squashfs {major}.{minor} is not supported, expected 4.0")]
    SquashfsVersion {
        /// The version's first number.
        major: u16,
        /// The version's second number.
        minor: u16,
    },
    /// The superblock contradicts itself.
    #[error("the squashfs superblock is damaged: {field} is {value}")]
    Superblock {
        /// The squashfs name of the field.
        field: &'static str,
        /// Its value.
        value: u64,
    },
    /// The squashfs does not fit into the file.
    #[error("the squashfs has {needed} bytes, but the file has {available} for it")]
    Truncated {
        /// The size of the squashfs, in bytes.
        needed: u64,
        /// The number of bytes in the file from its start.
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

/// Returns the kind of an image file of `file_size` bytes. `front` holds its first [`SNIFF_BYTES`]
/// bytes, or all of them. `u64::MAX` means that the size is unknown.
///
/// # Errors
/// [`ImageError`] if the file is not an image, or is a squashfs that cannot be mounted.
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

/// Returns the length of the launch line, or 0 without one. Apptainer finds its end in another way (`
/// run-singularity` and one byte), with the same result for existing images.
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
