//! The head: the versioned root document of a registry (`spec/head.md`).

use serde::{Deserialize, Serialize};

use crate::canonical::MAX_INTEGER;
use crate::digest::Digest;
use crate::document::{Body, DocumentError};

/// The `type` field of a head.
pub const TYPE: &str = "sreg-head-v1";

/// One version of a registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Head {
    /// 0 without keys. A trust document starts a new epoch to recover from a stolen key.
    pub epoch: u64,
    /// The time from which it is expired, in Unix seconds; present if and only if `registry` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// The Merkle index.
    pub index: IndexRoot,
    /// The time at which it was made, in Unix seconds.
    pub issued: u64,
    /// The digest of the list of pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<Digest>,
    /// The id of the previous head; absent in the first head of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// The registry's id; absent without keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<Digest>,
    /// The trust document under which it was made; present if and only if `registry` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<TrustVersion>,
    /// Always [`TYPE`].
    #[serde(rename = "type")]
    pub kind: HeadType,
    /// Counts the heads of an epoch, from 1.
    pub version: u64,
}

/// The root of the map of namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexRoot {
    /// The id of the root node.
    pub digest: Digest,
    /// The number of leaf lines of all maps of tags, removals included.
    pub tags: u64,
}

/// A version of the trust document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustVersion {
    /// Its id.
    pub id: Digest,
    /// Its version, from 1.
    pub version: u64,
}

/// The only value of a head's `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum HeadType {
    /// [`TYPE`].
    #[serde(rename = "sreg-head-v1")]
    V1,
}

impl Head {
    /// Creates the first head of a registry without keys, or the next one after `previous`.
    #[must_use]
    pub fn unsigned(index: IndexRoot, issued: u64, previous: Option<(&Head, Digest)>) -> Self {
        Self {
            epoch: 0,
            expires: None,
            index,
            issued,
            pages: None,
            previous: previous.map(|(_, id)| id),
            registry: None,
            trust: None,
            kind: HeadType::V1,
            version: previous.map_or(1, |(head, _)| head.version + 1),
        }
    }
}

impl Body for Head {
    fn check(&self) -> Result<(), DocumentError> {
        if self.version == 0 {
            return Err(DocumentError::field("version", "0 is not from 1 to 2^53-1"));
        }
        let signed = self.registry.is_some();
        if signed != self.trust.is_some() || signed != self.expires.is_some() {
            return Err(DocumentError::field(
                "registry",
                "registry, trust and expires stand together or not at all",
            ));
        }
        if signed != (self.epoch > 0) {
            return Err(DocumentError::field(
                "epoch",
                "it is 0 exactly where the registry has no keys",
            ));
        }
        // Whether it stands in the first head of a later epoch is for trust to say.
        let first = self.version == 1;
        if (!first && self.previous.is_none())
            || (self.epoch == 0 && first && self.previous.is_some())
        {
            return Err(DocumentError::field(
                "previous",
                "only the first head of an epoch has none, and that of epoch 0 never has one",
            ));
        }
        if self.trust.is_some_and(|trust| trust.version == 0) {
            return Err(DocumentError::field(
                "trust",
                "version 0 is not from 1 to 2^53-1",
            ));
        }
        for (field, value) in [
            ("epoch", self.epoch),
            ("version", self.version),
            ("issued", self.issued),
            ("index", self.index.tags),
        ] {
            if value > MAX_INTEGER {
                return Err(DocumentError::field(
                    field,
                    format!("{value} is over 2^53-1"),
                ));
            }
        }
        Ok(())
    }

    fn is_signed(&self) -> bool {
        self.registry.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Document;

    fn index() -> IndexRoot {
        IndexRoot {
            digest: Digest::of(b"root"),
            tags: 3,
        }
    }

    #[test]
    fn encode_then_parse_is_identity() {
        let first = Document::new(Head::unsigned(index(), 1_790_000_000, None)).unwrap();
        let second = Document::new(Head::unsigned(
            index(),
            1_790_000_001,
            Some((first.body(), first.id())),
        ))
        .unwrap();
        assert_eq!(second.body().version, 2);
        for head in [first, second] {
            assert_eq!(
                Document::<Head>::parse(head.bytes().to_vec()).unwrap(),
                head
            );
        }
    }

    #[test]
    fn refused() {
        let head = Document::new(Head::unsigned(index(), 1_790_000_000, None)).unwrap();
        let text = String::from_utf8(head.bytes().to_vec()).unwrap();
        for (bytes, word) in [
            (
                text.replace("\"version\":1", "\"version\":0"),
                "document-field",
            ),
            (
                text.replace("\"version\":1", "\"version\":2"),
                "document-field",
            ),
            (text.replace("\"epoch\":0", "\"epoch\":1"), "document-field"),
            (text.replace("head-v1", "head-v2"), "malformed-document"),
            (
                text.replace("\"tags\":3", "\"tags\":3,\"x\":1"),
                "malformed-document",
            ),
            (format!("{text}{text}"), "document-trailing"),
        ] {
            let error = Document::<Head>::parse(bytes.clone().into_bytes()).unwrap_err();
            assert_eq!(error.code(), word, "{bytes}");
        }
    }
}
