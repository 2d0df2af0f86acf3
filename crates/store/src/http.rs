//! Documents of a registry that is served over HTTP.

use std::io::{self, Read as _};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::blocking::Client;
use reqwest::redirect::Policy;
use sreg_model::layout::Place;
use sreg_model::settings::BaseUrl;

/// How long a server may take to accept a connection.
const CONNECT: Duration = Duration::from_secs(15);
/// How long a document may take as a whole: none is over 1 MiB.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How often a request is led elsewhere.
const REDIRECTS: usize = 5;

/// Why a document could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SiteError {
    /// No URL of a registry.
    #[error("{url} is no URL of a registry: {what}")]
    Url {
        /// What was given.
        url: String,
        /// Why it is none.
        what: String,
    },
    /// The server cannot be reached, or what it sends breaks off.
    #[error("{url} cannot be read")]
    Unreachable {
        /// The document.
        url: String,
        /// Why.
        source: io::Error,
    },
    /// The server answers with something else than a document.
    #[error("{url} is answered with {status}")]
    Status {
        /// The document.
        url: String,
        /// The answer.
        status: u16,
    },
}

impl SiteError {
    /// The error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Url { .. } => "malformed-url",
            Self::Unreachable { .. } | Self::Status { .. } => "unreachable",
        }
    }
}

/// A registry at a URL.
#[derive(Debug)]
pub struct Site {
    base: String,
    client: Client,
}

impl Site {
    /// A registry whose root is served at `url`.
    ///
    /// # Errors
    /// When it is no `http://` or `https://` URL, or TLS cannot be set up.
    pub fn open(url: &str) -> Result<Self, SiteError> {
        let base = url.trim_end_matches('/').to_owned();
        let wrong = |what: String| SiteError::Url {
            url: url.to_owned(),
            what,
        };
        base.parse::<BaseUrl>()
            .map_err(|error| wrong(error.to_string()))?;
        // Fails where a provider was chosen already, by an earlier call.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(concat!("sreg/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT)
            // From https nobody is led to plain http.
            .https_only(base.starts_with("https://"))
            .redirect(Policy::limited(REDIRECTS))
            .build()
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self { base, client })
    }

    /// Reads the document at a place, but never more than one byte over `most`: parsers refuse what
    /// is longer. Nothing, where there is none; stores that list nothing say 403.
    ///
    /// # Errors
    /// When the server cannot be reached, or answers with something else.
    pub fn read(&self, place: &Place, most: usize) -> Result<Option<Vec<u8>>, SiteError> {
        let url = format!("{}/{place}", self.base);
        let unreachable = |source: io::Error| SiteError::Unreachable {
            url: url.clone(),
            source,
        };
        let started = Instant::now();
        let answer = self
            .client
            .get(&url)
            .send()
            .map_err(|error| unreachable(io::Error::other(error.without_url())))?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::FORBIDDEN | StatusCode::GONE => return Ok(None),
            status => {
                return Err(SiteError::Status {
                    url,
                    status: status.as_u16(),
                });
            }
        }
        let mut answer = answer.take(most as u64 + 1);
        let (mut bytes, mut buffer) = (Vec::new(), [0; 16 << 10]);
        loop {
            // The client's own limit is one of silence.
            if started.elapsed() > TIMEOUT {
                return Err(unreachable(io::ErrorKind::TimedOut.into()));
            }
            match answer.read(&mut buffer).map_err(unreachable)? {
                0 => return Ok(Some(bytes)),
                read => bytes.extend_from_slice(&buffer[..read]),
            }
        }
    }
}
