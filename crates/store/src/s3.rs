//! Objects in a bucket of S3, or of a server that speaks like it.

mod copy;
mod credentials;
mod parts;
mod signed;
mod slash;

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey, Checksum};
use object_store::path::Path as Key;
use object_store::{
    Attribute, Attributes, BackoffConfig, ClientOptions, Error, GetOptions, GetRange, GetResult,
    ObjectStore, PutMode, PutOptions, PutPayload, RetryConfig, UpdateVersion,
};
use sreg_model::Digest;
use sreg_model::redact::redact;

pub use self::credentials::credentials;
use crate::patience::{Patience, too_slow};
use crate::runtime::block_on;
use crate::{
    Access, Copied, Headers, If, Object, Served, Sink, Store, StoreError, Upload, Version, Written,
};

/// Objects in a bucket, below a prefix.
#[derive(Debug)]
pub struct S3 {
    name: String,
    prefix: String,
    bucket: AmazonS3,
    /// The same, for the parts of large objects.
    parts: AmazonS3,
    sender: signed::Sender,
    slashes: slash::Slashes,
    patience: Patience,
    /// The most bytes that the server is asked to copy by one request.
    most_copied: u64,
    /// Whether anything was read with these credentials: from then on a refusal means that there is
    /// no such object, as those hear who may not list a bucket.
    may_read: AtomicBool,
}

