//! Objects in a bucket of S3, or of a server with the same protocol.

mod answer;
mod copy;
mod credentials;
mod open;
mod parts;
mod signed;
mod slash;

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3ConfigKey};
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, Error, GetOptions, GetRange, GetResult, ObjectStore, PutMode,
    PutOptions, PutPayload, UpdateVersion,
};
use reqwest::Url;
use sreg_model::Digest;

use self::answer::{Answered, answered};
pub use self::credentials::{Credentials, Profile};
use crate::runtime::block_on_request;
use crate::timeouts::too_slow;
use crate::web::{self, Guard};
use crate::{
    Capabilities, Copied, Headers, Listed, Lister, Object, Precondition, PutOutcome, RetryPolicy,
    Scheme, Served, Sink, Store, StoreError, Timeouts, Upload, Version,
};

/// Objects in a bucket, below a prefix.
#[derive(Debug)]
pub struct S3 {
    name: String,
    prefix: String,
    bucket: AmazonS3,
    /// The client for the parts of large objects, each with a checksum.
    parts: AmazonS3,
    /// Whether the server does not support that checksum.
    no_checksums: AtomicBool,
    sender: signed::Sender,
    slashes: slash::Slashes,
    /// The endpoint, for messages about proxies.
    endpoint: Url,
    guard: Guard,
    timeouts: Timeouts,
    retry: RetryPolicy,
    /// The maximal number of bytes of one copy request.
    most_copied: u64,
    /// Whether anything was read with these credentials. From then on, a refusal means that the object
    /// does not exist: S3 sends it if the credentials may not list the bucket.
    may_read: AtomicBool,
}

impl S3 {
    /// Sets the maximal number of bytes of one copy request, so that tests do not need gigabytes. A part
    /// of an object has at least 5 MiB.
    #[must_use]
    pub fn with_most_copied(mut self, bytes: u64) -> Self {
        self.most_copied = bytes;
        self
    }

    fn bucket_name(&self) -> &str {
        let rest = self.name.strip_prefix("s3://").unwrap_or(&self.name);
        rest.split('/').next().unwrap_or(rest)
    }

    fn key(&self, key: &str) -> Result<Key, StoreError> {
        let full = match self.prefix.as_str() {
            "" => key.to_owned(),
            prefix => format!("{prefix}/{key}"),
        };
        Key::parse(&full).map_err(|error| StoreError::Name {
            name: self.url(key),
            what: error.to_string(),
        })
    }

    fn url(&self, key: &str) -> String {
        format!("{}/{key}", self.name)
    }

    /// Runs one request, and stops at an interrupt.
    fn request<T: Send>(
        &self,
        request: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        block_on_request(&self.name, &self.retry.interrupt, request)
    }

