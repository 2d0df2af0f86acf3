//! Publishes one image.

use std::path::{Path, PathBuf};

use sreg_index::hasher::IoMode;
use sreg_model::{Arch, Reference};
use sreg_publish::push::Pushed;
use sreg_publish::{Progress, Session};

use crate::{Error, KeyRing, Registry, Unobserved};

/// Publishes one image under a reference. Call `run` to start.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let images = sreg_tests::examples::write(&folder.path().join("images"));
/// # let public = folder.path().join("public");
/// # sreg::index(&images, &sreg::Registry::new(&public)).run()?;
/// let registry = sreg::Registry::new(&public);
/// let pushed = sreg::push(images.join("lab/tool/1.1.sif"), &registry, &"lab/new:2.0".parse()?).run()?;
/// assert_eq!(pushed.published.head.body().version, 2);
/// # Ok(())
/// # }
/// ```
///
/// The registry may be a folder or a bucket. If several programs publish at once, each retries on top of the others.
#[must_use = "nothing is published until `run` is called"]
pub fn push<'a>(
    image: impl AsRef<Path>,
    registry: &'a Registry,
    reference: &'a Reference,
) -> Push<'a> {
    Push {
        image: image.as_ref().to_owned(),
        registry,
        reference,
        keys: None,
        arch: None,
        frozen: false,
        uploads: None,
        progress: &Unobserved,
    }
}

/// An image to publish.
#[must_use = "nothing is published until `run` is called"]
pub struct Push<'a> {
    image: PathBuf,
    registry: &'a Registry,
    reference: &'a Reference,
    keys: Option<&'a KeyRing>,
    arch: Option<Arch>,
    frozen: bool,
    uploads: Option<PathBuf>,
    progress: &'a dyn Progress,
}

impl<'a> Push<'a> {
    /// Sets the signing keys, which a registry with keys needs.
    pub fn sign_with(self, keys: &'a KeyRing) -> Self {
        Self {
            keys: Some(keys),
            ..self
        }
    }

    /// Sets the architecture of an image that does not state its own.
    pub fn arch(self, arch: Arch) -> Self {
        Self {
            arch: Some(arch),
            ..self
        }
    }

    /// Sets whether the tag can never move to another image.
    pub fn frozen(self, frozen: bool) -> Self {
        Self { frozen, ..self }
    }

    /// Sets the folder for notes of unfinished uploads, so that a later run resumes them (default: uploads
    /// start again).
    pub fn uploads(self, folder: impl Into<PathBuf>) -> Self {
        Self {
            uploads: Some(folder.into()),
            ..self
        }
    }

    /// Sets the observer of the run, which may cancel it.
    pub fn progress(self, progress: &'a dyn Progress) -> Self {
        Self { progress, ..self }
    }

    /// Publishes the image. Blocks until it is published.
    ///
    /// # Errors
    /// `PushToDigest` if the reference has a digest; `Registry` if the image is malformed, the keys may not
    /// sign, the tag is frozen, or the registry cannot be read or written; `Known` if another registry is
    /// expected there. What was published before remains whole. If the observer cancels after the commit, the
    /// error is `interrupted` although the image is published; the next run writes the views.
    pub fn run(self) -> Result<Pushed, Error> {
        let tag = match (self.reference.digest(), self.reference.tag_or_default()) {
            (None, Some(tag)) => tag,
            _ => return Err(Error::PushToDigest(self.reference.to_string())),
        };
        let mut destination = self.registry.destination()?;
        destination.uploads = self.uploads;
        let expected = self.registry.expected(destination.registry.as_ref())?;
        let keys = self.keys.map(|keys| keys.keys(false));
        let session = Session {
            keys: keys.as_ref(),
            pins: expected.pins(),
            now: self.registry.now(),
            progress: self.progress,
        };
        let push = sreg_publish::push::Push {
            image: &self.image,
            repository: self.reference.repository().clone(),
            tag,
            arch: self.arch,
            frozen: self.frozen,
            statement: None,
            io: IoMode::Auto,
        };
        let pushed = sreg_publish::push::push(&destination, &session, &push)?;
        if self.keys.is_some() {
            self.registry.remember(&pushed.published);
        }
        Ok(pushed)
    }
}
