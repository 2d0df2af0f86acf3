//! The destination of a publication: a folder, or a store with conditional writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sreg_model::settings::Settings;
use sreg_registry::Registry;
use sreg_store::{Local, Store};

use crate::error::PublishError;
use crate::folder_writer::FolderWriter;
use crate::progress::Progress;
use crate::store_writer::StoreWriter;
use crate::writer::Writer;

/// The place of a registry to publish in.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The folder or bucket.
    pub store: Arc<dyn Store>,
    /// The registry in it, if already open.
    pub registry: Option<Registry>,
    /// The folder for notes of unfinished uploads, so that a later run can resume them; `None` to start
    /// again.
    pub uploads: Option<PathBuf>,
    /// The maximal number of simultaneous requests to a store.
    pub at_once: usize,
}

impl Destination {
    /// Returns a destination in a folder.
    #[must_use]
    pub fn folder(root: &Path) -> Self {
        Self::in_store(Arc::new(Local::new(root)))
    }

    /// Returns a destination in a store, with one request at a time and without resuming uploads.
    #[must_use]
    pub fn in_store(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            registry: None,
            uploads: None,
            at_once: 1,
        }
    }

    /// Returns the destination with its registry opened.
    ///
    /// # Errors
    /// `NotARegistry` if there is none; `Settings` if it is of a later format; `Read` or `Store` if it cannot
    /// be read.
    pub fn opened(&self) -> Result<Self, PublishError> {
        let registry = match &self.registry {
            Some(registry) => registry.clone(),
            None => Registry::in_store(self.store.clone())?,
        };
        Ok(Self {
            registry: Some(registry),
            ..self.clone()
        })
    }

    /// Runs a task that waits for a store, with the maximal number of simultaneous requests.
    pub(crate) fn at_once<T: Send>(
        &self,
        run: impl FnOnce() -> Result<T, PublishError> + Send,
    ) -> Result<T, PublishError> {
        if self.at_once <= 1 || self.store.capabilities().folder.is_some() {
            return run();
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.at_once)
            .build();
        match pool {
            Ok(pool) => pool.install(run),
            // Without more threads, run the requests one after the other.
            Err(_) => run(),
        }
    }

    /// Returns a writer of an existing registry, so that a mistyped place is an error.
    pub(crate) fn open_there(
        &self,
        progress: &dyn Progress,
    ) -> Result<Box<dyn Writer>, PublishError> {
        let registry = match &self.registry {
            Some(registry) => registry.clone(),
            None => Registry::in_store(self.store.clone())?,
        };
        match self.store.capabilities().folder {
            Some(_) => self.open(registry.settings(), progress),
            None => Ok(Box::new(StoreWriter::of(
                registry,
                self.uploads.as_deref(),
            )?)),
        }
    }

    /// Returns a writer of the existing registry, or of a new one with `settings`.
    pub(crate) fn open(
        &self,
        settings: &Settings,
        progress: &dyn Progress,
    ) -> Result<Box<dyn Writer>, PublishError> {
        Ok(match self.store.capabilities().folder {
            Some(folder) => Box::new(FolderWriter::open(folder, settings, progress)?),
            None => Box::new(StoreWriter::open(
                &self.store,
                settings,
                self.uploads.as_deref(),
            )?),
        })
    }
}
