//! Checks that a file system has enough free space before writing.

use std::fs::{self, File};
use std::path::Path;

use rustix::fs::FallocateFlags;
use sreg_files::is_full;

use super::FolderWriter;
use crate::error::PublishError;

/// The minimal size of a folder or a file on disk, in bytes.
const BLOCK: u64 = 4096;

/// Checks that the file system of `root` has `needed` bytes free for `what`.
///
/// # Errors
/// `Space` if it does not.
pub fn check_room(root: &Path, what: &'static str, needed: u64) -> Result<(), PublishError> {
    // If the file system does not report its free space, writing will.
    let found = rustix::fs::statvfs(root).ok();
    let Some(found) = found.filter(|found| found.f_blocks > 0) else {
        return Ok(());
    };
    let free = found.f_bavail.saturating_mul(found.f_frsize);
    match needed > free {
        true => Err(PublishError::Space {
            path: root.to_owned(),
            what,
            needed,
            free,
        }),
        false => Ok(()),
    }
}

/// Checks that `files` small files fit, with their folders, also under a quota: reserves the space for a
/// moment if the file system supports it.
pub(super) fn check_room_for_files(
    writer: &FolderWriter,
    files: usize,
) -> Result<(), PublishError> {
    let root = writer.registry.root();
    let found = rustix::fs::statvfs(root).ok();
    let block = found
        .as_ref()
        .map_or(BLOCK, |found| found.f_frsize.clamp(BLOCK, 64 << 10));
    let needed = (files as u64).saturating_mul(block);
    let what = "views and the journal";
    check_room(root, what, needed)?;
    let space = |free| PublishError::Space {
        path: root.to_owned(),
        what,
        needed,
        free,
    };
    // File systems without a fixed number of files report a total of 0.
    if found.is_some_and(|found| found.f_files > 0 && found.f_favail < files as u64) {
        return Err(space(0));
    }
    let path = writer.staged_path();
    let reserved = File::create_new(&path).and_then(|file| {
        Ok(rustix::fs::fallocate(
            &file,
            FallocateFlags::empty(),
            0,
            needed.max(1),
        )?)
    });
    let _ = fs::remove_file(&path);
    match reserved {
        Err(error) if is_full(&error) => Err(space(0)),
        // Space that cannot be reserved was already counted.
        _ => Ok(()),
    }
}
