//! Files of a running download, and how one gets its name.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::{FallocateFlags, OFlags};
use sreg_files::{is_full, is_unsupported};
use tempfile::NamedTempFile;

use crate::fetch::FetchError;

/// Refuses a target that cannot be a file name, such as a folder.
pub(crate) fn check_target(target: &Path) -> Result<(), FetchError> {
    let failed = FetchError::write(target);
    if target.file_name().is_none() {
        return Err(failed(io::ErrorKind::InvalidInput.into()));
    }
    match fs::symlink_metadata(target) {
        Ok(found) if found.is_dir() => Err(failed(io::ErrorKind::IsADirectory.into())),
        _ => Ok(()),
    }
}

/// Checks that a file system has space for more bytes.
pub(crate) fn check_room(path: &Path, file: &File, needed: u64) -> Result<(), FetchError> {
    // If the free space is unknown, writing will report it.
    let free = rustix::fs::fstatvfs(file).map_or(u64::MAX, |found| {
        found.f_bavail.saturating_mul(found.f_frsize)
    });
    match needed > free {
        true => Err(FetchError::NoRoom {
            path: path.to_owned(),
            needed,
            free,
        }),
        false => Ok(()),
    }
}

/// Gives a file its length, and reserves its blocks if the file system can do so cheaply: the system call
/// never writes zeros, unlike the C library's function of that name.
pub(crate) fn reserve(file: &File, size: u64) -> io::Result<()> {
    match file.set_len(size) {
        // Writing extends the file.
        Err(error) if !is_full(&error) => return Ok(()),
        set => set?,
    }
    if size == 0 {
        return Ok(());
    }
    match rustix::fs::fallocate(file, FallocateFlags::empty(), 0, size) {
        Err(error) if error == rustix::io::Errno::NOSPC || error == rustix::io::Errno::DQUOT => {
            Err(error.into())
        }
        _ => Ok(()),
    }
}

/// Makes a complete file durable and renames it, replacing any file of that name.
pub(crate) fn settle(
    file: &File,
    path: &Path,
    target: &Path,
    executable: bool,
) -> Result<(), FetchError> {
    let failed = FetchError::write(target);
    let mode = file.metadata().map_err(&failed)?.permissions().mode() & 0o666;
    // Execute bits follow read bits, and therefore the umask.
    let mode = mode | if executable { (mode & 0o444) >> 2 } else { 0 };
    let permissions = fs::Permissions::from_mode(mode);
    // Some file systems do not support modes.
    let _ = file.set_permissions(permissions);
    sreg_files::sync(file).map_err(&failed)?;
    if !is_at(file, path) {
        let error = io::Error::other("the partial file was removed");
        return Err(failed(error));
    }
    fs::rename(path, target).map_err(&failed)?;
    let folder = folder_of(target);
    sreg_files::sync_folder(folder).map_err(FetchError::write(folder))
}

/// The interval of flushes to disk.
const FLUSH: Duration = Duration::from_secs(1);

/// A thread that flushes a file to disk during download and verification: otherwise the system would leave
/// most of it to the end.
pub(crate) struct Flusher {
    /// Requests the last flush; dropping it cancels flushing.
    last: Sender<()>,
    thread: Option<JoinHandle<io::Result<()>>>,
}

impl Flusher {
    pub(crate) fn start(file: &Arc<File>) -> Self {
        let (last, word) = mpsc::channel();
        let file = Arc::clone(file);
        let thread = std::thread::Builder::new()
            .name("sreg-flush".to_owned())
            .spawn(move || {
                loop {
                    match word.recv_timeout(FLUSH) {
                        Ok(()) => return file.sync_data(),
                        Err(RecvTimeoutError::Timeout) => file.sync_data()?,
                        Err(RecvTimeoutError::Disconnected) => return Ok(()),
                    }
                }
            });
        Self {
            last,
            // Without the thread, the end takes longer.
            thread: thread.ok(),
        }
    }

    /// Requests a last flush after all is written, without waiting.
    pub(crate) fn flush(&self) {
        // A failed thread reports its error at the end.
        let _ = self.last.send(());
    }

    /// Waits for the last flush. The system reports each error only once, so errors found here would be
    /// missed when the file is settled.
    pub(crate) fn end(self) -> io::Result<()> {
        drop(self.last);
        match self.thread.map(JoinHandle::join) {
            Some(Ok(Err(error))) if is_unsupported(&error) => Ok(()),
            Some(Ok(ended)) => ended,
            Some(Err(_)) => Err(io::Error::other("flushing was given up")),
            None => Ok(()),
        }
    }
}

/// Creates a file beside `target`, which is removed unless it is settled.
pub(crate) fn beside(target: &Path) -> io::Result<NamedTempFile> {
    let mut start = target.file_name().unwrap_or_default().to_owned();
    start.push(".part.");
    tempfile::Builder::new()
        .prefix(&start)
        .make_in(folder_of(target), |path| open(path, true))
}

/// Returns the folder of a file.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Opens a partial file. Does not follow links, wait for pipes, or accept a file with several names.
pub(crate) fn open(path: &Path, is_new: bool) -> io::Result<File> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(!is_new)
        .create_new(is_new)
        .truncate(false)
        .mode(0o644)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    let found = file.metadata()?;
    match found.is_file() && found.nlink() <= 1 {
        true => Ok(file),
        false => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file with exactly one name",
        )),
    }
}

/// Returns whether a path names this file.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(file), Ok(found)) => (file.dev(), file.ino()) == (found.dev(), found.ino()),
        _ => false,
    }
}
