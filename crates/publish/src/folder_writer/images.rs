//! Puts images and links in their places.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use sreg_index::hasher::{Observer, Unobserved};
use sreg_index::stamp::{FileId, Stamp};
use sreg_model::layout::Place;

use super::FolderWriter;
use crate::error::PublishError;
use crate::link::{LinkMode, bring};
use sreg_registry::RegistryError;

impl FolderWriter {
    /// Links or copies an image into the registry, unless it exists and is not `is_changed`. The file must
    /// still match `stamp`.
    ///
    /// # Errors
    /// `Hash` if the file changed; `Write` or `Read` if it cannot be copied; `Cancelled` if the observer
    /// stops it.
    pub fn import(
        &self,
        place: &Place,
        file: &Path,
        stamp: &Stamp,
        (mode, is_changed): (LinkMode, bool),
        observer: &dyn Observer,
    ) -> Result<(), PublishError> {
        let path = self.registry.path(place);
        let is_there = !is_changed
            && fs::metadata(&path).is_ok_and(|found| found.is_file() && found.len() == stamp.size);
        match is_there {
            true => Ok(()),
            false => self.place(&path, file, stamp, mode, observer),
        }
    }

    /// Links or copies an image to its place, replacing anything there.
    pub(super) fn place(
        &self,
        path: &Path,
        file: &Path,
        stamp: &Stamp,
        mode: LinkMode,
        observer: &dyn Observer,
    ) -> Result<(), PublishError> {
        let staged = self.staged_path();
        let mut last = None;
        for attempt in mode.attempts(file) {
            match bring(file, &staged, *attempt, observer) {
                Ok(()) => {
                    // A hard link has the mode of its source.
                    if *attempt != LinkMode::Hard
                        && let Ok(copy) = File::open(&staged)
                    {
                        self.modes.apply(&copy);
                    }
                    last = None;
                    break;
                }
                Err(error) => {
                    // The remains of a failed attempt do no harm.
                    let _ = fs::remove_file(&staged);
                    last = Some(error);
                }
            }
        }
        match last {
            Some(error) if error.kind() == io::ErrorKind::Interrupted => {
                return Err(RegistryError::Cancelled.into());
            }
            Some(error) => return Err(PublishError::write(path)(error)),
            None => {}
        }
        let after = Stamp::of(&fs::metadata(file).map_err(PublishError::read(file))?);
        if !after.has_same_content(stamp) {
            let _ = fs::remove_file(&staged);
            return Err(sreg_index::hasher::HashError::Changed {
                path: file.to_owned(),
            }
            .into());
        }
        self.settle(&staged, path)
    }

    /// Creates a symbolic link at `place` to another place of the registry.
    pub(super) fn put_link(&self, place: &Place, to: &Place) -> Result<(), PublishError> {
        let (path, target) = (self.registry.path(place), place.link_to(to));
        if fs::read_link(&path).is_ok_and(|found| found == Path::new(&target)) {
            return Ok(());
        }
        if !self.has_links {
            return self.put_instead_of_link(&path, to);
        }
        let staged = self.staged_path();
        std::os::unix::fs::symlink(&target, &staged).map_err(PublishError::write(&staged))?;
        self.settle(&staged, &path)
    }

    /// Creates a hard link or a copy in place of a symbolic link to `to`, which need not exist.
    fn put_instead_of_link(&self, path: &Path, to: &Place) -> Result<(), PublishError> {
        let target = self.registry.path(to);
        let identity = |path: &Path| {
            fs::symlink_metadata(path)
                .ok()
                .map(|found| FileId::of(&found))
        };
        let Some(wanted) = identity(&target) else {
            return Ok(());
        };
        if identity(path) == Some(wanted) {
            return Ok(());
        }
        let staged = self.staged_path();
        let copied = fs::hard_link(&target, &staged)
            .or_else(|_| bring(&target, &staged, LinkMode::Copy, &Unobserved));
        copied.map_err(|source| {
            let _ = fs::remove_file(&staged);
            PublishError::write(path)(source)
        })?;
        self.settle(&staged, path)
    }
}
