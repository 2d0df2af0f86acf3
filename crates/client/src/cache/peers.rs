//! Other runs that download the same image into a cache, as their files show them.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::fetch::disk;
use crate::fetch::part_file::{PartFile, journal_of};

/// The partial files of other runs that download the same image.
pub(super) struct Others(pub(super) Vec<OsString>);

impl Others {
    /// Returns the runs to wait for: those that have begun, or come first of those about to begin.
    pub(super) fn of(blob: &Path, own: &PartFile, stalled: &HashSet<OsString>) -> Self {
        let folder = disk::folder_of(blob);
        let mut start = blob.file_name().unwrap_or_default().to_owned();
        start.push(".part.");
        let own = own.path().file_name().unwrap_or_default();
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let others = entries.map(|entry| entry.file_name()).filter(|name| {
            let bytes = name.as_encoded_bytes();
            let rest = bytes.strip_prefix(start.as_encoded_bytes());
            let is_part = rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(&b'.'));
            let has_begun = || journal_of(&folder.join(name)).exists();
            is_part
                && name != own
                && rest != Some(b"journal")
                && !stalled.contains(name)
                && (has_begun() || name.as_os_str() < own)
        });
        Self(others.collect())
    }
}

/// The attributes of a file that change while it is written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Shape {
    file: (u64, u64, i64, i64),
    journal: Option<(u64, i64, i64)>,
}

impl Shape {
    /// Opens the file, which makes network file systems refresh its attributes.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let found = |path: &Path| sreg_files::open(path).ok()?.metadata().ok();
        let file = found(path)?;
        let journal = found(&journal_of(path));
        Some(Self {
            file: (file.len(), file.blocks(), file.mtime(), file.mtime_nsec()),
            journal: journal.map(|found| (found.ino(), found.mtime(), found.mtime_nsec())),
        })
    }
}
