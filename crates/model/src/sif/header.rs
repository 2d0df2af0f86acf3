//! The header: the first 128 bytes of a SIF file.

use std::fmt::Write as _;
use std::ops::Range;

use super::MAX_DESCRIPTORS;
use super::descriptor;
use super::fault::{Region, SifError};
use super::field::{self, Record};
use crate::Arch;

const MAGIC: &[u8; 10] = b"SIF_MAGIC\0";
const VERSION: &[u8; 3] = b"01\0";

/// A SIF header whose table of descriptors and data section are inside the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SifHeader {
    launch_script: String,
    version: String,
    arch_code: [u8; 3],
    id: [u8; 16],
    created: i64,
    modified: i64,
    free: u64,
    total: u64,
    descriptors: Range<u64>,
    data: Range<u64>,
    file_size: u64,
}

impl SifHeader {
    /// The size of a header, in bytes.
    pub const SIZE: usize = 128;

    /// Parses and checks the header at the start of `front`, of a file of `file_size` bytes. Ignores
    /// bytes of `front` after the header.
    ///
    /// # Errors
    /// [`SifError`] for the rule that the header violates.
    pub fn parse(front: &[u8], file_size: u64) -> Result<Self, SifError> {
        let Some(bytes) = front.get(..Self::SIZE) else {
            let size = u64::try_from(front.len()).unwrap_or(u64::MAX);
            return Err(SifError::OutOfFile {
                region: Region::Header.to_string(),
                end: 128,
                size,
            });
        };
        let record = Record { bytes };
        let magic = record.array::<10>(32);
        if magic != *MAGIC {
            return Err(SifError::Magic(field::shown(magic)));
        }
        let version = record.array::<3>(42);
        if version != *VERSION {
            return Err(SifError::Version(field::shown(version)));
        }
        if !bytes[..32].contains(&0) {
            return Err(SifError::LaunchScript);
        }
        let free = count("descriptors free", record.i64(80))?;
        let total = count("descriptors total", record.i64(88))?;
        if total > MAX_DESCRIPTORS {
            return Err(SifError::TooManyDescriptors(total));
        }
        let descriptors = record.range(
            Region::Table,
            [(96, "descriptors offset"), (104, "descriptors size")],
        )?;
        let data = record.range(Region::Data, [(112, "data offset"), (120, "data size")])?;
        check_regions(total, &descriptors, &data, file_size)?;
        Ok(Self {
            launch_script: record.text(0..32),
            version: field::shown(version),
            arch_code: record.array(45),
            id: record.array(48),
            created: record.i64(64),
            modified: record.i64(72),
            free,
            total,
            descriptors,
            data,
            file_size,
        })
    }

    /// Returns the line with which a shell runs the image, with its line feed; often empty.
    #[must_use]
    pub fn launch_script(&self) -> &str {
        &self.launch_script
    }

    /// Returns the version of the format: `01`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the architecture of the primary partition, or [`Arch::Unknown`] without one.
    #[must_use]
    pub fn arch(&self) -> Arch {
        field::arch(self.arch_code)
    }

    /// Returns the image's UUID as text, in lower case. Reproducible builds leave it nil.
    #[must_use]
    pub fn id(&self) -> String {
        let mut text = String::with_capacity(36);
        for (at, byte) in self.id.iter().enumerate() {
            if [4, 6, 8, 10].contains(&at) {
                text.push('-');
            }
            write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        }
        text
    }

    /// Returns the time at which the image was made, in seconds since 1970. Reproducible builds write
    /// the year 1.
    #[must_use]
    pub fn created(&self) -> i64 {
        self.created
    }

    /// Returns the time of the last change of the image, in seconds since 1970.
    #[must_use]
    pub fn modified(&self) -> i64 {
        self.modified
    }

    /// Returns the number of descriptors not in use. [`super::SifImage::parse`] compares it with the
    /// table.
    #[must_use]
    pub fn descriptors_free(&self) -> u64 {
        self.free
    }

    /// Returns the number of descriptors in the table, in use or not.
    #[must_use]
    pub fn descriptors_total(&self) -> u64 {
        self.total
    }

    /// Returns the section of descriptors, which may be larger than its table.
    #[must_use]
    pub fn descriptors(&self) -> Range<u64> {
        self.descriptors.clone()
    }

    /// Returns the bytes of the file that hold the table, for [`super::SifImage::parse`].
    #[must_use]
    pub fn table(&self) -> Range<u64> {
        let start = self.descriptors.start;
        start..start + self.total * descriptor::SIZE_U64
    }

    /// Returns the data section, with the objects and the gaps between them.
    #[must_use]
    pub fn data(&self) -> Range<u64> {
        self.data.clone()
    }

    /// Returns the size of the file, in bytes.
    #[must_use]
    pub fn file_size(&self) -> u64 {
        self.file_size
    }

    pub(super) fn arch_code(&self) -> [u8; 3] {
        self.arch_code
    }
}

fn count(field: &'static str, value: i64) -> Result<u64, SifError> {
    u64::try_from(value).map_err(|_| SifError::Range {
        region: Region::Header.to_string(),
        field,
        value,
    })
}

/// Checks that the three regions are in the file, and do not overlap.
fn check_regions(
    total: u64,
    descriptors: &Range<u64>,
    data: &Range<u64>,
    file_size: u64,
) -> Result<(), SifError> {
    let size = descriptors.end - descriptors.start;
    let needed = total * descriptor::SIZE_U64;
    if size < needed {
        return Err(SifError::TableSize { size, needed });
    }
    let header = 0..128;
    field::within_file(Region::Header, &header, file_size)?;
    field::within_file(Region::Table, descriptors, file_size)?;
    field::within_file(Region::Data, data, file_size)?;
    let overlap = |first: Region, second: Region| {
        Err(SifError::Overlap {
            first: first.to_string(),
            second: second.to_string(),
        })
    };
    if descriptors.start < header.end {
        overlap(Region::Header, Region::Table)
    } else if data.start < header.end {
        overlap(Region::Header, Region::Data)
    } else if descriptors.start < data.end && data.start < descriptors.end {
        overlap(Region::Table, Region::Data)
    } else {
        Ok(())
    }
}
