//! Objects behind a web server, read-only.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::StreamExt as _;
use reqwest::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, HeaderMap, HeaderValue, RANGE, TRANSFER_ENCODING,
};
use reqwest::{Client, Method, Response, StatusCode, Url};
use sreg_model::redact::redact;
use sreg_model::settings::BaseUrl;

use crate::runtime::{block_on, block_on_request};
use crate::timeouts::too_slow;
use crate::web::{self, Guard};
use crate::{
    Capabilities, Headers, Object, Precondition, PutOutcome, RetryPolicy, Scheme, Served, Sink,
    Store, StoreConfig, StoreError, Timeouts, Upload, Version,
};

/// The most bytes of the text of a refusal that are read.
const MAX_TEXT: u64 = 4 << 10;
/// The code with which a bucket that may not be listed answers for a missing object.
const ACCESS_DENIED: &str = "AccessDenied";
/// The least bytes of a partial response that is not the object's end: a server could send single bytes
/// without end.
const MIN_PART: u64 = 1 << 10;
/// The most of such parts that a range may come in.
const MAX_SMALL_PARTS: u32 = 32;

/// Objects behind a web server.
#[derive(Debug)]
pub struct Http {
    base: String,
    /// The URL for messages.
    name: String,
    client: Client,
    guard: Guard,
    timeouts: Timeouts,
    retry: RetryPolicy,
    /// Whether anything was read. From then on, a refusal of a bucket may mean that the object does not
    /// exist.
    may_read: AtomicBool,
}

impl Http {
    /// Opens the objects below `url`, which has no query.
    ///
    /// # Errors
    /// `Name` if it is no `http://` or `https://` URL; `Unusable` if TLS cannot be set up.
    pub fn open(url: &str, config: &StoreConfig) -> Result<Self, StoreError> {
        let base = url.trim_end_matches('/');
        base.parse::<BaseUrl>().map_err(|error| {
            let credentials = "credentials are not part of it: set SREG_TOKEN for a bearer token";
            match redact(url) == url {
                true => wrong(url, error.to_string()),
                false => wrong(url, credentials.to_owned()),
            }
        })?;
        Self::new(base, config)
    }

    /// Opens the one object at `url`, whose key is empty.
    ///
    /// # Errors
    /// As [`Http::open`].
    pub fn file(url: &str, config: &StoreConfig) -> Result<Self, StoreError> {
        match url.parse::<reqwest::Url>() {
            Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Self::new(url, config),
            Ok(parsed) => Err(wrong(url, format!("{} is no web address", parsed.scheme()))),
            Err(error) => Err(wrong(url, error.to_string())),
        }
    }

