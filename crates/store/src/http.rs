//! Objects behind a web server: they can only be read.

use std::ops::Range;

use futures_util::StreamExt as _;
use reqwest::header::{
    AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, HeaderMap, HeaderValue, RANGE,
};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use sreg_model::redact::redact;
use sreg_model::settings::BaseUrl;

use crate::patience::{Patience, too_slow};
use crate::runtime::block_on;
use crate::{
    Access, Headers, If, Object, Served, Sink, Store, StoreError, Upload, Version, Written,
};

/// How often a request is led elsewhere.
const REDIRECTS: usize = 5;

/// Objects behind a web server.
#[derive(Debug)]
pub struct Http {
    base: String,
    /// The same for messages.
    name: String,
    client: Client,
    patience: Patience,
}

impl Http {
    /// The objects below `url`, which has no query.
    ///
    /// # Errors
    /// When it is no `http://` or `https://` URL, or TLS cannot be set up.
    pub fn open(url: &str, access: &Access) -> Result<Self, StoreError> {
        let base = url.trim_end_matches('/');
        base.parse::<BaseUrl>().map_err(|error| {
            let credentials = "credentials are not part of it: set SREG_TOKEN for a bearer token";
            match redact(url) == url {
                true => wrong(url, error.to_string()),
                false => wrong(url, credentials.to_owned()),
            }
        })?;
        Self::new(base, access)
    }

    /// The one object at `url`, whose key is empty.
    ///
    /// # Errors
    /// As [`Http::open`].
    pub fn file(url: &str, access: &Access) -> Result<Self, StoreError> {
        match url.parse::<reqwest::Url>() {
            Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Self::new(url, access),
            Ok(parsed) => Err(wrong(url, format!("{} is no web address", parsed.scheme()))),
            Err(error) => Err(wrong(url, error.to_string())),
        }
    }

    fn new(base: &str, access: &Access) -> Result<Self, StoreError> {
        let mut headers = HeaderMap::new();
        if let Some(token) = &access.token {
            let mut value = HeaderValue::try_from(format!("Bearer {token}"))
                .map_err(|_| wrong(base, "the token for it is no header's value".to_owned()))?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        // The client wants the runtime and its cryptography to be there.
        let client = block_on(async {
            Client::builder()
                .user_agent(concat!("sreg/", env!("CARGO_PKG_VERSION")))
                .default_headers(headers)
                .connect_timeout(access.patience.connect)
                // From https nobody is led to plain http.
                .https_only(base.starts_with("https://"))
                .redirect(Policy::limited(REDIRECTS))
                .build()
        })
        .map_err(|error| wrong(base, error.to_string()))?;
        Ok(Self {
            name: shown(base),
            base: base.to_owned(),
            client,
            patience: access.patience,
        })
    }

    fn url(&self, key: &str) -> String {
        match key {
            "" => self.base.clone(),
            key => format!("{}/{key}", self.base),
        }
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
        match tokio::time::timeout(self.patience.window, request.send()).await {
            Ok(answer) => answer.map_err(|error| lost(url, error)),
            Err(_) => Err(too_slow(&shown(url))),
        }
    }

    /// The headers of an object; nothing, where there is none.
    fn headers(&self, url: &str) -> Result<Option<HeaderMap>, StoreError> {
        let head = async || {
            let answer = self.answer(url, self.client.head(url)).await?;
            if is_nothing(answer.status()) {
                return Ok(None);
            }
            check(url, &answer, StatusCode::OK)?;
            Ok(Some(answer.headers().clone()))
        };
        self.patience.patiently(|| block_on(head()))
    }

    /// Gives the first `most` bytes of an answer to `sink`.
    async fn body(
        &self,
        url: &str,
        answer: Response,
        most: u64,
        sink: Sink<'_>,
    ) -> Result<(), StoreError> {
        let parts = answer.bytes_stream();
        let parts = parts.map(|part| part.map_err(|error| lost(url, error)));
        self.patience.give(&shown(url), parts, most, sink).await
    }

    async fn read_once(&self, url: &str, most: usize) -> Result<Option<Object>, StoreError> {
        let answer = self.get(url, None).await?;
        if is_nothing(answer.status()) {
            return Ok(None);
        }
        check(url, &answer, StatusCode::OK)?;
        let tag = answer.headers().get(ETAG).map(HeaderValue::as_bytes);
        let version = Version(String::from_utf8_lossy(tag.unwrap_or_default()).into_owned());
        let mut bytes = Vec::new();
        self.body(url, answer, most as u64 + 1, &mut |part| {
            bytes.extend_from_slice(part);
            Ok(())
        })
        .await?;
        Ok(Some(Object { bytes, version }))
    }
}

impl Store for Http {
    fn name(&self) -> &str {
        &self.name
    }

    fn read(&self, key: &str, most: usize) -> Result<Option<Object>, StoreError> {
        let url = self.url(key);
        self.patience
            .patiently(|| block_on(self.read_once(&url, most)))
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
        block_on(async {
            let answer = self.get(&url, Some(range.clone())).await?;
            let length = range.end - range.start;
            match answer.status() {
                // The server has no ranges: from the start the same bytes come.
                StatusCode::OK if range.start == 0 => {}
                StatusCode::OK => return Err(StoreError::NoRanges(shown(&url))),
                _ => {
                    check(&url, &answer, StatusCode::PARTIAL_CONTENT)?;
                    check_start(&url, answer.headers(), range.start)?;
                }
            }
            self.body(&url, answer, length, sink).await
        })
    }

    fn write(&self, key: &str, _: &[u8], _: &If, _: Served) -> Result<Written, StoreError> {
        Err(StoreError::ReadOnly(shown(&self.url(key))))
    }

    fn upload(&self, key: &str, _: &Upload<'_>) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly(shown(&self.url(key))))
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly(shown(&self.url(key))))
    }
}

/// Whether there is no such object; stores that list nothing say 403.
fn is_nothing(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE
    )
}

fn check(url: &str, answer: &Response, expected: StatusCode) -> Result<(), StoreError> {
    match answer.status() {
        status if status == expected => Ok(()),
        StatusCode::UNAUTHORIZED => Err(StoreError::Denied {
            name: shown(url),
            what: "the server wants credentials".to_owned(),
        }),
        status => Err(StoreError::Status {
            name: shown(url),
            status: status.as_u16(),
        }),
    }
}

/// A range that begins elsewhere is none.
fn check_start(url: &str, headers: &HeaderMap, start: u64) -> Result<(), StoreError> {
    let said = headers
        .get(CONTENT_RANGE)
        .and_then(|said| said.to_str().ok());
    match said.map(|said| said.starts_with(&format!("bytes {start}-"))) {
        Some(true) | None => Ok(()),
        Some(false) => Err(StoreError::unreachable(
            &shown(url),
            "it sends another range",
        )),
    }
}

/// Returns a URL without what may be a secret in it: credentials, query and fragment.
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

fn lost(url: &str, error: reqwest::Error) -> StoreError {
    StoreError::unreachable(&shown(url), error.without_url())
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
