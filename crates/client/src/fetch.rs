//! Downloads an image: from any source that has it, in parallel, resumable, and never anything unverified
//! (`spec/digest-chain.md`).
//!
//! Chunks are checked in a thread's own memory before they are written, and the whole digest chain again over
//! the bytes on disk before the file gets its name. After wrong bytes the next source is used; no source
//! needs trust.

pub(crate) mod check;
pub(crate) mod chunks;
pub(crate) mod disk;
mod error;
mod journal;
pub(crate) mod part_file;
mod request;
mod run;
mod scheduler;
mod stream;
mod whole_file;
mod workers;
mod write_gate;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use sreg_index::Chain;
use sreg_index::hasher::Observer;
use sreg_model::Digest;
use sreg_model::statement::MAX_SIZE;
use sreg_store::{RetryPolicy, Store, Timeouts};

pub use error::{Fault, Faults, FetchError, SourceFault};
pub(crate) use journal::Identity;
use part_file::{PartFile, Sharing};
pub(crate) use run::fetch_into;
pub use stream::{spool, stream};

/// An image to download.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes; `None` if only its digest is known.
    pub size: Option<u64>,
    /// Its digest chain, if a verified document names the sidecar's digest.
    pub chain: Option<Arc<Chain>>,
}

impl Wanted {
    /// Returns the image of a digest chain.
    #[must_use]
    pub fn of(chain: Arc<Chain>) -> Self {
        Self {
            digest: chain.digest(),
            size: Some(chain.size()),
            chain: Some(chain),
        }
    }

    /// Returns the digest chain, if it is this image's and its last link can be valid.
    pub(crate) fn usable_chain(&self) -> Option<&Arc<Chain>> {
        self.chain.as_ref().filter(|chain| {
            let last = chain.len() - 1;
            let is_of_this =
                chain.digest() == self.digest && self.size.is_none_or(|size| size == chain.size());
            // The last link of an image of whole MiB covers no bytes: it is valid or not before any are read.
            is_of_this && (chain.range(last).1 > 0 || chain.holds(last, b""))
        })
    }
}

/// A place that may have an image.
#[derive(Debug, Clone)]
pub struct Source {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The image's key there.
    pub key: String,
}

impl Source {
    /// Returns the URL or path of the image.
    #[must_use]
    pub fn name(&self) -> String {
        match self.key.as_str() {
            "" => self.store.name().to_owned(),
            key => format!("{}/{key}", self.store.name()),
        }
    }
}

/// Options of a download.
#[derive(Debug, Clone)]
pub struct Options {
    /// The number of simultaneous requests, from 1 to 32.
    pub connections: usize,
    /// How often and when to retry a failing source.
    pub retry: RetryPolicy,
    /// The number of bytes that count as progress for a source that fails repeatedly.
    pub min_bytes_per_window: u64,
    /// The maximal size of an image of unknown size, in bytes.
    pub most: u64,
    /// Whether to make the file executable.
    pub executable: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connections: 4,
            retry: RetryPolicy::default(),
            min_bytes_per_window: Timeouts::default().min_bytes_per_window,
            most: MAX_SIZE,
            executable: false,
        }
    }
}

impl Options {
    /// Returns the number of workers, each of which holds a chunk in memory.
    fn workers(&self) -> usize {
        self.connections.clamp(1, 32)
    }
}

/// The result of a download.
#[derive(Debug)]
#[non_exhaustive]
pub struct Fetched {
    /// The image's size in bytes.
    pub size: u64,
    /// The bytes from an earlier run or a cache.
    pub resumed: u64,
    /// Warnings for the user.
    pub warnings: Vec<Warning>,
}

/// A warning about the download of a valid image.
#[derive(Debug)]
#[non_exhaustive]
pub enum Warning {
    /// The image's digest is right, but its digest chain is wrong: its publisher should know.
    WrongChain(Digest),
    /// A source failed.
    Left(SourceFault),
    /// The cache could not be used: the image was downloaded without it.
    CacheUnusable(Box<FetchError>),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongChain(digest) => write!(
                f,
                "the digest chain of {digest} is wrong; the whole image was read and is valid"
            ),
            Self::Left(fault) => fault.fmt(f),
            Self::CacheUnusable(error) => {
                write!(f, "cache not used: {error}")?;
                match std::error::Error::source(&**error) {
                    Some(cause) => write!(f, ": {cause}"),
                    None => Ok(()),
                }
            }
        }
    }
}

/// Downloads an image to the file `target`, and replaces a file or link of that name.
///
/// Until the whole image is verified, it is in a file beside `target` whose name ends in `.part`. If the
/// download fails, that file remains and the next run resumes. Waits if another run downloads to the same
/// target.
///
/// Tells the observer once how many bytes to expect, if known.
///
/// # Errors
/// `Mismatch`, `Size`, `Missing` or `Unreachable` if no source has the right bytes; `NoRoom`, `Full` or
/// `Write` if `target` cannot be written; `Interrupted` if the observer cancels.
pub fn fetch(
    wanted: &Wanted,
    sources: &[Source],
    target: &Path,
    options: &Options,
    watch: &dyn Observer,
) -> Result<Fetched, FetchError> {
    let part = PartFile::open(target, Identity::of(wanted), Sharing::Lock, watch)?;
    if part.has_waited()
        && let Some(size) = check::find(target, wanted, watch).map_err(FetchError::write(target))?
    {
        part.discard();
        return Ok(Fetched {
            size,
            resumed: size,
            warnings: Vec::new(),
        });
    }
    fetch_into(part, wanted, sources, options, watch)
}
