//! The modes of new files and folders, taken from the root folder, as with git's
//! `core.sharedRepository`. The umask of one user does not lock out the web server or colleagues.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;

/// The permissions of files and folders below a root, taken from the root's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    file: u32,
    folder: u32,
}

impl Modes {
    /// Reads the modes from `root`.
    ///
    /// # Errors
    /// The error of the file system if the metadata of `root` cannot be read.
    pub fn of(root: &Path) -> io::Result<Self> {
        let mode = fs::metadata(root)?.permissions().mode();
        Ok(Self {
            file: mode & 0o666 | 0o600,
            // The set-group-id bit gives what is made the group of its folder.
            folder: mode & 0o2777 | 0o700,
        })
    }

    /// Sets the mode of a file. If the file system refuses, the mode stays unchanged.
    pub fn apply(&self, file: &File) {
        let is_other = |mode: u32| mode & 0o777 != self.file;
        if file
            .metadata()
            .is_ok_and(|found| is_other(found.permissions().mode()))
        {
            let _ = file.set_permissions(Permissions::from_mode(self.file));
        }
    }

    /// Returns whether `mode` permits all reads that these modes permit.
    #[must_use]
    pub fn are_met_by(&self, mode: u32) -> bool {
        let readers = self.file & 0o444;
        mode & readers == readers
    }

    /// Returns whether everybody may read.
    #[must_use]
    pub fn are_public(&self) -> bool {
        self.file & 0o004 != 0 && self.folder & 0o001 != 0
    }

    /// Creates a folder and its missing parents, each with the mode for folders.
    ///
    /// # Errors
    /// The error of the file system if a folder cannot be created.
    pub fn make_folders(&self, folder: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(self.folder).create(folder) {
            Ok(()) => {
                // The umask took bits away, and mkdir sets no set-group-id bit.
                if fs::metadata(folder)?.permissions().mode() & 0o2777 != self.folder {
                    let _ = fs::set_permissions(folder, Permissions::from_mode(self.folder));
                }
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let parent = folder.parent().ok_or(error)?;
                self.make_folders(parent)?;
                self.make_folders(folder)
            }
            Err(error) => match folder.is_dir() {
                true => Ok(()),
                false => Err(error),
            },
        }
    }
}
