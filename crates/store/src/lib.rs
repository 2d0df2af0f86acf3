//! Where registries are kept: objects under keys, in a folder, in a bucket, behind a web server.
//!
//! A [`Store`] blocks, so that all code above it reads like code on files; `runtime` is where
//! tokio drives the network. Called in an async runtime, a store works, too, and blocks the thread meanwhile:
//! use `spawn_blocking` or the like. Every backend passes the [`contract`].
//!
//! Nothing here reads the environment or the home folder: [`StoreConfig`] contains proxies, credentials and the
//! settings of a bucket. The one exception is `SSL_CERT_FILE`, which the system's verifier of certificates reads.

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
use std::path::Path;

pub use error::StoreError;
pub use http::{Http, shown};
pub use local::Local;
pub use memory::Memory;
pub use open::{StoreConfig, is_url, open};
pub use probe::{probe_parts, supports_conditional_writes, supports_trailing_slash};
pub use proxies::Proxies;
pub use retry::{Interrupt, RetryPolicy};
pub use s3::{Credentials, Profile, S3, is_s3_option};
pub use timeouts::Timeouts;
pub use upload::Upload;
pub use web::Addresses;

use sreg_model::Digest;

/// Where objects stand under keys.
///
/// A key is a path below the registry's root, with `/` between components, as
/// [`sreg_model::layout::Place`] formats it. After an error of a call that writes, whether it wrote
/// is not known (`spec/commit.md`).
pub trait Store: fmt::Debug + Send + Sync {
    /// How the store is named in messages: a URL or a folder, without a slash at its end.
    fn name(&self) -> &str;

    /// The folder that the objects are files of, where that is so.
    fn folder(&self) -> Option<&Path> {
        None
    }

    /// Whether objects may also stand under keys that end with a slash, as web servers have them for
    /// folders; as far as is known. Only [`Store::read`], [`Store::write`] and [`Store::remove`] take
    /// such keys. A write under one does nothing where the store turns out not to have them.
    fn supports_trailing_slash(&self) -> bool {
        false
    }

    /// Returns how the store retries failed requests. Its own calls do, but for [`Store::read_range`].
    fn retry_policy(&self) -> RetryPolicy {
        RetryPolicy::never()
    }

    /// Returns whether the store is on a server at an address of a private network, as far as it was asked.
    fn is_private(&self) -> bool {
        false
    }

    /// Reads an object, but never more than one byte over `most`: parsers refuse what is longer.
    /// Nothing, where there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, key: &str, most: usize) -> Result<Option<Object>, StoreError>;

    /// The size of an object in bytes; nothing, where there is none.
    ///
    /// # Errors
    /// When that cannot be told.
    fn size(&self, key: &str) -> Result<Option<u64>, StoreError>;

    /// With which headers an object is served, where a server does that; nothing, where there is no
    /// such object, or no server.
    ///
    /// # Errors
    /// When that cannot be told.
    fn serves(&self, _key: &str) -> Result<Option<Headers>, StoreError> {
        Ok(None)
    }

    /// Gives the bytes of a range to `sink`, in order, as they come. What is no part of the object
    /// is missing at the end; never more is given than was asked for. One attempt: [`retry::read_range`]
    /// goes on after a transient error.
    ///
    /// # Errors
    /// When they cannot be read, break off, or `sink` refuses them; what was given until then is
    /// still of the object.
    fn read_range(&self, key: &str, range: Range<u64>, sink: Sink<'_>) -> Result<(), StoreError>;

    /// Writes an object whole, if the condition holds.
    ///
    /// # Errors
    /// When it cannot be written, or that is not known.
    fn write(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &Precondition,
        served: Served,
    ) -> Result<PutOutcome, StoreError>;

    /// Writes a small object in parts, as [`Store::upload`] writes large ones. Returns how parts are
    /// verified on their way, for people; `None` if the store knows no parts.
    ///
    /// # Errors
    /// As [`Store::upload`].
    fn probe_parts(&self, _key: &str) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    /// Writes an object from a file, in parts, resuming what an earlier call began.
    ///
    /// # Errors
    /// When it cannot be written, or the upload asks to stop.
    fn upload(&self, key: &str, upload: &Upload<'_>) -> Result<(), StoreError>;

    /// Makes an object a copy of another one of this store, without its bytes passing through here, and
    /// notes with it which digest they have.
    ///
    /// # Errors
    /// When it cannot be made, or that is not known; [`StoreError::NoCopies`], where a store makes none.
    fn copy(
        &self,
        _from: &str,
        key: &str,
        _digest: &Digest,
        _served: Served,
    ) -> Result<(), StoreError> {
        Err(StoreError::NoCopies(format!("{}/{key}", self.name())))
    }

    /// What is known of an object that may be such a copy, without its bytes; nothing, where there is no
    /// object.
    ///
    /// # Errors
    /// When that cannot be told.
    fn copied(&self, key: &str) -> Result<Option<Copied>, StoreError> {
        let size = self.size(key)?;
        Ok(size.map(|size| Copied { size, digest: None }))
    }

    /// Removes an object, where there is one.
    ///
    /// # Errors
    /// When it cannot be removed.
    fn remove(&self, key: &str) -> Result<(), StoreError>;
}

/// Takes bytes as they come.
pub type Sink<'a> = &'a mut (dyn FnMut(&[u8]) -> std::io::Result<()> + Send);

/// An object, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Which of the objects it is that stood under its key, one after the other.
    pub version: Version,
}

/// Tells apart what stood under a key at two moments, as an entity tag does (RFC 9110, 8.8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version(pub(crate) String);

/// What must be so for a write to happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    Any,
    /// There is no such object.
    Absent,
    /// The object is this one.
    Is(Version),
}

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PutOutcome {
    /// It happened.
    Stored,
    /// The condition did not hold. Where a request was sent again, that may be by its own first
    /// sending: only the object tells.
    PreconditionFailed,
}

/// What is known of an object that may be a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Copied {
    /// Its size in bytes.
    pub size: u64,
    /// The digest that was noted when it was made.
    pub digest: Option<Digest>,
}

/// The headers of a served object that matter to its readers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Its media type.
    pub content_type: Option<String>,
    /// How long caches may keep it.
    pub cache_control: Option<String>,
    /// How its bytes are encoded, which they should not be.
    pub encoding: Option<String>,
}

pub use sreg_model::served::Served;