    fn new(base: &str, config: &StoreConfig) -> Result<Self, StoreError> {
        let mut headers = HeaderMap::new();
        if let Some(token) = &config.token {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| wrong(base, "the token for it is no header's value".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let url: Url = base
            .parse()
            .map_err(|_| wrong(base, "it is no URL".to_owned()))?;
        let (builder, guard) =
            web::builder(&url, config).map_err(|error| wrong(base, error.to_string()))?;
        if let Err(web::PrivateAddress(address)) = guard.check(&url) {
            return Err(StoreError::PrivateAddress {
                name: shown(base),
                address,
            });
        }
        // The client wants the runtime to be there.
        let client = block_on(async { builder.default_headers(headers).build() })
            .map_err(|error| wrong(base, error.to_string()))?
            .map_err(|error| wrong(base, error.to_string()))?;
        Ok(Self {
            name: shown(base),
            base: base.to_owned(),
            client,
            guard,
            timeouts: config.timeouts,
            retry: config.retry.clone(),
            may_read: AtomicBool::new(false),
        })
    }

    fn url(&self, key: &str) -> String {
        match key {
            "" => self.base.clone(),
            key => format!("{}/{key}", self.base),
        }
    }

    /// Runs one request, which an interrupt ends.
    fn request<T: Send>(
        &self,
        request: impl Future<Output = Result<T, StoreError>> + Send,
    ) -> Result<T, StoreError> {
        block_on_request(&self.name, &self.retry.interrupt, request)
    }

    fn lost(&self, url: &str, error: reqwest::Error) -> StoreError {
        let Ok(parsed) = url.parse() else {
            return wrong(url, "it is no URL".to_owned());
        };
        web::lost(&shown(url), &parsed, &self.guard, &error)
    }

    async fn get(&self, url: &str, range: Option<Range<u64>>) -> Result<Response, StoreError> {
        let mut request = self.client.get(url);
        if let Some(range) = range {
            request = request.header(RANGE, format!("bytes={}-{}", range.start, range.end - 1));
        }
        self.answer(url, request).await
    }

    async fn answer(
        &self,
        url: &str,
        request: reqwest::RequestBuilder,
    ) -> Result<Response, StoreError> {
        match tokio::time::timeout(self.timeouts.window, request.send()).await {
            Ok(answer) => answer.map_err(|error| self.lost(url, error)),
            Err(_) => Err(too_slow(&shown(url))),
        }
    }

    /// Requests an object. Returns `None` if it does not exist.
    async fn found(&self, url: &str, method: Method) -> Result<Option<Response>, StoreError> {
        let request = self.client.request(method.clone(), url);
        let mut answer = self.answer(url, request).await?;
        if answer.status() == StatusCode::FORBIDDEN && method == Method::HEAD {
            // What is refused has words in the response to GET alone.
            answer = self.get(url, None).await?;
        }
        if matches!(answer.status(), StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Ok(None);
        }
        if answer.status() == StatusCode::FORBIDDEN {
            return match self.is_absent(url, answer).await? {
                true => Ok(None),
                false => Err(denied(url)),
            };
        }
        check(url, &answer, StatusCode::OK)?;
        self.may_read.store(true, Ordering::Relaxed);
        Ok(Some(answer))
    }

    /// Returns whether a response 403 means that the object does not exist. A bucket sends it if the
    /// credentials may read objects but not list them.
    async fn is_absent(&self, url: &str, answer: Response) -> Result<bool, StoreError> {
        let mut text = Vec::new();
        self.body(url, answer, MAX_TEXT, &mut |part| {
            text.extend_from_slice(part);
            Ok(())
        })
        .await?;
        let text = String::from_utf8_lossy(&text);
        Ok(text.contains(ACCESS_DENIED) && self.may_read.load(Ordering::Relaxed))
    }

    /// Returns the headers of an object, or `None` if it does not exist.
    fn headers(&self, url: &str) -> Result<Option<HeaderMap>, StoreError> {
        let head = async || {
            let answer = self.found(url, Method::HEAD).await?;
            Ok(answer.map(|answer| answer.headers().clone()))
        };
        self.retry.run(&shown(url), || self.request(head()))
    }

    /// Passes the first `max_bytes` bytes of a response to `sink`. Returns how many there were.
    async fn body(
        &self,
        url: &str,
        answer: Response,
        max_bytes: u64,
        sink: Sink<'_>,
    ) -> Result<u64, StoreError> {
        let parts = answer.bytes_stream();
        let parts = parts.map(|part| part.map_err(|error| self.lost(url, error)));
        self.timeouts
            .give(&shown(url), parts, max_bytes, sink)
            .await
    }

    async fn read_once(&self, url: &str, max_bytes: usize) -> Result<Option<Object>, StoreError> {
        let Some(answer) = self.found(url, Method::GET).await? else {
            return Ok(None);
        };
        let tag = answer.headers().get(ETAG).map(HeaderValue::as_bytes);
        let version = Version::of_tag(String::from_utf8_lossy(tag.unwrap_or_default()));
        let mut bytes = Vec::new();
        self.body(url, answer, max_bytes as u64 + 1, &mut |part| {
            bytes.extend_from_slice(part);
            Ok(())
        })
        .await?;
        Ok(Some(Object { bytes, version }))
    }

    /// Reads a range in one attempt. A partial response may be shorter than the requested range (RFC
    /// 9110, 15.3.7), and the rest is then requested.
    async fn read_range_once(
        &self,
        url: &str,
        range: Range<u64>,
        sink: Sink<'_>,
    ) -> Result<(), StoreError> {
        let mut at = range.start;
        let mut small_parts = 0;
        while at < range.end {
            let answer = self.get(url, Some(at..range.end)).await?;
            let named = match answer.status() {
                // The server has no ranges: from the start the same bytes come.
                StatusCode::OK if at == 0 => None,
                StatusCode::OK => return Err(StoreError::NoRanges(shown(url))),
                // The object ends before this part.
                StatusCode::RANGE_NOT_SATISFIABLE => return Ok(()),
                StatusCode::FORBIDDEN => {
                    return Err(match self.is_absent(url, answer).await? {
                        true => StoreError::status(&shown(url), 404),
                        false => denied(url),
                    });
                }
                _ => {
                    check(url, &answer, StatusCode::PARTIAL_CONTENT)?;
                    ContentRange::of(answer.headers())
                }
            };
            if named.as_ref().is_some_and(|named| named.start != at) {
                return Err(StoreError::unreachable(
                    &shown(url),
                    "it sends another range",
                ));
            }
            let end = named.as_ref().map_or(range.end, |named| named.end);
            let end = end.min(range.end);
            let ends_with_connection = answer.headers().get(CONTENT_LENGTH).is_none()
                && answer.headers().get(TRANSFER_ENCODING).is_none();
            let came = self.body(url, answer, end - at, sink).await?;
            at += came;
            let Some(named) = named else {
                return match at < end && ends_with_connection {
                    true => Err(StoreError::unreachable(
                        &shown(url),
                        "the connection was closed, and nothing says whether that is the end",
                    )),
                    false => Ok(()),
                };
            };
            if at < end {
                let what = "it ends before the range that its Content-Range names";
                return Err(StoreError::unreachable(&shown(url), what));
            }
            if named.size.is_some_and(|size| at >= size) {
                return Ok(());
            }
            small_parts += u32::from(came < MIN_PART);
            if small_parts > MAX_SMALL_PARTS && at < range.end {
                let what = format!("it sends {came} bytes of a range of {}", range.end - at);
                return Err(StoreError::unreachable(&shown(url), what));
            }
        }
        Ok(())
    }
}

/// The bytes that a partial response has, and the size of the object where the server states it
/// (RFC 9110, 14.4).
struct ContentRange {
    start: u64,
    end: u64,
    size: Option<u64>,
}

impl ContentRange {
    fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(CONTENT_RANGE)?.to_str().ok()?;
        let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (start, last) = range.split_once('-')?;
        let last: u64 = last.parse().ok()?;
        Some(Self {
            start: start.parse().ok()?,
            end: last.checked_add(1)?,
            size: size.parse().ok(),
        })
    }
}

impl Store for Http {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities<'_> {
        Capabilities {
            writes: false,
            lists: false,
            ..Capabilities::of(Scheme::Web)
        }
    }

