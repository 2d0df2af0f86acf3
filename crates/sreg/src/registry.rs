//! A registry: its place, its configuration, and its pins.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use sreg_client::PullOptions;
use sreg_client::known::{ExpectedRegistry, KnownRegistries, LockFile, Pins};
use sreg_client::location::Location;
use sreg_index::map::MapError;
use sreg_model::head::Head;
use sreg_model::{Arch, Digest, Document, Namespace, Reference};
use sreg_publish::{Destination, Published};
use sreg_registry::verify::Seen;
use sreg_registry::{Registry as OpenRegistry, RegistryError};
use sreg_store::{Store, StoreConfig};

use crate::Error;

/// The number of simultaneous requests of a publication.
const REQUESTS: usize = 16;

/// A registry: a folder, `https://`, `http://`, `s3://bucket/prefix` or `file://`.
///
/// Making one reads nothing. Operations on it read no environment and no home folder: what they need is set here.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let images = sreg_tests::examples::write(&folder.path().join("images"));
/// # let public = folder.path().join("public");
/// # sreg::index(&images, &sreg::Registry::new(&public)).run()?;
/// let registry = sreg::Registry::new(&public);
/// assert_eq!(registry.head()?.body().version, 1);
/// for listed in registry.references()? {
///     println!("{} {} {}", listed.reference, listed.arch, listed.digest);
/// }
/// # assert_eq!(registry.references()?.len(), 6);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Registry {
    location: Location,
    config: StoreConfig,
    pins: Pins,
    now: Option<u64>,
}

/// An image that a registry lists.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Listed {
    /// The reference, with its tag.
    pub reference: Reference,
    /// The architecture of the image.
    pub arch: Arch,
    /// The digest of the image.
    pub digest: Digest,
    /// The size of the image in bytes.
    pub size: u64,
}

impl Registry {
    /// Returns the registry in a folder or at a URL.
    #[must_use]
    pub fn new(place: impl AsRef<Path>) -> Self {
        Self {
            location: Location::new(place.as_ref()),
            config: StoreConfig::default(),
            pins: Pins::default(),
            now: None,
        }
    }

    /// Sets the id that the registry must have, as its owner states it. Refuses any other registry.
    #[must_use]
    pub fn with_id(mut self, id: Digest) -> Self {
        self.pins.registry = Some(id);
        self
    }

    /// Sets the folder of known registries, like ssh's `known_hosts`. Refuses older versions than one that
    /// was seen, forks, and another registry in place of a known one.
    #[must_use]
    pub fn with_known_registries(mut self, folder: impl Into<PathBuf>) -> Self {
        self.pins.registries = Some(KnownRegistries::new(folder.into()));
        self
    }

    /// Sets the lock file, which must list every registry.
    #[must_use]
    pub fn with_lock_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.pins.lock_file = LockFile::Required(file.into());
        self
    }

    /// Sets how to reach the registry: timeouts, retries, proxies, tokens, the settings and credentials of a
    /// bucket.
    #[must_use]
    pub fn with_store(mut self, config: StoreConfig) -> Self {
        self.config = config;
        self
    }

    /// Sets the time in Unix seconds, for checks of expiry and for new documents (default: the system's
    /// clock).
    #[must_use]
    pub fn at_time(mut self, now: u64) -> Self {
        self.now = Some(now);
        self
    }

    /// Returns the folder or the URL.
    #[must_use]
    pub fn place(&self) -> &Path {
        self.location.root()
    }

    /// Returns the id that the registry states, which is not verified; `None` if it has no keys.
    ///
    /// # Errors
    /// `Registry` if there is no registry, or it cannot be read.
    pub fn id(&self) -> Result<Option<Digest>, Error> {
        Ok(self.open()?.stated_id()?)
    }

    /// Returns the newest head as it is served: its version, its time, its index. It is not verified: see
    /// [`verify`](crate::verify()).
    ///
    /// # Errors
    /// `Registry` if there is no registry, nothing is published in it, or it cannot be read.
    pub fn head(&self) -> Result<Document<Head>, Error> {
        Ok(self.open()?.head()?)
    }

    /// Returns the images of the newest version as they are served, by reference and architecture. The list is not
    /// verified: [`pull`](crate::pull()) verifies the image that it pulls.
    ///
    /// # Errors
    /// `Registry` if there is no registry, nothing is published in it, or it cannot be read.
    pub fn references(&self) -> Result<Vec<Listed>, Error> {
        let registry = self.open()?;
        let head = registry.head()?;
        let mut listed = Vec::new();
        let walked = registry
            .index(head.body())
            .walk(&mut |namespace: &Namespace, entry| {
                let Some(image) = entry.image else {
                    return Ok(());
                };
                let text = format!("{namespace}/{}", entry.key.as_str());
                if let Ok(reference) = text.parse::<Reference>() {
                    listed.push(Listed {
                        reference,
                        arch: entry.arch,
                        digest: image.digest,
                        size: image.size,
                    });
                }
                Ok::<_, MapError>(())
            });
        walked.map_err(|error| registry.map_error(error))?;
        listed.sort_by_cached_key(|listed| (listed.reference.to_string(), listed.arch));
        Ok(listed)
    }

    pub(crate) fn now(&self) -> u64 {
        self.now.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH);
            since.map_or(0, |since| since.as_secs())
        })
    }

    pub(crate) fn location(&self) -> &Location {
        &self.location
    }

    pub(crate) fn config(&self) -> &StoreConfig {
        &self.config
    }

    pub(crate) fn pins(&self) -> &Pins {
        &self.pins
    }

    pub(crate) fn store(&self) -> Result<Arc<dyn Store>, Error> {
        let place = self.place().to_string_lossy();
        Ok(sreg_store::open(&place, &self.config)?)
    }

    pub(crate) fn open(&self) -> Result<OpenRegistry, Error> {
        Ok(OpenRegistry::in_store(self.store()?)?)
    }

    /// Returns the destination, and the registry in it, if there is one.
    pub(crate) fn destination(&self) -> Result<Destination, Error> {
        let store = self.store()?;
        let registry = match OpenRegistry::in_store(store.clone()) {
            Ok(registry) => Some(registry),
            Err(RegistryError::NotARegistry(_)) => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Destination {
            registry,
            at_once: REQUESTS,
            ..Destination::in_store(store)
        })
    }

    /// Returns the pins of the registry, if there is one.
    pub(crate) fn expected(&self, found: Option<&OpenRegistry>) -> Result<ExpectedRegistry, Error> {
        let found = match found {
            Some(registry) => registry.stated_id()?,
            None => None,
        };
        Ok(self.pins.expect(&self.location, found)?)
    }

    /// Records a version that was published with a key, because the holder of a key knows the registry.
    pub(crate) fn remember(&self, published: &Published) {
        let (Some(chain), Some(_)) = (&published.trust_chain, &self.pins.registries) else {
            return;
        };
        let seen = Seen {
            registry: chain.registry(),
            trust: chain.newest().clone(),
            head: published.head.clone(),
            statements: Vec::new(),
        };
        if let Err(error) = self.pins.record(&self.location, &seen) {
            tracing::warn!(%error, "the new version was not recorded");
        }
    }

    pub(crate) fn pull_options(&self) -> PullOptions<'_> {
        PullOptions {
            store: self.config.clone(),
            machine: sreg_client::resolve::arch_of_target(std::env::consts::ARCH),
            ..PullOptions::new(self.pins.clone(), self.now())
        }
    }
}
