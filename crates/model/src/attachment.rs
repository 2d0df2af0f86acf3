//! Attachments of an image: SBOMs, signatures of other tools (`spec/statement.md`, STM-23 to STM-27).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::digest::{Digest, shorten};
use crate::document::DocumentError;
use crate::statement::MAX_SIZE;

/// The maximal number of attachments of one image.
pub const MOST: usize = 16;
/// The media type of a file of sreg's signatures, as an artifact.
pub const STATEMENT: &str = "application/vnd.sreg.statement.v1";
/// The prefix of sreg's own media types.
const OURS: &str = "application/vnd.sreg.";
const MAX_WORD: usize = 127;
const MAX_NAME: usize = 128;
const MAX_ANNOTATIONS: usize = 8;
const MAX_VALUE: usize = 1024;

/// A file that belongs to an image, as the image's statement names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attachment {
    /// The annotations of its manifest, as `<key>=<value>`, by key; absent rather than empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub annotations: Option<Vec<String>>,
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// Its media type.
    pub media: String,
    /// Its name.
    pub name: String,
    /// Its size in bytes, from 1 to [`MAX_SIZE`].
    pub size: u64,
}

impl Attachment {
    fn check(&self) -> Result<(), DocumentError> {
        if self.size == 0 || self.size > MAX_SIZE {
            return wrong(format!("size {} is not from 1 to 2^44", self.size));
        }
        check_media(&self.media)?;
        check_name(&self.name)?;
        self.annotations
            .as_ref()
            .map_or(Ok(()), |annotations| check_annotations(annotations))
    }

    /// Returns the annotations of its manifest, by key.
    #[must_use]
    pub fn annotated(&self) -> BTreeMap<String, String> {
        let annotations = self.annotations.iter().flatten();
        annotations
            .filter_map(|annotation| annotation.split_once('='))
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect()
    }

    /// Returns whether both are the same file with the same media type.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (self.digest, &self.media) == (other.digest, &other.media)
    }
}

/// Checks the attachments of one image.
///
/// # Errors
/// [`DocumentError::Field`] for the first that is out of bounds, for too many, and for duplicates.
pub fn check(attached: &[Attachment]) -> Result<(), DocumentError> {
    if attached.len() > MOST {
        return wrong(format!("{} are more than {MOST}", attached.len()));
    }
    for (number, attachment) in attached.iter().enumerate() {
        attachment.check()?;
        if attached[..number].iter().any(|one| one.is_same(attachment)) {
            return wrong(format!("{} is attached twice", attachment.digest));
        }
    }
    Ok(())
}

fn wrong<T>(what: String) -> Result<T, DocumentError> {
    Err(DocumentError::field("attached", what))
}

/// Checks the media type of a new attachment (STM-25).
///
/// # Errors
/// [`DocumentError::Field`] if it is no media type, or one of sreg's own.
pub fn check_media(media: &str) -> Result<(), DocumentError> {
    match is_media_type(media) {
        false => wrong(format!("{:?} is no media type", shorten(media))),
        true if is_ours(media) => wrong(format!("{media} is a media type of sreg's own")),
        true => Ok(()),
    }
}

/// Checks the name of a new attachment (STM-26).
///
/// # Errors
/// [`DocumentError::Field`] if the name is not permitted.
pub fn check_name(name: &str) -> Result<(), DocumentError> {
    match is_name(name) {
        true => Ok(()),
        false => wrong(format!(
            "name {:?} is not 1 to {MAX_NAME} letters, digits and . _ + -, the first a letter, a digit or _",
            shorten(name)
        )),
    }
}

/// Checks annotations that are present (STM-27).
///
/// # Errors
/// [`DocumentError::Field`] for too many, for none, and for the first that is out of bounds or order.
pub fn check_annotations(annotations: &[String]) -> Result<(), DocumentError> {
    if annotations.is_empty() || annotations.len() > MAX_ANNOTATIONS {
        let count = annotations.len();
        return wrong(format!(
            "{count} annotations are not 1 to {MAX_ANNOTATIONS}"
        ));
    }
    let mut before = "";
    for annotation in annotations {
        match annotation.split_once('=') {
            Some((key, value)) if is_key(key) && is_value(value) => {
                if key <= before {
                    return wrong(format!(
                        "annotation {key} is not in the order of the keys, each once"
                    ));
                }
                before = key;
            }
            _ => {
                let annotation = shorten(annotation);
                return wrong(format!(
                    "annotation {annotation:?} is not a key of 1 to {MAX_NAME} letters, digits and . _ / -, a = and a value of 1 to {MAX_VALUE} printable ASCII characters without quotes and backslashes"
                ));
            }
        }
    }
    Ok(())
}

fn is_media_type(text: &str) -> bool {
    let is_word = |word: &str| {
        (1..=MAX_WORD).contains(&word.len())
            && word.starts_with(|first: char| first.is_ascii_alphanumeric())
            && word.chars().all(is_plain)
    };
    text.split_once('/')
        .is_some_and(|(kind, word)| is_word(kind) && is_word(word))
}

fn is_ours(media: &str) -> bool {
    media
        .get(..OURS.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(OURS))
}

fn is_name(text: &str) -> bool {
    (1..=MAX_NAME).contains(&text.len())
        && text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && text.chars().all(is_plain)
}

fn is_plain(one: char) -> bool {
    one.is_ascii_alphanumeric() || matches!(one, '.' | '_' | '+' | '-')
}

fn is_key(text: &str) -> bool {
    let is_one = |one: char| one.is_ascii_alphanumeric() || matches!(one, '.' | '_' | '/' | '-');
    (1..=MAX_NAME).contains(&text.len()) && text.chars().all(is_one)
}

fn is_value(text: &str) -> bool {
    let is_one = |byte: u8| (0x20..0x7f).contains(&byte) && byte != b'"' && byte != b'\\';
    (1..=MAX_VALUE).contains(&text.len()) && text.bytes().all(is_one)
}
