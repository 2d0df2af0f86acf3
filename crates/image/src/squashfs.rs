//! Reads single files of a squashfs, by path (Linux `fs/squashfs`).
//!
//! Blocks are decompressed by backhand. Its own file tree is not used here: it loads every
//! inode, allocates by counts that the image names and recurses as deep as the image's
//! folders, which an image made for the purpose turns into an exhausted memory or stack. A walk
//! along one path needs a few blocks, whatever the size of the image.

mod inode;

use backhand::compression::{CompressionAction, Compressor, DefaultCompressor};
use sreg_model::image::{Compression, Superblock};

pub(crate) use inode::Inode;

use crate::source::{Source, Unreadable};

/// The greatest size of a metadata block, in bytes.
const METADATA_BLOCK: usize = 8192;
/// The longest listing of a folder that is looked through, in bytes.
const MAX_LISTING: u64 = 1 << 20;
/// Entries of the fragment table in one metadata block.
const FRAGMENTS_PER_BLOCK: u64 = 512;
/// The bit of a data block's size that says that the block is not compressed.
const PLAIN_BLOCK: u32 = 1 << 24;

/// A squashfs whose superblock is sound.
#[derive(Debug)]
pub(crate) struct Squashfs<'a> {
    source: Source<'a>,
    superblock: Superblock,
    compressor: Compressor,
}

impl<'a> Squashfs<'a> {
    /// The squashfs in `source`, which starts with `superblock`.
    pub(crate) fn new(source: Source<'a>, superblock: Superblock) -> Result<Self, Unreadable> {
        let compressor = match superblock.compression() {
            Compression::Gzip => Compressor::Gzip,
            Compression::Xz => Compressor::Xz,
            Compression::Lz4 => Compressor::Lz4,
            Compression::Zstd => Compressor::Zstd,
            other => return Err(Unreadable::Compression(other.as_str())),
        };
        Ok(Self {
            source,
            superblock,
            compressor,
        })
    }

    /// The inode at `path`, from the root; links are not followed.
    pub(crate) fn find(&mut self, path: &[&str]) -> Result<Option<Inode>, Unreadable> {
        let mut inode = self.inode(self.superblock.root_inode())?;
        for name in path {
            let entries = self.list(&inode)?;
            let Some((_, reference)) = entries.iter().find(|(found, _)| found == name.as_bytes())
            else {
                return Ok(None);
            };
            inode = self.inode(*reference)?;
        }
        Ok(Some(inode))
    }

    /// The names in a folder, with references to their inodes; none in what is no folder.
    pub(crate) fn list(&mut self, folder: &Inode) -> Result<Vec<(Vec<u8>, u64)>, Unreadable> {
        let Inode::Folder {
            block,
            offset,
            size,
        } = *folder
        else {
            return Ok(Vec::new());
        };
        // The size counts three bytes for `.` and `..`, which are not stored.
        let size = size.saturating_sub(3);
        if size > MAX_LISTING {
            return Err(Unreadable::TooLarge("a folder", MAX_LISTING));
        }
        let table = self.superblock.directory_table();
        let mut metadata = self.metadata(table, block, offset);
        inode::entries(&metadata.take(usize::try_from(size).unwrap_or(usize::MAX))?)
    }

    /// The inode at a reference: its block's offset in the table, and its offset in the block.
    pub(crate) fn inode(&mut self, reference: u64) -> Result<Inode, Unreadable> {
        let (block, offset) = (reference >> 16, reference & 0xffff);
        let block_size = u64::from(self.superblock.block_size());
        let table = self.superblock.inode_table();
        inode::read(&mut self.metadata(table, block, offset), block_size)
    }

    /// The content of a file of at most `limit` bytes.
    pub(crate) fn content(&mut self, inode: &Inode, limit: u64) -> Result<Vec<u8>, Unreadable> {
        let Inode::File {
            start,
            size,
            blocks,
            fragment,
        } = inode
        else {
            return Err(Unreadable::Damaged("a file was expected"));
        };
        let block_size = u64::from(self.superblock.block_size());
        if *size > limit || blocks.is_none() {
            return Err(Unreadable::TooLarge("a file", limit));
        }
        let (mut content, mut at) = (Vec::new(), *start);
        for block in blocks.iter().flatten() {
            let expected = block_size.min(size - length(&content));
            content.extend(self.block(at, *block, expected)?);
            at = at.saturating_add(u64::from(block & !PLAIN_BLOCK));
        }
        if let Some((index, offset)) = *fragment {
            let tail = size - length(&content);
            content.extend(self.fragment(index, offset, tail)?);
        }
        if length(&content) == *size {
            Ok(content)
        } else {
            Err(Unreadable::Damaged("a file is short"))
        }
    }

