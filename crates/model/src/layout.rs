//! Every path of a published tree. The only code that formats or reads one
//! (`spec/layout.md`).

use std::fmt;

use crate::canonical::MAX_INTEGER;
use crate::digest::Digest;
use crate::reference::{Repository, Tag};

/// What stands at a path of a published tree. [`Display`](fmt::Display) gives the path,
/// relative to the tree's root with `/` between components; [`Place::parse`] reads one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The registry's settings.
    Settings,
    /// The mutable copy of the newest head.
    Head,
    /// A head that is kept for ever.
    HeadSlot {
        /// The head's epoch.
        epoch: u64,
        /// The head's version, from 1.
        version: u64,
    },
    /// A version of trust, from 1; kept for ever.
    Trust(u64),
    /// A node of the index.
    Node(Digest),
    /// A statement.
    Statement(Digest),
    /// A blob of a repository: an image, a chain sidecar, a config.
    Blob(FoldedRepository, Digest),
    /// An OCI manifest by digest.
    Manifest(FoldedRepository, Digest),
    /// The seeds' list of tags.
    SeedTags(Repository),
    /// The seeds' manifest.
    SeedManifest(Repository, Tag),
}

/// Where a run keeps what is not published yet.
pub const STAGING: &str = "staging";
/// The record, inside [`STAGING`], of views that are still to be written.
pub const JOURNAL: &str = "staging/journal";

/// A repository as OCI paths spell it: in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FoldedRepository(Repository);

impl FoldedRepository {
    /// Lower-cases a repository.
    ///
    /// # Panics
    /// Never: the lower-case form of a repository is one.
    #[must_use]
    pub fn new(repository: &Repository) -> Self {
        Self(
            repository
                .folded()
                .parse()
                .expect("the grammar does not depend on case"),
        )
    }
}

impl fmt::Display for FoldedRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Place {
    /// A blob of `repository`.
    #[must_use]
    pub fn blob(repository: &Repository, digest: Digest) -> Self {
        Self::Blob(FoldedRepository::new(repository), digest)
    }

    /// A manifest of `repository`.
    #[must_use]
    pub fn manifest(repository: &Repository, digest: Digest) -> Self {
        Self::Manifest(FoldedRepository::new(repository), digest)
    }

    /// Whether the place holds something that can be derived from the index at any time.
    #[must_use]
    pub fn is_view(&self) -> bool {
        matches!(
            self,
            Self::Manifest(..) | Self::SeedTags(_) | Self::SeedManifest(..)
        )
    }

    /// Reads a path: the place whose path it is, or nothing.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        let place = match parts[..] {
            ["sreg.json"] => Self::Settings,
            ["head"] => Self::Head,
            ["heads", epoch, version] => Self::HeadSlot {
                epoch: number(epoch)?,
                version: number(version).filter(|version| *version > 0)?,
            },
            ["trust", version] => Self::Trust(number(version).filter(|version| *version > 0)?),
            ["n", _, hex] => Self::Node(Digest::from_hex(hex).ok()?),
            ["s", _, hex] => Self::Statement(Digest::from_hex(hex).ok()?),
            ["v2", namespace, name, kind, digest] => {
                let repository =
                    FoldedRepository::new(&format!("{namespace}/{name}").parse().ok()?);
                let digest = digest.parse().ok()?;
                match kind {
                    "blobs" => Self::Blob(repository, digest),
                    "manifests" => Self::Manifest(repository, digest),
                    _ => return None,
                }
            }
            [namespace, name, "tags", "index.html"] => {
                Self::SeedTags(format!("{namespace}/{name}").parse().ok()?)
            }
            [namespace, name, "manifests", tag, "index.html"] => Self::SeedManifest(
                format!("{namespace}/{name}").parse().ok()?,
                tag.parse().ok()?,
            ),
            _ => return None,
        };
        // A path has one spelling: this refuses wrong shards and upper case under `v2`.
        (place.to_string() == path).then_some(place)
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Settings => f.write_str("sreg.json"),
            Self::Head => f.write_str("head"),
            Self::HeadSlot { epoch, version } => write!(f, "heads/{epoch}/{version}"),
            Self::Trust(version) => write!(f, "trust/{version}"),
            Self::Node(id) => sharded(f, "n", id),
            Self::Statement(id) => sharded(f, "s", id),
            Self::Blob(repository, digest) => write!(f, "v2/{repository}/blobs/{digest}"),
            Self::Manifest(repository, digest) => write!(f, "v2/{repository}/manifests/{digest}"),
            Self::SeedTags(repository) => write!(f, "{repository}/tags/index.html"),
            Self::SeedManifest(repository, tag) => {
                write!(f, "{repository}/manifests/{tag}/index.html")
            }
        }
    }
}

fn sharded(f: &mut fmt::Formatter<'_>, folder: &str, id: &Digest) -> fmt::Result {
    let hex = id.hex();
    write!(f, "{folder}/{}/{hex}", &hex[..2])
}

/// A decimal number up to 2^53 − 1 without leading zeros.
fn number(text: &str) -> Option<u64> {
    let value: u64 = text.parse().ok()?;
    (value <= MAX_INTEGER).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_and_back() {
        let repository: Repository = "Lab/Tool".parse().unwrap();
        let digest = Digest::of(b"x");
        let hex = digest.hex();
        for (place, path) in [
            (Place::Settings, "sreg.json".to_owned()),
            (Place::Head, "head".to_owned()),
            (
                Place::HeadSlot {
                    epoch: 0,
                    version: 12,
                },
                "heads/0/12".to_owned(),
            ),
            (Place::Trust(3), "trust/3".to_owned()),
            (Place::Node(digest), format!("n/{}/{hex}", &hex[..2])),
            (Place::Statement(digest), format!("s/{}/{hex}", &hex[..2])),
            (
                Place::blob(&repository, digest),
                format!("v2/lab/tool/blobs/sha256:{hex}"),
            ),
            (
                Place::manifest(&repository, digest),
                format!("v2/lab/tool/manifests/sha256:{hex}"),
            ),
            (
                Place::SeedTags(repository.clone()),
                "Lab/Tool/tags/index.html".to_owned(),
            ),
            (
                Place::SeedManifest(repository, "1.0".parse().unwrap()),
                "Lab/Tool/manifests/1.0/index.html".to_owned(),
            ),
        ] {
            assert_eq!(place.to_string(), path);
            assert_eq!(Place::parse(&path), Some(place));
        }
    }

    #[test]
    fn other_spellings_are_no_places() {
        let hex = Digest::of(b"x").hex();
        for path in [
            String::new(),
            "Head".to_owned(),
            "heads/0/0".to_owned(),
            "heads/0/01".to_owned(),
            "heads/0/+1".to_owned(),
            "trust/0".to_owned(),
            "trust/01".to_owned(),
            "trust/1/".to_owned(),
            "heads/0/9007199254740992".to_owned(),
            format!("n/zz/{hex}"),
            format!("n/{}/{}", &hex[..2], hex.to_uppercase()),
            format!("v2/Lab/tool/blobs/sha256:{hex}"),
            format!("v2/lab/tool/blobs/{hex}"),
            "lab/../tags/index.html".to_owned(),
            "v2/tool/tags/index.html".to_owned(),
            "lab/tool/tags".to_owned(),
        ] {
            assert_eq!(Place::parse(&path), None, "{path}");
        }
    }
}
