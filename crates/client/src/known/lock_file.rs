//! Lock files, which list known registries (`spec/lock.md`).

use std::io;
use std::path::{Path, PathBuf};

use sreg_files::{Access, write_atomic};
use sreg_model::Document;
use sreg_model::head::TrustVersion;
use sreg_model::lock::{self, HeadVersion, Lock};

use crate::known::error::KnownError;
use crate::known::registries::KnownRegistries;
use crate::known::registry::KnownRegistry;

/// The lock file to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LockFile {
    /// No lock file.
    #[default]
    None,
    /// This file, if it exists.
    Optional(PathBuf),
    /// This file, which must exist.
    Required(PathBuf),
}

impl LockFile {
    /// Reads the lock file; `None` if there is none.
    ///
    /// # Errors
    /// `ReadLockFile`, `LockFileTooLarge` or `MalformedLockFile`.
    pub fn read(&self) -> Result<Option<Lock>, KnownError> {
        let (path, is_optional) = match self {
            Self::None => return Ok(None),
            Self::Optional(path) => (path, true),
            Self::Required(path) => (path, false),
        };
        let bytes = match sreg_files::read_capped(path, lock::MAX_BYTES) {
            // A broken link is a lock file that cannot be read, not none.
            Err(error)
                if error.kind() == io::ErrorKind::NotFound && is_optional && !path.is_symlink() =>
            {
                return Ok(None);
            }
            Err(source) => {
                return Err(KnownError::ReadLockFile {
                    path: path.clone(),
                    source,
                });
            }
            Ok(bytes) if bytes.len() > lock::MAX_BYTES => {
                return Err(KnownError::LockFileTooLarge(path.clone()));
            }
            Ok(bytes) => bytes,
        };
        let lock =
            Document::<Lock>::parse(bytes).map_err(|source| KnownError::MalformedLockFile {
                path: path.clone(),
                source,
            })?;
        Ok(Some(lock.body().clone()))
    }
}

/// Adds a registry to a lock file, with its newest documents that were seen. Never replaces a listed head or
/// trust version by an older one. The lock of `registries` excludes other processes.
///
/// # Errors
/// As [`LockFile::read`]; `InvalidLockFile` if the file would become too large; `WriteLockFile` if it cannot
/// be written.
pub fn record_in_lock_file(
    path: &Path,
    seen: &KnownRegistry,
    registries: &KnownRegistries,
) -> Result<(), KnownError> {
    let write = || {
        let file = LockFile::Optional(path.to_owned());
        let mut lock = file.read()?.unwrap_or_default();
        let mut pin = seen.pin();
        if let Some(listed) = lock.find(&pin.id) {
            let order = |head: &HeadVersion| (head.epoch, head.version);
            pin.head = pin.head.into_iter().chain(listed.head).max_by_key(order);
            let version = |trust: &TrustVersion| trust.version;
            pin.trust = pin
                .trust
                .into_iter()
                .chain(listed.trust)
                .max_by_key(version);
        }
        lock.put(pin);
        let document = Document::new(lock).map_err(KnownError::InvalidLockFile)?;
        write_atomic(path, document.bytes(), Access::Umask).map_err(|source| {
            KnownError::WriteLockFile {
                path: path.to_owned(),
                source,
            }
        })
    };
    registries.alone(write)?
}
