//! A read-only parser of SIF files: the header and the table of descriptors (`spec/sif.md`).
//!
//! Parsing has two steps, so that a caller reads only the necessary part of a large file.
//! [`SifHeader::parse`] parses the first 128 bytes, which contain the position of the table.
//! [`SifImage::parse`] parses the table. Both check all ranges against the size of the file.
//!
//! The spec lists refused and accepted files. It accepts everything that tools in use have written. The
//! layout is that of `github.com/apptainer/sif`.

mod descriptor;
mod fault;
mod field;
mod header;
mod kind;

pub use descriptor::{Extra, Link, SifDescriptor};
pub use fault::SifError;
pub use header::SifHeader;
pub use kind::{
    Filesystem, HashType, MessageFormat, MessageType, ObjectType, PartitionType, SbomFormat,
};

use crate::Arch;
use fault::Region;

/// The maximal number of descriptors. Tools write 48. The limit keeps the table under 2.4 MB and the
/// time to check it short.
pub const MAX_DESCRIPTORS: u64 = 4096;

/// A SIF file's header and objects, checked against each other and against the file's size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SifImage {
    header: SifHeader,
    objects: Vec<SifDescriptor>,
    primary: Option<usize>,
    has_word_as_arch: bool,
}

impl SifImage {
    /// Parses and checks the descriptors in `table`, the bytes of the file at [`SifHeader::table`].
    /// Ignores bytes after the table.
    ///
    /// # Errors
    /// [`SifError`] for the rule that the table violates; [`SifError::OutOfFile`] if `table` is shorter
    /// than the header states.
    pub fn parse(header: SifHeader, table: &[u8]) -> Result<Self, SifError> {
        let range = header.table();
        let wanted = range.end - range.start;
        let table = usize::try_from(wanted)
            .ok()
            .and_then(|wanted| table.get(..wanted))
            .ok_or_else(|| SifError::OutOfFile {
                region: Region::Table.to_string(),
                end: range.end,
                size: range.start + u64::try_from(table.len()).unwrap_or(u64::MAX),
            })?;
        let mut objects = Vec::new();
        for raw in table.chunks_exact(descriptor::SIZE) {
            objects.extend(SifDescriptor::parse(raw, &header)?);
        }
        check_counts(&header, &objects)?;
        check_overlaps(&objects)?;
        let primary = find_primary(&header, &objects)?;
        Ok(Self {
            has_word_as_arch: primary.is_some_and(|primary| primary.has_word_as_arch),
            primary: primary.map(|primary| primary.at),
            header,
            objects,
        })
    }

    /// Parses a whole file that is in memory.
    ///
    /// # Errors
    /// As [`SifHeader::parse`] and [`SifImage::parse`].
    pub fn from_bytes(file: &[u8]) -> Result<Self, SifError> {
        let size = u64::try_from(file.len()).unwrap_or(u64::MAX);
        let header = SifHeader::parse(file, size)?;
        let start = usize::try_from(header.table().start).unwrap_or(usize::MAX);
        Self::parse(header, file.get(start..).unwrap_or_default())
    }

    /// Returns the header.
    #[must_use]
    pub fn header(&self) -> &SifHeader {
        &self.header
    }

    /// Returns the objects in use, in the order of the table.
    #[must_use]
    pub fn objects(&self) -> &[SifDescriptor] {
        &self.objects
    }

    /// Returns the object with this id.
    #[must_use]
    pub fn object(&self, id: u32) -> Option<&SifDescriptor> {
        self.objects.iter().find(|object| object.id() == id)
    }

    /// Returns the partition that holds the root file system; an image under construction has none.
    #[must_use]
    pub fn primary_partition(&self) -> Option<&SifDescriptor> {
        self.primary.and_then(|at| self.objects.get(at))
    }

    /// Returns whether the primary partition has the beginning of a word instead of a code, such as
    /// `amd`, which older versions of `siftool setprim` wrote (SIF-15). The header's architecture is
    /// then valid.
    #[must_use]
    pub fn has_word_as_arch(&self) -> bool {
        self.has_word_as_arch
    }

    /// Returns the architecture of the header, which is also that of the primary partition.
    #[must_use]
    pub fn arch(&self) -> Arch {
        self.header.arch()
    }
}

/// Checks that ids are unique, and that the header's free count agrees with the table.
fn check_counts(header: &SifHeader, objects: &[SifDescriptor]) -> Result<(), SifError> {
    let mut ids: Vec<u32> = objects.iter().map(SifDescriptor::id).collect();
    ids.sort_unstable();
    if let Some(pair) = ids.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(SifError::DuplicateId(pair[0]));
    }
    let used = u64::try_from(objects.len()).unwrap_or(u64::MAX);
    let free = header.descriptors_total().saturating_sub(used);
    if header.descriptors_free() != free {
        return Err(SifError::FreeCount {
            header: header.descriptors_free(),
            table: free,
        });
    }
    Ok(())
}

/// Checks that no two objects share a byte. An empty object has no bytes.
fn check_overlaps(objects: &[SifDescriptor]) -> Result<(), SifError> {
    let mut ranges: Vec<_> = objects
        .iter()
        .filter(|object| object.size() > 0)
        .map(|object| (object.range(), object.id()))
        .collect();
    ranges.sort_unstable_by_key(|(range, id)| (range.start, *id));
    match ranges
        .windows(2)
        .find(|pair| pair[0].0.end > pair[1].0.start)
    {
        Some(pair) => Err(SifError::Overlap {
            first: Region::Object(pair[0].1).to_string(),
            second: Region::Object(pair[1].1).to_string(),
        }),
        None => Ok(()),
    }
}

/// The primary partition.
#[derive(Debug, Clone, Copy)]
struct Primary {
    /// Its index among the objects.
    at: usize,
    id: u32,
    has_word_as_arch: bool,
}

/// Finds the one primary partition, and checks that the header repeats its architecture byte for byte:
/// two unknown codes are still different architectures. Instead of a code, the partition may have the
/// beginning of the word of the header's architecture.
fn find_primary(
    header: &SifHeader,
    objects: &[SifDescriptor],
) -> Result<Option<Primary>, SifError> {
    let mut found: Option<Primary> = None;
    for (at, object) in objects.iter().enumerate() {
        let Some(code) = object.primary_arch_code() else {
            continue;
        };
        if let Some(first) = found {
            return Err(SifError::TwoPrimaries {
                first: first.id,
                second: object.id(),
            });
        }
        let arch = header.arch();
        let has_word_as_arch = arch != Arch::Unknown && arch.as_str().as_bytes().starts_with(&code);
        if code != header.arch_code() && !has_word_as_arch {
            return Err(SifError::Arch {
                header: field::shown(header.arch_code()),
                partition: field::shown(code),
            });
        }
        found = Some(Primary {
            at,
            id: object.id(),
            has_word_as_arch,
        });
    }
    Ok(found)
}
