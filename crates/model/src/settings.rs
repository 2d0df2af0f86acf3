//! `sreg.json`: the settings of a registry (`spec/layout.md`).

use crate::fault::Code;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::canonical::{self, CanonicalError};
use crate::digest::shorten;
use crate::host::Host;
use crate::layout::Place;
use crate::redact::redact;
use crate::statement::{Image, Subject};

/// The version of the registry format that this code reads and writes.
pub const FORMAT: u64 = 1;
/// The longest URL or template, in bytes.
pub const MAX_URL: usize = 2048;

/// Why bytes are not settings, or a text is not a URL for them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The bytes are not the settings of a registry.
    #[error("sreg.json is malformed")]
    Malformed(#[from] CanonicalError),
    /// The LF at the end is missing.
    #[error("sreg.json does not end with an LF")]
    NoLine,
    /// The registry has a later format.
    #[error("the registry has format {0}, but this sreg supports at most {FORMAT}")]
    Newer(u64),
    /// The text is not an absolute http or https URL.
    #[error(
        "{0:?} is not an http:// or https:// URL of up to 2048 bytes without credentials, spaces, query or fragment"
    )]
    Url(String),
    /// The template does not distinguish images.
    #[error("template {0:?} needs {{digest}} or {{hex}}, or both {{name}} and {{tag}}")]
    Template(String),
    /// The template has an unknown placeholder, or a single brace.
    #[error(
        "template {0:?} has an unknown placeholder; known are {{digest}} {{hex}} {{namespace}} {{name}} {{tag}} {{arch}} {{ext}}"
    )]
    Placeholder(String),
}

impl SettingsError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Malformed(_) | Self::NoLine => Code::MalformedSettings,
            Self::Newer(_) => Code::NewerFormat,
            Self::Url(_) | Self::Template(_) | Self::Placeholder(_) => Code::MalformedUrl,
        }
    }
}

/// The settings of a registry. The views depend on them.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The URL of the registry's root. Without it, links in views are relative to the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<BaseUrl>,
    /// The template for URLs of images that are not stored in the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob_url: Option<BlobUrl>,
    format: Format,
    /// The host that serves the registry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Host>,
    r#type: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Format;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
enum Kind {
    #[default]
    #[serde(rename = "sreg-registry")]
    Registry,
}

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(FORMAT)
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            FORMAT => Ok(Self),
            other => Err(serde::de::Error::custom(format!(
                "format is {other}, expected {FORMAT}"
            ))),
        }
    }
}

impl Settings {
    /// Parses `sreg.json`.
    ///
    /// # Errors
    /// [`SettingsError::Newer`] for a later format, whatever else the file contains; otherwise
    /// `Malformed`, `NoLine` or the fault of a field.
    pub fn parse(bytes: &[u8]) -> Result<Self, SettingsError> {
        #[derive(Deserialize)]
        struct Version {
            format: u64,
            #[serde(rename = "type")]
            _kind: Kind,
        }
        // A later format may spell the rest differently, so its number is looked at first.
        if let Ok(version) = serde_json::from_slice::<Version>(bytes)
            && version.format > FORMAT
        {
            return Err(SettingsError::Newer(version.format));
        }
        let line = bytes.strip_suffix(b"\n").ok_or(SettingsError::NoLine)?;
        let settings: Self = canonical::from_slice(line)?;
        // The slash that a person may type at the end of a base URL is not part of the form.
        if settings.encode() != bytes {
            let what = "base_url ends with a slash".to_owned();
            return Err(CanonicalError::Document(what).into());
        }
        Ok(settings)
    }

    /// Returns the bytes of `sreg.json`.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        canonical::to_line(self)
    }

    /// Returns the URL at which clients download an image.
    #[must_use]
    pub fn image_url(&self, subject: &Subject, image: &Image) -> String {
        match &self.blob_url {
            Some(template) => template.expand(subject, image),
            None => self.site_url(&Place::blob(&subject.repository, image.digest)),
        }
    }

    /// Returns the URL of a place in the registry: absolute with a base URL, otherwise relative to the
    /// host.
    #[must_use]
    pub fn site_url(&self, place: &Place) -> String {
        match &self.base_url {
            Some(base) => format!("{base}/{place}"),
            None => format!("/{place}"),
        }
    }
}

