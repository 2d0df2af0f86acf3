//! Pulls an image from its sources, or a cache, to its destination (`spec/cli.md`, CLI-24 to CLI-28).

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sreg_index::Chain;
use sreg_index::chain::sidecar_len;
use sreg_index::hasher::{self, HashError, IoMode, Observer};
use sreg_model::Digest;
use sreg_model::fault::Code;
use sreg_model::layout::Place;
use sreg_store::StoreError;

use crate::cache::Cache;
use crate::destination::Destination;
use crate::direct_url::DirectUrl;
use crate::fetch::{self, FetchError, Fetched, Source, Wanted};
use crate::options::PullOptions;
use crate::resolve::{ResolveError, Resolved};
use crate::warning::Warning;

/// A pulled image.
#[derive(Debug)]
#[non_exhaustive]
pub struct Pulled {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The bytes from an earlier run or a cache.
    pub resumed: u64,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
}

/// An error of a pull.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PullError {
    /// The destination exists and differs from the image.
    #[error("{} already exists and differs from the image", .0.display())]
    FileExists(PathBuf),
    /// The image could not be downloaded.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The writer failed at the end.
    #[error("cannot write the last bytes")]
    Flush(#[source] io::Error),
    /// The registry names a source that cannot be used.
    #[error(transparent)]
    Resolve(#[from] ResolveError),
    /// A direct URL or a mirror of it cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl PullError {
    /// Returns the error's code in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::FileExists(_) => Code::FileExists,
            Self::Fetch(error) => error.code(),
            Self::Flush(_) => Code::Unwritable,
            Self::Resolve(error) => error.code(),
            Self::Store(error) => error.code(),
        }
    }
}

/// Pulls a resolved image, and records the state of its registry.
///
/// # Errors
/// `Resolve` if the registry names a source that cannot be used; `FileExists` if the destination exists and
/// differs; `Fetch` if no source has the image, or it cannot be written.
pub fn pull(
    resolved: &Resolved,
    to: Destination<'_>,
    options: &PullOptions<'_>,
    observer: &dyn Observer,
) -> Result<Pulled, PullError> {
    let wanted = Wanted {
        digest: resolved.image().digest,
        size: Some(resolved.image().size),
        chain: digest_chain(resolved, options),
    };
    let sources = resolved.sources(&options.store)?;
    let mut pulled = bring(&wanted, &sources, to, options, observer)?;
    // The image is complete, so this is only a warning.
    if let Err(error) = resolved.record(&options.pins) {
        pulled.warnings.insert(0, Warning::NotRecorded(error));
    }
    if let Some(cache) = usable_cache(options) {
        let sidecar = wanted.chain.as_deref().map(Chain::sidecar);
        let sidecar = sidecar.map(|bytes| (&resolved.image().chain, bytes));
        if let Err(error) = cache.keep(resolved.statement(), sidecar) {
            tracing::debug!(%error, "cannot cache the documents of the image");
        }
    }
    Ok(pulled)
}

/// Pulls the file at a direct URL.
///
/// # Errors
/// `Store` if the URL or a mirror cannot be used; `FileExists` and `Fetch` as [`pull`].
pub fn pull_url(
    url: &DirectUrl,
    to: Destination<'_>,
    options: &PullOptions<'_>,
    observer: &dyn Observer,
) -> Result<Pulled, PullError> {
    let wanted = Wanted {
        digest: url.digest(),
        size: None,
        chain: None,
    };
    let sources = url.sources(&options.mirrors, &options.store)?;
    bring(&wanted, &sources, to, options, observer)
}