impl S3 {
    /// The objects below `s3://bucket/prefix`, with the credentials and the endpoint that the usual
    /// variables of the environment name.
    ///
    /// # Errors
    /// When the URL is malformed, or the variables do not fit.
    pub fn open(url: &str, access: &Access) -> Result<Self, StoreError> {
        let url = url.trim_end_matches('/');
        let wrong = |what: String| StoreError::Name {
            name: redact(url).into_owned(),
            what,
        };
        let rest = url.strip_prefix("s3://").unwrap_or(url);
        if rest.contains('@') {
            return Err(wrong(
                "credentials are not part of a URL: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
                    .to_owned(),
            ));
        }
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(wrong("s3:// is followed by a bucket's name".to_owned()));
        }
        let plain = |part: &str| {
            !matches!(part, "" | "." | "..")
                && part
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        };
        if !prefix.is_empty() && !prefix.split('/').all(plain) {
            return Err(wrong(
                "the prefix is made of letters, digits, '.', '_' and '-', with '/' between"
                    .to_owned(),
            ));
        }
        let options = ClientOptions::new()
            .with_connect_timeout(access.patience.connect)
            // A request sends at most one part; reading is watched as the bytes come.
            .with_timeout(access.patience.window * 10);
        let retry = RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(10),
                base: 2.,
            },
            max_retries: access.patience.retries as usize,
            retry_timeout: Duration::from_secs(120),
        };
        let mut builder = AmazonS3Builder::from_env();
        for (name, value) in &access.options {
            let key = name.to_ascii_lowercase().parse::<AmazonS3ConfigKey>();
            let key = key.map_err(|_| wrong(format!("{name} is no setting of S3")))?;
            builder = builder.with_config(key, value);
        }
        let mut builder = builder
            .with_bucket_name(bucket)
            .with_client_options(options)
            .with_retry(retry);
        let endpoint = [AmazonS3ConfigKey::S3Endpoint, AmazonS3ConfigKey::Endpoint]
            .iter()
            .find_map(|key| builder.get_config_value(key));
        if let Some(endpoint) = &endpoint {
            check_endpoint(endpoint).map_err(&wrong)?;
            builder = builder.with_allow_http(endpoint.starts_with("http://"));
        }
        let has_key = access
            .options
            .iter()
            .any(|(name, _)| name == "AWS_ACCESS_KEY_ID");
        if !has_key && credentials::wants_profile() {
            let profile = block_on(async { credentials::Profile::new() });
            builder = builder.with_credentials(std::sync::Arc::new(profile));
        }
        let region = builder.get_config_value(&AmazonS3ConfigKey::Region);
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let unsigned = builder.get_config_value(&AmazonS3ConfigKey::SkipSignature);
        let is_signed = unsigned.is_none_or(|unsigned| unsigned != "true");
        let sender = signed::Sender::new(region, access.patience.window);
        let sender = sender.map_err(|error| wrong(error.to_string()))?;
        let parts = builder.clone();
        let build = |builder: AmazonS3Builder| {
            block_on(async { builder.build() }).map_err(|error| match one_line(&error) {
                what if what.contains("Missing") => StoreError::Denied {
                    name: url.to_owned(),
                    what,
                },
                what => wrong(what),
            })
        };
        // A part is verified by a checksum that costs next to nothing, not by a second SHA-256.
        let parts = parts
            .with_unsigned_payload(true)
            .with_checksum_algorithm(Checksum::CRC64NVME);
        Ok(Self {
            name: url.to_owned(),
            prefix: prefix.to_owned(),
            bucket: build(builder)?,
            parts: build(parts)?,
            sender,
            slashes: slash::Slashes::new(is_signed),
            patience: access.patience,
            most_copied: copy::MOST,
            may_read: AtomicBool::new(false),
        })
    }

    /// The same, but that the server copies no more by one request: tests are not to need gigabytes. A part
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

    /// What was read, or nothing where there is no such object.
    fn found<T>(&self, key: &str, read: object_store::Result<T>) -> Result<Option<T>, StoreError> {
        match read {
            Ok(found) => {
                self.may_read.store(true, Ordering::Relaxed);
                Ok(Some(found))
            }
            // Some servers say so of credentials, too, and all of buckets.
            Err(error @ Error::NotFound { .. })
                if !is_about_credentials(key, &one_line(&error))
                    && !one_line(&error).contains(NO_BUCKET) =>
            {
                Ok(None)
            }
            Err(error @ Error::PermissionDenied { .. })
                if self.may_read.load(Ordering::Relaxed)
                    && one_line(&error).contains("AccessDenied") =>
            {
                Ok(None)
            }
            Err(error) => Err(self.failed(key, error)),
        }
    }

    fn failed(&self, key: &str, error: Error) -> StoreError {
        let name = self.url(key);
        let what = one_line(&error);
        let is_denied = matches!(
            error,
            Error::PermissionDenied { .. } | Error::Unauthenticated { .. }
        );
        if is_denied || is_about_credentials(key, &what) {
            return StoreError::Denied { name, what };
        }
        if what.contains(NO_BUCKET) {
            return StoreError::NoBucket(self.name.clone());
        }
        if what.contains(ROLE_OF_MACHINE) {
            let what = "there are no credentials: the environment names none, there is no profile, and this machine has no role".to_owned();
            return StoreError::Denied { name, what };
        }
        match error {
            Error::NotFound { .. } => StoreError::Status { name, status: 404 },
            _ => StoreError::Unreachable {
                name,
                source: io::Error::other(what),
            },
        }
    }

    /// Asks for an object; of a server that says nothing for too long, that it is too slow.
    async fn get(
        &self,
        key: &str,
        at: &Key,
        options: GetOptions,
    ) -> Result<object_store::Result<GetResult>, StoreError> {
        let answer = self.bucket.get_opts(at, options);
        tokio::time::timeout(self.patience.window, answer)
            .await
            .map_err(|_| too_slow(&self.url(key)))
    }

    /// What is said of an object without its bytes; nothing, where there is none.
    fn head(&self, key: &str) -> Result<Option<GetResult>, StoreError> {
        let at = self.key(key)?;
        let head = async || {
            let options = GetOptions {
                head: true,
                ..GetOptions::default()
            };
            let answer = self.get(key, &at, options).await?;
            match self.found(key, answer) {
                // S3 says so of credentials that have expired, and an answer to HEAD has no words.
                Err(error) if is_bad_request(&error) => {
                    let answer = self.get(key, &at, GetOptions::default()).await?;
                    Err(self.found(key, answer).err().unwrap_or(error))
                }
                found => found,
            }
        };
        self.patience.patiently(|| block_on(head()))
    }

    /// Gives the bytes of an answer to `sink`, until it has `most` of them.
    async fn body(
        &self,
        key: &str,
        answer: GetResult,
        most: u64,
        sink: Sink<'_>,
    ) -> Result<(), StoreError> {
        let parts = answer.into_stream();
        let parts = parts.map(|part| part.map_err(|error| self.failed(key, error)));
        self.patience.give(&self.url(key), parts, most, sink).await
    }
}

impl Store for S3 {
    fn name(&self) -> &str {
        &self.name
    }

    fn keeps_slashes(&self) -> bool {
        self.slashes.are_kept()
    }

