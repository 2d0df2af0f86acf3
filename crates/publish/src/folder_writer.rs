//! Writes to a registry in a folder: one writer at a time, and each file appears as a whole or not at all.
//!
//! A file is written under `staging/`, or without a name, then renamed or linked to its place. The commit is
//! a hard link, which fails if the slot exists (`spec/commit.md`).

mod changed;
mod images;
mod open;
mod room;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use sreg_files::{FolderLock, Modes, create_from, is_absent, is_unsupported, read_capped};
use sreg_index::hasher::Observer;
use sreg_index::stamp::Stamp;
use sreg_model::Document;
use sreg_model::head::Head;
use sreg_model::layout::{JOURNAL, Place, STAGING};
use sreg_model::settings::Settings;
use sreg_registry::Registry;
use sreg_registry::heads::HeadCursor;
use sreg_registry::journal::{Journal, journal};
use sreg_views::{Content, View};

pub use self::room::check_room;
use crate::error::PublishError;
use crate::link::LinkMode;
use crate::writer::{Puts, Writer, evidence};

/// The maximal number of files that are synced one by one.
const MOST_SYNCED: usize = 64;

/// The only writer of a registry. Dropping it removes remains under `staging/`, except a journal.
pub struct FolderWriter {
    registry: Registry,
    /// The modes of new files and folders.
    modes: Modes,
    /// Whether the file system has symbolic links.
    has_links: bool,
    next: AtomicU64,
    /// The paths written or removed since the last sync; `None` if there are too many to track.
    unsynced: Mutex<Option<BTreeSet<PathBuf>>>,
    /// Whether to skip a place that contains something else, instead of failing.
    passes_over: bool,
    /// The places of files that sreg did not write, which are not removed.
    foreign: Mutex<HashSet<Place>>,
    /// Folders that are inside of the registry after resolving links.
    inside: Mutex<HashSet<PathBuf>>,
    /// The lock, released last.
    _lock: FolderLock,
}

impl FolderWriter {
    /// Writes a file without a name, and links it when it is whole. With many files this is faster than
    /// renames in one folder, but some file systems do not support it.
    fn put_nameless(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.check_inside(path).map_err(io::Error::other)?;
        let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
        let staging = self.registry.root().join(STAGING);
        let file = File::from(rustix::fs::open(
            staging,
            flags,
            Mode::from_raw_mode(0o666),
        )?);
        self.modes.apply(&file);
        (&file).write_all(bytes)?;
        self.touched(path);
        let name = format!("/proc/self/fd/{}", file.as_raw_fd());
        self.with_parent(path, || {
            Ok(rustix::fs::linkat(
                CWD,
                &name,
                CWD,
                path,
                AtFlags::SYMLINK_FOLLOW,
            )?)
        })
    }

    /// Writes or replaces a file.
    ///
    /// # Errors
    /// `Write`, `Space` or `Store` if it cannot be written.
    pub fn replace(&self, place: &Place, bytes: &[u8]) -> Result<(), PublishError> {
        let staged = self.stage(bytes)?;
        self.settle(&staged, &self.registry.path(place))
    }

    /// Refuses a path that leads outside the registry through a symbolic link.
    fn check_inside(&self, path: &Path) -> Result<(), PublishError> {
        let folder = path.parent().unwrap_or(self.registry.root());
        if self
            .inside
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains(folder)
        {
            return Ok(());
        }
        let root = fs::canonicalize(self.registry.root())
            .map_err(PublishError::read(self.registry.root()))?;
        // A missing folder will be created in the nearest one that exists.
        let nearest = folder
            .ancestors()
            .find_map(|folder| fs::canonicalize(folder).ok());
        if !nearest.is_some_and(|nearest| nearest.starts_with(&root)) {
            let error = io::Error::new(
                io::ErrorKind::InvalidInput,
                "a symbolic link points outside the registry",
            );
            return Err(PublishError::write(path)(error));
        }
        self.inside
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(folder.to_owned());
        Ok(())
    }

