//! Inodes and folder listings of a squashfs, as they stand on disk.

use super::Metadata;
use crate::source::Unreadable;

/// The most data blocks of a file that are listed: a file with more is over every limit.
const MAX_BLOCKS: u64 = 4096;

/// An inode, as far as a reader of small files needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Inode {
    Folder {
        /// The offset of its first metadata block in the directory table.
        block: u64,
        /// Where its listing starts in that block.
        offset: u64,
        /// The size of its listing, in bytes, and three.
        size: u64,
    },
    File {
        /// Where its first data block starts.
        start: u64,
        /// Its size, in bytes.
        size: u64,
        /// The sizes of its data blocks, with a bit for plain ones; `None` for a file too large
        /// to list them.
        blocks: Option<Vec<u32>>,
        /// The fragment with its end: which one, and from where in it.
        fragment: Option<(u32, u32)>,
    },
    /// A link, a device, a pipe or a socket.
    Other,
}

/// Little-endian fields of bytes whose length the caller knows.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    fn array<const N: usize>(self, at: usize) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&self.0[at..at + N]);
        array
    }

    pub(super) fn u16(self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    pub(super) fn u32(self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    pub(super) fn u64(self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }
}

/// Reads the inode that starts where `metadata` stands.
pub(super) fn read(metadata: &mut Metadata<'_, '_>, block_size: u64) -> Result<Inode, Unreadable> {
    let head = metadata.take(16)?;
    match Fields(&head).u16(0) {
        1 => {
            let rest = metadata.take(16)?;
            let fields = Fields(&rest);
            Ok(Inode::Folder {
                block: fields.u32(0).into(),
                size: fields.u16(8).into(),
                offset: fields.u16(10).into(),
            })
        }
        8 => {
            let rest = metadata.take(24)?;
            let fields = Fields(&rest);
            Ok(Inode::Folder {
                size: fields.u32(4).into(),
                block: fields.u32(8).into(),
                offset: fields.u16(18).into(),
            })
        }
        2 => {
            let rest = metadata.take(16)?;
            let fields = Fields(&rest);
            let place = (fields.u32(4), fields.u32(8));
            file(
                metadata,
                block_size,
                fields.u32(0).into(),
                fields.u32(12).into(),
                place,
            )
        }
        9 => {
            let rest = metadata.take(40)?;
            let fields = Fields(&rest);
            let place = (fields.u32(28), fields.u32(32));
            file(metadata, block_size, fields.u64(0), fields.u64(8), place)
        }
        3..=7 | 10..=14 => Ok(Inode::Other),
        _ => Err(Unreadable::Damaged("an inode of no known type")),
    }
}

fn file(
    metadata: &mut Metadata<'_, '_>,
    block_size: u64,
    start: u64,
    size: u64,
    (index, offset): (u32, u32),
) -> Result<Inode, Unreadable> {
    let fragment = (index != u32::MAX).then_some((index, offset));
    let count = if fragment.is_some() {
        size / block_size
    } else {
        size.div_ceil(block_size)
    };
    let blocks = if count > MAX_BLOCKS {
        None
    } else {
        let raw = metadata.take(usize::try_from(count * 4).unwrap_or(usize::MAX))?;
        Some(
            raw.chunks_exact(4)
                .map(|size| Fields(size).u32(0))
                .collect(),
        )
    };
    Ok(Inode::File {
        start,
        size,
        blocks,
        fragment,
    })
}

/// The names of a listing, with references to their inodes.
pub(super) fn entries(listing: &[u8]) -> Result<Vec<(Vec<u8>, u64)>, Unreadable> {
    let damaged = || Unreadable::Damaged("the listing of a folder is cut off");
    let mut entries = Vec::new();
    let mut rest = listing;
    while !rest.is_empty() {
        let (head, after) = rest.split_at_checked(12).ok_or_else(damaged)?;
        let (last, block) = (Fields(head).u32(0), u64::from(Fields(head).u32(4)));
        if last >= 256 {
            return Err(Unreadable::Damaged(
                "a folder has too many entries in one run",
            ));
        }
        rest = after;
        for _ in 0..=last {
            let (head, after) = rest.split_at_checked(8).ok_or_else(damaged)?;
            let offset = u64::from(Fields(head).u16(0));
            let length = usize::from(Fields(head).u16(6)) + 1;
            let (name, after) = after.split_at_checked(length).ok_or_else(damaged)?;
            entries.push((name.to_vec(), block << 16 | offset));
            rest = after;
        }
    }
    Ok(entries)
}
