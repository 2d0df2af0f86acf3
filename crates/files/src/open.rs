//! Opens files at paths where a folder, a pipe or a device may be instead.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Opens a regular file for reading. Never blocks, unlike opening a pipe without a writer.
///
/// # Errors
/// An error for which [`is_not_a_file`] is true if the path is not a regular file; otherwise the error
/// of the file system.
pub fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(not_a_file()),
    }
}

/// Opens a file that a user names: a regular file, or a descriptor of this process (`/dev/fd/N`, as
/// shells name pipes).
///
/// # Errors
/// As [`open`].
pub fn open_given(path: &Path) -> io::Result<File> {
    let is_descriptor = ["/dev/fd", "/dev/stdin", "/proc/self/fd"]
        .iter()
        .any(|own| path.starts_with(own));
    match is_descriptor {
        true => File::open(path),
        false => open(path),
    }
}

/// Reads a regular file, at most `max_bytes + 1` bytes of it, so that callers can detect a file that is too
/// long.
///
/// # Errors
/// As [`open`].
pub fn read_capped(path: &Path, max_bytes: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?
        .take(max_bytes as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns the error for a path that is not a regular file.
fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, NotAFile)
}

/// A folder, a pipe or a device instead of a file.
#[derive(Debug, thiserror::Error)]
#[error("not a regular file")]
struct NotAFile;

/// Returns whether an error means that the path is not a regular file.
#[must_use]
pub fn is_not_a_file(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<NotAFile>())
}

/// Returns whether an error means that the file does not exist. This includes a path below a file.
#[must_use]
pub fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
