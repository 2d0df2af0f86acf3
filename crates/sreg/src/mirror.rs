//! Copies a registry.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use sreg_client::fetch::{self, Options, Source, Wanted};
use sreg_index::hasher::Observer;
use sreg_model::layout::STAGING;
use sreg_publish::mirror::Mirrored;
use sreg_publish::{Progress, PublishError, Session};

use crate::{Error, Registry, Unobserved};

/// Copies a registry with its id, its versions and its signatures. Call `run` to start. No key is needed.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let images = sreg_tests::examples::write(&folder.path().join("images"));
/// # let public = folder.path().join("public");
/// # sreg::index(&images, &sreg::Registry::new(&public)).run()?;
/// let (from, to) = (sreg::Registry::new(&public), sreg::Registry::new(folder.path().join("copy")));
/// let mirrored = sreg::mirror(&from, &to).run()?;
/// assert_eq!(mirrored.images, 6);
/// assert_eq!(to.references()?, from.references()?);
/// # Ok(())
/// # }
/// ```
#[must_use = "nothing is copied until `run` is called"]
pub fn mirror<'a>(from: &'a Registry, to: &'a Registry) -> Mirror<'a> {
    Mirror {
        from,
        to,
        scratch: None,
        progress: &Unobserved,
    }
}

/// A registry to copy.
#[must_use = "nothing is copied until `run` is called"]
pub struct Mirror<'a> {
    from: &'a Registry,
    to: &'a Registry,
    scratch: Option<PathBuf>,
    progress: &'a dyn Progress,
}

impl<'a> Mirror<'a> {
    /// Sets the folder for temporary files of copies from one server to another. Copies in a folder need
    /// none.
    pub fn scratch(self, folder: impl Into<PathBuf>) -> Self {
        Self {
            scratch: Some(folder.into()),
            ..self
        }
    }

    /// Sets the observer of the run, which may cancel it.
    pub fn progress(self, progress: &'a dyn Progress) -> Self {
        Self { progress, ..self }
    }

    /// Copies everything that is missing. Blocks until it is copied.
    ///
    /// # Errors
    /// `NoScratch` if both are on servers and no folder is set; `Registry` if the source has a fault, its
    /// copy is another registry or has versions of its own, or one of both cannot be read or written; `Known`
    /// if another registry is expected at one of both places. What was published before remains whole.
    pub fn run(self) -> Result<Mirrored, Error> {
        let from = self.from.open()?;
        let destination = self.to.destination()?;
        let mut pins = self.from.expected(Some(&from))?.pins().to_vec();
        pins.extend_from_slice(self.to.expected(destination.registry.as_ref())?.pins());
        let session = Session {
            keys: None,
            pins: &pins,
            now: self.from.now(),
            progress: self.progress,
        };
        let config = self.from.config();
        let options = Options {
            retry: config.retry.clone(),
            min_bytes_per_window: config.timeouts.min_bytes_per_window,
            ..Options::default()
        };
        let of_folder = destination.store.capabilities().folder;
        let of_folder = of_folder.map(|folder| folder.join(STAGING).join("mirror"));
        let is_remote = from.store().capabilities().folder.is_none();
        let scratch = match self.scratch.or(of_folder) {
            Some(scratch) => scratch,
            // A copy from a folder to a bucket needs no temporary files.
            None if !is_remote => from.root().to_owned(),
            None => return Err(Error::NoScratch),
        };
        if is_remote {
            let made = std::fs::create_dir_all(&scratch);
            made.map_err(PublishError::write(&scratch))?;
        }
        let silent = Silent(self.progress);
        let mirrored = sreg_publish::mirror::mirror(
            &destination,
            &session,
            &sreg_publish::mirror::Mirror {
                from: &from,
                scratch: &scratch,
                fetch: &|registry, place, chain, file: &Path| {
                    let source = Source {
                        store: registry.store().clone(),
                        key: place.to_string(),
                    };
                    let wanted = Wanted::of(Arc::new(chain.clone()));
                    let fetched = fetch::fetch(&wanted, &[source], file, &options, &silent);
                    fetched.map(drop).map_err(|error| PublishError::Fetch {
                        code: error.code(),
                        source: Box::new(error),
                    })
                },
            },
        )?;
        if is_remote {
            // Fails, as intended, if the folder is not empty.
            let _ = std::fs::remove_dir(&scratch);
        }
        Ok(mirrored)
    }
}

/// Ignores downloaded bytes, because uploads count the same bytes.
struct Silent<'a>(&'a dyn Progress);

impl Observer for Silent<'_> {
    fn advance(&self, _: u64) {}

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}
