//! Keys that end with a slash, as web servers have them for folders: `object_store` has no name for
//! them, so that these requests are signed here, by `reqsign`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderName, HeaderValue, Method};
use object_store::signer::Signer as _;
use reqsign::aws::{RequestSigner, StaticCredentialProvider};
use reqwest::{Client, Response, StatusCode};
use sreg_model::Digest;

use super::{S3, is_about_credentials};
use crate::runtime::block_on;
use crate::{If, Object, Served, StoreError, Version, Written};

/// How S3 says that something may not be done.
const ACCESS_DENIED: &str = "AccessDenied";
/// The most bytes of an error's text that are read.
const MAX_TEXT: usize = 4 << 10;

/// What requests for such keys are made with.
#[derive(Debug)]
pub(super) struct Slashes {
    client: Client,
    region: String,
    /// Whether the server was seen to have no such keys, or nothing can be sent for them.
    refused: AtomicBool,
}

impl Slashes {
    /// # Errors
    /// When TLS cannot be set up.
    pub(super) fn new(region: String, window: Duration, is_signed: bool) -> reqwest::Result<Self> {
        let client = block_on(async { Client::builder().timeout(window).build() })?;
        Ok(Self {
            client,
            region,
            // Only what is signed can be sent here.
            refused: AtomicBool::new(!is_signed),
        })
    }

    pub(super) fn are_kept(&self) -> bool {
        !self.refused.load(Ordering::Relaxed)
    }
}

pub(super) fn read(store: &S3, key: &str, most: usize) -> Result<Option<Object>, StoreError> {
    let read = async || {
        let mut answer = send(store, Method::GET, key, &[], Vec::new()).await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(None);
        }
        if !answer.status().is_success() {
            return match refused(store, key, answer).await {
                // Those who may not list a bucket hear so of what is not there.
                StoreError::Denied { what, .. }
                    if what == ACCESS_DENIED && store.may_read.load(Ordering::Relaxed) =>
                {
                    Ok(None)
                }
                error => Err(error),
            };
        }
        let version = answer.headers().get(ETAG).cloned();
        let version = version.and_then(|tag| tag.to_str().ok().map(str::to_owned));
        let mut bytes = Vec::new();
        while bytes.len() <= most
            && let Some(part) = answer.chunk().await.map_err(lost(store, key))?
        {
            bytes.extend_from_slice(&part);
        }
        bytes.truncate(most.saturating_add(1));
        let version = Version(version.unwrap_or_default());
        Ok(Some(Object { bytes, version }))
    };
    store.patience.patiently(|| block_on(read()))
}

pub(super) fn write(
    store: &S3,
    key: &str,
    bytes: &[u8],
    condition: &If,
    served: Served,
) -> Result<Written, StoreError> {
    let write = async || {
        let mut headers = vec![
            (CONTENT_TYPE, served.content_type.to_owned()),
            (CACHE_CONTROL, served.cache_control.to_owned()),
        ];
        match condition {
            If::Any => {}
            If::Absent => headers.push((IF_NONE_MATCH, "*".to_owned())),
            If::Is(Version(tag)) => headers.push((IF_MATCH, tag.clone())),
        }
        let answer = send(store, Method::PUT, key, bytes, headers).await?;
        match answer.status() {
            status if status.is_success() => Ok(Written::Done),
            StatusCode::PRECONDITION_FAILED | StatusCode::CONFLICT => Ok(Written::Refused),
            StatusCode::BAD_REQUEST
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::NOT_IMPLEMENTED => match refused(store, key, answer).await {
                error @ StoreError::Denied { .. } => Err(error),
                _ => {
                    store.slashes.refused.store(true, Ordering::Relaxed);
                    Ok(Written::Done)
                }
            },
            _ => Err(refused(store, key, answer).await),
        }
    };
    store.patience.patiently(|| block_on(write()))
}

pub(super) fn remove(store: &S3, key: &str) -> Result<(), StoreError> {
    let remove = async || {
        let answer = send(store, Method::DELETE, key, &[], Vec::new()).await?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::BAD_REQUEST => Ok(()),
            _ => Err(refused(store, key, answer).await),
        }
    };
    store.patience.patiently(|| block_on(remove()))
}

async fn send(
    store: &S3,
    method: Method,
    key: &str,
    bytes: &[u8],
    headers: Vec<(HeaderName, String)>,
) -> Result<Response, StoreError> {
    let failed = |error| store.failed(key, error);
    let malformed = |what: String| StoreError::Name {
        name: store.url(key),
        what,
    };
    let at = store.key(key.trim_end_matches('/'))?;
    // Where the bucket is: what the signature of that URL says is not used.
    let url = store.bucket.signed_url(Method::GET, &at, super::SIGNED);
    let mut url = url.await.map_err(failed)?;
    url.set_query(None);
    let mut request = http::Request::builder()
        .method(method)
        .uri(format!("{url}/"))
        .header("x-amz-content-sha256", Digest::of(bytes).hex());
    for (name, value) in headers {
        let value = HeaderValue::try_from(value).map_err(|error| malformed(error.to_string()))?;
        request = request.header(name, value);
    }
    let request = request.body(bytes.to_vec());
    let request = request.map_err(|error| malformed(error.to_string()))?;
    let (mut parts, body) = request.into_parts();
    let credential = store.bucket.credentials().get_credential().await;
    let credential = credential.map_err(failed)?;
    let mut provider = StaticCredentialProvider::new(&credential.key_id, &credential.secret_key);
    if let Some(token) = &credential.token {
        provider = provider.with_session_token(token);
    }
    let signer = reqsign::Signer::new(
        reqsign::default_context(),
        provider,
        RequestSigner::new("s3", &store.slashes.region),
    );
    let signed = signer.sign(&mut parts, None).await;
    signed.map_err(|error| StoreError::Denied {
        name: store.url(key),
        what: error.to_string(),
    })?;
    let request = http::Request::from_parts(parts, body);
    let request = reqwest::Request::try_from(request).map_err(lost(store, key))?;
    let answer = store.slashes.client.execute(request).await;
    answer.map_err(lost(store, key))
}

/// Why the server refuses, by its words, of which it may have many.
async fn refused(store: &S3, key: &str, mut answer: Response) -> StoreError {
    let (name, status) = (store.url(key), answer.status().as_u16());
    let mut text = Vec::new();
    while text.len() < MAX_TEXT
        && let Ok(Some(part)) = answer.chunk().await
    {
        text.extend_from_slice(&part);
    }
    text.truncate(MAX_TEXT);
    let text = String::from_utf8_lossy(&text);
    match status {
        401 | 403 => StoreError::Denied {
            name,
            what: match text.contains(ACCESS_DENIED) {
                true => ACCESS_DENIED.to_owned(),
                false => format!("the server answers {status}"),
            },
        },
        _ if is_about_credentials(key, &text) => StoreError::Denied {
            name,
            what: "the server does not take the credentials, or no longer".to_owned(),
        },
        _ => StoreError::Status { name, status },
    }
}

fn lost(store: &S3, key: &str) -> impl Fn(reqwest::Error) -> StoreError {
    let name = store.url(key);
    move |error| StoreError::Unreachable {
        name: name.clone(),
        source: std::io::Error::other(error.without_url()),
    }
}
