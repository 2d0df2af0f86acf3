//! The folder in which a user's knowledge is kept: a file for each registry, replaced as a whole.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sreg_files::{Access, is_absent, write_atomic};
use sreg_model::Digest;

use crate::error::StateError;
use crate::record::Record;

/// The longest file of what is known of a registry, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// What a user knows of registries.
#[derive(Debug, Clone)]
pub struct Memory {
    folder: PathBuf,
}

impl Memory {
    /// What is kept in `folder`, which is made when something is written.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// What is known of a registry; nothing, where it is not known.
    ///
    /// # Errors
    /// When the file is there and cannot be read, or is damaged: it is never taken for absent.
    pub fn find(&self, registry: &Digest) -> Result<Option<Record>, StateError> {
        let path = self.path(registry);
        let record = read(&path)?;
        match &record {
            Some(found) if found.registry() != *registry => Err(StateError::malformed(&path)(
                format!("it is about {}", found.registry()),
            )),
            _ => Ok(record),
        }
    }

    /// The registries that were seen at a place.
    ///
    /// # Errors
    /// As [`Memory::find`].
    pub fn at(&self, place: &str) -> Result<Vec<Record>, StateError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            entries => entries.map_err(StateError::read(&self.folder))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(StateError::read(&self.folder))?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
                && let Some(record) = read(&path)?
                && record.places().contains(place)
            {
                found.push(record);
            }
        }
        found.sort_by_key(Record::registry);
        Ok(found)
    }

    /// Adds to what is known of a registry: `see` is given what is known now, also by what other
    /// processes have written meanwhile.
    ///
    /// # Errors
    /// When the file is damaged, or cannot be written; then what was known before still is.
    pub fn update(
        &self,
        registry: &Digest,
        see: impl FnOnce(&mut Record),
    ) -> Result<(), StateError> {
        fs::create_dir_all(&self.folder).map_err(StateError::write(&self.folder))?;
        let _lock = self.lock()?;
        let before = self.find(registry)?;
        let mut record = before.clone().unwrap_or_else(|| Record::new(*registry));
        see(&mut record);
        if before.as_ref() == Some(&record) {
            return Ok(());
        }
        write_whole(&self.path(registry), &record.encode())
    }

    /// Keeps a document as evidence of a fork, and says where.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn keep_evidence(
        &self,
        registry: &Digest,
        name: &str,
        bytes: &[u8],
    ) -> Result<PathBuf, StateError> {
        let folder = self.folder.join("evidence").join(registry.hex());
        fs::create_dir_all(&folder).map_err(StateError::write(&folder))?;
        let path = folder.join(format!("{name}-{}", &Digest::of(bytes).hex()[..16]));
        write_whole(&path, bytes)?;
        Ok(path)
    }

    /// Runs something that no other process does meanwhile, as far as the file system has locks.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn alone<T>(&self, run: impl FnOnce() -> T) -> Result<T, StateError> {
        fs::create_dir_all(&self.folder).map_err(StateError::write(&self.folder))?;
        let _lock = self.lock()?;
        Ok(run())
    }

    /// Knows a registry no longer: whether it was known.
    ///
    /// # Errors
    /// When its file cannot be removed.
    pub fn forget(&self, registry: &Digest) -> Result<bool, StateError> {
        let path = self.path(registry);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(StateError::write(&path)(error)),
        }
    }

    fn path(&self, registry: &Digest) -> PathBuf {
        self.folder.join(format!("{}.json", registry.hex()))
    }

    /// Held as long as the file lives. Where the file system has no locks, a rename still replaces
    /// the file as a whole.
    fn lock(&self) -> Result<File, StateError> {
        let path = self.folder.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(StateError::write(&path))?;
        // An error says that there are no locks.
        let _ = file.lock();
        Ok(file)
    }
}

fn read(path: &Path) -> Result<Option<Record>, StateError> {
    let file = match sreg_files::open(path) {
        Err(error) if is_absent(&error) => return Ok(None),
        file => file.map_err(StateError::read(path))?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .map_err(StateError::read(path))?;
    Record::parse(&bytes)
        .map(Some)
        .map_err(StateError::malformed(path))
}

/// Replaces a file as a whole, durably.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    write_atomic(path, bytes, Access::Private).map_err(StateError::write(path))
}
