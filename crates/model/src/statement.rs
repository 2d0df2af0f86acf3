//! The statement: the claim of a publisher about one image (`spec/statement.md`).

use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::attachment::{self, Attachment};
use crate::canonical::MAX_INTEGER;
use crate::digest::Digest;
use crate::document::{Body, DocumentError, check_text};
use crate::manifest::Manifest;
use crate::media_type::ImageFormat;
use crate::reference::{Repository, Tag};

/// The `type` field of a statement.
pub const TYPE: &str = "sreg-statement-v1";
/// The largest image, in bytes: 16 TiB.
pub const MAX_SIZE: u64 = 1 << 44;
/// The maximal number of URLs in a statement.
pub const MAX_URLS: usize = 8;

/// A statement about one (name, tag, architecture).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Fields", into = "Fields")]
pub struct Statement {
    /// Its subject.
    pub subject: Subject,
    /// The registry's id; absent in a registry without keys.
    pub registry: Option<Digest>,
    /// Raised when a namespace gets other publishers; 0 without keys.
    pub epoch: u64,
    /// Counts the statements about this subject, from 1.
    pub seq: u64,
    /// The id of the previous statement; absent if and only if `seq` is 1.
    pub previous: Option<Digest>,
    /// The time at which it was made, in Unix seconds.
    pub issued: u64,
    /// The time from which it is expired, in Unix seconds.
    pub expires: Option<u64>,
    /// Its claim.
    pub claim: Claim,
}

/// The subject of a statement: name, tag and architecture.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// `namespace/name`.
    pub repository: Repository,
    /// The tag.
    pub tag: Tag,
    /// The architecture; `unknown` if the image does not state it.
    pub arch: Arch,
}

/// The claim about a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The subject is this image.
    Present(Image),
    /// The subject was removed.
    Removed {
        /// The reason, for people.
        reason: String,
    },
}

/// The image of a present subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// The file's size in bytes, from 1 to [`MAX_SIZE`].
    pub size: u64,
    /// The digest of the chain sidecar.
    pub chain: Digest,
    /// The format of the file.
    pub format: ImageFormat,
    /// Whether the tag never moves again.
    pub frozen: bool,
    /// Other URLs at which the file may be: hints, never trusted.
    pub urls: Vec<String>,
    /// Its attachments, in the order in which they were attached.
    pub attached: Vec<Attachment>,
}

impl Statement {
    /// Returns the OCI manifest of the image, if the subject is present.
    #[must_use]
    pub fn manifest(&self) -> Option<Manifest> {
        match &self.claim {
            Claim::Present(image) => Some(self.subject.manifest(image)),
            Claim::Removed { .. } => None,
        }
    }

    /// Returns the image, if the subject is present.
    #[must_use]
    pub fn image(&self) -> Option<&Image> {
        match &self.claim {
            Claim::Present(image) => Some(image),
            Claim::Removed { .. } => None,
        }
    }
}

impl Subject {
    fn manifest(&self, image: &Image) -> Manifest {
        Manifest::of_image(
            &self.repository,
            &self.tag,
            image.digest,
            image.size,
            image.format,
        )
    }
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{} ({})", self.repository, self.tag, self.arch)
    }
}

