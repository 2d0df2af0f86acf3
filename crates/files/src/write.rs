//! Writes whole files, durably if the file system supports it.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rustix::fs::{CWD, RenameFlags};
use rustix::io::Errno;

/// The readers of a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only its owner.
    Private,
    /// The users that the umask permits.
    Umask,
}

/// Replaces a file as a whole, durably. A link in its place is replaced, not followed.
///
/// # Errors
/// The error of the file system. The file is then unchanged.
pub fn write_atomic(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    if access == Access::Umask {
        builder.permissions(Permissions::from_mode(0o666));
    }
    let mut file = builder.tempfile_in(folder)?;
    file.write_all(bytes)?;
    sync(file.as_file())?;
    file.persist(path).map_err(|error| error.error)?;
    sync_folder(folder)
}

/// Moves a staged file to `path`, if `path` does not exist. Uses a hard link, or, if the file system has
/// none, a rename without replacement or an exclusive creation.
///
/// # Errors
/// `AlreadyExists` if `path` exists; otherwise the error of the file system. The staged file then stays.
pub fn create_from(staged: &Path, path: &Path) -> io::Result<()> {
    // What the others cannot do either: these say why.
    let is_final = |error: &io::Error| {
        let kind = error.kind();
        is_full(error) || matches!(kind, io::ErrorKind::AlreadyExists | io::ErrorKind::NotFound)
    };
    match fs::hard_link(staged, path) {
        Err(error) if !is_final(&error) => {}
        linked => {
            linked?;
            return fs::remove_file(staged);
        }
    }
    match rustix::fs::renameat_with(CWD, staged, CWD, path, RenameFlags::NOREPLACE) {
        Err(error) if !is_final(&error.into()) => {}
        renamed => return Ok(renamed?),
    }
    // Of two that create it one succeeds, and only that one replaces it.
    OpenOptions::new().write(true).create_new(true).open(path)?;
    fs::rename(staged, path).inspect_err(|_| {
        let _ = fs::remove_file(path);
    })
}

/// Makes a file durable, if the file system supports it.
///
/// # Errors
/// The error of the file system, unless it does not support syncs.
pub fn sync(file: &File) -> io::Result<()> {
    unless_unsupported(file.sync_all())
}

/// Makes the names in a folder durable, if the file system supports it.
///
/// # Errors
/// As [`sync`], or if the folder cannot be opened.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    sync(&File::open(folder)?)
}

fn unless_unsupported(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if is_unsupported(&error) => Ok(()),
        result => result,
    }
}

/// Returns whether an error means that the file system, or a policy, does not support an operation: hard
/// links on BeeGFS, links on SMB, syncs of folders on several.
#[must_use]
pub fn is_unsupported(error: &io::Error) -> bool {
    let Some(code) = error.raw_os_error() else {
        return error.kind() == io::ErrorKind::Unsupported;
    };
    [
        Errno::PERM,
        Errno::OPNOTSUPP,
        Errno::NOTSUP,
        Errno::NOSYS,
        Errno::INVAL,
        Errno::NOTTY,
        Errno::MLINK,
        Errno::NOLCK,
        Errno::BADF,
    ]
    .contains(&Errno::from_raw_os_error(code))
}

/// Returns whether an error means that a disk is full or a quota is exhausted.
#[must_use]
pub fn is_full(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
    )
}