    fn read(&self, key: &str, most: usize) -> Result<Option<Object>, StoreError> {
        if key.ends_with('/') {
            return slash::read(self, key, most);
        }
        let at = self.key(key)?;
        let read = async || {
            let answer = self.get(key, &at, GetOptions::default()).await?;
            let Some(answer) = self.found(key, answer)? else {
                return Ok(None);
            };
            let version = Version(answer.meta.e_tag.clone().unwrap_or_default());
            let mut bytes = Vec::new();
            self.body(key, answer, most as u64 + 1, &mut |part| {
                bytes.extend_from_slice(part);
                Ok(())
            })
            .await?;
            Ok(Some(Object { bytes, version }))
        };
        self.patience.patiently(|| block_on(read()))
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
        let most = range.end - range.start;
        block_on(async {
            let options = GetOptions {
                range: Some(GetRange::Bounded(range)),
                ..GetOptions::default()
            };
            let answer = self.get(key, &at, options).await?;
            let answer = answer.map_err(|error| self.failed(key, error))?;
            self.body(key, answer, most, sink).await
        })
    }

    fn write(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &If,
        served: Served,
    ) -> Result<Written, StoreError> {
        if key.ends_with('/') {
            return slash::write(self, key, bytes, condition, served);
        }
        let at = self.key(key)?;
        let options = PutOptions {
            mode: match condition {
                If::Any => PutMode::Overwrite,
                If::Absent => PutMode::Create,
                If::Is(Version(tag)) => PutMode::Update(UpdateVersion {
                    e_tag: Some(tag.clone()),
                    version: None,
                }),
            },
            attributes: attributes(served),
            ..PutOptions::default()
        };
        let payload = PutPayload::from(bytes.to_vec());
        // Sent again, it may be refused because its first sending has landed: see `Written`.
        self.patience.patiently(|| {
            let put = self.bucket.put_opts(&at, payload.clone(), options.clone());
            match block_on(put) {
                Ok(_) => Ok(Written::Done),
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => {
                    Ok(Written::Refused)
                }
                Err(error) => Err(self.failed(key, error)),
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
        self.patience
            .patiently(|| match block_on(self.bucket.delete(&at)) {
                Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(self.failed(key, error)),
            })
    }
}

fn attributes(served: Served) -> Attributes {
    Attributes::from_iter([
        (Attribute::ContentType, served.content_type),
        (Attribute::CacheControl, served.cache_control),
    ])
}

fn is_bad_request(error: &StoreError) -> bool {
    matches!(error, StoreError::Unreachable { source, .. } if source.to_string().contains("400 Bad Request"))
}

/// Whether credentials cannot be had, or hold no longer: of that the text alone tells, but for the
/// key in it, which may be of an image with such a name.
fn is_about_credentials(key: &str, text: &str) -> bool {
    let text = text.replace(key, "");
    [
        "ExpiredToken",
        "InvalidToken",
        "InvalidAccessKeyId",
        "XAdminUserNotFound",
        "credential",
    ]
    .iter()
    .any(|word| text.contains(word))
}

/// An error with its causes, as one line of text that holds no more than a server's words: where it
/// answers in XML, as S3 does, the code and the message in it.
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

/// How long the URL is good for that tells where the bucket is.
const SIGNED: Duration = Duration::from_secs(60);
/// How a server says that there is no such bucket.
const NO_BUCKET: &str = "NoSuchBucket";
/// Where a machine of a cloud is asked for its role.
const ROLE_OF_MACHINE: &str = "169.254.169.254";

/// Refuses an endpoint that cannot be one, and plain HTTP that nobody has allowed.
fn check_endpoint(endpoint: &str) -> Result<(), String> {
    let shown = redact(endpoint);
    if shown != endpoint {
        return Err(format!(
            "its endpoint, {shown}, has credentials in it: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
        ));
    }
    if !endpoint.starts_with("https://") && !endpoint.starts_with("http://") {
        // It may be `user:password@host`, and is not shown.
        return Err("its endpoint must begin with https:// or http://".to_owned());
    }
    let is_plain = endpoint.starts_with("http://");
    if is_plain && !is_loopback(endpoint) && !allows_http() {
        return Err(format!(
            "its endpoint is {endpoint}: plain HTTP to another machine needs AWS_ALLOW_HTTP=true"
        ));
    }
    Ok(())
}

/// Plain HTTP to this machine reaches nobody else.
fn is_loopback(endpoint: &str) -> bool {
    let Some(rest) = endpoint.strip_prefix("http://") else {
        return false;
    };
    let host = rest.split('/').next().unwrap_or(rest);
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn allows_http() -> bool {
    std::env::var("AWS_ALLOW_HTTP")
        .is_ok_and(|value| value.eq_ignore_ascii_case("true") || value == "1")
}