impl Body for Statement {
    fn check(&self) -> Result<(), DocumentError> {
        if self.seq == 0 || self.seq > MAX_INTEGER {
            return Err(DocumentError::field(
                "seq",
                format!("{} is not from 1 to 2^53-1", self.seq),
            ));
        }
        if (self.seq == 1) != self.previous.is_none() {
            return Err(DocumentError::field(
                "previous",
                "it is absent exactly where seq is 1",
            ));
        }
        if self.registry.is_none() && self.epoch != 0 {
            return Err(DocumentError::field(
                "epoch",
                "it is 0 where the registry has no keys",
            ));
        }
        for (field, value) in [
            ("epoch", self.epoch),
            ("issued", self.issued),
            ("expires", self.expires.unwrap_or(0)),
        ] {
            if value > MAX_INTEGER {
                return Err(DocumentError::field(
                    field,
                    format!("{value} is over 2^53-1"),
                ));
            }
        }
        match &self.claim {
            Claim::Present(image) => {
                if image.size == 0 || image.size > MAX_SIZE {
                    return Err(DocumentError::field(
                        "size",
                        format!("{} is not from 1 to 2^44", image.size),
                    ));
                }
                if image.urls.len() > MAX_URLS {
                    return Err(DocumentError::field(
                        "urls",
                        format!("{} are more than {MAX_URLS}", image.urls.len()),
                    ));
                }
                image
                    .urls
                    .iter()
                    .try_for_each(|url| check_text("urls", url))?;
                attachment::check(&image.attached)
            }
            Claim::Removed { reason } => {
                if self.seq == 1 {
                    return Err(DocumentError::field(
                        "state",
                        "what was never present cannot be removed",
                    ));
                }
                check_reason(reason)
            }
        }
    }

    fn is_signed(&self) -> bool {
        self.registry.is_some()
    }
}

/// Checks the reason of a removal: 1 to 1,024 bytes of text (STM-14).
///
/// # Errors
/// `Field` if it is empty, too long, or has control characters.
pub fn check_reason(reason: &str) -> Result<(), DocumentError> {
    check_text("reason", reason)
}

/// The JSON fields of a statement.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    arch: Arch,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    attached: Option<Vec<Attachment>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chain: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    epoch: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frozen: Option<bool>,
    issued: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    manifest: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media: Option<ImageFormat>,
    name: Repository,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    previous: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    registry: Option<Digest>,
    seq: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    state: State,
    tag: Tag,
    r#type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    urls: Option<Vec<String>>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Present,
    Removed,
}

impl TryFrom<Fields> for Statement {
    type Error = String;

