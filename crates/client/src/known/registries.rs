//! The folder of known registries: one file each, replaced atomically (`spec/cli.md`, CLI-18 to CLI-20).

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sreg_files::{Access, is_absent, write_atomic};
use sreg_model::Digest;
use sreg_registry::verify::Seen;

use crate::known::error::KnownError;
use crate::known::registry::KnownRegistry;
use crate::location::Location;

/// The maximal size of a known registry's file, in bytes.
const MAX_BYTES: u64 = 256 << 20;

/// The registries that a user knows, like ssh's `known_hosts`.
#[derive(Debug, Clone)]
pub struct KnownRegistries {
    folder: PathBuf,
}

impl KnownRegistries {
    /// Returns the known registries in `folder`, which is created by the first record.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Returns a known registry; `None` if it is not known.
    ///
    /// # Errors
    /// `Read` if its file cannot be read; `Malformed` if the file is damaged. Neither counts as absence.
    pub fn find(&self, registry: &Digest) -> Result<Option<KnownRegistry>, KnownError> {
        let path = self.path(registry);
        let record = read(&path)?;
        match &record {
            Some(found) if found.registry() != *registry => Err(KnownError::malformed(&path)(
                format!("is for {}", found.registry()),
            )),
            _ => Ok(record),
        }
    }

    /// Returns the registries that were seen at a place.
    ///
    /// # Errors
    /// As [`KnownRegistries::find`].
    pub fn at(&self, place: &str) -> Result<Vec<KnownRegistry>, KnownError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            entries => entries.map_err(KnownError::read(&self.folder))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(KnownError::read(&self.folder))?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "json")
                && let Some(record) = read(&path)?
                && record.places().contains(place)
            {
                found.push(record);
            }
        }
        found.sort_by_key(KnownRegistry::registry);
        Ok(found)
    }

    /// Records the verified state of the registry at a location. Removes the location from other known
    /// registries.
    ///
    /// # Errors
    /// As [`KnownRegistries::update`].
    pub fn record(&self, location: &Location, seen: &Seen) -> Result<(), KnownError> {
        self.update(&seen.registry, |known| {
            for place in location.aliases() {
                known.record_place(place);
            }
            known.record_trust(&seen.trust);
            known.record_head(&seen.head);
            for statement in &seen.statements {
                known.record_statement(statement, seen.head.body());
            }
        })?;
        for place in location.aliases() {
            for other in self.at(place)? {
                if other.registry() != seen.registry {
                    self.update(&other.registry(), |known| known.remove_place(place))?;
                }
            }
        }
        Ok(())
    }

    /// Changes a known registry: `change` gets its current content, including what other processes have
    /// written meanwhile.
    ///
    /// # Errors
    /// `Malformed` or `Read` as [`KnownRegistries::find`]; `Write` if the file cannot be written. The file is
    /// then unchanged.
    pub fn update(
        &self,
        registry: &Digest,
        change: impl FnOnce(&mut KnownRegistry),
    ) -> Result<(), KnownError> {
        fs::create_dir_all(&self.folder).map_err(KnownError::write(&self.folder))?;
        let _lock = self.lock()?;
        let before = self.find(registry)?;
        let mut record = before
            .clone()
            .unwrap_or_else(|| KnownRegistry::new(*registry));
        change(&mut record);
        if before.as_ref() == Some(&record) {
            return Ok(());
        }
        write_whole(&self.path(registry), &record.encode())
    }

    /// Saves a document as evidence of a fork, and returns its file.
    ///
    /// # Errors
    /// `Write` if it cannot be written.
    pub fn keep_evidence(
        &self,
        registry: &Digest,
        name: &str,
        bytes: &[u8],
    ) -> Result<PathBuf, KnownError> {
        let folder = self.folder.join("evidence").join(registry.hex());
        fs::create_dir_all(&folder).map_err(KnownError::write(&folder))?;
        let path = folder.join(format!("{name}-{}", &Digest::of(bytes).hex()[..16]));
        write_whole(&path, bytes)?;
        Ok(path)
    }

    /// Runs a function while no other process does, if the file system has locks.
    ///
    /// # Errors
    /// `Write` if the folder cannot be written.
    pub fn alone<T>(&self, run: impl FnOnce() -> T) -> Result<T, KnownError> {
        fs::create_dir_all(&self.folder).map_err(KnownError::write(&self.folder))?;
        let _lock = self.lock()?;
        Ok(run())
    }

    /// Forgets a registry, and returns whether it was known.
    ///
    /// # Errors
    /// `Write` if its file cannot be removed.
    pub fn forget(&self, registry: &Digest) -> Result<bool, KnownError> {
        let path = self.path(registry);
        match fs::remove_file(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(KnownError::write(&path)(error)),
        }
    }

    fn path(&self, registry: &Digest) -> PathBuf {
        self.folder.join(format!("{}.json", registry.hex()))
    }

    /// Locks the folder while the returned file lives. Without locks, a rename still replaces files
    /// atomically.
    fn lock(&self) -> Result<File, KnownError> {
        let path = self.folder.join("lock");
        let file = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(KnownError::write(&path))?;
        // An error means that locks are not supported.
        let _ = file.lock();
        Ok(file)
    }
}

fn read(path: &Path) -> Result<Option<KnownRegistry>, KnownError> {
    let file = match sreg_files::open(path) {
        Err(error) if is_absent(&error) => return Ok(None),
        file => file.map_err(KnownError::read(path))?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES)
        .read_to_end(&mut bytes)
        .map_err(KnownError::read(path))?;
    KnownRegistry::parse(&bytes)
        .map(Some)
        .map_err(KnownError::malformed(path))
}

/// Replaces a file atomically and durably.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), KnownError> {
    write_atomic(path, bytes, Access::Private).map_err(KnownError::write(path))
}
