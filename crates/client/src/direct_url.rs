//! Images at direct URLs with a digest, without a registry.

use std::sync::Arc;

use sreg_model::Digest;
use sreg_store::{Http, StoreConfig, StoreError};

use crate::fetch::Source;
use crate::location::{config_beside, split};

/// A URL of a file and its digest: `https://host/file.sif@sha256:…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectUrl {
    url: String,
    digest: Digest,
}

impl DirectUrl {
    /// Parses a URL with a digest. Returns `None` if the text is anything else, such as a reference.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (url, digest) = text.rsplit_once('@')?;
        let is_web = url.starts_with("https://") || url.starts_with("http://");
        if !is_web || split(text).is_some() {
            return None;
        }
        Some(Self {
            url: url.to_owned(),
            digest: digest.parse().ok()?,
        })
    }

    /// Returns the URL, which may contain secrets.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the digest that the file must have.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// Returns the default name of the file: the last part of the URL's path if that is plain, otherwise
    /// `<12 digits of the digest>.sif`.
    #[must_use]
    pub fn file_name(&self) -> String {
        let path = self.url.split(['?', '#']).next().unwrap_or(&self.url);
        let name = path.rsplit('/').next().unwrap_or_default();
        let is_plain = !name.is_empty()
            && !name.starts_with('.')
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._-+".contains(&byte));
        match is_plain {
            true => name.to_owned(),
            false => format!("{}.sif", &self.digest.hex()[..12]),
        }
    }

    /// Returns the places that may have the file: the URL, then its mirrors.
    ///
    /// # Errors
    /// As [`Http::file`].
    pub fn sources(
        &self,
        mirrors: &[String],
        config: &StoreConfig,
    ) -> Result<Vec<Source>, StoreError> {
        let urls = [&self.url].into_iter().chain(mirrors);
        urls.map(|url| {
            let config = config_beside(&self.url, url, config);
            Ok(Source {
                store: Arc::new(Http::file(url, &config)?),
                key: String::new(),
            })
        })
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    #[test]
    fn only_a_url_of_a_file_with_a_digest_is_one() {
        for (text, is_direct) in [
            (format!("https://host/a.sif@{DIGEST}"), true),
            (format!("http://host:8080/a@{DIGEST}"), true),
            (format!("https://user@host/a.sif@{DIGEST}"), true),
            ("https://host/a.sif".to_owned(), false),
            (format!("https://host/a.sif@{}", &DIGEST[..20]), false),
            (format!("s3://bucket/a.sif@{DIGEST}"), false),
            (format!("a.sif@{DIGEST}"), false),
            (format!("https://host/registry//lab/tool@{DIGEST}"), false),
        ] {
            assert_eq!(DirectUrl::parse(&text).is_some(), is_direct, "{text}");
        }
    }

    #[test]
    fn a_file_is_named_after_a_plain_path_alone() {
        for (url, name) in [
            ("https://host/images/a-1.0+b.sif", "a-1.0+b.sif"),
            ("https://host/a.sif?token=x/y", "a.sif"),
            ("https://host/a.sif#part", "a.sif"),
            ("https://host/", "0123456789ab.sif"),
            ("https://host/.bashrc", "0123456789ab.sif"),
            ("https://host/a%2Fb.sif", "0123456789ab.sif"),
            ("https://host/a b.sif", "0123456789ab.sif"),
        ] {
            let found = DirectUrl::parse(&format!("{url}@{DIGEST}")).map(|url| url.file_name());
            assert_eq!(found.as_deref(), Some(name), "{url}");
        }
    }
}
