//! The lines of leaves: namespaces, and tags.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::canonical;
use crate::digest::{Digest, shorten};
use crate::reference::{Name, Namespace, Tag};
use crate::statement::MAX_SIZE;

/// A line of a leaf.
pub trait Entry: Clone + Serialize + for<'de> Deserialize<'de> + Send + Sync {
    /// Returns the key, whose hash determines the position of the line.
    fn key(&self) -> &str;
    /// Compares two lines of a leaf: by key, then by the field that distinguishes the lines of one key.
    fn order(&self, other: &Self) -> std::cmp::Ordering;
}

/// Returns the hash whose digits lead to a key.
#[must_use]
pub fn key_hash(key: &str) -> Digest {
    Digest::of(key.as_bytes())
}

/// A line of the map of namespaces: a namespace and the root of its map of tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceEntry {
    /// The id of the root node of the namespace's map of tags.
    pub digest: Digest,
    /// The namespace.
    #[serde(rename = "key")]
    pub namespace: Namespace,
    /// The number of leaf lines of that map, removals included, at least 1.
    #[serde(deserialize_with = "at_least_one")]
    pub tags: u64,
}

fn at_least_one<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        0 => Err(serde::de::Error::custom(
            "a namespace without tags has no line",
        )),
        tags => Ok(tags),
    }
}

impl Entry for NamespaceEntry {
    fn key(&self) -> &str {
        self.namespace.as_str()
    }

    fn order(&self, other: &Self) -> std::cmp::Ordering {
        self.namespace.cmp(&other.namespace)
    }
}

/// A line of a map of tags: one (name, tag, architecture), and the statement about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TagFields", into = "TagFields")]
pub struct TagEntry {
    /// The architecture.
    pub arch: Arch,
    /// The image, or `None` if the subject was removed.
    pub image: Option<ImageSize>,
    /// `name:tag`.
    pub key: TagKey,
    /// The id of the statement.
    pub statement: Digest,
}

/// The digest and the size of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSize {
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// The file's size in bytes.
    pub size: u64,
}

impl Entry for TagEntry {
    fn key(&self) -> &str {
        self.key.as_str()
    }

    fn order(&self, other: &Self) -> std::cmp::Ordering {
        self.key
            .text
            .cmp(&other.key.text)
            .then_with(|| self.arch.cmp(&other.arch))
    }
}

/// The key of a map of tags: Returns `name:tag`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagKey {
    text: String,
    colon: usize,
}

impl TagKey {
    /// Joins a name and a tag.
    #[must_use]
    pub fn new(name: &Name, tag: &Tag) -> Self {
        Self {
            text: format!("{name}:{tag}"),
            colon: name.as_str().len(),
        }
    }

    /// Returns `name:tag`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Returns the name.
    ///
    /// # Panics
    /// Never: both parts were checked when the key was made.
    #[must_use]
    pub fn name(&self) -> Name {
        self.text[..self.colon]
            .parse()
            .expect("the name of a key was checked")
    }

    /// Returns the tag.
    ///
    /// # Panics
    /// Never: both parts were checked when the key was made.
    #[must_use]
    pub fn tag(&self) -> Tag {
        self.text[self.colon + 1..]
            .parse()
            .expect("the tag of a key was checked")
    }
}

impl FromStr for TagKey {
    type Err = crate::reference::ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || crate::reference::ReferenceError::Components(shorten(text));
        let (name, tag) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Self::new(&name.parse()?, &tag.parse()?))
    }
}

impl Serialize for TagKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for TagKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        canonical::from_text(deserializer)
    }
}

/// The fields of a tag's line: `digest` and `size` are both present or both absent.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TagFields {
    arch: Arch,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    key: TagKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    statement: Digest,
}

impl TryFrom<TagFields> for TagEntry {
    type Error = &'static str;

    fn try_from(fields: TagFields) -> Result<Self, Self::Error> {
        let image = match (fields.digest, fields.size) {
            (Some(digest), Some(size)) if (1..=MAX_SIZE).contains(&size) => {
                Some(ImageSize { digest, size })
            }
            (None, None) => None,
            _ => return Err("digest and a size from 1 to 2^44 stand together or not at all"),
        };
        Ok(Self {
            arch: fields.arch,
            image,
            key: fields.key,
            statement: fields.statement,
        })
    }
}

impl From<TagEntry> for TagFields {
    fn from(entry: TagEntry) -> Self {
        Self {
            arch: entry.arch,
            digest: entry.image.map(|image| image.digest),
            key: entry.key,
            size: entry.image.map(|image| image.size),
            statement: entry.statement,
        }
    }
}
