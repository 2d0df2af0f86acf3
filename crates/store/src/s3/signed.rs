//! Requests that `reqsign` signs, because `object_store` does not support them.

use http::{HeaderName, HeaderValue, Method};
use object_store::signer::Signer as _;
use reqsign::aws::{RequestSigner, StaticCredentialProvider};
use reqwest::{Client, Response};
use sreg_model::Digest;

use super::S3;
use super::answer::Answered;
use crate::{StoreError, web};

/// The maximal number of bytes that are read of an answer's text.
const MAX_TEXT: usize = 4 << 10;

/// The client of such requests.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) client: Client,
    pub(super) region: String,
}

/// A request for an object, whose key may end with a slash.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) key: &'a str,
    /// The query, after the `?`, encoded.
    pub(super) query: String,
    pub(super) headers: Vec<(HeaderName, String)>,
    pub(super) bytes: &'a [u8],
    /// Whether the server may take long to answer.
    pub(super) is_slow: bool,
}

/// Sends a request, and waits for the head of the answer.
pub(super) async fn send(store: &S3, request: Request<'_>) -> Result<Response, StoreError> {
    let Request {
        key,
        bytes,
        is_slow,
        ..
    } = request;
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
    let slash = if key.ends_with('/') { "/" } else { "" };
    let query = match request.query.as_str() {
        "" => String::new(),
        query => format!("?{query}"),
    };
    let mut built = http::Request::builder()
        .method(request.method)
        .uri(format!("{url}{slash}{query}"))
        .header("x-amz-content-sha256", Digest::of(bytes).hex());
    for (name, value) in request.headers {
        let value = HeaderValue::try_from(value).map_err(|error| malformed(error.to_string()))?;
        built = built.header(name, value);
    }
    let built = built.body(bytes.to_vec());
    let (mut parts, body) = built
        .map_err(|error| malformed(error.to_string()))?
        .into_parts();
    let credential = store.bucket.credentials().get_credential().await;
    let credential = credential.map_err(failed)?;
    let mut provider = StaticCredentialProvider::new(&credential.key_id, &credential.secret_key);
    if let Some(token) = &credential.token {
        provider = provider.with_session_token(token);
    }
    let signer = reqsign::Signer::new(
        reqsign::Context::new(),
        provider,
        RequestSigner::new("s3", &store.sender.region),
    );
    let signed = signer.sign(&mut parts, None).await;
    signed.map_err(|error| StoreError::Denied {
        name: store.url(key),
        what: error.to_string(),
    })?;
    let request = http::Request::from_parts(parts, body);
    let mut request = reqwest::Request::try_from(request).map_err(lost(store, key))?;
    if !is_slow {
        *request.timeout_mut() = Some(store.timeouts.window);
    }
    let answer = store.sender.client.execute(request).await;
    answer.map_err(lost(store, key))
}

/// Returns the first bytes of the text of an answer.
pub(super) async fn text(answer: &mut Response) -> reqwest::Result<String> {
    let mut text = Vec::new();
    while text.len() < MAX_TEXT
        && let Some(part) = answer.chunk().await?
    {
        text.extend_from_slice(&part);
    }
    text.truncate(MAX_TEXT);
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// Parses the refusal of a server.
pub(super) async fn refusal(mut answer: Response) -> Answered {
    let status = answer.status().as_u16();
    let text = text(&mut answer).await.unwrap_or_default();
    Answered::new(status, &text)
}

/// Converts the refusal of a server to an error.
pub(super) async fn refused(store: &S3, key: &str, answer: Response) -> StoreError {
    refusal(answer)
        .await
        .to_error(store.url(key), store.name.as_str())
}

/// Returns the error of a request that was not answered.
pub(super) fn lost(store: &S3, key: &str) -> impl Fn(reqwest::Error) -> StoreError {
    let name = store.url(key);
    move |error| web::lost(&name, &store.endpoint, &store.guard, &error)
}