    /// Runs a request, and retries it after transient errors.
    fn retrying<T: Send, F>(&self, key: &str, request: impl Fn() -> F) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        self.retry.run(&self.url(key), || self.request(request()))
    }

    /// Returns the result of a read, or `None` if the object does not exist.
    fn found<T>(&self, key: &str, read: object_store::Result<T>) -> Result<Option<T>, StoreError> {
        match read {
            Ok(found) => {
                self.may_read.store(true, Ordering::Relaxed);
                Ok(Some(found))
            }
            Err(error) => match answered(&error) {
                Some(answered) if self.is_absent(answered) => Ok(None),
                _ => Err(self.failed(key, error)),
            },
        }
    }

    /// Returns whether a response means that the object does not exist. If the credentials may read a
    /// bucket but not list it, S3 answers 403.
    fn is_absent(&self, answered: &Answered) -> bool {
        match answered.status {
            404 => answered.is_bare() || answered.is("NoSuchKey") || answered.is("NotFound"),
            403 => {
                (answered.is_bare() || answered.is(ACCESS_DENIED))
                    && self.may_read.load(Ordering::Relaxed)
            }
            _ => false,
        }
    }

    fn failed(&self, key: &str, error: Error) -> StoreError {
        let name = self.url(key);
        if let Some(answered) = answered(&error) {
            return answered.to_error(name, &self.name);
        }
        if let Some(error) = web::cause::<reqwest::Error>(&error) {
            let is_of_machine = one_line(error).contains(ROLE_OF_MACHINE);
            let lost = web::lost(&name, &self.endpoint, &self.guard, error);
            if !is_of_machine {
                return lost;
            }
        }
        let what = one_line(&error);
        if what.contains(ROLE_OF_MACHINE) {
            let what = "there are no credentials: the environment names none, there is no profile, and this machine has no role".to_owned();
            return StoreError::Denied { name, what };
        }
        if what.contains(NO_CREDENTIAL) {
            return StoreError::Denied { name, what };
        }
        StoreError::Unreachable {
            name,
            source: io::Error::other(what),
        }
    }

    /// Requests an object. Fails if the server does not answer in time.
    async fn get(
        &self,
        key: &str,
        at: &Key,
        options: GetOptions,
    ) -> Result<object_store::Result<GetResult>, StoreError> {
        let answer = self.bucket.get_opts(at, options);
        tokio::time::timeout(self.timeouts.window, answer)
            .await
            .map_err(|_| too_slow(&self.url(key)))
    }

    /// Returns the metadata of an object, or `None` if it does not exist.
    fn head(&self, key: &str) -> Result<Option<GetResult>, StoreError> {
        let at = self.key(key)?;
        let head = async || {
            let options = GetOptions {
                head: true,
                ..GetOptions::default()
            };
            let answer = self.get(key, &at, options).await?;
            match answer {
                // A response to HEAD has no words: S3 says 400 of credentials that have expired, and 403 of
                // what is not there to those who may not list it.
                Err(error) if answered(&error).is_some_and(is_unexplained) => {
                    let answer = self.get(key, &at, GetOptions::default()).await?;
                    self.found(key, answer)
                }
                answer => self.found(key, answer),
            }
        };
        self.retrying(key, head)
    }

    /// Passes at most `max_bytes` bytes of a response to `sink`. Returns how many there were.
    async fn body(
        &self,
        key: &str,
        answer: GetResult,
        max_bytes: u64,
        sink: Sink<'_>,
    ) -> Result<u64, StoreError> {
        let parts = answer.into_stream();
        let parts = parts.map(|part| part.map_err(|error| self.failed(key, error)));
        self.timeouts
            .give(&self.url(key), parts, max_bytes, sink)
            .await
    }
}

impl Store for S3 {
    fn name(&self) -> &str {
        &self.name
    }

    fn retry_policy(&self) -> RetryPolicy {
        self.retry.clone()
    }

    fn is_private(&self) -> bool {
        self.guard.is_private()
    }

