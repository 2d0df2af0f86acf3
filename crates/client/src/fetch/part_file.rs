//! The partial file of a download, beside its target: used by one run at a time, kept until it is complete,
//! then renamed.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sreg_index::chain::CHUNK;
use sreg_index::hasher::Observer;

use crate::fetch::FetchError;
use crate::fetch::chunks::Chunks;
use crate::fetch::disk::{self, is_at};
use crate::fetch::journal::{Identity, Journal};

/// The interval of checks whether another run has ended.
const LOOK: Duration = Duration::from_millis(50);

/// How runs for one target exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Runs lock the partial file, or take it if the file system has no locks.
    Lock,
    /// Runs take the partial file by a rename to a unique name, which only one run can do. A run that fails
    /// returns it; a killed run leaves it behind.
    Take,
}

/// A partial file in exclusive use by this run.
#[derive(Debug)]
pub(crate) struct PartFile {
    file: Arc<File>,
    target: PathBuf,
    /// Its name during this run.
    path: PathBuf,
    /// Its name for other runs.
    home: PathBuf,
    identity: Identity,
    /// The chunks that an earlier run reported complete.
    hint: Vec<Range<u64>>,
    /// Whether this run waited for another one.
    waited: bool,
    is_worth_keeping: bool,
    is_settled: bool,
}

impl PartFile {
    /// Opens or creates the partial file of `target`. Waits while another run has it.
    pub(crate) fn open(
        target: &Path,
        identity: Identity,
        sharing: Sharing,
        watch: &dyn Observer,
    ) -> Result<Self, FetchError> {
        disk::check_target(target)?;
        let home = with(target, ".part");
        let failed = FetchError::write(&home);
        let mut waited = false;
        loop {
            if watch.is_cancelled() {
                return Err(FetchError::Interrupted);
            }
            if sharing == Sharing::Take {
                return Self::take(target, home, identity);
            }
            let file = disk::open(&home, false).map_err(&failed)?;
            match file.try_lock() {
                Ok(()) if is_at(&file, &home) => {
                    return Ok(Self::new(
                        file,
                        target,
                        home.clone(),
                        home,
                        identity,
                        waited,
                    ));
                }
                // It was renamed or removed before the lock.
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    waited = true;
                    std::thread::sleep(LOOK);
                }
                Err(TryLockError::Error(_)) => return Self::take(target, home, identity),
            }
        }
    }

    /// Takes the existing partial file, or creates one, under a unique name.
    fn take(target: &Path, home: PathBuf, identity: Identity) -> Result<Self, FetchError> {
        let path = with(&home, &format!(".{}", unique()));
        let failed = FetchError::write(&path);
        let is_new = match fs::rename(&home, &path) {
            // In a shared folder, another user's file may be protected.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied
                ) =>
            {
                true
            }
            renamed => {
                renamed.map_err(&failed)?;
                // Without a journal the partial file is useless, but harmless.
                let _ = fs::rename(journal_of(&home), journal_of(&path));
                false
            }
        };
        let file = match disk::open(&path, is_new) {
            // Another user's file is at most readable.
            Err(error) if !is_new && error.kind() == io::ErrorKind::PermissionDenied => {
                fs::remove_file(&path).map_err(&failed)?;
                disk::open(&path, true)
            }
            opened => opened,
        };
        let file = file.map_err(&failed)?;
        Ok(Self::new(file, target, path, home, identity, false))
    }

    fn new(
        file: File,
        target: &Path,
        path: PathBuf,
        home: PathBuf,
        identity: Identity,
        waited: bool,
    ) -> Self {
        let journal = Journal::read(&journal_of(&path));
        let hint = journal.filter(|journal| journal.identity == identity);
        let hint = hint.map(|journal| journal.done).unwrap_or_default();
        Self {
            file: Arc::new(file),
            target: target.to_owned(),
            path,
            home,
            identity,
            // Until it is checked, it may be worth keeping.
            is_worth_keeping: !hint.is_empty(),
            hint,
            waited,
            is_settled: false,
        }
    }

    pub(crate) fn file(&self) -> &Arc<File> {
        &self.file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Returns the chunks that an earlier run reported complete.
    pub(crate) fn hint(&self) -> &[Range<u64>] {
        &self.hint
    }

    /// Returns whether this run waited for another one, which may have downloaded the same image.
    pub(crate) fn has_waited(&self) -> bool {
        self.waited
    }

    /// Reserves space for a file of `size` bytes.
    pub(crate) fn reserve(&self, size: u64) -> Result<(), FetchError> {
        let failed = FetchError::write(&self.path);
        if self.hint.is_empty() {
            // The content is of another image.
            self.file.set_len(0).map_err(&failed)?;
        }
        let there = self.file.metadata().map_err(&failed)?.blocks() * 512;
        disk::check_room(&self.path, &self.file, size.saturating_sub(there))?;
        disk::reserve(&self.file, size).map_err(&failed)
    }

    /// Records the complete chunks for the next run.
    pub(crate) fn remember(&mut self, done: &Chunks) -> Result<(), FetchError> {
        // The last chunk of an image of whole MiB is empty, and complete from the start.
        let is_done = |last| done.contains(usize::try_from(last).unwrap_or(usize::MAX));
        let is_empty = self
            .identity
            .size
            .is_some_and(|size| size % CHUNK as u64 == 0 && is_done(size / CHUNK as u64));
        self.is_worth_keeping = done.count() > usize::from(is_empty);
        let journal = Journal {
            identity: self.identity,
            done: done.ranges().collect(),
        };
        let path = journal_of(&self.path);
        journal.write(&path).map_err(FetchError::write(&path))
    }

    /// Records the complete chunks, but ignores a full disk: the previous journal remains valid.
    pub(crate) fn remember_if_possible(&mut self, done: &Chunks) {
        let _ = self.remember(done);
    }

    /// Renames the file to its target, durably, replacing any file there.
    pub(crate) fn settle(mut self, executable: bool) -> Result<(), FetchError> {
        disk::settle(&self.file, &self.path, &self.target, executable)?;
        self.is_settled = true;
        let _ = fs::remove_file(journal_of(&self.path));
        Ok(())
    }

    /// Removes the file, because its target exists by other means.
    pub(crate) fn discard(mut self) {
        self.is_worth_keeping = false;
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.is_settled && self.is_worth_keeping && self.path != self.home {
            let _ = fs::rename(&self.path, &self.home);
            let _ = fs::rename(journal_of(&self.path), journal_of(&self.home));
        } else if !self.is_settled && !self.is_worth_keeping && is_at(&self.file, &self.path) {
            let _ = fs::remove_file(&self.path);
            let _ = fs::remove_file(journal_of(&self.path));
        }
        // A thread that waits for a server still has the file open.
        let _ = self.file.unlock();
    }
}