    fn try_from(fields: Fields) -> Result<Self, String> {
        if fields.r#type != TYPE {
            return Err(format!("type is {:?}, expected {TYPE:?}", fields.r#type));
        }
        let subject = Subject {
            repository: fields.name,
            tag: fields.tag,
            arch: fields.arch,
        };
        let claim = match (
            fields.state,
            fields.digest,
            fields.size,
            fields.chain,
            fields.media,
            fields.manifest,
            fields.reason,
        ) {
            (
                State::Present,
                Some(digest),
                Some(size),
                Some(chain),
                Some(format),
                Some(manifest),
                None,
            ) => {
                // Only one spelling of "nothing": an absent field.
                if fields.frozen == Some(false)
                    || fields.urls.as_ref().is_some_and(Vec::is_empty)
                    || fields.attached.as_ref().is_some_and(Vec::is_empty)
                {
                    return Err(
                        "frozen false, empty urls and nothing attached are written by leaving the field out"
                            .to_owned(),
                    );
                }
                let image = Image {
                    digest,
                    size,
                    chain,
                    format,
                    frozen: fields.frozen.is_some(),
                    urls: fields.urls.unwrap_or_default(),
                    attached: fields.attached.unwrap_or_default(),
                };
                let derived = subject.manifest(&image).digest();
                if derived != manifest {
                    return Err(format!(
                        "manifest is {manifest}, but the other fields give {derived}"
                    ));
                }
                Claim::Present(image)
            }
            (State::Present, ..) => {
                return Err(
                    "a present image has digest, size, chain, media and manifest, and no reason"
                        .to_owned(),
                );
            }
            (State::Removed, None, None, None, None, None, Some(reason))
                if fields.frozen.is_none()
                    && fields.urls.is_none()
                    && fields.attached.is_none() =>
            {
                Claim::Removed { reason }
            }
            (State::Removed, ..) => {
                return Err("a removed image has a reason, and nothing of the image".to_owned());
            }
        };
        Ok(Self {
            subject,
            registry: fields.registry,
            epoch: fields.epoch,
            seq: fields.seq,
            previous: fields.previous,
            issued: fields.issued,
            expires: fields.expires,
            claim,
        })
    }
}

impl From<Statement> for Fields {
    fn from(statement: Statement) -> Self {
        let manifest = statement.manifest().map(|manifest| manifest.digest());
        let (image, reason) = match statement.claim {
            Claim::Present(image) => (Some(image), None),
            Claim::Removed { reason } => (None, Some(reason)),
        };
        let attached = image.as_ref().map(|image| image.attached.clone());
        Self {
            arch: statement.subject.arch,
            attached: attached.filter(|attached| !attached.is_empty()),
            chain: image.as_ref().map(|image| image.chain),
            digest: image.as_ref().map(|image| image.digest),
            epoch: statement.epoch,
            expires: statement.expires,
            frozen: image
                .as_ref()
                .and_then(|image| image.frozen.then_some(true)),
            issued: statement.issued,
            manifest,
            media: image.as_ref().map(|image| image.format),
            name: statement.subject.repository,
            previous: statement.previous,
            registry: statement.registry,
            seq: statement.seq,
            size: image.as_ref().map(|image| image.size),
            state: if reason.is_some() {
                State::Removed
            } else {
                State::Present
            },
            reason,
            tag: statement.subject.tag,
            r#type: TYPE.to_owned(),
            urls: image
                .map(|image| image.urls)
                .filter(|urls| !urls.is_empty()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;

    fn present() -> Statement {
        Statement {
            subject: Subject {
                repository: "lab/tool".parse().unwrap(),
                tag: "1.0".parse().unwrap(),
                arch: Arch::Amd64,
            },
            registry: None,
            epoch: 0,
            seq: 1,
            previous: None,
            issued: 1_790_000_000,
            expires: None,
            claim: Claim::Present(Image {
                digest: Digest::of(b"image"),
                size: 5,
                chain: Digest::of(b"chain"),
                format: ImageFormat::Sif,
                frozen: false,
                urls: Vec::new(),
                attached: Vec::new(),
            }),
        }
    }

    #[test]
    fn encode_then_parse_is_identity() {
        let removed = Statement {
            seq: 2,
            previous: Some(Digest::of(b"previous")),
            claim: Claim::Removed {
                reason: "superseded".to_owned(),
            },
            ..present()
        };
        let mut full = present();
        full.expires = Some(1_800_000_000);
        if let Claim::Present(image) = &mut full.claim {
            image.frozen = true;
            image.urls.push("https://example.org/tool.sif".to_owned());
        }
        for statement in [present(), full, removed] {
            let document = Document::new(statement.clone()).unwrap();
            let parsed = Document::<Statement>::parse(document.bytes().to_vec()).unwrap();
            assert_eq!(parsed.body(), &statement);
            assert_eq!(parsed.id(), Digest::of(document.bytes()));
        }
    }

    #[test]
    fn refused() {
        let text = String::from_utf8(Document::new(present()).unwrap().bytes().to_vec()).unwrap();
        for (bytes, word) in [
            (text.trim_end().to_owned(), "document-no-line"),
            (format!("{text}x"), "document-trailing"),
            (text.replace("\"seq\":1", "\"seq\":0"), "document-field"),
            (text.replace("\"epoch\":0", "\"epoch\":1"), "document-field"),
            (text.replace("\"seq\":1", "\"seq\":2"), "document-field"),
            (
                text.replace("\"size\":5", "\"size\":6"),
                "malformed-document",
            ),
            (text.replace("\"seq\"", "\"seqs\""), "malformed-document"),
            (
                text.replace("statement-v1", "statement-v2"),
                "malformed-document",
            ),
            (text.replace("amd64", "vax"), "malformed-document"),
            (
                text.replace("\"present\"", "\"removed\""),
                "malformed-document",
            ),
            (text.replace("\"epoch\":0", "\"epoch\": 0"), "json-syntax"),
            (" ".repeat(20_000), "document-too-large"),
        ] {
            let error = Document::<Statement>::parse(bytes.clone().into_bytes()).unwrap_err();
            assert_eq!(error.code(), word, "{bytes}");
        }
    }
}
