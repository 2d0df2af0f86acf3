//! Finds published images that were changed in place, through a hard link or in the registry itself.

use std::collections::HashMap;
use std::os::unix::fs::{DirEntryExt as _, MetadataExt as _};
use std::path::PathBuf;
use std::{fs, io};

use sreg_files::is_absent;
use sreg_index::stamp::FileId;
use sreg_model::Digest;
use sreg_model::layout::{FoldedRepository, Place, STAGING};

use super::FolderWriter;
use crate::error::PublishError;

impl FolderWriter {
    /// Returns the blobs of a repository that are one of `files` under digests that these no longer have:
    /// hard links whose source was changed since. `files` maps each file to its current digest.
    ///
    /// # Errors
    /// `Read` if the folder of the repository's blobs cannot be listed.
    pub fn changed(
        &self,
        repository: &FoldedRepository,
        files: &HashMap<FileId, Digest>,
    ) -> Result<Vec<Place>, PublishError> {
        let blob = |digest| Place::Blob(repository.clone(), digest);
        let any = self.registry.path(&blob(Digest::of(b"")));
        let folder = any.parent().unwrap_or(&any);
        let entries = match fs::read_dir(folder) {
            Err(error) if is_absent(&error) => return Ok(Vec::new()),
            entries => entries.map_err(PublishError::read(folder))?,
        };
        // The inodes in a directory listing rule out nearly all entries.
        let inodes: HashMap<u64, (&FileId, &Digest)> = files
            .iter()
            .map(|(file, digest)| (file.inode, (file, digest)))
            .collect();
        let mut changed = Vec::new();
        for entry in entries {
            let entry = entry.map_err(PublishError::read(folder))?;
            let Some((file, digest)) = inodes.get(&entry.ino()) else {
                continue;
            };
            let name = entry.file_name();
            let named = name.to_str().and_then(|name| name.parse::<Digest>().ok());
            let Some(named) = named.filter(|named| named != *digest) else {
                continue;
            };
            let found = entry
                .metadata()
                .map_err(PublishError::read(&entry.path()))?;
            if FileId::of(&found) == **file {
                changed.push(blob(named));
            }
        }
        Ok(changed)
    }

    /// Removes the name of a blob that [`FolderWriter::changed`] found; the bytes remain under the other
    /// name.
    ///
    /// # Errors
    /// `Write` if it cannot be removed.
    pub fn unlink(&self, place: &Place) -> Result<(), PublishError> {
        let path = self.registry.path(place);
        self.check_inside(&path)?;
        fs::remove_file(&path).map_err(PublishError::write(&path))?;
        self.touched(&path);
        Ok(())
    }

    /// Removes a damaged image that no version names: unlinks a hard link, or quarantines the file under
    /// `staging/`. Returns the new path.
    ///
    /// # Errors
    /// `Read` or `Write` if the file cannot be read or moved.
    pub fn take_away(&self, place: &Place) -> Result<Option<PathBuf>, PublishError> {
        let path = self.registry.path(place);
        self.check_inside(&path)?;
        let found = fs::symlink_metadata(&path).map_err(PublishError::read(&path))?;
        self.touched(&path);
        if found.nlink() > 1 {
            fs::remove_file(&path).map_err(PublishError::write(&path))?;
            return Ok(None);
        }
        let name = place.to_string().replace(['/', ':'], "-");
        let aside = self
            .registry
            .root()
            .join(STAGING)
            .join(format!("damaged-{name}"));
        match fs::rename(&path, &aside) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            moved => moved
                .map(|()| Some(aside))
                .map_err(PublishError::write(&path)),
        }
    }
}
