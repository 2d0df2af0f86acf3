//! Opens the folder of a registry for its only writer.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};
use std::{fs, io};

use sreg_files::{FolderLock, Modes, is_full};
use sreg_model::layout::{JOURNAL, LOCK, Place, STAGING};
use sreg_model::settings::Settings;
use sreg_registry::Registry;
use sreg_store::Local;

use super::FolderWriter;
use crate::error::PublishError;
use crate::progress::Progress;
use crate::writer::Puts as _;
use sreg_registry::RegistryError;

impl FolderWriter {
    /// Locks the registry at `root`; creates one if the folder is empty or absent. If another run holds the
    /// lock, notifies `progress` once and waits.
    ///
    /// # Errors
    /// `NotOurs` if the folder contains files and is not a registry; `Write` or `Read` if the folder cannot
    /// be written or read; `Cancelled` if `progress` stops the wait for the lock.
    pub fn open(
        root: &Path,
        settings: &Settings,
        progress: &dyn Progress,
    ) -> Result<Self, PublishError> {
        fs::create_dir_all(root).map_err(PublishError::write(root))?;
        // Check before writing into a foreign folder.
        tree_at(root, settings)?;
        let lock = lock(root, progress)?;
        let mut writer = Self {
            registry: tree_at(root, settings)?,
            modes: Modes::of(root).map_err(PublishError::read(root))?,
            has_links: true,
            next: AtomicU64::new(0),
            unsynced: Mutex::new(Some(BTreeSet::new())),
            passes_over: false,
            foreign: Mutex::default(),
            inside: Mutex::default(),
            _lock: lock,
        };
        let staging = root.join(STAGING);
        writer.check_inside(&staging.join(JOURNAL))?;
        writer.clear_staging();
        match writer.modes.make_folders(&staging) {
            // Writing will report a full disk, and removing needs no space.
            Err(error) if is_full(&error) => {}
            made => made.map_err(PublishError::write(&staging))?,
        }
        if !writer.registry.path(&Place::Settings).exists() {
            writer.put(&Place::Settings, &writer.registry.settings().encode())?;
        }
        writer.has_links = writer.tries_links()?;
        if !writer.has_links {
            progress.note(&format!(
                "{} does not support symbolic links: images for library clients are hard links or copies",
                root.display()
            ));
        }
        Ok(writer)
    }

    /// Makes the writer skip a file if a folder is in its place, or a file in place of its folder.
    pub fn pass_over(mut self) -> Self {
        self.passes_over = true;
        self
    }

    /// Returns whether the file system supports symbolic links.
    fn tries_links(&self) -> Result<bool, PublishError> {
        let path = self.staged_path();
        match std::os::unix::fs::symlink("a", &path) {
            Err(error) if sreg_files::is_unsupported(&error) => Ok(false),
            // Writing will report a full disk.
            Err(error) if is_full(&error) || !self.registry.root().join(STAGING).exists() => {
                Ok(true)
            }
            Err(error) => Err(PublishError::write(&path)(error)),
            Ok(()) => {
                let _ = fs::remove_file(&path);
                Ok(true)
            }
        }
    }
}

/// Returns the registry at `root`, or a new one in an empty folder.
fn tree_at(root: &Path, settings: &Settings) -> Result<Registry, PublishError> {
    match Registry::open(root) {
        Err(RegistryError::NotARegistry(_)) => {
            let mut entries = fs::read_dir(root).map_err(PublishError::read(root))?;
            // A run that was killed early leaves only this folder.
            let ours = entries.all(|entry| entry.is_ok_and(|entry| entry.file_name() == STAGING));
            match ours {
                true => Ok(Registry::with_settings(
                    Arc::new(Local::new(root)),
                    settings.clone(),
                )),
                false => Err(PublishError::NotOurs(root.to_owned())),
            }
        }
        registry => Ok(registry?),
    }
}

/// Locks a folder.
fn lock(root: &Path, progress: &dyn Progress) -> Result<FolderLock, PublishError> {
    let (mut told, path) = (false, root.join(LOCK));
    let mut wait = |holder: Option<&str>| {
        if progress.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        if !std::mem::replace(&mut told, true) {
            progress.waiting();
            if let Some(holder) = holder {
                progress.note(&format!(
                    "{} names the process that holds the lock: {holder}; delete the file if that process has ended",
                    path.display()
                ));
            }
        }
        Ok(())
    };
    match FolderLock::acquire(root, &path, &mut wait) {
        Err(error) if error.kind() == io::ErrorKind::Interrupted => {
            Err(RegistryError::Cancelled.into())
        }
        lock => lock.map_err(PublishError::write(root)),
    }
}
