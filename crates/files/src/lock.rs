//! A lock on a folder, held while one process writes into it.
//!
//! Uses `flock` if the file system has it. Otherwise (Lustre without `-o flock`, some FUSE file systems)
//! it uses a file that is created exclusively, and names its holder.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, test_kill_process};

use crate::open::{is_absent, read_capped};

/// The wait between two attempts.
const PAUSE: Duration = Duration::from_millis(50);
/// The age from which a lock file without a holder is stale: its process died while it created the file.
const TIME_TO_WRITE: Duration = Duration::from_secs(30);
/// The longest lock file, in bytes.
const MAX_BYTES: usize = 1024;

/// A lock on a folder, released on drop.
#[derive(Debug)]
pub struct FolderLock {
    /// Holds the `flock`.
    _folder: File,
    /// The lock file, if there is no `flock`.
    file: Option<PathBuf>,
}

impl FolderLock {
    /// Waits for the lock on `folder`. On a file system without locks, creates `lock_file` and its
    /// folder. Calls `wait` before each pause with the holder of the lock, if it is known. An error of
    /// `wait` ends the waiting.
    ///
    /// # Errors
    /// The error of the file system, or of `wait`.
    pub fn acquire(
        folder: &Path,
        lock_file: &Path,
        wait: &mut dyn FnMut(Option<&str>) -> io::Result<()>,
    ) -> io::Result<Self> {
        let handle = File::open(folder)?;
        loop {
            match handle.try_lock() {
                Ok(()) => {
                    return Ok(Self {
                        _folder: handle,
                        file: None,
                    });
                }
                Err(TryLockError::WouldBlock) => {
                    wait(None)?;
                    std::thread::sleep(PAUSE);
                }
                // There are no locks here.
                Err(TryLockError::Error(_)) => break,
            }
        }
        while let Some(holder) = take(lock_file)? {
            wait(Some(&holder))?;
            std::thread::sleep(PAUSE);
        }
        Ok(Self {
            _folder: handle,
            file: Some(lock_file.to_owned()),
        })
    }

    /// Returns whether a process holds the lock on `folder`, as far as the file system shows it.
    #[must_use]
    pub fn is_held(folder: &Path, lock_file: &Path) -> bool {
        let is_locked = |folder: File| match folder.try_lock_shared() {
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(_)) => lock_file.exists(),
            Ok(()) => false,
        };
        File::open(folder).is_ok_and(is_locked)
    }
}

impl Drop for FolderLock {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = fs::remove_file(file);
            // Fails, as it should, where something else is in it.
            let _ = file.parent().map(fs::remove_dir);
        }
    }
}

/// Creates the lock file. Returns the holder if it exists.
fn take(path: &Path) -> io::Result<Option<String>> {
    let me = format!("{} {}\n", host(), std::process::id());
    match OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => {
            file.write_all(me.as_bytes()).inspect_err(|_| {
                let _ = fs::remove_file(path);
            })?;
            return Ok(None);
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        // Whoever held the lock has removed its folder.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            match fs::create_dir(path.parent().ok_or(error)?) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => return take(path),
            }
        }
        Err(error) => return Err(error),
    }
    let holder = match read_capped(path, MAX_BYTES) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
        Err(error) if is_absent(&error) => return take(path),
        Err(error) => return Err(error),
    };
    if (is_dead(&holder) || is_old_and_nobodys(path, &holder)) && remove_stale(path, &holder)? {
        return take(path);
    }
    Ok(Some(holder))
}

/// Returns whether the holder was a process of this machine that has ended. Returns `false` for other
/// machines, and for a file without content.
fn is_dead(holder: &str) -> bool {
    let Some((machine, process)) = holder.split_once(' ') else {
        return false;
    };
    let process = process.parse().ok().and_then(Pid::from_raw);
    machine == host()
        && process.is_some_and(|process| {
            test_kill_process(process).is_err_and(|error| error == rustix::io::Errno::SRCH)
        })
}

/// Returns whether a lock file has had no holder for longer than it takes to write one.
fn is_old_and_nobodys(path: &Path, holder: &str) -> bool {
    let names_somebody = holder
        .split_once(' ')
        .is_some_and(|(_, process)| process.parse::<u32>().is_ok());
    let age = fs::metadata(path)
        .and_then(|found| found.modified())
        .map(|modified| modified.elapsed().unwrap_or_default());
    !names_somebody && age.is_ok_and(|age| age >= TIME_TO_WRITE)
}

/// Removes the lock file of a process that has ended, unless another process has taken the lock since.
/// Returns whether it was removed.
fn remove_stale(path: &Path, holder: &str) -> io::Result<bool> {
    let aside = path.with_extension(format!("stale-{}", std::process::id()));
    match fs::rename(path, &aside) {
        Err(error) if is_absent(&error) => return Ok(true),
        renamed => renamed?,
    }
    let found = read_capped(&aside, MAX_BYTES)?;
    let is_stale = String::from_utf8_lossy(&found).trim() == holder;
    match is_stale {
        true => fs::remove_file(&aside)?,
        // Another process was faster, and this was its lock.
        false => fs::rename(&aside, path)?,
    }
    Ok(is_stale)
}

/// Returns the name of this machine.
fn host() -> String {
    let name = rustix::system::uname();
    name.nodename().to_string_lossy().replace(' ', "-")
}