    /// Runs `operation`; if the parent folder is missing, creates it and retries.
    fn with_parent(&self, path: &Path, operation: impl Fn() -> io::Result<()>) -> io::Result<()> {
        match operation() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if let Some(parent) = path.parent() {
                    self.modes.make_folders(parent)?;
                }
                operation()
            }
            result => result,
        }
    }

    fn unsynced(&self) -> MutexGuard<'_, Option<BTreeSet<PathBuf>>> {
        self.unsynced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records that `path` is not durable yet.
    fn touched(&self, path: &Path) {
        let mut unsynced = self.unsynced();
        if unsynced
            .as_ref()
            .is_some_and(|paths| paths.len() >= MOST_SYNCED)
        {
            *unsynced = None;
        }
        if let Some(paths) = unsynced.as_mut() {
            paths.insert(path.to_owned());
        }
    }

    fn staged_path(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.registry
            .root()
            .join(STAGING)
            .join(format!("{}-{number}", std::process::id()))
    }

    fn stage(&self, bytes: &[u8]) -> Result<PathBuf, PublishError> {
        let path = self.staged_path();
        let write = || {
            let mut file = File::create_new(&path)?;
            self.modes.apply(&file);
            file.write_all(bytes)
        };
        write().map_err(|source| {
            let _ = fs::remove_file(&path);
            PublishError::Write {
                path: path.clone(),
                source,
            }
        })?;
        Ok(path)
    }

    fn settle(&self, staged: &Path, path: &Path) -> Result<(), PublishError> {
        self.check_inside(path)?;
        self.touched(path);
        self.with_parent(path, || fs::rename(staged, path))
            .or_else(|error| {
                let _ = fs::remove_file(staged);
                if self.is_passed_over(&error) {
                    return Ok(());
                }
                Err(PublishError::write(path)(error))
            })
    }

    fn is_passed_over(&self, error: &io::Error) -> bool {
        use io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory};
        self.passes_over && matches!(error.kind(), AlreadyExists | IsADirectory | NotADirectory)
    }

    /// Removes the remains of runs under `staging/`, except a journal.
    fn clear_staging(&self) {
        let staging = self.registry.root().join(STAGING);
        let Ok(entries) = fs::read_dir(&staging) else {
            return;
        };
        for entry in entries.flatten() {
            if entry.file_name().to_str().is_some_and(is_staged) {
                let _ = fs::remove_file(entry.path());
            }
        }
        // Fails, as intended, while there is a journal.
        let _ = fs::remove_dir(&staging);
    }
}

impl Puts for FolderWriter {
    fn put_if_absent(&self, place: &Place, bytes: &[u8]) -> Result<bool, PublishError> {
        let path = self.registry.path(place);
        match read_capped(&path, bytes.len()) {
            Ok(found) if found == bytes => return Ok(false),
            Err(error) if is_absent(&error) && self.put_nameless(&path, bytes).is_ok() => {}
            _ => self.replace(place, bytes)?,
        }
        Ok(true)
    }
}

impl Writer for FolderWriter {
    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn advance(&self, cursor: HeadCursor<'_>) -> Result<(), PublishError> {
        self.put(&Place::Head, cursor.head.bytes())
    }

    fn put_views(&self, _: HeadCursor<'_>, views: &[View], _: bool) -> Result<(), PublishError> {
        views.iter().try_for_each(|view| match &view.content {
            Content::Bytes(bytes) => self.put(&view.place, bytes),
            Content::Link { to, .. } => self.put_link(&view.place, to),
        })
    }

    fn put_file(
        &self,
        place: &Place,
        file: &Path,
        stamp: &Stamp,
        link: LinkMode,
        observer: &dyn Observer,
    ) -> Result<(), PublishError> {
        if let Place::Blob(repository, digest) = place {
            let files = HashMap::from([(stamp.file(), *digest)]);
            let changed = self.changed(repository, &files)?;
            changed.iter().try_for_each(|place| self.unlink(place))?;
        }
        let path = self.registry.path(place);
        self.place(&path, file, stamp, link, observer)
    }

    fn replace_settings(&mut self, settings: &Settings) -> Result<(), PublishError> {
        self.replace(&Place::Settings, &settings.encode())?;
        self.registry = Registry::with_settings(self.registry.store().clone(), settings.clone());
        Ok(())
    }

