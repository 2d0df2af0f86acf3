//! Interprets the answers of S3 servers. Their statuses and error codes get their meaning only here.
//! `object_store` makes the requests, and gets the responses from this module.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::header::{CONTENT_RANGE, RANGE};
use http::{HeaderValue, Method, StatusCode};
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse,
    HttpResponseBody, HttpService,
};
use reqwest::Url;

use crate::web::{self, cause};
use crate::{StoreConfig, StoreError};

/// The maximal number of bytes that are read of a response without an object.
const MAX_BODY: usize = 64 << 10;

/// A response with an error status.
#[derive(Debug, Clone, thiserror::Error)]
#[error("HTTP {status}")]
pub(super) struct Answered {
    pub(super) status: u16,
    /// The `Code` of the body, if it is an error of S3.
    pub(super) code: Option<String>,
    /// The `Message` of the body.
    message: Option<String>,
}

impl Answered {
    pub(super) fn new(status: u16, text: &str) -> Self {
        let within = |name: &str| {
            let (_, rest) = text.split_once(&format!("<{name}>"))?;
            let (found, _) = rest.split_once(&format!("</{name}>"))?;
            let words: Vec<&str> = found.split_whitespace().take(60).collect();
            Some(words.join(" ").chars().take(400).collect())
        };
        Self {
            status,
            code: within("Code"),
            message: within("Message"),
        }
    }

    pub(super) fn is(&self, code: &str) -> bool {
        self.code.as_deref() == Some(code)
    }

    /// Returns whether the response states no reason, as the response to HEAD.
    pub(super) fn is_bare(&self) -> bool {
        self.code.is_none()
    }

    /// Returns the message of the server.
    fn words(&self) -> String {
        match (&self.code, &self.message) {
            (Some(code), Some(message)) => format!("{code}: {message}"),
            (Some(code), None) => code.clone(),
            _ => format!("HTTP {}", self.status),
        }
    }

    /// Converts the response to the error for the object `name` of the registry `root`.
    pub(super) fn to_error(&self, name: String, root: &str) -> StoreError {
        let (status, what) = (self.status, self.words());
        match self.code.as_deref().unwrap_or_default() {
            "NoSuchBucket" => return StoreError::NoBucket(root.to_owned()),
            "RequestTimeTooSkewed" | "RequestExpired" => return StoreError::Clock { name, what },
            "QuotaExceeded"
            | "QuotaExceededException"
            | "XAmzQuotaExceeded"
            | "XMinioAdminBucketQuotaExceeded"
            | "XMinioStorageFull"
            | "InsufficientStorage"
            | "InsufficientCapacity"
            | "StorageLimitExceeded" => return StoreError::Full { name, what },
            // Some servers say these with a status of the client's.
            "SlowDown"
            | "SlowDownRead"
            | "SlowDownWrite"
            | "ServiceUnavailable"
            | "InternalError"
            | "RequestTimeout"
            | "OperationAborted"
            | "TooManyRequests"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "BandwidthLimitExceeded"
            | "Throttling"
            | "ThrottlingException"
            | "ThrottledException"
            | "RequestThrottled"
            | "ServerBusy" => {
                return StoreError::Unreachable {
                    name,
                    source: std::io::Error::other(what),
                };
            }
            "ExpiredToken"
            | "ExpiredTokenException"
            | "InvalidToken"
            | "TokenRefreshRequired"
            | "InvalidAccessKeyId"
            | "InvalidSecurity"
            | "SignatureDoesNotMatch"
            | "XAdminUserNotFound"
            | "AuthorizationHeaderMalformed"
            | "CredentialsNotSupported"
            | "InvalidClientTokenId"
            | "UnrecognizedClientException" => return StoreError::Denied { name, what },
            _ => {}
        }
        match status {
            401 | 403 => StoreError::Denied { name, what },
            507 => StoreError::Full { name, what },
            _ => StoreError::Status {
                name,
                status,
                detail: self.code.is_some().then_some(what),
            },
        }
    }
}

/// Returns the response that caused an error, if there was one.
pub(super) fn answered(error: &object_store::Error) -> Option<&Answered> {
    cause(error)
}

/// Makes the clients of `object_store`.
#[derive(Debug)]
pub(super) struct Connector {
    client: reqwest::Client,
    window: Duration,
}

