//! The superblock of a squashfs of version 4.0 (Linux `fs/squashfs/squashfs_fs.h`).

use super::ImageError;

/// The compression of the blocks of a squashfs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// zlib, which apptainer writes.
    Gzip,
    /// The first LZMA; Linux does not mount it.
    Lzma,
    /// LZO.
    Lzo,
    /// xz.
    Xz,
    /// LZ4.
    Lz4,
    /// Zstandard.
    Zstd,
}

impl Compression {
    const BY_CODE: [Self; 6] = [
        Self::Gzip,
        Self::Lzma,
        Self::Lzo,
        Self::Xz,
        Self::Lz4,
        Self::Zstd,
    ];

    /// Returns the word for `mksquashfs -comp`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Lzma => "lzma",
            Self::Lzo => "lzo",
            Self::Xz => "xz",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// A superblock whose tables are inside the file system, which is inside the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superblock {
    inodes: u32,
    compression: Compression,
    bytes_used: u64,
    inode_table: u64,
}

impl Superblock {
    /// The size of a superblock, in bytes.
    pub const SIZE: usize = 96;

    /// Parses the superblock at the start of `bytes`. The file has `available` bytes from there on.
    ///
    /// # Errors
    /// `SquashfsVersion`, `Superblock` or `Truncated`, for the first fault.
    pub fn parse(bytes: &[u8], available: u64) -> Result<Self, ImageError> {
        let truncated = |needed| Err(ImageError::Truncated { needed, available });
        let Some(bytes) = bytes.get(..Self::SIZE) else {
            return truncated(96);
        };
        let magic = u32_at(bytes, 0);
        if magic != u32::from_le_bytes(*b"hsqs") {
            return Err(wrong("magic", u64::from(magic)));
        }
        let (major, minor) = (u16_at(bytes, 28), u16_at(bytes, 30));
        if (major, minor) != (4, 0) {
            return Err(ImageError::SquashfsVersion { major, minor });
        }
        check_block_size(bytes)?;
        let superblock = Self {
            inodes: u32_at(bytes, 4),
            compression: compression(u16_at(bytes, 20))?,
            bytes_used: u64_at(bytes, 40),
            inode_table: u64_at(bytes, 64),
        };
        check_tables(bytes)?;
        if superblock.bytes_used > available {
            truncated(superblock.bytes_used)
        } else {
            Ok(superblock)
        }
    }

    /// Returns the number of files, directories and links in the file system.
    #[must_use]
    pub fn inodes(&self) -> u32 {
        self.inodes
    }

    /// Returns the compression of the blocks.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// Returns the size of the file system without padding at its end, in bytes.
    #[must_use]
    pub fn bytes_used(&self) -> u64 {
        self.bytes_used
    }

    /// Returns the offset of the inode table, in bytes from the superblock. It is the first of the
    /// tables, which all follow the data.
    #[must_use]
    pub fn inode_table(&self) -> u64 {
        self.inode_table
    }
}

fn check_tables(bytes: &[u8]) -> Result<(), ImageError> {
    let end = u64_at(bytes, 40);
    if end < 96 {
        return Err(wrong("bytes_used", end));
    }
    let inodes = u64_at(bytes, 64);
    if !(96..end).contains(&inodes) {
        return Err(wrong("inode_table_start", inodes));
    }
    let directories = u64_at(bytes, 72);
    if !(inodes..end).contains(&directories) {
        return Err(wrong("directory_table_start", directories));
    }
    // All ones where no file has a fragment.
    let fragments = u64_at(bytes, 80);
    if fragments != u64::MAX && !(96..end).contains(&fragments) {
        return Err(wrong("fragment_table_start", fragments));
    }
    Ok(())
}

fn check_block_size(bytes: &[u8]) -> Result<(), ImageError> {
    let (size, log) = (u32_at(bytes, 12), u16_at(bytes, 22));
    if !size.is_power_of_two() || !(4096..=1 << 20).contains(&size) {
        return Err(wrong("block_size", u64::from(size)));
    }
    if u32::from(log) != size.ilog2() {
        return Err(wrong("block_log", u64::from(log)));
    }
    Ok(())
}

fn compression(code: u16) -> Result<Compression, ImageError> {
    usize::from(code)
        .checked_sub(1)
        .and_then(|at| Compression::BY_CODE.get(at).copied())
        .ok_or_else(|| wrong("compression", u64::from(code)))
}

fn wrong(field: &'static str, value: u64) -> ImageError {
    ImageError::Superblock { field, value }
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes(array(bytes, at))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(array(bytes, at))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(array(bytes, at))
}
