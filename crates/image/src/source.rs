//! A window on a file, with an allowance of bytes and a time after which reading stops.

use std::fs::File;
use std::time::Instant;

use crate::open::read_up_to;

/// Why something inside an image cannot be read. It ends as a note, so it has no codes.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("the file cannot be read: {0}")]
    Read(#[from] std::io::Error),
    #[error("the squashfs is damaged: {0}")]
    Damaged(&'static str),
    #[error("its squashfs is compressed with {0}, which this program cannot read")]
    Compression(&'static str),
    #[error("{0} is larger than the limit of {1} bytes")]
    TooLarge(&'static str, u64),
    #[error("reading stopped after {0} bytes, the limit for one image")]
    Allowance(u64),
    #[error("reading took too long and was stopped")]
    Deadline,
}

/// The part of a file that holds a squashfs.
#[derive(Debug)]
pub(crate) struct Source<'a> {
    file: &'a File,
    start: u64,
    size: u64,
    allowance: u64,
    left: u64,
    deadline: Instant,
}

impl<'a> Source<'a> {
    /// The `size` bytes from `start`, of which `allowance` bytes in all may be read or inflated
    /// until `deadline`.
    pub(crate) fn new(
        file: &'a File,
        start: u64,
        size: u64,
        allowance: u64,
        deadline: Instant,
    ) -> Self {
        Self {
            file,
            start,
            size,
            allowance,
            left: allowance,
            deadline,
        }
    }

    /// Reads exactly `length` bytes at `offset` of the window.
    pub(crate) fn read(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, Unreadable> {
        self.spend(length)?;
        let wanted = u64::try_from(length).unwrap_or(u64::MAX);
        let inside = offset
            .checked_add(wanted)
            .is_some_and(|end| end <= self.size);
        if !inside {
            return Err(Unreadable::Damaged("something points past its end"));
        }
        let bytes = read_up_to(self.file, self.start.saturating_add(offset), length)?;
        if bytes.len() < length {
            Err(Unreadable::Damaged("the file was cut off"))
        } else {
            Ok(bytes)
        }
    }

    /// Takes `length` bytes off the allowance: decompressed bytes cost as much as read ones.
    pub(crate) fn spend(&mut self, length: usize) -> Result<(), Unreadable> {
        if Instant::now() > self.deadline {
            return Err(Unreadable::Deadline);
        }
        self.left = u64::try_from(length)
            .ok()
            .and_then(|length| self.left.checked_sub(length))
            .ok_or(Unreadable::Allowance(self.allowance))?;
        Ok(())
    }
}
