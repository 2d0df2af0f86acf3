//! Storage of registries: objects under keys, in a folder, in a bucket, or behind a web server.
//!
//! The calls of a [`Store`] block. tokio drives the network in `runtime`. In an async runtime a store works
//! too, and blocks the thread: use `spawn_blocking` or the like. Every backend passes the [`contract`].
//!
//! Nothing here reads the environment or the home folder: [`StoreConfig`] contains proxies, credentials and the
//! settings of a bucket. The one exception is `SSL_CERT_FILE`, which the system's verifier of certificates reads.

mod capabilities;
pub mod contract;
mod error;
mod http;
pub mod local;
mod memory;
mod open;
mod probe;
mod proxies;
pub mod retry;
mod runtime;
mod s3;
mod timeouts;
mod tls;
mod upload;
mod web;

use std::fmt;
use std::ops::Range;

pub use capabilities::{Capabilities, Scheme};
pub use error::StoreError;
pub use http::{Http, shown};
pub use local::Local;
pub use memory::Memory;
pub use open::{StoreConfig, file_path, is_url, open};
pub use probe::{probe_parts, supports_conditional_writes, supports_trailing_slash};
pub use proxies::Proxies;
pub use retry::{Interrupt, RetryPolicy};
pub use s3::{Credentials, Profile, S3, is_s3_option};
pub use timeouts::Timeouts;
pub use upload::Upload;
pub use web::Addresses;

use sreg_model::Digest;

/// A store of objects under keys.
///
/// A key is a path below the registry's root, with `/` between components, as
/// [`sreg_model::layout::Place`] formats it. After an error of a write, it is unknown whether the object
/// was written (`spec/commit.md`).
pub trait Store: fmt::Debug + Send + Sync {
    /// Returns the name of the store for messages: a URL or a folder, without a slash at its end.
    fn name(&self) -> &str;

    /// Returns what the store is and can do.
    fn capabilities(&self) -> Capabilities<'_>;

    /// Returns the retry policy of the store. All its calls follow it, except [`Store::read_range`].
    fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy::never()
    }

    /// Returns whether the server of the store was seen at an address of a private network.
    fn is_private(&self) -> bool {
        false
    }

    /// Reads at most `max_bytes + 1` bytes of an object, so that callers can detect an oversized object.
    /// Returns `None` if it does not exist.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be read.
    fn read(&self, key: &str, max_bytes: usize) -> Result<Option<Object>, StoreError>;

    /// Returns the size of an object in bytes, or `None` if it does not exist.
    ///
    /// # Errors
    /// [`StoreError`] if the request fails.
    fn size(&self, key: &str) -> Result<Option<u64>, StoreError>;

    /// Returns the headers with which an object is served, or `None` if it does not exist or the store
    /// has no server.
    ///
    /// # Errors
    /// [`StoreError`] if the request fails.
    fn serves(&self, _key: &str) -> Result<Option<Headers>, StoreError> {
        Ok(None)
    }

    /// Passes the bytes of a range to `sink`, in order, as they arrive. Bytes after the end of the
    /// object are missing, even if all of the range is after it, and `sink` never gets more bytes than
    /// requested. Makes one attempt: [`retry::read_range`] continues after a transient error.
    ///
    /// # Errors
    /// If the bytes cannot be read, break off, or `sink` refuses them. The bytes until then are valid.
    fn read_range(&self, key: &str, range: Range<u64>, sink: Sink<'_>) -> Result<(), StoreError>;

    /// Writes a whole object, if the precondition holds.
    ///
    /// # Errors
    /// If the object could not be written, or the result is unknown.
    fn write(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &Precondition,
        served: Served,
    ) -> Result<PutOutcome, StoreError>;

    /// Writes a small object in parts, as [`Store::upload`] writes large ones. Returns a text for people
    /// that states how parts are verified during the upload, or `None` if the store has no parts.
    ///
    /// # Errors
    /// As [`Store::upload`].
    fn probe_parts(&self, _key: &str) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    /// Uploads an object from a file, in parts, and resumes the upload of an earlier call.
    ///
    /// # Errors
    /// If it cannot be written, or is cancelled.
    fn upload(&self, key: &str, upload: &Upload<'_>) -> Result<(), StoreError>;

    /// Copies an object within the store, on the server, and stores its digest in the metadata of the
    /// copy.
    ///
    /// # Errors
    /// [`StoreError::NoCopies`] if the store does not copy objects; otherwise if the copy fails, or the
    /// result is unknown.
    fn copy(
        &self,
        _from: &str,
        key: &str,
        _digest: &Digest,
        _served: Served,
    ) -> Result<(), StoreError> {
        Err(StoreError::NoCopies(format!("{}/{key}", self.name())))
    }

    /// Returns the size and the noted digest of an object that may be such a copy, or `None` if it does
    /// not exist.
    ///
    /// # Errors
    /// [`StoreError`] if the request fails.
    fn copied(&self, key: &str) -> Result<Option<Copied>, StoreError> {
        let size = self.size(key)?;
        Ok(size.map(|size| Copied { size, digest: None }))
    }

    /// Removes an object if it exists.
    ///
    /// # Errors
    /// [`StoreError`] if it cannot be removed.
    fn remove(&self, key: &str) -> Result<(), StoreError>;

    /// Gives the objects whose keys begin with `prefix` and a slash, in no certain order. Keys that end with a slash
    /// are left out.
    ///
    /// # Errors
    /// [`StoreError::NoLists`] if the store cannot list objects; the error of `each`, which ends the list.
    fn list(&self, prefix: &str, _each: Lister<'_>) -> Result<(), StoreError> {
        Err(StoreError::NoLists(format!("{}/{prefix}", self.name())))
    }
}

/// Receives bytes as they arrive.
pub type Sink<'a> = &'a mut (dyn FnMut(&[u8]) -> std::io::Result<()> + Send);

/// Receives the objects of a list.
pub type Lister<'a> = &'a mut (dyn FnMut(Listed) -> Result<(), StoreError> + Send);

/// An object of a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its size in bytes.
    pub size: u64,
}

/// An object and its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The version of the object under its key.
    pub version: Version,
}

/// The version of an object under a key: an entity tag (RFC 9110, 8.8.3), and in stores whose conditions name
/// generations, the generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    pub(crate) tag: String,
    pub(crate) generation: Option<String>,
}

impl Version {
    /// Returns the version of an entity tag.
    pub(crate) fn of_tag(tag: impl Into<String>) -> Self {
        Self {
            tag: tag.into(),
            generation: None,
        }
    }
}

/// The precondition of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    Any,
    /// The object does not exist.
    Absent,
    /// The object has this version.
    Is(Version),
}

/// The result of a conditional write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// The object was written.
    Stored,
    /// The precondition failed. If the request was retried, its first attempt may have written the
    /// object: read the object to find out.
    PreconditionFailed,
}

/// The metadata of an object that may be a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Its size in bytes.
    pub size: u64,
    /// The digest in its metadata.
    pub digest: Option<Digest>,
}

/// The headers of an object that readers depend on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Its media type.
    pub content_type: Option<String>,
    /// Its cache lifetime.
    pub cache_control: Option<String>,
    /// Its content encoding, which should be absent.
    pub encoding: Option<String>,
}

pub use sreg_model::layout::Served;
