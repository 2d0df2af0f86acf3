//! A descriptor: 585 bytes of the table, for one object of the data section.

use std::ops::Range;

use super::fault::{Region, SifError};
use super::field::{self, Record};
use super::header::SifHeader;
use super::kind::{
    Filesystem, HashType, MessageFormat, MessageType, ObjectType, PartitionType, SbomFormat,
};
use crate::{Arch, Digest};

/// The size of a descriptor, in bytes.
pub(super) const SIZE: usize = 585;
/// The same as a `u64`, for offsets.
pub(super) const SIZE_U64: u64 = 585;

/// The bits of a group's id on disk, and of a link that leads to a group.
const GROUP_MASK: u32 = 0xf000_0000;

const EXTRA: usize = 201;

/// The target of an object's link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Link {
    /// The object with this id.
    Object(u32),
    /// The objects of this group.
    Group(u32),
}

/// The type-specific fields of a descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Extra {
    /// The object's type has no such fields.
    None,
    /// A file system.
    Partition {
        /// Its file system.
        filesystem: Filesystem,
        /// Its purpose.
        partition: PartitionType,
        /// The architecture of its programs.
        arch: Arch,
    },
    /// A signature over other objects: PGP, clear-signed, or DSSE.
    Signature {
        /// The hash of the signed digests.
        hash: HashType,
        /// The signer's PGP fingerprint; a DSSE signature has none.
        fingerprint: Option<[u8; 20]>,
    },
    /// A cryptographic message, such as the key of an encrypted partition.
    CryptoMessage {
        /// Its format.
        format: MessageFormat,
        /// Its type.
        message: MessageType,
    },
    /// A software bill of materials.
    Sbom {
        /// Its format.
        format: SbomFormat,
    },
    /// An OCI blob or root index.
    OciBlob {
        /// Its digest, if it is a SHA-256.
        digest: Option<Digest>,
    },
}

/// An object of the data section.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SifDescriptor {
    object_type: ObjectType,
    id: u32,
    group: Option<u32>,
    link: Option<Link>,
    range: Range<u64>,
    created: i64,
    modified: i64,
    name: String,
    extra: Extra,
    /// The exact code of the partition's architecture: `Extra` merges unknown codes.
    arch_code: [u8; 3],
}

impl SifDescriptor {
    /// Parses one descriptor. Returns `None` if it is not in use.
    pub(super) fn parse(bytes: &[u8], header: &SifHeader) -> Result<Option<Self>, SifError> {
        let record = Record { bytes };
        // Go reads a bool: whatever is not zero is true.
        if bytes[4] == 0 {
            return Ok(None);
        }
        let object_type = ObjectType::from_code(record.i32(0));
        let id = record.u32(5);
        let range = record.range(Region::Object(id), [(17, "offset"), (25, "size")])?;
        if id == 0 {
            return Err(SifError::ZeroId(range.start));
        }
        check_place(id, &range, header)?;
        let may_be_empty = !matches!(object_type, ObjectType::Partition | ObjectType::Signature);
        if range.is_empty() && !may_be_empty {
            return Err(SifError::Empty {
                id,
                kind: object_type.as_str(),
            });
        }
        let group = record.u32(9) & !GROUP_MASK;
        Ok(Some(Self {
            object_type,
            id,
            group: (group != 0).then_some(group),
            link: link(record.u32(13)),
            range,
            created: record.i64(41),
            modified: record.i64(49),
            name: record.text(73..EXTRA),
            extra: extra(object_type, record),
            arch_code: record.array(EXTRA + 8),
        }))
    }

    /// Returns the type of the object.
    #[must_use]
    pub fn object_type(&self) -> ObjectType {
        self.object_type
    }

    /// Returns the object's id, which is unique and not 0.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Returns the group that the object belongs to, without its mask.
    #[must_use]
    pub fn group(&self) -> Option<u32> {
        self.group
    }

    /// Returns the target of the object's link, which may not exist.
    #[must_use]
    pub fn link(&self) -> Option<Link> {
        self.link
    }

    /// Returns the object's offset in the file.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.range.start
    }

    /// Returns the object's size, in bytes, without padding.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.range.end - self.range.start
    }

    /// Returns the object's bytes in the file.
    #[must_use]
    pub fn range(&self) -> Range<u64> {
        self.range.clone()
    }

    /// Returns the time at which the object was made, in seconds since 1970.
    #[must_use]
    pub fn created(&self) -> i64 {
        self.created
    }

    /// Returns the time of the last change of the object, in seconds since 1970.
    #[must_use]
    pub fn modified(&self) -> i64 {
        self.modified
    }

    /// Returns the object's name, often empty. Bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the type-specific fields.
    #[must_use]
    pub fn extra(&self) -> &Extra {
        &self.extra
    }

    pub(super) fn primary_arch_code(&self) -> Option<[u8; 3]> {
        matches!(
            self.extra,
            Extra::Partition {
                partition: PartitionType::PrimarySystem,
                ..
            }
        )
        .then_some(self.arch_code)
    }
}

fn check_place(id: u32, range: &Range<u64>, header: &SifHeader) -> Result<(), SifError> {
    let data = header.data();
    if range.start < data.start || range.end > data.end {
        return Err(SifError::OutOfData {
            id,
            start: range.start,
            end: range.end,
            from: data.start,
            to: data.end,
        });
    }
    Ok(())
}

fn link(raw: u32) -> Option<Link> {
    match raw & !GROUP_MASK {
        0 => None,
        id if raw & GROUP_MASK == GROUP_MASK => Some(Link::Group(id)),
        id => Some(Link::Object(id)),
    }
}

fn extra(object_type: ObjectType, record: Record<'_>) -> Extra {
    match object_type {
        ObjectType::Partition => Extra::Partition {
            filesystem: Filesystem::from_code(record.i32(EXTRA)),
            partition: PartitionType::from_code(record.i32(EXTRA + 4)),
            arch: field::arch(record.array(EXTRA + 8)),
        },
        ObjectType::Signature => {
            let entity = record.array::<20>(EXTRA + 4);
            Extra::Signature {
                hash: HashType::from_code(record.i32(EXTRA)),
                fingerprint: (entity != [0; 20]).then_some(entity),
            }
        }
        ObjectType::CryptoMessage => Extra::CryptoMessage {
            format: MessageFormat::from_code(record.i32(EXTRA)),
            message: MessageType::from_code(record.i32(EXTRA + 4)),
        },
        ObjectType::Sbom => Extra::Sbom {
            format: SbomFormat::from_code(record.i32(EXTRA)),
        },
        ObjectType::OciRootIndex | ObjectType::OciBlob => {
            let text = record.bytes[EXTRA..]
                .split(|byte| *byte == 0)
                .next()
                .unwrap_or_default();
            Extra::OciBlob {
                digest: std::str::from_utf8(text)
                    .ok()
                    .and_then(|text| text.parse().ok()),
            }
        }
        _ => Extra::None,
    }
}
