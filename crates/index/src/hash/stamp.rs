//! Metadata of a file that show whether it has changed.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt as _;

use serde::{Deserialize, Serialize};

/// The identity, size and times of a file at one moment. Times are nanoseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// The device that holds the file.
    pub device: u64,
    /// The file's number on the device.
    pub inode: u64,
    /// The size in bytes.
    pub size: u64,
    /// The time of the last change of the content.
    pub modified: i128,
    /// The time of the last change of content, name, owner or mode, which a user cannot set.
    pub changed: i128,
}

/// The identity of a file. Two names with the same identity are hard links of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// The device that holds the file.
    pub device: u64,
    /// The file's number on the device.
    pub inode: u64,
}

impl FileId {
    /// Returns the identity in `metadata`.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        }
    }
}

impl Stamp {
    /// Returns the identity of the file.
    #[must_use]
    pub fn file(&self) -> FileId {
        FileId {
            device: self.device,
            inode: self.inode,
        }
    }

    /// Returns the stamp in `metadata`.
    #[must_use]
    pub fn of(metadata: &Metadata) -> Self {
        let nanoseconds =
            |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Returns whether both stamps show the same file with the same content, as far as times show it. A
    /// new link or another mode makes no difference.
    #[must_use]
    pub fn has_same_content(&self, other: &Self) -> bool {
        (self.device, self.inode, self.size, self.modified)
            == (other.device, other.inode, other.size, other.modified)
    }

    /// Returns whether the file may have been written again since `moment` (nanoseconds since 1970)
    /// without a change of its times, the racy case of git's index. Time stamps advance in ticks of up
    /// to 10 ms on local file systems, and of 1 or 2 s on file systems without fractions.
    #[must_use]
    pub fn is_racy_at(&self, moment: i128) -> bool {
        let tick = if self.modified % 1_000_000_000 == 0 {
            2_000_000_000
        } else {
            20_000_000
        };
        self.modified + tick > moment
    }
}