    fn capabilities(&self) -> Capabilities<'_> {
        Capabilities {
            trailing_slash: self.slashes.are_kept(),
            ..Capabilities::of(Scheme::S3)
        }
    }

    fn list(&self, prefix: &str, each: Lister<'_>) -> Result<(), StoreError> {
        let at = self.key(prefix)?;
        let start = self.key("")?.as_ref().len();
        self.request(async {
            let mut found = self.bucket.list(Some(&at));
            while let Some(object) = found.next().await {
                let object = object.map_err(|error| self.failed(prefix, error))?;
                let key = object.location.as_ref();
                each(Listed {
                    key: key[start..].trim_start_matches('/').to_owned(),
                    size: object.size,
                })?;
            }
            Ok(())
        })
    }

    fn probe_parts(&self, key: &str) -> Result<Option<String>, StoreError> {
        parts::probe(self, key).map(Some)
    }

    fn read(&self, key: &str, max_bytes: usize) -> Result<Option<Object>, StoreError> {
        if key.ends_with('/') {
            return slash::read(self, key, max_bytes);
        }
        let at = self.key(key)?;
        let read = async || {
            let answer = self.get(key, &at, GetOptions::default()).await?;
            let Some(answer) = self.found(key, answer)? else {
                return Ok(None);
            };
            let version = Version {
                tag: answer.meta.e_tag.clone().unwrap_or_default(),
                generation: answer.meta.version.clone(),
            };
            let mut bytes = Vec::new();
            self.body(key, answer, max_bytes as u64 + 1, &mut |part| {
                bytes.extend_from_slice(part);
                Ok(())
            })
            .await?;
            Ok(Some(Object { bytes, version }))
        };
        self.retrying(key, read)
    }

    fn size(&self, key: &str) -> Result<Option<u64>, StoreError> {
        Ok(self.head(key)?.map(|answer| answer.meta.size))
    }

    fn serves(&self, key: &str) -> Result<Option<Headers>, StoreError> {
        let answer = self.head(key)?;
        Ok(answer.map(|answer| {
            let header = |name: Attribute| {
                let value = answer.attributes.get(&name)?;
                Some(value.to_string())
            };
            Headers {
                content_type: header(Attribute::ContentType),
                cache_control: header(Attribute::CacheControl),
                encoding: header(Attribute::ContentEncoding),
            }
        }))
    }

    fn read_range(&self, key: &str, range: Range<u64>, sink: Sink<'_>) -> Result<(), StoreError> {
        if range.is_empty() {
            return Ok(());
        }
        let at = self.key(key)?;
        self.request(async {
            let mut start = range.start;
            while start < range.end {
                let options = GetOptions {
                    range: Some(GetRange::Bounded(start..range.end)),
                    ..GetOptions::default()
                };
                let answer = self.get(key, &at, options).await?;
                let answer = match self.found(key, answer) {
                    Ok(Some(answer)) => answer,
                    Ok(None) => return Err(StoreError::status(&self.url(key), 404)),
                    // The object ends before this part.
                    Err(StoreError::Status { status: 416, .. }) => return Ok(()),
                    Err(error) => return Err(error),
                };
                // The end of the object, if that comes first.
                let end = answer.range.end.min(range.end);
                let came = self.body(key, answer, end - start, sink).await?;
                start += came;
                if start >= end {
                    return Ok(());
                }
                // A partial response may be shorter than what was asked for (RFC 9110, 15.3.7).
                if came < MIN_PART {
                    let what = format!("it sends {came} bytes of a range of {}", end - start);
                    return Err(StoreError::unreachable(&self.url(key), what));
                }
            }
            Ok(())
        })
    }

    fn write(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &Precondition,
        served: Served,
    ) -> Result<PutOutcome, StoreError> {
        if key.ends_with('/') {
            return slash::write(self, key, bytes, condition, served);
        }
        let at = self.key(key)?;
        let options = PutOptions {
            mode: match condition {
                Precondition::Any => PutMode::Overwrite,
                Precondition::Absent => PutMode::Create,
                // The version identifier of a bucket that keeps old versions is no condition there.
                Precondition::Is(version) => PutMode::Update(UpdateVersion {
                    e_tag: Some(version.tag.clone()),
                    version: None,
                }),
            },
            attributes: attributes(served),
            ..PutOptions::default()
        };
        let payload = PutPayload::from(bytes.to_vec());
        // Sent again, it may be refused because its first sending has landed: see `Written`.
        self.retrying(key, async || {
            let put = self.bucket.put_opts(&at, payload.clone(), options.clone());
            let Err(error) = put.await else {
                return Ok(PutOutcome::Stored);
            };
            let is_conditional = *condition != Precondition::Any;
            match answered(&error) {
                Some(answered) if is_conditional && is_refusal(answered, condition) => {
                    Ok(PutOutcome::PreconditionFailed)
                }
                Some(answered)
                    if is_conditional
                        && (answered.status == 501 || answered.is(NOT_IMPLEMENTED)) =>
                {
                    Err(StoreError::Unconditional(self.name.clone()))
                }
                _ => Err(self.failed(key, error)),
            }
        })
    }

    fn upload(&self, key: &str, upload: &Upload<'_>) -> Result<(), StoreError> {
        parts::upload(self, key, upload)
    }

    fn copy(
        &self,
        from: &str,
        key: &str,
        digest: &Digest,
        served: Served,
    ) -> Result<(), StoreError> {
        copy::copy(self, from, key, digest, served)
    }

    fn copied(&self, key: &str) -> Result<Option<Copied>, StoreError> {
        let noted = Attribute::Metadata(copy::NOTED.into());
        Ok(self.head(key)?.map(|answer| Copied {
            size: answer.meta.size,
            digest: answer
                .attributes
                .get(&noted)
                .and_then(|digest| digest.parse().ok()),
        }))
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        use object_store::ObjectStoreExt as _;
        if key.ends_with('/') {
            return slash::remove(self, key);
        }
        let at = self.key(key)?;
        self.retrying(key, async || match self.bucket.delete(&at).await {
            Ok(()) => Ok(()),
            Err(error) => match answered(&error) {
                Some(answered) if answered.status == 404 && !answered.is("NoSuchBucket") => Ok(()),
                _ => Err(self.failed(key, error)),
            },
        })
    }
}