    /// One data block, which must hold `expected` bytes.
    fn block(&mut self, at: u64, raw_size: u32, expected: u64) -> Result<Vec<u8>, Unreadable> {
        if raw_size == 0 {
            // A hole.
            let expected = usize::try_from(expected).unwrap_or(usize::MAX);
            self.source.spend(expected)?;
            return Ok(vec![0; expected]);
        }
        let block = self.unpack(at, raw_size)?;
        if length(&block) == expected {
            Ok(block)
        } else {
            Err(Unreadable::Damaged("a block is short"))
        }
    }

    /// The end of a file, which shares a block with the ends of others.
    fn fragment(&mut self, index: u32, offset: u32, size: u64) -> Result<Vec<u8>, Unreadable> {
        let damaged = Unreadable::Damaged("a fragment is out of range");
        let Some(table) = self.superblock.fragment_table() else {
            return Err(damaged);
        };
        if index >= self.superblock.fragments() {
            return Err(damaged);
        }
        let index = u64::from(index);
        let pointer = self
            .source
            .read(table.saturating_add(index / FRAGMENTS_PER_BLOCK * 8), 8)?;
        let block = inode::Fields(&pointer).u64(0);
        let mut entries = self.metadata(0, block, index % FRAGMENTS_PER_BLOCK * 16);
        let entry = entries.take(16)?;
        let entry = inode::Fields(&entry);
        let block = self.unpack(entry.u64(0), entry.u32(8))?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = usize::try_from(size)
            .ok()
            .and_then(|size| start.checked_add(size));
        end.and_then(|end| block.get(start..end))
            .map(<[u8]>::to_vec)
            .ok_or(damaged)
    }

    fn unpack(&mut self, at: u64, raw_size: u32) -> Result<Vec<u8>, Unreadable> {
        let block_size = usize::try_from(self.superblock.block_size()).unwrap_or(usize::MAX);
        let size = usize::try_from(raw_size & !PLAIN_BLOCK).unwrap_or(usize::MAX);
        if size > block_size {
            return Err(Unreadable::Damaged("a block is too large"));
        }
        let raw = self.source.read(at, size)?;
        if raw_size & PLAIN_BLOCK != 0 {
            Ok(raw)
        } else {
            self.decompress(&raw, block_size)
        }
    }

    fn decompress(&mut self, raw: &[u8], most: usize) -> Result<Vec<u8>, Unreadable> {
        self.source.spend(most)?;
        let mut block = Vec::with_capacity(most);
        DefaultCompressor
            .decompress(raw, &mut block, self.compressor)
            .map_err(|_| Unreadable::Damaged("a block cannot be decompressed"))?;
        if block.len() > most {
            Err(Unreadable::Damaged("a block is too large"))
        } else {
            Ok(block)
        }
    }

    fn metadata(&mut self, table: u64, block: u64, offset: u64) -> Metadata<'_, 'a> {
        Metadata {
            squashfs: self,
            next: table.saturating_add(block),
            skip: offset,
            block: Vec::new(),
            at: 0,
        }
    }
}

/// Metadata from a place on, block by block.
pub(crate) struct Metadata<'s, 'a> {
    squashfs: &'s mut Squashfs<'a>,
    next: u64,
    /// Bytes of the first block that come before the place.
    skip: u64,
    block: Vec<u8>,
    at: usize,
}

impl Metadata<'_, '_> {
    /// The next `length` bytes; the caller bounds them.
    pub(crate) fn take(&mut self, length: usize) -> Result<Vec<u8>, Unreadable> {
        let mut taken = Vec::new();
        while taken.len() < length {
            if self.at == self.block.len() {
                self.load()?;
            }
            let end = self.block.len().min(self.at + (length - taken.len()));
            taken.extend(&self.block[self.at..end]);
            self.at = end;
        }
        Ok(taken)
    }

    fn load(&mut self) -> Result<(), Unreadable> {
        let head = self.squashfs.source.read(self.next, 2)?;
        let head = u16::from_le_bytes([head[0], head[1]]);
        let size = usize::from(head & 0x7fff);
        if size == 0 || size > METADATA_BLOCK {
            return Err(Unreadable::Damaged(
                "a metadata block has an impossible size",
            ));
        }
        let raw = self
            .squashfs
            .source
            .read(self.next.saturating_add(2), size)?;
        let plain = head & 0x8000 != 0;
        self.block = if plain {
            raw
        } else {
            self.squashfs.decompress(&raw, METADATA_BLOCK)?
        };
        self.next = self.next.saturating_add(2 + u64::from(head & 0x7fff));
        self.at = usize::try_from(std::mem::take(&mut self.skip)).unwrap_or(usize::MAX);
        if self.at >= self.block.len() {
            return Err(Unreadable::Damaged(
                "a reference points past its metadata block",
            ));
        }
        Ok(())
    }
}

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}
