//! A published registry, in any store.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;
use sreg_files::FolderLock;
use sreg_index::index::Index;
use sreg_index::map::{MapError, NodeSource};
use sreg_model::head::Head;
use sreg_model::layout::{LOCK, Place};
use sreg_model::settings::Settings;
use sreg_model::statement::Statement;
use sreg_model::{Digest, Document, document, node};
use sreg_store::{Local, Object, Store, StoreConfig};

use crate::error::RegistryError;
use crate::object_cache::ObjectCache;

/// A published registry: a folder, a bucket or a web server's folder with `sreg.json`.
#[derive(Debug, Clone)]
pub struct Registry {
    store: Arc<dyn Store>,
    root: PathBuf,
    settings: Settings,
    /// `None` for a folder, which the operating system caches.
    cache: Option<Arc<ObjectCache>>,
    last_head: Arc<Mutex<Option<Object>>>,
}

impl Registry {
    /// Opens the registry in the folder `root`.
    ///
    /// # Errors
    /// `NotARegistry` if there is none; `Settings` if it has a later format; `Read` if it cannot be read.
    pub fn open(root: &Path) -> Result<Self, RegistryError> {
        Self::in_store(Arc::new(Local::new(root)))
    }

    /// Opens the registry at a URL or in a folder.
    ///
    /// # Errors
    /// As [`Registry::open`]; `Store` if it cannot be reached.
    pub fn at(name: &str, config: &StoreConfig) -> Result<Self, RegistryError> {
        Self::in_store(sreg_store::open(name, config)?)
    }

    /// Opens the registry in a store.
    ///
    /// # Errors
    /// As [`Registry::open`]; `Store` if it cannot be reached.
    pub fn in_store(store: Arc<dyn Store>) -> Result<Self, RegistryError> {
        let root = PathBuf::from(store.name());
        let place = Place::Settings;
        let found = store
            .read(&place.to_string(), MAX_SETTINGS)
            .map_err(RegistryError::store)?;
        let Some(found) = found else {
            return Err(RegistryError::NotARegistry(root));
        };
        let settings = Settings::parse(&found.bytes).map_err(|source| RegistryError::Settings {
            path: root.join(place.to_string()),
            source,
        })?;
        Ok(Self::with_settings(store, settings))
    }

    /// Returns the registry in a store whose `sreg.json` is, or will be, `settings`.
    #[must_use]
    pub fn with_settings(store: Arc<dyn Store>, settings: Settings) -> Self {
        Self {
            root: PathBuf::from(store.name()),
            cache: store.capabilities().folder.is_none().then(Arc::default),
            last_head: Arc::default(),
            store,
            settings,
        }
    }

    /// Returns the store.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// Returns the folder, or the URL.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the settings in `sreg.json`.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Returns the path or URL of a place.
    #[must_use]
    pub fn path(&self, place: &Place) -> PathBuf {
        self.root.join(place.to_string())
    }

    /// Reads at most `max_bytes + 1` bytes of the file at a place, so that callers can detect an oversized file.
    ///
    /// # Errors
    /// `Missing` if nothing is stored there; `Read` or `Store` if it cannot be read.
    pub fn read(&self, place: &Place, max_bytes: usize) -> Result<Vec<u8>, RegistryError> {
        let found = self.read_if_there(place, max_bytes)?;
        found.ok_or_else(|| self.missing(place))
    }

    /// Reads a file like [`Registry::read`]. Returns `None` if it does not exist.
    ///
    /// # Errors
    /// `Read` or `Store` if it cannot be read.
    pub fn read_if_there(
        &self,
        place: &Place,
        max_bytes: usize,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        if let Some(cache) = &self.cache
            && let Some(bytes) = cache.get(place)
        {
            return Ok(Some(bytes));
        }
        let found = self.store.read(&place.to_string(), max_bytes);
        let found = found.map_err(RegistryError::store)?;
        if *place == Place::Head && self.cache.is_some() {
            let mut last = self
                .last_head
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            last.clone_from(&found);
        }
        Ok(found.map(|found| {
            self.keep(place, &found.bytes);
            found.bytes
        }))
    }

    /// Returns the first bytes of a slot's content, valid or not.
    ///
    /// # Errors
    /// `Read` or `Store` if it cannot be read.
    pub fn slot(&self, slot: &Place) -> Result<Option<Vec<u8>>, RegistryError> {
        self.read_if_there(slot, document::MAX_BYTES)
    }

    /// Keeps an immutable file that was read or written, if the store is slow.
    pub fn keep(&self, place: &Place, bytes: &[u8]) {
        if let Some(cache) = &self.cache {
            cache.keep(place, bytes);
        }
    }

    /// Keeps a head that is stored in its slot and signed as trust requires.
    pub fn keep_head(&self, head: &Document<Head>) {
        if let Some(cache) = &self.cache {
            let (epoch, version) = (head.body().epoch, head.body().version);
            cache.keep_always(&Place::HeadSlot { epoch, version }, head.bytes());
        }
    }

