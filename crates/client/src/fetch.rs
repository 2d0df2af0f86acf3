//! Fetching an image: from whichever source has it, in parallel, resuming, and never more than a
//! verified one (`spec/digest-chain.md`).
//!
//! Chunks are checked in a thread's own memory before they are written, and all links once more over
//! the bytes on disk before the file gets its name. A source that gives wrong bytes is left for the
//! next; no source has to be trusted.

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

/// An image to be fetched.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes; nothing, where only its digest is known.
    pub size: Option<u64>,
    /// Its chain, where there is one whose sidecar was reached by hash.
    pub chain: Option<Arc<Chain>>,
}

impl Wanted {
    /// The image that a chain is of.
    #[must_use]
    pub fn of(chain: Arc<Chain>) -> Self {
        Self {
            digest: chain.digest(),
            size: Some(chain.size()),
            chain: Some(chain),
        }
    }

    /// The chain, where it is this image's and its last link can hold.
    pub(crate) fn usable_chain(&self) -> Option<&Arc<Chain>> {
        self.chain.as_ref().filter(|chain| {
            let last = chain.len() - 1;
            let is_of_this =
                chain.digest() == self.digest && self.size.is_none_or(|size| size == chain.size());
            // The last link of whole MiB is about no bytes: it holds or not before any are there.
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
    /// The URL or path of the image.
    #[must_use]
    pub fn name(&self) -> String {
        match self.key.as_str() {
            "" => self.store.name().to_owned(),
            key => format!("{}/{key}", self.store.name()),
        }
    }
}

/// How an image is fetched.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many requests go at once, from 1 to 32.
    pub connections: usize,
    /// How often a source is asked again that gives nothing, and how long to wait before.
    pub retry: RetryPolicy,
    /// The bytes that count as something where a source fails again and again.
    pub min_bytes_per_window: u64,
    /// The most bytes of an image whose size is not known.
    pub most: u64,
    /// Whether the file may be run.
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
    /// Each worker holds a chunk in memory.
    fn workers(&self) -> usize {
        self.connections.clamp(1, 32)
    }
}

/// What was fetched.
#[derive(Debug)]
#[non_exhaustive]
pub struct Fetched {
    /// The image's size in bytes.
    pub size: u64,
    /// The bytes that were there before: from an earlier run, or from a cache.
    pub resumed: u64,
    /// What its users should know.
    pub warnings: Vec<Warning>,
}

/// What was not as it should be, though the image is.
#[derive(Debug)]
#[non_exhaustive]
pub enum Warning {
    /// The image's own digest is right and its chain is wrong: its publisher should know.
    WrongChain(Digest),
    /// A source was left.
    Left(SourceFault),
    /// The cache could not be used, and the image was fetched without it.
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

/// Fetches an image into the file `target`, in the place of a file or a link that has that name.
///
/// Until it is verified as a whole, what there is of it stands beside `target` in a file whose name
/// ends in `.part`. It stays there when this fails, and the next run goes on from it. Where another
/// run fetches into the same target, it is waited for.
///
/// The observer is told once how many bytes are to be fetched, where that is known.
///
/// # Errors
/// When no source gives the right bytes, `target` cannot be written, or the observer asks to stop.
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
