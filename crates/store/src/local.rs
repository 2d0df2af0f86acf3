//! Objects that are files below a folder.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use sreg_files::{Modes, is_absent, open};
use sreg_model::layout::STAGING;
use tempfile::NamedTempFile;

use crate::{
    Capabilities, Listed, Lister, Object, Precondition, PutOutcome, Scheme, Served, Sink, Store,
    StoreError, Upload, Version,
};

/// The size of a read or a copy, in bytes.
const PART: usize = 1 << 20;

/// Objects that are files below a folder. Each is written whole and durably: first under `staging/`,
/// then linked or renamed to its path.
#[derive(Debug)]
pub struct Local {
    root: PathBuf,
    name: String,
}

impl Local {
    /// Opens the files below `root`, which need not exist yet.
    #[must_use]
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            name: root.display().to_string(),
        }
    }

    fn path(&self, key: &str) -> PathBuf {
        self.root.join(key)
    }

    fn failed(&self, key: &str) -> impl Fn(io::Error) -> StoreError {
        let name = self.path(key).display().to_string();
        move |source| StoreError::Io {
            name: name.clone(),
            source,
        }
    }

    /// Creates a file under `staging/`.
    fn stage(&self) -> io::Result<NamedTempFile> {
        let staging = self.root.join(STAGING);
        fs::create_dir_all(&self.root)?;
        let modes = Modes::of(&self.root)?;
        modes.make_folders(&staging)?;
        let staged = NamedTempFile::new_in(staging)?;
        modes.apply(staged.as_file());
        Ok(staged)
    }

    /// Moves a staged file to its path, if the precondition holds.
    fn settle(
        &self,
        staged: NamedTempFile,
        key: &str,
        condition: &Precondition,
    ) -> io::Result<PutOutcome> {
        sreg_files::sync(staged.as_file())?;
        let path = self.path(key);
        let folder = path.parent().unwrap_or(&self.root).to_owned();
        Modes::of(&self.root)?.make_folders(&folder)?;
        let _lock = self.lock()?;
        match condition {
            Precondition::Any => {}
            Precondition::Absent => match sreg_files::create_from(staged.path(), &path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Ok(PutOutcome::PreconditionFailed);
                }
                created => {
                    created?;
                    sreg_files::sync_folder(&folder)?;
                    return Ok(PutOutcome::Stored);
                }
            },
            Precondition::Is(wanted) => match fs::metadata(&path) {
                Ok(found) if version(&found) == *wanted => {}
                Err(error) if !is_absent(&error) => return Err(error),
                _ => return Ok(PutOutcome::PreconditionFailed),
            },
        }
        staged.persist(&path).map_err(|error| error.error)?;
        sreg_files::sync_folder(&folder)?;
        Ok(PutOutcome::Stored)
    }

    /// Locks the folder while a precondition is checked and the write happens. On a file system without
    /// locks, `link` still lets only one writer create an object.
    fn lock(&self) -> io::Result<File> {
        let folder = File::open(self.root.join(STAGING))?;
        // An error says that there are no locks.
        let _ = folder.lock();
        Ok(folder)
    }
}

/// Returns the version of a file. A file that replaces another has another inode or another time of
/// change.
fn version(found: &fs::Metadata) -> Version {
    Version::of_tag(format!(
        "{}-{}-{}.{}-{}",
        found.dev(),
        found.ino(),
        found.ctime(),
        found.ctime_nsec(),
        found.len()
    ))
}

impl Store for Local {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities<'_> {
        Capabilities {
            folder: Some(&self.root),
            ..Capabilities::of(Scheme::Folder)
        }
    }

    /// Symbolic links are left out, and folders that they lead to.
    fn list(&self, prefix: &str, each: Lister<'_>) -> Result<(), StoreError> {
        let mut folders = vec![prefix.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = match fs::read_dir(self.path(&folder)) {
                Err(error) if is_absent(&error) => continue,
                entries => entries.map_err(self.failed(&folder))?,
            };
            for entry in entries {
                let entry = entry.map_err(self.failed(&folder))?;
                // A name that is no text is not a key.
                let Ok(name) = entry.file_name().into_string() else {
                    continue;
                };
                let key = format!("{folder}/{name}");
                let found = entry.metadata().map_err(self.failed(&key))?;
                if found.is_dir() {
                    folders.push(key);
                } else if found.is_file() {
                    let size = found.len();
                    each(Listed { key, size })?;
                }
            }
        }
        Ok(())
    }

    fn read(&self, key: &str, max_bytes: usize) -> Result<Option<Object>, StoreError> {
        let read = || {
            let file = open(&self.path(key))?;
            let version = version(&file.metadata()?);
            let mut bytes = Vec::new();
            file.take(max_bytes as u64 + 1).read_to_end(&mut bytes)?;
            Ok(Object { bytes, version })
        };
        match read() {
            Ok(object) => Ok(Some(object)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(self.failed(key)(error)),
        }
    }

    fn size(&self, key: &str) -> Result<Option<u64>, StoreError> {
        match fs::metadata(self.path(key)) {
            Ok(found) if found.is_file() => Ok(Some(found.len())),
            Ok(_) => open(&self.path(key))
                .map(|_| None)
                .map_err(self.failed(key)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(self.failed(key)(error)),
        }
    }

    fn read_range(&self, key: &str, range: Range<u64>, sink: Sink<'_>) -> Result<(), StoreError> {
        let mut read = || {
            let mut file = open(&self.path(key))?;
            file.seek(SeekFrom::Start(range.start))?;
            copy(file.take(range.end.saturating_sub(range.start)), sink)
        };
        read().map_err(self.failed(key))
    }

    fn write(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &Precondition,
        _: Served,
    ) -> Result<PutOutcome, StoreError> {
        let write = || {
            let mut staged = self.stage()?;
            staged.write_all(bytes)?;
            self.settle(staged, key, condition)
        };
        write().map_err(self.failed(key))
    }

    fn upload(&self, key: &str, upload: &Upload<'_>) -> Result<(), StoreError> {
        let copied = || {
            let mut staged = self.stage()?;
            copy(open(upload.file)?, &mut |part| {
                if (upload.is_cancelled)() {
                    return Err(io::ErrorKind::Interrupted.into());
                }
                staged.write_all(part)?;
                (upload.sent)(part.len() as u64);
                Ok(())
            })?;
            self.settle(staged, key, &Precondition::Any)
        };
        if (upload.is_cancelled)() {
            return Err(StoreError::Cancelled);
        }
        match copied() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(StoreError::Cancelled),
            copied => copied.map(|_| ()).map_err(self.failed(key)),
        }
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        match fs::remove_file(self.path(key)) {
            Err(error) if !is_absent(&error) => Err(self.failed(key)(error)),
            _ => Ok(()),
        }
    }
}

fn copy(mut from: impl io::Read, sink: Sink<'_>) -> io::Result<()> {
    let mut part = vec![0; PART];
    loop {
        match from.read(&mut part)? {
            0 => return Ok(()),
            read => sink(&part[..read])?,
        }
    }
}