/// Returns a name that is unique, also across machines.
fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    // A hash map's keys are seeded by the system.
    let random = RandomState::new().build_hasher().finish();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{random:016x}-{}-{number}", std::process::id())
}

fn with(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

pub(crate) fn journal_of(part: &Path) -> PathBuf {
    with(part, ".journal")
}

#[cfg(test)]
mod tests {
    use sreg_index::hasher::Unobserved;
    use sreg_model::Digest;

    use super::*;

    fn identity() -> Identity {
        Identity {
            digest: Digest::of(b"image"),
            size: Some(5 << 20),
            chain: None,
        }
    }

    fn take(target: &Path) -> PartFile {
        PartFile::open(target, identity(), Sharing::Take, &Unobserved).unwrap()
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let name = |entry: io::Result<fs::DirEntry>| entry.unwrap().file_name();
        let mut names: Vec<String> = entries
            .map(|entry| name(entry).into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn without_locks_a_partial_file_is_taken_by_one_and_given_back() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.sif");
        let (mut first, mut second) = (take(&target), take(&target));
        assert_ne!(first.path(), second.path());
        first
            .remember(&Chunks::of(6, std::slice::from_ref(&(0..2))))
            .unwrap();
        second.remember(&Chunks::none(6)).unwrap();
        drop((first, second));
        assert_eq!(names(folder.path()), ["a.sif.part", "a.sif.part.journal"]);
        let third = take(&target);
        assert_eq!(third.hint(), std::slice::from_ref(&(0..2)));
        third.reserve(5 << 20).unwrap();
        third.settle(false).unwrap();
        assert_eq!(names(folder.path()), ["a.sif"]);
    }

    #[test]
    fn with_locks_the_second_waits_until_the_first_has_gone() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a.sif");
        let open = || PartFile::open(&target, identity(), Sharing::Lock, &Unobserved).unwrap();
        let first = open();
        std::thread::scope(|scope| {
            let second = scope.spawn(open);
            first.reserve(1).unwrap();
            first.settle(false).unwrap();
            let second = second.join().unwrap();
            assert!(is_at(second.file(), second.path()));
            assert_eq!(second.file().metadata().unwrap().len(), 0, "it is another");
        });
        assert_eq!(names(folder.path()), ["a.sif"]);
    }

    #[test]
    fn what_is_not_free_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let part = take(&folder.path().join("a.sif"));
        let error = part.reserve(1 << 60).unwrap_err();
        assert_eq!(error.code(), "no-space");
        assert_eq!(part.file().metadata().unwrap().len(), 0);
    }
}
