//! References to images: `namespace/name[:tag][@digest]` (`spec/reference.md`).

use crate::fault::Code;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::{Digest, DigestError, shorten};

/// The maximal length of a namespace or a name, in bytes.
pub const MAX_COMPONENT: usize = 64;
/// The maximal length of a tag, in bytes.
pub const MAX_TAG: usize = 128;
/// The tag of a reference without one.
pub const DEFAULT_TAG: &str = "latest";

/// Namespaces whose paths published files use, in lower case.
pub const RESERVED_NAMESPACES: &[&str] = &[
    "api",
    "head",
    "heads",
    "index.html",
    "n",
    "nginx.conf",
    "s",
    "sreg.json",
    "staging",
    "trust",
    "v2",
];
/// Repositories whose paths the library view uses, in lower case.
pub const RESERVED_REPOSITORIES: &[&str] = &["library/v1", "library/version"];

/// Why a text is not a reference or a part of one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReferenceError {
    /// The namespace does not match its grammar.
    #[error(
        "namespace {0:?} is not letters and digits, separated by '.', '_', '__' or hyphens, of up to 64 bytes"
    )]
    Namespace(String),
    /// The name does not match its grammar.
    #[error(
        "name {0:?} is not letters and digits, separated by '.', '_', '__' or hyphens, of up to 64 bytes"
    )]
    Name(String),
    /// The tag does not match its grammar.
    #[error("tag {0:?} does not match [A-Za-z0-9_][A-Za-z0-9._-]{{0,127}}")]
    Tag(String),
    /// Clients look under this tag for artifacts that refer to a digest.
    #[error("tag {0:?} begins like a digest, and clients look for signatures there")]
    DigestTag(String),
    /// The reference does not have exactly two components.
    #[error("{0:?} does not have exactly two components, expected namespace/name")]
    Components(String),
    /// Published files use the paths of this namespace or repository.
    #[error("{0:?} is reserved for files of the registry itself")]
    Reserved(String),
    /// The part after `@` is not a digest.
    #[error("the digest of a reference is malformed")]
    Digest(#[from] DigestError),
}

impl ReferenceError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Namespace(_) => Code::MalformedNamespace,
            Self::Name(_) => Code::MalformedName,
            Self::Tag(_) | Self::DigestTag(_) => Code::MalformedTag,
            Self::Components(_) => Code::MalformedReference,
            Self::Reserved(_) => Code::ReservedName,
            Self::Digest(error) => error.code(),
        }
    }
}

macro_rules! text_type {
    ($(#[$doc:meta])* $type:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(String);

        impl $type {
            /// Returns the text, in its original case.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Returns the text in lower case. Two names may not differ by case alone.
            #[must_use]
            pub fn folded(&self) -> String {
                self.0.to_ascii_lowercase()
            }
        }

        impl FromStr for $type {
            type Err = ReferenceError;

            fn from_str(text: &str) -> Result<Self, ReferenceError> {
                let check: fn(&str) -> Result<(), ReferenceError> = $check;
                check(text)?;
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::canonical::from_text(deserializer)
            }
        }
    };
}

text_type!(
    /// The first component of a reference, which identifies the publisher.
    Namespace,
    |text| {
        if !is_component(text) {
            Err(ReferenceError::Namespace(shorten(text)))
        } else if is_reserved(RESERVED_NAMESPACES, text) {
            Err(ReferenceError::Reserved(text.to_owned()))
        } else {
            Ok(())
        }
    }
);

text_type!(
    /// The second component of a reference, which identifies the software.
    Name,
    |text| if is_component(text) { Ok(()) } else { Err(ReferenceError::Name(shorten(text))) }
);

text_type!(
    /// The movable part of a reference, which selects one image.
    Tag,
    |text| {
        if !is_tag(text) {
            Err(ReferenceError::Tag(shorten(text)))
        } else if names_a_digest(text) {
            Err(ReferenceError::DigestTag(shorten(text)))
        } else {
            Ok(())
        }
    }
);

impl Default for Tag {
    fn default() -> Self {
        Self(DEFAULT_TAG.to_owned())
    }
}

/// `namespace/name`, which has tags.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository {
    namespace: Namespace,
    name: Name,
}

impl Repository {
    /// Joins the two components.
    ///
    /// # Errors
    /// [`ReferenceError::Reserved`] for the two repositories that the library view needs.
    pub fn new(namespace: Namespace, name: Name) -> Result<Self, ReferenceError> {
        let text = format!("{namespace}/{name}");
        if is_reserved(RESERVED_REPOSITORIES, &text) {
            return Err(ReferenceError::Reserved(text));
        }
        Ok(Self { namespace, name })
    }

    /// Returns the first component.
    #[must_use]
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Returns the second component.
    #[must_use]
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Returns the repository in lower case, as OCI clients request it.
    #[must_use]
    pub fn folded(&self) -> String {
        self.to_string().to_ascii_lowercase()
    }
}

impl FromStr for Repository {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let wrong = || ReferenceError::Components(shorten(text));
        let (namespace, name) = text.split_once('/').ok_or_else(wrong)?;
        if name.contains('/') || namespace.is_empty() || name.is_empty() {
            return Err(wrong());
        }
        Self::new(namespace.parse()?, name.parse()?)
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl Serialize for Repository {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Repository {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::canonical::from_text(deserializer)
    }
}

/// A reference as a user writes it. A missing tag stays absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    repository: Repository,
    tag: Option<Tag>,
    digest: Option<Digest>,
}