    fn create(
        &self,
        place: &Place,
        bytes: &[u8],
        invalid: Option<&[u8]>,
    ) -> Result<(), PublishError> {
        let path = self.registry.path(place);
        self.check_inside(&path)?;
        match read_capped(&path, bytes.len()) {
            Ok(found) if found == bytes => return Ok(()),
            _ => {}
        }
        if let Some(invalid) = invalid {
            tracing::info!(%place, "quarantining invalid slot content");
            let staged = self.stage(invalid)?;
            self.settle(
                &staged,
                &self.registry.root().join(evidence(place, invalid)),
            )?;
            self.replace(place, bytes)?;
            return self.sync();
        }
        let staged = self.stage(bytes)?;
        self.with_parent(&path, || create_from(&staged, &path))
            .map_err(|source| {
                let _ = fs::remove_file(&staged);
                match source.kind() {
                    io::ErrorKind::AlreadyExists => PublishError::Conflict(path.clone()),
                    _ => PublishError::Write {
                        path: path.clone(),
                        source,
                    },
                }
            })?;
        self.touched(&path);
        self.sync()
    }

    fn leave(&self, places: Vec<Place>) {
        let mut foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        foreign.extend(places);
    }

    fn remove(&self, _: HeadCursor<'_>, place: &Place) -> Result<(), PublishError> {
        let foreign = self.foreign.lock().unwrap_or_else(PoisonError::into_inner);
        if foreign.contains(place) {
            return Ok(());
        }
        drop(foreign);
        let path = self.registry.path(place);
        self.check_inside(&path)?;
        match fs::remove_file(&path) {
            Err(error) if self.is_passed_over(&error) => return Ok(()),
            Err(error) if !is_absent(&error) => return Err(PublishError::write(&path)(error)),
            _ => self.touched(&path),
        }
        // Removes empty folders, too, up to the first that is not empty.
        for folder in path
            .ancestors()
            .skip(1)
            .take_while(|folder| *folder != self.registry.root())
        {
            if fs::remove_dir(folder).is_err() {
                break;
            }
        }
        Ok(())
    }

    /// Syncs file by file; if there are many files, syncs the whole file system, which may delay other
    /// processes.
    fn sync(&self) -> Result<(), PublishError> {
        let root = self.registry.root();
        let Some(paths) = self.unsynced().replace(BTreeSet::new()) else {
            let folder = File::open(root).map_err(PublishError::read(root))?;
            return match rustix::fs::syncfs(&folder).map_err(io::Error::from) {
                Err(error) if !is_unsupported(&error) => Err(PublishError::write(root)(error)),
                _ => Ok(()),
            };
        };
        let above = |path: &PathBuf| -> Vec<PathBuf> {
            path.ancestors()
                .skip(1)
                .take_while(|folder| folder.starts_with(root))
                .map(Path::to_owned)
                .collect()
        };
        let folders: BTreeSet<PathBuf> = paths.iter().flat_map(above).collect();
        // For a removed file, only its folder must be synced.
        paths
            .iter()
            .chain(&folders)
            .try_for_each(|path| match sreg_files::sync_folder(path) {
                Err(error) if !is_absent(&error) => Err(PublishError::write(path)(error)),
                _ => Ok(()),
            })
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn check_room(&self, files: usize) -> Result<(), PublishError> {
        room::check_room_for_files(self, files)
    }

    fn journal(&self) -> Result<Option<Journal>, PublishError> {
        Ok(journal(&self.registry)?)
    }

    fn begin(&self, journal: &Journal) -> Result<(), PublishError> {
        let staged = self.stage(&journal.encode())?;
        self.settle(&staged, &self.registry.root().join(JOURNAL))
    }

    fn settle(&self, begun: &Journal) -> Result<(), PublishError> {
        self.begin(&Journal::new(begun.views_at))
    }

    fn end(&self, _: &Document<Head>) -> Result<(), PublishError> {
        let path = self.registry.root().join(JOURNAL);
        match fs::remove_file(&path) {
            Err(error) if !is_absent(&error) => Err(PublishError::write(&path)(error)),
            _ => Ok(()),
        }
    }
}

impl Drop for FolderWriter {
    fn drop(&mut self) {
        self.clear_staging();
    }
}

/// Returns whether [`FolderWriter::staged_path`] made a name; other files remain.
fn is_staged(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    name.split_once('-')
        .is_some_and(|(process, number)| digits(process) && digits(number))
}