    /// Returns the object that was last read at `head` of a store, as the condition for replacing it; `None`
    /// if there was none.
    #[must_use]
    pub fn last_head(&self) -> Option<Object> {
        let last = self.last_head.lock();
        last.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns the size of the file at a place, in bytes.
    ///
    /// # Errors
    /// `Missing` if nothing is stored there; `Read` or `Store` if the size cannot be read.
    pub fn size(&self, place: &Place) -> Result<u64, RegistryError> {
        let found = self.store.size(&place.to_string());
        found
            .map_err(RegistryError::store)?
            .ok_or_else(|| self.missing(place))
    }

    /// Returns the error for a missing file.
    #[must_use]
    pub fn missing(&self, place: &Place) -> RegistryError {
        RegistryError::Missing {
            registry: self.root.clone(),
            place: Box::new(place.clone()),
        }
    }

    /// Returns the published head.
    ///
    /// # Errors
    /// `NoHead` if there is none; `Document` if it is malformed; `Read` or `Store` if it cannot be read.
    pub fn head(&self) -> Result<Document<Head>, RegistryError> {
        match self.read(&Place::Head, document::MAX_BYTES) {
            Ok(bytes) => Document::parse(bytes).map_err(|source| RegistryError::Document {
                path: self.path(&Place::Head),
                source,
            }),
            Err(RegistryError::Missing { .. }) => Err(RegistryError::NoHead(self.root.clone())),
            Err(error) => Err(error),
        }
    }

    /// Returns the head in a slot; `None` if the slot is empty.
    ///
    /// # Errors
    /// `Document` if it is malformed; `Mismatch` if it is of another version; `Read` or `Store` if it cannot
    /// be read.
    pub fn head_slot(
        &self,
        epoch: u64,
        version: u64,
    ) -> Result<Option<Document<Head>>, RegistryError> {
        let slot = Place::HeadSlot { epoch, version };
        let path = self.path(&slot);
        let Some(bytes) = self.slot(&slot)? else {
            return Ok(None);
        };
        let head: Document<Head> =
            Document::parse(bytes).map_err(|source| RegistryError::Document {
                path: path.clone(),
                source,
            })?;
        if (head.body().epoch, head.body().version) != (epoch, version) {
            let what = format!(
                "contains version {} of epoch {}",
                head.body().version,
                head.body().epoch
            );
            return Err(RegistryError::Mismatch { path, what });
        }
        Ok(Some(head))
    }

    /// Returns the statement `id`.
    ///
    /// # Errors
    /// `Missing` if it is missing; `Document` if it is malformed; `Mismatch` if it has another id; `Read` or
    /// `Store` if it cannot be read.
    pub fn statement(&self, id: &Digest) -> Result<Document<Statement>, RegistryError> {
        let place = Place::Statement(*id);
        let path = self.path(&place);
        let bytes = self.read(&place, document::MAX_BYTES)?;
        let statement: Document<Statement> =
            Document::parse(bytes).map_err(|source| RegistryError::Document {
                path: path.clone(),
                source,
            })?;
        let found = statement.id();
        if found != *id {
            return Err(RegistryError::Mismatch {
                path,
                what: format!("id is {found}"),
            });
        }
        Ok(statement)
    }

    /// Returns the index that `head` names.
    #[must_use]
    pub fn index(&self, head: &Head) -> Index<'_> {
        Index::new(self, &head.index)
    }

    /// Returns whether another run is writing to the registry, judged by locks.
    #[must_use]
    pub fn is_being_written(&self) -> bool {
        let folder = self.store.capabilities().folder;
        folder.is_some_and(|folder| FolderLock::is_held(folder, &folder.join(LOCK)))
    }

    /// Returns the error of an index that cannot be read.
    #[must_use]
    pub fn map_error(&self, source: MapError) -> RegistryError {
        RegistryError::Map {
            path: self.root.clone(),
            source,
        }
    }
}

impl NodeSource for Registry {
    fn prefetch(&self, ids: &[Digest]) {
        if self.cache.is_some() {
            // A failed read is reported when the object is needed.
            ids.par_iter().for_each(|id| {
                let _ = self.read(&Place::Node(*id), node::MAX_BYTES);
            });
        }
    }

    fn load(&self, id: &Digest) -> Result<Vec<u8>, MapError> {
        match self.read(&Place::Node(*id), node::MAX_BYTES) {
            Ok(bytes) => Ok(bytes),
            Err(RegistryError::Missing { .. }) => Err(MapError::Missing(*id)),
            Err(RegistryError::Read { source, .. }) => Err(MapError::Io { id: *id, source }),
            Err(error) => Err(MapError::Io {
                id: *id,
                source: std::io::Error::other(error),
            }),
        }
    }
}

/// The maximal size of `sreg.json`, in bytes: two URLs and some JSON.
const MAX_SETTINGS: usize = 8 << 10;
