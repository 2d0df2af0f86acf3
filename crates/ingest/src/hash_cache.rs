//! A cache of hashes, so that unchanged images are not read again.
//!
//! The cache is a file outside the registry and safe to delete. An entry is valid while the file's stamp is
//! unchanged. It is only kept if the file was not modified for long enough before hashing that any later
//! write changes its times.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};
use sreg_files::{Access, read_capped, write_atomic};
use sreg_index::stamp::Stamp;
use sreg_model::{Arch, Digest, ImageFormat};

/// The cached facts about an image file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The file's stamp, after it was linked into a registry.
    pub stamp: Stamp,
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// The digest of its chain sidecar.
    pub chain: Digest,
    /// The image format.
    pub format: ImageFormat,
    /// The architecture in its headers.
    pub arch: Arch,
}

/// The cached facts about the images of one folder, by path.
#[derive(Debug, Default)]
pub struct Cache {
    file: Option<PathBuf>,
    known: BTreeMap<String, Known>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    known: BTreeMap<String, Known>,
}

/// The version of the cache's format.
const VERSION: u32 = 1;

impl Cache {
    /// Reads the cache in `file`. An absent or unreadable one counts as empty.
    #[must_use]
    pub fn open(file: &Path) -> Self {
        let known = fs::read(file)
            .ok()
            .and_then(|bytes| serde_json::from_slice::<Stored>(&bytes).ok())
            .filter(|stored| stored.version == VERSION)
            .map_or_else(BTreeMap::new, |stored| stored.known);
        Self {
            file: Some(file.to_owned()),
            known,
        }
    }

    /// Returns a cache that stays empty.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Returns the facts about the file at `path`, if its stamp is unchanged.
    #[must_use]
    pub fn get(&self, path: &Path, stamp: &Stamp) -> Option<&Known> {
        self.known
            .get(path.to_str()?)
            .filter(|known| known.stamp == *stamp)
    }

    /// Replaces all entries. Omits paths that are not UTF-8.
    pub fn replace(&mut self, known: impl IntoIterator<Item = (PathBuf, Known)>) {
        self.known = known
            .into_iter()
            .filter_map(|(path, known)| Some((path.to_str()?.to_owned(), known)))
            .collect();
    }

    /// Writes the cache.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let stored = Stored {
            version: VERSION,
            known: self.known.clone(),
        };
        write_whole(file, &serde_json::to_vec(&stored)?)
    }
}

/// Replaces a file in the user's own folders atomically, unless it has these bytes already: syncs take longer
/// than the rest of a run that changes nothing.
pub(crate) fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if read_capped(file, bytes.len()).is_ok_and(|found| found == bytes) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    write_atomic(file, bytes, Access::Umask)
}