    fn retry_policy(&self) -> RetryPolicy {
        self.retry.clone()
    }

    fn is_private(&self) -> bool {
        self.guard.is_private()
    }

    fn read(&self, key: &str, max_bytes: usize) -> Result<Option<Object>, StoreError> {
        let url = self.url(key);
        self.retry.run(&shown(&url), || {
            self.request(self.read_once(&url, max_bytes))
        })
    }

    fn size(&self, key: &str) -> Result<Option<u64>, StoreError> {
        let url = self.url(key);
        let Some(headers) = self.headers(&url)? else {
            return Ok(None);
        };
        // The length of an answer without a body is said by its header alone.
        let length = headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        length.map(Some).ok_or_else(|| {
            StoreError::unreachable(&shown(&url), "the server does not say how long it is")
        })
    }

    fn serves(&self, key: &str) -> Result<Option<Headers>, StoreError> {
        let headers = self.headers(&self.url(key))?;
        Ok(headers.map(|headers| {
            let header = |name| {
                let value = headers.get(name)?;
                value.to_str().ok().map(str::to_owned)
            };
            Headers {
                content_type: header(CONTENT_TYPE),
                cache_control: header(CACHE_CONTROL),
                encoding: header(CONTENT_ENCODING),
            }
        }))
    }

    fn read_range(&self, key: &str, range: Range<u64>, sink: Sink<'_>) -> Result<(), StoreError> {
        let url = self.url(key);
        if range.is_empty() {
            return Ok(());
        }
        self.request(self.read_range_once(&url, range, sink))
    }

    fn write(
        &self,
        key: &str,
        _: &[u8],
        _: &Precondition,
        _: Served,
    ) -> Result<PutOutcome, StoreError> {
        Err(StoreError::ReadOnly(shown(&self.url(key))))
    }

    fn upload(&self, key: &str, _: &Upload<'_>) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly(shown(&self.url(key))))
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly(shown(&self.url(key))))
    }
}

fn denied(url: &str) -> StoreError {
    StoreError::Denied {
        name: shown(url),
        what: "HTTP 403".to_owned(),
    }
}

fn check(url: &str, answer: &Response, expected: StatusCode) -> Result<(), StoreError> {
    match answer.status() {
        status if status == expected => Ok(()),
        StatusCode::UNAUTHORIZED => Err(StoreError::Denied {
            name: shown(url),
            what: "the server wants credentials".to_owned(),
        }),
        StatusCode::FORBIDDEN => Err(denied(url)),
        status => Err(StoreError::status(&shown(url), status.as_u16())),
    }
}

/// Returns a URL without the parts that may be secret: credentials, query and fragment.
#[must_use]
pub fn shown(url: &str) -> String {
    let url = redact(url);
    url.split(['?', '#']).next().unwrap_or(&url).to_owned()
}

fn wrong(url: &str, what: String) -> StoreError {
    StoreError::Name {
        name: shown(url),
        what,
    }
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        for (url, says) in [
            (
                "https://user:secret@host:8/a/b?X-Signature=secret#c",
                "https://host:8/a/b",
            ),
            ("http://a@b@host", "http://host"),
            ("https://host?secret", "https://host"),
            ("https://host/a@b", "https://host/a@b"),
            ("nothing?x", "nothing"),
        ] {
            assert_eq!(shown(url), says);
        }
    }
}