impl Reference {
    /// Creates a reference with a tag.
    #[must_use]
    pub fn tagged(repository: Repository, tag: Tag) -> Self {
        Self {
            repository,
            tag: Some(tag),
            digest: None,
        }
    }

    /// Returns `namespace/name`.
    #[must_use]
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Returns the tag, if one is given.
    #[must_use]
    pub fn tag(&self) -> Option<&Tag> {
        self.tag.as_ref()
    }

    /// Returns the tag, or `latest` if neither tag nor digest is given.
    #[must_use]
    pub fn tag_or_default(&self) -> Option<Tag> {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => Some(tag.clone()),
            (None, None) => Some(Tag::default()),
            (None, Some(_)) => None,
        }
    }

    /// Returns the digest of the image, if one is given.
    #[must_use]
    pub fn digest(&self) -> Option<&Digest> {
        self.digest.as_ref()
    }
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest.parse()?)),
            None => (text, None),
        };
        let (repository, tag) = match rest.split_once(':') {
            Some((repository, tag)) => (repository, Some(tag.parse()?)),
            None => (rest, None),
        };
        Ok(Self {
            repository: repository.parse()?,
            tag,
            digest,
        })
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.repository)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

/// Returns whether text is a component of an OCI repository, in any case (distribution-spec, "Pulling
/// manifests").
fn is_component(text: &str) -> bool {
    let separators = text.split(|character: char| character.is_ascii_alphanumeric());
    let is_separator =
        |text: &str| matches!(text, "" | "." | "_" | "__") || text.bytes().all(|byte| byte == b'-');
    let ends = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= MAX_COMPONENT
        && ends(bytes.first())
        && ends(bytes.last())
        && separators.into_iter().all(is_separator)
}

fn is_tag(text: &str) -> bool {
    let is_first = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_other = |byte: &u8| is_first(*byte) || matches!(byte, b'.' | b'-');
    match text.as_bytes() {
        [first, rest @ ..] => {
            is_first(*first) && rest.iter().all(is_other) && text.len() <= MAX_TAG
        }
        [] => false,
    }
}

/// Returns whether a tag begins like those under which clients look for artifacts of a digest
/// (distribution-spec, "Referrers Tag Schema"; cosign's `.sig`).
fn names_a_digest(tag: &str) -> bool {
    let hex = tag
        .split_at_checked("sha256-".len())
        .filter(|(algorithm, _)| algorithm.eq_ignore_ascii_case("sha256-"))
        .and_then(|(_, rest)| rest.get(..64));
    hex.is_some_and(|hex| hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn is_reserved(list: &[&str], text: &str) -> bool {
    list.iter()
        .any(|reserved| reserved.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn parse_then_print_is_identity(
            text in "[A-Za-z0-9]{2,8}(([.]|_|__|-{1,3})[A-Za-z0-9]{1,8}){0,4}/[A-Za-z0-9]{1,8}(([.]|_|__|-{1,3})[A-Za-z0-9]{1,8}){0,4}(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?"
        ) {
            prop_assume!(!matches!(text.parse::<Reference>(), Err(ReferenceError::Reserved(_))));
            prop_assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
        }

        #[test]
        fn no_input_panics(text in "\\PC{0,40}") {
            if let Ok(reference) = text.parse::<Reference>() {
                prop_assert_eq!(reference.to_string(), text);
            }
        }
    }

    #[test]
    fn parts() {
        let hex = "0".repeat(64);
        let text = format!("lab/Tool:1.0@sha256:{hex}");
        let reference: Reference = text.parse().unwrap();
        assert_eq!(reference.repository().namespace().as_str(), "lab");
        assert_eq!(reference.tag().unwrap().as_str(), "1.0");
        assert_eq!(reference.to_string(), text);
        assert_eq!(
            "lab/tool".parse::<Reference>().unwrap().tag_or_default(),
            Some(Tag::default())
        );
    }

    #[test]
    fn each_fault_has_its_own_word() {
        for (text, word) in [
            ("tool", "malformed-reference"),
            ("a/b/c", "malformed-reference"),
            ("/b", "malformed-reference"),
            ("a/", "malformed-reference"),
            ("-a/b", "malformed-namespace"),
            ("../b", "malformed-namespace"),
            ("a/.b", "malformed-name"),
            ("a/b%2e", "malformed-name"),
            ("a/b.", "malformed-name"),
            ("a/b_-c", "malformed-name"),
            ("a/b..c", "malformed-name"),
            ("a/b___c", "malformed-name"),
            ("a-/b", "malformed-namespace"),
            ("a/b:", "malformed-tag"),
            ("a/b:.x", "malformed-tag"),
            ("a/b:1:2", "malformed-tag"),
            (
                &format!("a/b:Sha256-{}.sig", "0a".repeat(32)),
                "malformed-tag",
            ),
            ("a/b@sha256:00", "malformed-digest"),
            ("V2/b", "reserved-name"),
            ("library/version", "reserved-name"),
        ] {
            assert_eq!(
                text.parse::<Reference>().unwrap_err().code(),
                word,
                "{text}"
            );
        }
        assert!(
            format!("a/b:{}", "t".repeat(128))
                .parse::<Reference>()
                .is_ok()
        );
        assert!(
            format!("a/b:{}", "t".repeat(129))
                .parse::<Reference>()
                .is_err()
        );
        assert!(
            format!("{}/b", "t".repeat(65))
                .parse::<Reference>()
                .is_err()
        );
    }
}