/// The URL at which a registry's root is served, without a slash at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(String);

impl FromStr for BaseUrl {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        let trimmed = text.trim_end_matches('/');
        if !is_url(trimmed) || trimmed.contains(['{', '}']) {
            return Err(SettingsError::Url(shown(text)));
        }
        Ok(Self(trimmed.to_owned()))
    }
}

impl BaseUrl {
    /// Returns whether the registry is below the root of its host.
    #[must_use]
    pub fn has_path(&self) -> bool {
        self.0
            .split_once("://")
            .is_some_and(|(_, rest)| rest.contains('/'))
    }
}

/// A template for the URL of an image: `https://host/{hex}.sif`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobUrl(String);

impl BlobUrl {
    fn expand(&self, subject: &Subject, image: &Image) -> String {
        expand(&self.0, |placeholder| {
            Some(match placeholder {
                "digest" => image.digest.to_string(),
                "hex" => image.digest.hex(),
                "namespace" => subject.repository.namespace().to_string(),
                "name" => subject.repository.name().to_string(),
                "tag" => subject.tag.to_string(),
                "arch" => subject.arch.to_string(),
                "ext" => image.format.extension().to_owned(),
                _ => return None,
            })
        })
        .unwrap_or_default()
    }
}

impl FromStr for BlobUrl {
    type Err = SettingsError;

    fn from_str(text: &str) -> Result<Self, SettingsError> {
        if !is_url(text) {
            return Err(SettingsError::Url(shown(text)));
        }
        let known = ["digest", "hex", "namespace", "name", "tag", "arch", "ext"];
        let mut used = Vec::new();
        expand(text, |placeholder| {
            used.push(placeholder.to_owned());
            known.contains(&placeholder).then(String::new)
        })
        .ok_or_else(|| SettingsError::Placeholder(shown(text)))?;
        let has = |word: &str| used.iter().any(|placeholder| placeholder == word);
        if has("digest") || has("hex") || (has("name") && has("tag")) {
            return Ok(Self(text.to_owned()));
        }
        Err(SettingsError::Template(shown(text)))
    }
}

/// Replaces every `{placeholder}`. Returns `None` for an unknown placeholder or a single brace.
fn expand(template: &str, mut value: impl FnMut(&str) -> Option<String>) -> Option<String> {
    let mut text = String::new();
    let mut rest = template;
    while let Some(open) = rest.find(['{', '}']) {
        text.push_str(&rest[..open]);
        let inner = rest[open..].strip_prefix('{')?;
        let close = inner.find('}')?;
        text.push_str(&value(&inner[..close])?);
        rest = &inner[close + 1..];
    }
    text.push_str(rest);
    Some(text)
}

/// Shortens a text for an error message, and removes credentials.
fn shown(text: &str) -> String {
    shorten(&redact(text))
}

fn is_url(text: &str) -> bool {
    let after = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    // The host is a name of its own: no placeholder, and no credentials in front of it.
    let host = after
        .and_then(|after| after.split('/').next())
        .unwrap_or_default();
    let name = host.split(':').next().unwrap_or_default();
    let named = !name.is_empty() || host.starts_with('[');
    named
        && !host.contains(['@', '{', '}'])
        // Such as a port that is none: the start of a password that holds a slash.
        && url::Url::parse(text).is_ok()
        && text.len() <= MAX_URL
        && text.bytes().all(|byte| {
            byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'?' | b'#')
        })
}

