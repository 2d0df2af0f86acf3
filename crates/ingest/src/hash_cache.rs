//! Remembers what was hashed, so that an unchanged image is not read again.
//!
//! A cache is a file outside the registry; losing it costs time only. An entry holds for a path as
//! long as the file's stamp is what it was, and is only kept where the file was quiet long
//! enough before it was hashed for any later write to show in its times.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};
use sreg_files::{Access, write_atomic};
use sreg_index::stamp::Stamp;
use sreg_model::{Arch, Digest, ImageFormat};

/// What is known of an image file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// The file's stamp, after it was linked into a registry.
    pub stamp: Stamp,
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// The digest of its chain sidecar.
    pub chain: Digest,
    /// What kind of file it is.
    pub format: ImageFormat,
    /// The architecture that its headers say.
    pub arch: Arch,
}

/// What is known of the images of one folder, by path.
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

/// Raised when what an entry means changes.
const VERSION: u32 = 1;

impl Cache {
    /// Reads the cache in `file`. One that is absent or unreadable is empty.
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

    /// A cache that knows nothing and keeps nothing.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// What is known of the file at `path`, if its stamp still holds.
    #[must_use]
    pub fn get(&self, path: &Path, stamp: &Stamp) -> Option<&Known> {
        self.known
            .get(path.to_str()?)
            .filter(|known| known.stamp == *stamp)
    }

    /// Replaces everything that is known. Paths that are no text are left out.
    pub fn replace(&mut self, known: impl IntoIterator<Item = (PathBuf, Known)>) {
        self.known = known
            .into_iter()
            .filter_map(|(path, known)| Some((path.to_str()?.to_owned(), known)))
            .collect();
    }

    /// Writes the cache back.
    ///
    /// # Errors
    /// When the file cannot be written.
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

/// Writes a file of the user's own folders so that it appears whole.
pub(crate) fn write_whole(file: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    write_atomic(file, bytes, Access::Umask)
}
