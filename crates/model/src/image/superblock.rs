//! The superblock of a squashfs of version 4.0 (Linux `fs/squashfs/squashfs_fs.h`).

use super::ImageError;

/// How the blocks of a squashfs are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Compression {
    /// zlib, what apptainer writes.
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

    /// The word that `mksquashfs -comp` takes.
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

/// What of a superblock is needed to find a file. Offsets count bytes from the superblock; the
/// tables lie between it and [`Superblock::bytes_used`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Superblock {
    inodes: u32,
    block_size: u32,
    fragments: u32,
    compression: Compression,
    root_inode: u64,
    bytes_used: u64,
    inode_table: u64,
    directory_table: u64,
    fragment_table: Option<u64>,
}

impl Superblock {
    /// The size of a superblock, in bytes.
    pub const SIZE: usize = 96;

    /// Checks the superblock at the start of `bytes`; `available` bytes stand in the file from
    /// there on.
    ///
    /// # Errors
    /// [`ImageError`], by what is wrong with it.
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
        let superblock = Self {
            inodes: u32_at(bytes, 4),
            block_size: block_size(bytes)?,
            fragments: u32_at(bytes, 16),
            compression: compression(u16_at(bytes, 20))?,
            root_inode: u64_at(bytes, 32),
            bytes_used: u64_at(bytes, 40),
            inode_table: u64_at(bytes, 64),
            directory_table: u64_at(bytes, 72),
            fragment_table: Some(u64_at(bytes, 80)).filter(|at| *at != u64::MAX),
        };
        superblock.check_tables()?;
        if superblock.bytes_used > available {
            truncated(superblock.bytes_used)
        } else {
            Ok(superblock)
        }
    }

    /// Files, directories and links in the file system.
    #[must_use]
    pub fn inodes(&self) -> u32 {
        self.inodes
    }

    /// The size of a data block before compression, in bytes: a power of two from 4 KiB to 1 MiB.
    #[must_use]
    pub fn block_size(&self) -> u32 {
        self.block_size
    }

    /// Entries of the fragment table.
    #[must_use]
    pub fn fragments(&self) -> u32 {
        self.fragments
    }

    /// How blocks are compressed.
    #[must_use]
    pub fn compression(&self) -> Compression {
        self.compression
    }

    /// The root directory's inode: the offset of its metadata block in the inode table, times
    /// 65,536, and its offset in the block.
    #[must_use]
    pub fn root_inode(&self) -> u64 {
        self.root_inode
    }

    /// The size of the file system without padding at its end, in bytes.
    #[must_use]
    pub fn bytes_used(&self) -> u64 {
        self.bytes_used
    }

    /// Where the inode table starts.
    #[must_use]
    pub fn inode_table(&self) -> u64 {
        self.inode_table
    }

    /// Where the directory table starts, and the inode table ends.
    #[must_use]
    pub fn directory_table(&self) -> u64 {
        self.directory_table
    }

    /// Where the index of the fragment table starts, if any file has a fragment.
    #[must_use]
    pub fn fragment_table(&self) -> Option<u64> {
        self.fragment_table
    }

    fn check_tables(&self) -> Result<(), ImageError> {
        let end = self.bytes_used;
        if end < 96 {
            return Err(wrong("bytes_used", end));
        }
        if !(96..end).contains(&self.inode_table) {
            return Err(wrong("inode_table_start", self.inode_table));
        }
        if !(self.inode_table..end).contains(&self.directory_table) {
            return Err(wrong("directory_table_start", self.directory_table));
        }
        match self.fragment_table {
            Some(at) if !(96..end).contains(&at) => Err(wrong("fragment_table_start", at)),
            _ => Ok(()),
        }
    }
}

fn block_size(bytes: &[u8]) -> Result<u32, ImageError> {
    let (size, log) = (u32_at(bytes, 12), u16_at(bytes, 22));
    if !size.is_power_of_two() || !(4096..=1 << 20).contains(&size) {
        return Err(wrong("block_size", u64::from(size)));
    }
    if u32::from(log) != size.ilog2() {
        return Err(wrong("block_log", u64::from(log)));
    }
    Ok(size)
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