/// Returns the image's digest chain; `None` if no registry has a valid one: then the image is downloaded in
/// one piece.
fn digest_chain(resolved: &Resolved, options: &PullOptions<'_>) -> Option<Arc<Chain>> {
    let image = resolved.image();
    let place = Place::blob(resolved.repository(), image.chain).to_string();
    let max_bytes = usize::try_from(sidecar_len(image.size)).unwrap_or(usize::MAX - 1);
    let cache = options.cache.clone().map(Cache::new);
    let cached = cache.and_then(|cache| cache.sidecar(&image.chain, max_bytes));
    let served = resolved.registries().iter().filter_map(|registry| {
        let found = registry.store().read(&place, max_bytes).ok()??;
        Some(found.bytes)
    });
    let chain = cached.into_iter().chain(served).find_map(|bytes| {
        let is_stated = Digest::of(&bytes) == image.chain;
        let chain = Chain::parse(bytes, image.size, &image.digest).ok();
        chain.filter(|_| is_stated)
    });
    if chain.is_none() {
        (options.warn)(Warning::NoDigestChain);
    }
    chain.map(Arc::new)
}

/// Returns the cache, unless it is bypassed.
fn usable_cache(options: &PullOptions<'_>) -> Option<Cache> {
    let folder = options.cache.clone().filter(|_| !options.bypass_cache);
    folder.map(Cache::new)
}

/// Downloads or copies an image to its destination.
fn bring(
    wanted: &Wanted,
    sources: &[Source],
    to: Destination<'_>,
    options: &PullOptions<'_>,
    observer: &dyn Observer,
) -> Result<Pulled, PullError> {
    let settings = fetch::Options {
        connections: options.connections,
        retry: options.store.retry.clone(),
        min_bytes_per_window: options.store.timeouts.min_bytes_per_window,
        executable: true,
        ..fetch::Options::default()
    };
    let (fetched, path) = match to {
        Destination::File { path, replace } => {
            if let Some(size) = find(&path, wanted, replace, observer)? {
                return Ok(Pulled {
                    digest: wanted.digest,
                    size,
                    resumed: size,
                    warnings: Vec::new(),
                });
            }
            let fetched = match usable_cache(options) {
                Some(cache) => cache.get(wanted, sources, &path, &settings, observer)?,
                None => fetch::fetch(wanted, sources, &path, &settings, observer)?,
            };
            (fetched, Some(path))
        }
        Destination::Stream { to } => {
            let fetched = fetch::stream(wanted, sources, to, &settings, observer)?;
            to.flush().map_err(PullError::Flush)?;
            (fetched, None)
        }
        Destination::Spool { folder, to } => {
            let fetched = fetch::spool(wanted, sources, &folder, to, &settings, observer)?;
            to.flush().map_err(PullError::Flush)?;
            (fetched, None)
        }
    };
    Ok(pulled(wanted.digest, fetched, path))
}

fn pulled(digest: Digest, fetched: Fetched, path: Option<PathBuf>) -> Pulled {
    let mut warnings: Vec<Warning> = fetched.warnings.into_iter().map(Warning::Fetch).collect();
    if let Some(path) = path.filter(|path| !is_executable(path)) {
        warnings.push(Warning::NotExecutable(path));
    }
    Pulled {
        digest,
        size: fetched.size,
        resumed: fetched.resumed,
        warnings,
    }
}

/// Returns the size of the image if the destination already has it. Refuses to replace another file, unless
/// `replace` is set.
fn find(
    path: &Path,
    wanted: &Wanted,
    replace: bool,
    observer: &dyn Observer,
) -> Result<Option<u64>, PullError> {
    // The download reports paths that cannot be read, because they cannot be written either.
    let Ok(found) = path.symlink_metadata() else {
        return Ok(None);
    };
    let may_be_same = found.is_file() && wanted.size.is_none_or(|size| size == found.len());
    let is_same = may_be_same
        && match hasher::hash(path, IoMode::Auto, observer) {
            Ok(hashed) => hashed.chain.digest() == wanted.digest,
            Err(HashError::Cancelled) => return Err(FetchError::Interrupted.into()),
            // It is another file.
            Err(_) => false,
        };
    match is_same {
        true => Ok(Some(found.len())),
        false if replace && !found.is_dir() => Ok(None),
        false => Err(PullError::FileExists(path.to_owned())),
    }
}

/// Returns whether a file is executable.
fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|found| found.permissions().mode() & 0o100 != 0)
}