/// Returns whether a conditional write was refused because of its precondition. S3 answers 409 while
/// another write runs, and 404 if the object does not exist.
fn is_refusal(answered: &Answered, condition: &Precondition) -> bool {
    match answered.status {
        304 | 412 => true,
        409 => {
            answered.is_bare()
                || [
                    "ConditionalRequestConflict",
                    "PreconditionFailed",
                    "Conflict",
                ]
                .iter()
                .any(|code| answered.is(code))
        }
        404 => matches!(condition, Precondition::Is(_)) && !answered.is("NoSuchBucket"),
        _ => false,
    }
}

fn is_unexplained(answered: &Answered) -> bool {
    answered.is_bare() && matches!(answered.status, 400 | 403)
}

fn attributes(served: Served) -> Attributes {
    Attributes::from_iter([
        (Attribute::ContentType, served.content_type),
        (Attribute::CacheControl, served.cache_control),
    ])
}

/// Returns an error with its causes as one line. If the server answered in XML, as S3 does, the line has
/// the code and the message.
fn one_line(error: &dyn std::error::Error) -> String {
    let text = error.to_string();
    let within = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        rest.split_once(&format!("</{name}>"))
            .map(|(found, _)| found)
    };
    let said = match (within("Code"), within("Message")) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        // How often it was sent, and for how long, stands before the dash.
        _ => match text.split_once(" - ") {
            Some((before, what))
                if before.contains("Error performing") && !before.contains(ROLE_OF_MACHINE) =>
            {
                what.to_owned()
            }
            _ => text.clone(),
        },
    };
    let words: Vec<&str> = said.split_whitespace().collect();
    let mut line = words.join(" ");
    if let Some((at, _)) = line.char_indices().nth(500) {
        line.truncate(at);
    }
    line
}

/// The validity of the signed URL that shows the address of the bucket.
const SIGNED: Duration = Duration::from_secs(60);
/// The code of S3 for a refused request.
const ACCESS_DENIED: &str = "AccessDenied";
/// The code of S3 for an unsupported header.
const NOT_IMPLEMENTED: &str = "NotImplemented";
/// The beginning of the error if no source has credentials.
const NO_CREDENTIAL: &str = "no credential";
/// The least bytes of a partial response that is not the object's end: a server could send single bytes
/// without end.
const MIN_PART: u64 = 1 << 10;
/// The address at which a cloud machine requests its role.
const ROLE_OF_MACHINE: &str = "169.254.169.254";

/// Returns whether a variable of the AWS tools is a setting of a bucket, which
/// [`StoreConfig::options`](crate::StoreConfig::options) may contain.
#[must_use]
pub fn is_s3_option(name: &str) -> bool {
    let key = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>();
    name.starts_with("AWS_") && key.is_ok()
}
