//! Pulls an image, verified.

use std::io::Write;
use std::path::{Path, PathBuf};

use sreg_client::destination::Destination;
use sreg_client::known::Confirm;
use sreg_client::pull::Pulled;
use sreg_client::resolve::Resolved;
use sreg_client::{PullOptions, Version, Warning};
use sreg_index::hasher::Observer;
use sreg_model::{Arch, Reference};

use crate::{Error, Registry, Unobserved};

/// Pulls the image of a reference, verified. Call `to_file` or `to_writer` to start.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let images = sreg_tests::examples::write(&folder.path().join("images"));
/// # let public = folder.path().join("public");
/// # let keys = sreg::KeyRing::open(sreg_tests::keys::write(folder.path(), 1))?;
/// # sreg::index(&images, &sreg::Registry::new(&public)).sign_with(&keys).run()?;
/// # let id = sreg::Registry::new(&public).id()?.unwrap();
/// let registry = sreg::Registry::new(&public).with_id(id);
/// let pulled = sreg::pull(&registry, &"lab/tool:1.1".parse()?).to_file(folder.path().join("tool.sif"))?;
/// assert_eq!(pulled.size, 36864);
/// # Ok(())
/// # }
/// ```
///
/// The registry must be trusted: its id was given ([`Registry::with_id`]), it is a known registry, or the
/// lock file lists it. Otherwise the pull fails, unless [`Pull::confirm`] or [`Pull::allow_unsigned`] accepts
/// it. A digest in the reference identifies the image, so the registry needs no trust.
#[must_use = "nothing is pulled until `to_file` or `to_writer` is called"]
pub fn pull<'a>(registry: &'a Registry, reference: &'a Reference) -> Pull<'a> {
    Pull {
        registry,
        reference,
        replace: false,
        observer: &Unobserved,
        options: PullOptions {
            require_signed: reference.digest().is_none(),
            ..registry.pull_options()
        },
    }
}

/// An image to pull.
#[must_use = "nothing is pulled until `to_file` or `to_writer` is called"]
pub struct Pull<'a> {
    registry: &'a Registry,
    reference: &'a Reference,
    replace: bool,
    observer: &'a dyn Observer,
    options: PullOptions<'a>,
}

impl<'a> Pull<'a> {
    /// Sets the architecture (default: that of this machine, otherwise the only one).
    pub fn arch(mut self, arch: Arch) -> Self {
        self.options.arch = Some(arch);
        self
    }

    /// Allows a registry without keys, in which digests show that bytes are whole, but not who published
    /// them.
    pub fn allow_unsigned(mut self) -> Self {
        self.options.require_signed = false;
        self
    }

    /// Sets the callback that answers whether to trust an unknown registry with keys (default: never). A
    /// closure of [`&Question`](crate::Question) is one. [`Registry::with_known_registries`] records the
    /// answer.
    pub fn confirm(mut self, confirm: &'a dyn Confirm) -> Self {
        self.options.confirm = confirm;
        self
    }

    /// Sets copies of the registry, which need no trust.
    pub fn mirrors(mut self, mirrors: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.options.mirrors = mirrors.into_iter().map(Into::into).collect();
        self
    }

    /// Sets the folder that caches pulled images (default: none).
    pub fn cache(mut self, folder: impl Into<PathBuf>) -> Self {
        self.options.cache = Some(folder.into());
        self
    }

    /// Sets the version of the registry to use (default: the newest).
    pub fn version(mut self, version: Version) -> Self {
        self.options.version = version;
        self
    }

    /// Sets the number of simultaneous requests (default: 4).
    pub fn connections(mut self, connections: usize) -> Self {
        self.options.connections = connections;
        self
    }

    /// Sets whether to replace an existing file that differs (default: fail).
    pub fn replace(self, replace: bool) -> Self {
        Self { replace, ..self }
    }

    /// Sets the callback for warnings. Those of the download are in [`Pulled::warnings`].
    pub fn warn(mut self, warn: &'a dyn Fn(Warning)) -> Self {
        self.options.warn = warn;
        self
    }

    /// Sets the observer of the download, which may cancel it.
    pub fn observer(self, observer: &'a dyn Observer) -> Self {
        Self { observer, ..self }
    }

    /// Resolves the reference and verifies the documents that vouch for the image, without downloading it.
    /// Blocks.
    ///
    /// # Errors
    /// `Resolve` if the reference is not published, the registry is not trusted, or it has a fault.
    pub fn resolve(&self) -> Result<Resolved, Error> {
        let location = self.registry.location();
        Ok(sreg_client::resolve::resolve(
            location,
            self.reference,
            &self.options,
        )?)
    }

    /// Pulls the image to a file, which appears once the image is verified. Resumes an interrupted pull.
    /// Blocks until the image is complete.
    ///
    /// # Errors
    /// As [`Pull::resolve`]; `Pull` if the file exists and differs, or the image cannot be downloaded or
    /// written.
    pub fn to_file(self, path: impl AsRef<Path>) -> Result<Pulled, Error> {
        let to = Destination::File {
            path: path.as_ref().to_owned(),
            replace: self.replace,
        };
        self.to(to)
    }

    /// Pulls the image to a temporary file in `scratch`, verifies it, and then writes it to a writer. Blocks
    /// until then.
    ///
    /// # Errors
    /// As [`Pull::to_file`].
    pub fn to_writer(
        self,
        to: &mut dyn Write,
        scratch: impl Into<PathBuf>,
    ) -> Result<Pulled, Error> {
        let folder = scratch.into();
        self.to(Destination::Spool { folder, to })
    }

    fn to(self, to: Destination<'_>) -> Result<Pulled, Error> {
        let resolved = self.resolve()?;
        let mut pulled = sreg_client::pull::pull(&resolved, to, &self.options, self.observer)?;
        if self.options.pins.registries.is_none() {
            // Nothing to record.
            pulled
                .warnings
                .retain(|warning| !matches!(warning, Warning::NotRecorded(_)));
        }
        Ok(pulled)
    }
}
