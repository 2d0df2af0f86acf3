//! A part of a file, read and sought like a file of its own.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt as _;

/// The bytes of a file from `start` on, at most `size` of them. Its position is its own, so
/// that several can read one file.
#[derive(Debug)]
pub(crate) struct Window<'a> {
    file: &'a File,
    start: u64,
    size: u64,
    position: u64,
}

impl<'a> Window<'a> {
    pub(crate) fn new(file: &'a File, start: u64, size: u64) -> Self {
        Self {
            file,
            start,
            size,
            position: 0,
        }
    }
}

impl Read for Window<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.size.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let at = self.start.saturating_add(self.position);
        let read = self.file.read_at(&mut buffer[..wanted], at)?;
        self.position += u64::try_from(read).unwrap_or(u64::MAX);
        Ok(read)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(distance) => self.size.checked_add_signed(distance),
            SeekFrom::Current(distance) => self.position.checked_add_signed(distance),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
