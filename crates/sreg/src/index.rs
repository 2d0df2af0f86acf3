//! Publishes a folder of images.

use std::path::Path;

use sreg_index::hasher::IoMode;
use sreg_ingest::source::Naming;
use sreg_ingest::{Options, Outcome, index_folder};
use sreg_model::Namespace;
use sreg_model::settings::BaseUrl;
use sreg_publish::{LinkMode, Progress, Session};

use crate::{Error, KeyRing, Registry, Unobserved};

/// Publishes the images of a folder. Call `run` to start.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let images = sreg_tests::examples::write(&folder.path().join("images"));
/// # let public = folder.path().join("public");
/// let outcome = sreg::index(&images, &sreg::Registry::new(&public)).run()?;
/// assert_eq!(outcome.images, 6);
/// # Ok(())
/// # }
/// ```
///
/// The paths of the images are read as references, as `sreg index` reads them: `lab/tool/1.0.sif` is
/// `lab/tool:1.0`.
#[must_use = "nothing is published until `run` is called"]
pub fn index<'a>(source: impl AsRef<Path>, registry: &'a Registry) -> Index<'a> {
    let namespace: Namespace = "library".parse().expect("the default namespace is one");
    Index {
        registry,
        keys: None,
        progress: &Unobserved,
        options: Options {
            source: source.as_ref().to_owned(),
            out: registry.place().to_owned(),
            naming: Naming::plain(namespace),
            link: LinkMode::default(),
            io: IoMode::Auto,
            base_url: None,
            blob_url: None,
            host: None,
            cache: None,
            origin: None,
            prune: false,
            allow_removals: false,
            skip_invalid: false,
            dry_run: false,
        },
    }
}

/// A folder of images to publish.
#[must_use = "nothing is published until `run` is called"]
pub struct Index<'a> {
    registry: &'a Registry,
    keys: Option<&'a KeyRing>,
    progress: &'a dyn Progress,
    options: Options,
}

impl<'a> Index<'a> {
    /// Sets the signing keys. A registry without keys gets the first one.
    pub fn sign_with(self, keys: &'a KeyRing) -> Self {
        Self {
            keys: Some(keys),
            ..self
        }
    }

    /// Sets the rules for reading references from paths (default: the plain layout, with the namespace
    /// `library` for images at the top).
    pub fn naming(mut self, naming: Naming) -> Self {
        self.options.naming = naming;
        self
    }

    /// Sets how to put images into the registry (default: a reflink, a hard link or a copy, whichever the
    /// file system supports).
    pub fn link(mut self, link: LinkMode) -> Self {
        self.options.link = link;
        self
    }

    /// Sets the URL at which the folder is served (default: links are relative).
    pub fn base_url(mut self, url: BaseUrl) -> Self {
        self.options.base_url = Some(url);
        self
    }

    /// Sets the file of a hash cache (default: read every image again).
    pub fn cache(mut self, file: impl AsRef<Path>) -> Self {
        self.options.cache = Some(file.as_ref().to_owned());
        self
    }

    /// Sets whether to remove references that are not in the folder (default: keep them).
    pub fn prune(mut self, prune: bool) -> Self {
        self.options.prune = prune;
        self
    }

    /// Sets whether to skip invalid images (default: publish nothing).
    pub fn skip_invalid(mut self, skip: bool) -> Self {
        self.options.skip_invalid = skip;
        self
    }

    /// Sets the observer of the run, which may cancel it.
    pub fn progress(self, progress: &'a dyn Progress) -> Self {
        Self { progress, ..self }
    }

    /// Publishes the images. Blocks until they are published.
    ///
    /// # Errors
    /// `NotAFolder` if the registry is at a URL; `Registry` if an image cannot be published, the keys may not
    /// sign, or the folder cannot be written; `Known` if another registry is expected there. What was
    /// published before remains whole.
    pub fn run(self) -> Result<Outcome, Error> {
        let place = self.registry.place();
        if sreg_store::is_url(&place.to_string_lossy()) {
            let shown = sreg_store::shown(&place.to_string_lossy());
            return Err(Error::NotAFolder(shown));
        }
        let destination = self.registry.destination()?;
        let expected = self.registry.expected(destination.registry.as_ref())?;
        let keys = self.keys.map(|keys| keys.keys(true));
        let session = Session {
            keys: keys.as_ref(),
            pins: expected.pins(),
            now: self.registry.now(),
            progress: self.progress,
        };
        let outcome = index_folder(&self.options, &session)?;
        if let (Some(_), Some(published)) = (self.keys, &outcome.published) {
            self.registry.remember(published);
        }
        Ok(outcome)
    }
}
