//! Why a file is not a sound SIF.

use crate::fault::Code;
use std::fmt;

/// Why bytes are refused as a SIF file. Offsets, ends and sizes count bytes of the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SifError {
    /// The header, the table or an object reaches past the end of the file.
    #[error("{region} ends at byte {end}, but the file has {size} bytes")]
    OutOfFile {
        /// The part of the file.
        region: String,
        /// Its end.
        end: u64,
        /// The size of the file, or of the part that was read.
        size: u64,
    },
    /// The ten bytes at offset 32 are not SIF's.
    #[error("the magic is {0:?}, expected \"SIF_MAGIC\\0\"")]
    Magic(String),
    /// The version of the format is not 01.
    #[error("version {0:?} of the format is not supported, expected \"01\"")]
    Version(String),
    /// The launch script fills its field without a NUL at the end.
    #[error("the launch script does not end with NUL within 32 bytes")]
    LaunchScript,
    /// A number in the header or in a descriptor is negative, or the sum of an offset and a size
    /// overflows 64 bits.
    #[error("{region}: {field} is {value}, out of range")]
    Range {
        /// The part of the file.
        region: String,
        /// The field.
        field: &'static str,
        /// Its value.
        value: i64,
    },
    /// The table has more descriptors than [`super::MAX_DESCRIPTORS`].
    #[error("the table has {0} descriptors, expected at most 4096")]
    TooManyDescriptors(u64),
    /// The size of the table is less than its descriptors need.
    #[error("the table of descriptors has {size} bytes, but its descriptors need {needed}")]
    TableSize {
        /// The size in the header.
        size: u64,
        /// 585 bytes for each descriptor.
        needed: u64,
    },
    /// Two parts of the file share bytes.
    #[error("{first} and {second} overlap")]
    Overlap {
        /// The part that starts first.
        first: String,
        /// The other part.
        second: String,
    },
    /// An object is outside the data section.
    #[error(
        "object {id} at bytes {start} to {end} is outside the data section, bytes {from} to {to}"
    )]
    OutOfData {
        /// The object's id.
        id: u32,
        /// Where the object starts.
        start: u64,
        /// Where the object ends.
        end: u64,
        /// Where the data section starts.
        from: u64,
        /// Where the data section ends.
        to: u64,
    },
    /// The header's count of free descriptors disagrees with the table.
    #[error("the header counts {header} free descriptors, the table has {table}")]
    FreeCount {
        /// The count in the header.
        header: u64,
        /// The number of descriptors not in use.
        table: u64,
    },
    /// An object has the id 0.
    #[error("an object at byte {0} has id 0")]
    ZeroId(u64),
    /// Two objects have the same id.
    #[error("id {0} occurs twice")]
    DuplicateId(u32),
    /// The file has more than one primary partition.
    #[error("objects {first} and {second} are both primary partitions")]
    TwoPrimaries {
        /// The id of the first.
        first: u32,
        /// The id of the second.
        second: u32,
    },
    /// The header names another architecture than the primary partition.
    #[error("the header has architecture code {header:?}, the primary partition {partition:?}")]
    Arch {
        /// The code in the header.
        header: String,
        /// The code in the partition's descriptor.
        partition: String,
    },
    /// A partition or a signature is empty.
    #[error("object {id}, of type {kind}, is empty")]
    Empty {
        /// The object's id.
        id: u32,
        /// Its type, in siftool's word.
        kind: &'static str,
    },
}

impl SifError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::OutOfFile { .. } => Code::SifTruncated,
            Self::Magic(_) => Code::SifMagic,
            Self::Version(_) => Code::SifVersion,
            Self::LaunchScript => Code::SifLaunchScript,
            Self::Range { .. } => Code::SifRange,
            Self::TooManyDescriptors(_) => Code::SifTooManyDescriptors,
            Self::TableSize { .. } => Code::SifTableSize,
            Self::Overlap { .. } => Code::SifOverlap,
            Self::OutOfData { .. } => Code::SifOutOfData,
            Self::FreeCount { .. } => Code::SifFreeCount,
            Self::ZeroId(_) => Code::SifZeroId,
            Self::DuplicateId(_) => Code::SifDuplicateId,
            Self::TwoPrimaries { .. } => Code::SifTwoPrimaries,
            Self::Arch { .. } => Code::SifArch,
            Self::Empty { .. } => Code::SifEmptyObject,
        }
    }
}

/// A part of the file, for error messages.
#[derive(Debug, Clone, Copy)]
pub(super) enum Region {
    Header,
    Table,
    Data,
    Object(u32),
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("the header"),
            Self::Table => f.write_str("the table of descriptors"),
            Self::Data => f.write_str("the data section"),
            Self::Object(id) => write!(f, "object {id}"),
        }
    }
}