macro_rules! text_in_json {
    ($type:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                canonical::from_text(deserializer)
            }
        }
    };
}
text_in_json!(BaseUrl);
text_in_json!(BlobUrl);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Arch, Digest, ImageFormat};

    fn image() -> (Subject, Image) {
        let subject = Subject {
            repository: "Lab/Tool".parse().unwrap(),
            tag: "1.0".parse().unwrap(),
            arch: Arch::Arm64,
        };
        let digest = Digest::of(b"x");
        let image = Image {
            digest,
            size: 1,
            chain: digest,
            format: ImageFormat::Sif,
            frozen: false,
            urls: vec![],
            attached: vec![],
        };
        (subject, image)
    }

    #[test]
    fn text_and_back() {
        let settings = Settings {
            base_url: Some("https://example.org/registry/".parse().unwrap()),
            blob_url: Some(
                "https://example.org/{namespace}/{name}_{tag}.{ext}"
                    .parse()
                    .unwrap(),
            ),
            host: Some(Host::Pages),
            ..Settings::default()
        };
        let bytes = settings.encode();
        assert_eq!(
            String::from_utf8_lossy(&bytes),
            "{\"base_url\":\"https://example.org/registry\",\"blob_url\":\"https://example.org/{namespace}/{name}_{tag}.{ext}\",\"format\":1,\"host\":\"pages\",\"type\":\"sreg-registry\"}\n"
        );
        assert_eq!(Settings::parse(&bytes), Ok(settings));
        assert_eq!(
            Settings::default().encode(),
            b"{\"format\":1,\"type\":\"sreg-registry\"}\n"
        );
    }

    #[test]
    fn where_an_image_is() {
        let (subject, image) = image();
        let mut settings = Settings::default();
        assert_eq!(
            settings.image_url(&subject, &image),
            format!("/v2/lab/tool/blobs/{}", image.digest)
        );
        settings.base_url = Some("http://h/r".parse().unwrap());
        assert_eq!(
            settings.image_url(&subject, &image),
            format!("http://h/r/v2/lab/tool/blobs/{}", image.digest)
        );
        settings.blob_url = Some(
            "https://b/{namespace}/{name}/{tag}.{arch}.{ext}?"
                .replace('?', "")
                .parse()
                .unwrap(),
        );
        assert_eq!(
            settings.image_url(&subject, &image),
            "https://b/Lab/Tool/1.0.arm64.sif"
        );
    }

    #[test]
    fn refused() {
        for (bytes, word) in [
            ("", "malformed-settings"),
            (
                "{\"format\":1,\"type\":\"sreg-registry\"}",
                "malformed-settings",
            ),
            (
                "{\"format\":0,\"type\":\"sreg-registry\"}\n",
                "malformed-settings",
            ),
            ("{\"format\":1,\"type\":\"other\"}\n", "malformed-settings"),
            (
                "{\"format\":2,\"type\":\"sreg-registry\",\"New\": null}",
                "newer-format",
            ),
            (
                "{\"base_url\":\"https://x/\",\"format\":1,\"type\":\"sreg-registry\"}\n",
                "malformed-settings",
            ),
            (
                "{\"format\":1,\"host\":\"apache\",\"type\":\"sreg-registry\"}\n",
                "malformed-settings",
            ),
            (
                "{\"base_url\":\"ftp://x\",\"format\":1,\"type\":\"sreg-registry\"}\n",
                "malformed-settings",
            ),
        ] {
            assert_eq!(
                Settings::parse(bytes.as_bytes()).unwrap_err().code(),
                word,
                "{bytes}"
            );
        }
        for url in [
            "",
            "example.org",
            "https://",
            "https:///x",
            "http://:80",
            "http://user:word@example.org",
            "http://user:wo/rd@example.org",
            "https://a b",
            "https://a/?q",
            "https://a/{digest}",
        ] {
            assert!(url.parse::<BaseUrl>().is_err(), "{url}");
        }
        for template in [
            "https://a/x",
            "https://a/{unknown}",
            "https://a/{hex",
            "https://a/}{hex}",
            "https://a/{name}",
            "https://{name}{tag}/",
        ] {
            assert!(template.parse::<BlobUrl>().is_err(), "{template}");
        }
    }
}
