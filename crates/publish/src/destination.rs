//! Where a registry is published to: a folder, or a store with conditional writes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sreg_model::settings::Settings;
use sreg_registry::{Registry, RegistryError};
use sreg_store::{Local, Store};

use crate::folder_writer::FolderWriter;
use crate::progress::Progress;
use crate::store_writer::StoreWriter;
use crate::writer::Writer;

/// Where a registry is kept that is published to.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The folder, the bucket.
    pub store: Arc<dyn Store>,
    /// The registry that is there, if it was opened already.
    pub registry: Option<Registry>,
    /// Where it is noted what has arrived of an upload, so that a later run goes on; nothing: it
    /// begins anew.
    pub uploads: Option<PathBuf>,
    /// How many requests go to a store at once.
    pub at_once: usize,
}

impl Destination {
    /// Returns a folder.
    #[must_use]
    pub fn folder(root: &Path) -> Self {
        Self::in_store(Arc::new(Local::new(root)))
    }

    /// Returns a store that gets one request at a time, and in which interrupted uploads are not resumed.
    #[must_use]
    pub fn in_store(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            registry: None,
            uploads: None,
            at_once: 1,
        }
    }

    /// Returns the same, with the registry that is there opened.
    ///
    /// # Errors
    /// `NotARegistry` if there is none; `Settings` if it is of a later format; `Read` or `Store` if it cannot be
    /// read.
    pub fn opened(&self) -> Result<Self, RegistryError> {
        let registry = match &self.registry {
            Some(registry) => registry.clone(),
            None => Registry::in_store(self.store.clone())?,
        };
        Ok(Self {
            registry: Some(registry),
            ..self.clone()
        })
    }

    /// Runs what waits for a store, with as many requests at once as may be.
    pub(crate) fn at_once<T: Send>(
        &self,
        run: impl FnOnce() -> Result<T, RegistryError> + Send,
    ) -> Result<T, RegistryError> {
        if self.at_once <= 1 || self.store.capabilities().folder.is_some() {
            return run();
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.at_once)
            .build();
        match pool {
            Ok(pool) => pool.install(run),
            // The system has no more threads: one after the other, then.
            Err(_) => run(),
        }
    }

    /// A writer of the registry that is there: a mistyped place is none.
    pub(crate) fn open_there(
        &self,
        watch: &dyn Progress,
    ) -> Result<Box<dyn Writer>, RegistryError> {
        let registry = match &self.registry {
            Some(registry) => registry.clone(),
            None => Registry::in_store(self.store.clone())?,
        };
        match self.store.capabilities().folder {
            Some(_) => self.open(registry.settings(), watch),
            None => Ok(Box::new(StoreWriter::of(
                registry,
                self.uploads.as_deref(),
            )?)),
        }
    }

    /// A writer of the registry that is there, or of a new one with `settings`.
    pub(crate) fn open(
        &self,
        settings: &Settings,
        watch: &dyn Progress,
    ) -> Result<Box<dyn Writer>, RegistryError> {
        Ok(match self.store.capabilities().folder {
            Some(folder) => Box::new(FolderWriter::open(folder, settings, watch)?),
            None => Box::new(StoreWriter::open(
                &self.store,
                settings,
                self.uploads.as_deref(),
            )?),
        })
    }
}
