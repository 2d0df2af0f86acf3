//! Fields at fixed offsets of a record whose length was checked before.

use std::ops::Range;

use super::fault::{Region, SifError};
use crate::Arch;

/// A header or a descriptor: little-endian fields without padding.
#[derive(Clone, Copy)]
pub(super) struct Record<'a> {
    pub(super) bytes: &'a [u8],
}

impl<'a> Record<'a> {
    pub(super) fn array<const N: usize>(self, at: usize) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&self.bytes[at..at + N]);
        array
    }

    pub(super) fn i32(self, at: usize) -> i32 {
        i32::from_le_bytes(self.array(at))
    }

    pub(super) fn u32(self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    pub(super) fn i64(self, at: usize) -> i64 {
        i64::from_le_bytes(self.array(at))
    }

    /// Returns a text that fills its field or ends with NULs, truncated as by siftool.
    pub(super) fn text(self, range: Range<usize>) -> String {
        let bytes = &self.bytes[range];
        let end = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }

    /// Parses an offset and a size, and checks them. The fields have the names of siftool.
    pub(super) fn range(
        self,
        region: Region,
        [(offset_at, offset_field), (size_at, size_field)]: [(usize, &'static str); 2],
    ) -> Result<Range<u64>, SifError> {
        let (offset, size) = (self.i64(offset_at), self.i64(size_at));
        let wrong = |field, value| SifError::Range {
            region: region.to_string(),
            field,
            value,
        };
        let start = u64::try_from(offset).map_err(|_| wrong(offset_field, offset))?;
        u64::try_from(size).map_err(|_| wrong(size_field, size))?;
        let end = offset
            .checked_add(size)
            .ok_or_else(|| wrong(size_field, size))?;
        Ok(start..u64::try_from(end).map_err(|_| wrong(size_field, size))?)
    }
}

/// Refuses a region that reaches past the end of the file.
pub(super) fn within_file(region: Region, range: &Range<u64>, size: u64) -> Result<(), SifError> {
    if range.end > size {
        return Err(SifError::OutOfFile {
            region: region.to_string(),
            end: range.end,
            size,
        });
    }
    Ok(())
}

/// Returns the architecture of a code. An unknown code is [`Arch::Unknown`], as in siftool.
pub(super) fn arch(code: [u8; 3]) -> Arch {
    let [first, second, 0] = code else {
        return Arch::Unknown;
    };
    Arch::ALL
        .iter()
        .copied()
        .find(|arch| *arch.sif_code() == [first, second])
        .unwrap_or(Arch::Unknown)
}

/// Formats raw bytes for an error message.
pub(super) fn shown<const N: usize>(bytes: [u8; N]) -> String {
    Record { bytes: &bytes }.text(0..N)
}
