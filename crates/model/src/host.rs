//! The kinds of hosts for which a registry can be prepared (`spec/layout.md`).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The host that serves a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Host {
    /// nginx, with the configuration in the registry.
    Nginx,
    /// A bucket of S3, or of a server with the same protocol.
    S3,
    /// A bucket of Google Cloud Storage.
    Gcs,
    /// GitHub Pages.
    Pages,
    /// Netlify.
    Netlify,
    /// Cloudflare Pages.
    Cloudflare,
}

/// The word is not a host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown host {0:?}, expected nginx, s3, gcs, pages, netlify or cloudflare")]
pub struct HostError(String);

impl Host {
    /// All hosts, in the order of lists.
    pub const ALL: [Self; 6] = [
        Self::Nginx,
        Self::S3,
        Self::Gcs,
        Self::Pages,
        Self::Netlify,
        Self::Cloudflare,
    ];

    /// Returns its word: `nginx`, `s3`, …
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::S3 => "s3",
            Self::Gcs => "gcs",
            Self::Pages => "pages",
            Self::Netlify => "netlify",
            Self::Cloudflare => "cloudflare",
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Host {
    type Err = HostError;

    fn from_str(text: &str) -> Result<Self, HostError> {
        let found = Self::ALL.into_iter().find(|host| host.as_str() == text);
        found.ok_or_else(|| HostError(crate::digest::shorten(text)))
    }
}