impl Connector {
    /// # Errors
    /// If TLS cannot be set up.
    pub(super) fn new(
        endpoint: &Url,
        config: &StoreConfig,
    ) -> Result<(Self, reqwest::Client, web::Guard), String> {
        let config = StoreConfig {
            // The names of buckets are below that of the endpoint, which the user names.
            addresses: web::Addresses::Any,
            ..config.clone()
        };
        let built = web::builder(endpoint, &config);
        let (builder, guard) = built.map_err(|error| error.to_string())?;
        let client = builder
            // A role of the machine is asked for by plain HTTP.
            .https_only(false)
            // A signature is for one host.
            .redirect(reqwest::redirect::Policy::none())
            // A request sends at most one part; reading is watched as the bytes come.
            .timeout(config.timeouts.window * 10)
            .build()
            .map_err(|error| error.to_string())?;
        let connector = Self {
            client: client.clone(),
            window: config.timeouts.window,
        };
        Ok((connector, client, guard))
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Service {
            client: self.client.clone(),
            window: self.window,
        }))
    }
}

/// Sends requests. A response with an error status becomes the error [`Answered`].
#[derive(Debug)]
struct Service {
    client: reqwest::Client,
    window: Duration,
}

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let is_get = *request.method() == Method::GET;
        let range = request.headers().get(RANGE).cloned();
        let is_of_machine = is_link_local(request.uri().host().unwrap_or_default());
        let response = self.client.call(request).await?;
        let status = response.status();
        if status == StatusCode::PARTIAL_CONTENT
            && let Some(range) = range
        {
            return Ok(lengthen(response, &range));
        }
        if is_of_machine || (is_get && status.is_success()) || status == StatusCode::NOT_MODIFIED {
            return Ok(response);
        }
        let (parts, body) = response.into_parts();
        let bytes = tokio::time::timeout(self.window * 10, first_bytes(body)).await;
        let bytes = bytes.map_err(|error| HttpError::new(HttpErrorKind::Timeout, error))??;
        let text = String::from_utf8_lossy(&bytes);
        // A copy, or the last request of an upload, may fail after the head of a success.
        let is_failed = status.is_success() && text.contains("<Error>");
        if status.is_success() && !is_failed {
            let body = HttpResponseBody::from(bytes);
            return Ok(HttpResponse::from_parts(parts, body));
        }
        let status = if is_failed { 500 } else { status.as_u16() };
        let answered = Answered::new(status, &text);
        Err(HttpError::new(HttpErrorKind::Unknown, answered))
    }
}

/// Returns the first bytes of a body, whatever its length is.
async fn first_bytes(body: HttpResponseBody) -> Result<Bytes, HttpError> {
    let (mut stream, mut bytes) = (body.bytes_stream(), Vec::new());
    while bytes.len() < MAX_BODY
        && let Some(part) = stream.next().await
    {
        bytes.extend_from_slice(&part?);
    }
    bytes.truncate(MAX_BODY);
    Ok(bytes.into())
}

fn is_link_local(host: &str) -> bool {
    match host.trim_matches(['[', ']']).parse() {
        Ok(std::net::IpAddr::V4(address)) => address.is_link_local(),
        Ok(std::net::IpAddr::V6(address)) => address.is_unique_local(),
        Err(_) => false,
    }
}

/// Changes the headers of a partial response that begins at the right offset, so that it names the whole
/// requested range: `object_store` refuses shorter responses, which RFC 9110 (15.3.7) permits. The
/// reader notices that the body ends earlier.
fn lengthen(mut response: HttpResponse, asked: &HeaderValue) -> HttpResponse {
    let lengthened = || {
        let asked = asked.to_str().ok()?.strip_prefix("bytes=")?;
        let (start, last) = asked.split_once('-')?;
        let (start, last): (u64, u64) = (start.parse().ok()?, last.parse().ok()?);
        let named = response.headers().get(CONTENT_RANGE)?.to_str().ok()?;
        let (named, size) = named.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (named_start, named_last) = named.split_once('-')?;
        let size: u64 = size.parse().ok()?;
        let named_last: u64 = named_last.parse().ok()?;
        let whole = last.min(size.checked_sub(1)?);
        let is_short = named_start.parse() == Ok(start) && named_last < whole;
        is_short.then(|| format!("bytes {start}-{whole}/{size}"))
    };
    if let Some(value) = lengthened().and_then(|text| HeaderValue::try_from(text).ok()) {
        response.headers_mut().insert(CONTENT_RANGE, value);
    }
    response
}
