//! All paths of a registry. Only this module formats or parses them (`spec/layout.md`).

mod kind;

use std::fmt;

use crate::arch::Arch;
use crate::canonical::MAX_INTEGER;
use crate::digest::Digest;
use crate::reference::{Repository, Tag};

pub use kind::{ASK_AGAIN, FOR_EVER, Form, Kind, Naming, Phase, Served};

/// The kind of file at a path of a registry. [`Display`](fmt::Display) formats the path, relative to the
/// registry's root, with `/` between components. [`Place::parse`] parses it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The registry's settings.
    Settings,
    /// The mutable copy of the newest head.
    Head,
    /// The slot of a head, which is never removed.
    HeadSlot {
        /// The head's epoch.
        epoch: u64,
        /// The head's version, from 1.
        version: u64,
    },
    /// A version of the trust document, from 1, which is never removed.
    Trust(u64),
    /// A node of the index.
    Node(Digest),
    /// A statement.
    Statement(Digest),
    /// A blob of a repository: an image, a chain sidecar, a config.
    Blob(FoldedRepository, Digest),
    /// The file that makes GitHub Pages serve all files unchanged.
    NoJekyll,
    /// The configuration of nginx.
    NginxConf,
    /// The configuration of Netlify and Cloudflare Pages.
    Headers,
    /// The answer to the first request of OCI clients.
    Ping,
    /// An OCI manifest or image index by digest.
    Manifest(FoldedRepository, Digest),
    /// The OCI manifest or image index of a tag.
    TagManifest(FoldedRepository, Tag),
    /// An OCI image index by digest, for a server that cannot tell it from a manifest.
    Index(FoldedRepository, Digest),
    /// The OCI image index of a tag, for such a server.
    TagIndex(FoldedRepository, Tag),
    /// OCI's list of tags.
    TagsList(FoldedRepository),
    /// The list of referrers of the OCI manifest or image index with this digest.
    Referrers(FoldedRepository, Digest),
    /// The same list, under the tag that clients without support for referrers request.
    ReferrersTag(FoldedRepository, Digest),
    /// The description for library clients of a tag's default image, or of the image for an
    /// architecture.
    LibraryImage(Option<Arch>, FoldedRepository, FoldedTag),
    /// The image for library clients.
    LibraryFile(Option<Arch>, FoldedRepository, FoldedTag),
    /// The description of an image for Singularity Hub's clients.
    Shub(Repository, Tag),
    /// The list of tags at a static-v1 endpoint.
    StaticTags(Repository),
    /// The manifest at a static-v1 endpoint.
    StaticManifest(Repository, Tag),
}

/// The folder for files that are not published yet.
pub const STAGING: &str = "staging";
/// The journal, inside [`STAGING`], of an unfinished run.
pub const JOURNAL: &str = "staging/journal";
/// The lock of a folder's only writer, inside [`STAGING`], on file systems without `flock`.
pub const LOCK: &str = "staging/lock";

/// A repository in lower case, as in OCI paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FoldedRepository(Repository);

impl FoldedRepository {
    /// Converts a repository to lower case.
    ///
    /// # Panics
    /// Never: the lower-case form of a repository is a repository.
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

/// A tag in lower case, as in library paths.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FoldedTag(Tag);

impl FoldedTag {
    /// Converts a tag to lower case.
    ///
    /// # Panics
    /// Never: the lower-case form of a tag is a tag.
    #[must_use]
    pub fn new(tag: &Tag) -> Self {
        Self(
            tag.folded()
                .parse()
                .expect("the grammar does not depend on case"),
        )
    }
}

impl fmt::Display for FoldedTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Place {
    /// Returns the place of a blob of `repository`.
    #[must_use]
    pub fn blob(repository: &Repository, digest: Digest) -> Self {
        Self::Blob(FoldedRepository::new(repository), digest)
    }

    /// Returns the place of a manifest of `repository`.
    #[must_use]
    pub fn manifest(repository: &Repository, digest: Digest) -> Self {
        Self::Manifest(FoldedRepository::new(repository), digest)
    }

    /// Returns whether the file is a list of referrers.
    #[must_use]
    pub fn is_referrers(&self) -> bool {
        matches!(self, Self::Referrers(..) | Self::ReferrersTag(..))
    }

    /// Returns the text of a symbolic link from this place to another place of the same registry.
    #[must_use]
    pub fn link_to(&self, other: &Self) -> String {
        let above = self.to_string().matches('/').count();
        format!("{}{other}", "../".repeat(above))
    }

    /// Returns the path, with a slash at its end, of the folder for which a web server serves this file.
    #[must_use]
    pub fn folder(&self) -> Option<String> {
        match self {
            Self::Ping | Self::StaticTags(_) | Self::StaticManifest(..) => {
                let path = self.to_string();
                path.strip_suffix("index.html").map(str::to_owned)
            }
            _ => None,
        }
    }

    /// Parses a path. Returns `None` if it is not a path of a registry.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').collect();
        let place = match parts[..] {
            ["sreg.json"] => Self::Settings,
            [".nojekyll"] => Self::NoJekyll,
            ["nginx.conf"] => Self::NginxConf,
            ["_headers"] => Self::Headers,
            ["v2", "index.html"] => Self::Ping,
            ["head"] => Self::Head,
            ["heads", epoch, version] => Self::HeadSlot {
                epoch: number(epoch)?,
                version: number(version).filter(|version| *version > 0)?,
            },
            ["trust", version] => Self::Trust(number(version).filter(|version| *version > 0)?),
            ["n", _, hex] => Self::Node(Digest::from_hex(hex).ok()?),
            ["s", _, hex] => Self::Statement(Digest::from_hex(hex).ok()?),
            ["v2", namespace, name, kind, what] => {
                let repository = FoldedRepository::new(&repository(namespace, name)?);
                match (kind, what, what.parse().ok()) {
                    ("blobs", _, Some(digest)) => Self::Blob(repository, digest),
                    ("manifests", _, Some(digest)) => Self::Manifest(repository, digest),
                    ("manifests", tag, None) => match referrers_tag(tag) {
                        Some(digest) => Self::ReferrersTag(repository, digest),
                        None => Self::TagManifest(repository, tag.parse().ok()?),
                    },
                    ("indexes", _, Some(digest)) => Self::Index(repository, digest),
                    ("indexes", tag, None) => Self::TagIndex(repository, tag.parse().ok()?),
                    ("referrers", _, Some(digest)) => Self::Referrers(repository, digest),
                    ("tags", "list", _) => Self::TagsList(repository),
                    _ => return None,
                }
            }
            ["library", "v1", kind, namespace, name] => library(None, kind, namespace, name)?,
            ["library", arch, "v1", kind, namespace, name] => {
                library(Some(arch.parse().ok()?), kind, namespace, name)?
            }
            ["api", "container", namespace, name] => {
                let (repository, tag) = tagged(namespace, name)?;
                Self::Shub(repository, tag)
            }
            [namespace, name, "tags", "index.html"] => {
                Self::StaticTags(repository(namespace, name)?)
            }
            [namespace, name, "manifests", tag, "index.html"] => {
                Self::StaticManifest(repository(namespace, name)?, tag.parse().ok()?)
            }
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
            Self::NoJekyll => f.write_str(".nojekyll"),
            Self::NginxConf => f.write_str("nginx.conf"),
            Self::Headers => f.write_str("_headers"),
            Self::Ping => f.write_str("v2/index.html"),
            Self::Blob(repository, digest) => write!(f, "v2/{repository}/blobs/{digest}"),
            Self::TagManifest(repository, tag) => write!(f, "v2/{repository}/manifests/{tag}"),
            Self::Index(repository, digest) => write!(f, "v2/{repository}/indexes/{digest}"),
            Self::TagIndex(repository, tag) => write!(f, "v2/{repository}/indexes/{tag}"),
            Self::TagsList(repository) => write!(f, "v2/{repository}/tags/list"),
            Self::Referrers(repository, digest) => write!(f, "v2/{repository}/referrers/{digest}"),
            Self::ReferrersTag(repository, digest) => {
                write!(f, "v2/{repository}/manifests/sha256-{}", digest.hex())
            }
            Self::LibraryImage(arch, repository, tag) => {
                let base = LibraryBase(*arch);
                write!(f, "{base}/v1/images/{repository}:{tag}")
            }
            Self::LibraryFile(arch, repository, tag) => {
                let base = LibraryBase(*arch);
                write!(f, "{base}/v1/imagefile/{repository}:{tag}")
            }
            Self::Shub(repository, tag) => write!(f, "api/container/{repository}:{tag}"),
            Self::Manifest(repository, digest) => write!(f, "v2/{repository}/manifests/{digest}"),
            Self::StaticTags(repository) => write!(f, "{repository}/tags/index.html"),
            Self::StaticManifest(repository, tag) => {
                write!(f, "{repository}/manifests/{tag}/index.html")
            }
        }
    }
}

/// Parses the digest in a referrers tag. No tag of a registry has this form (REF-15).
fn referrers_tag(tag: &str) -> Option<Digest> {
    Digest::from_hex(tag.strip_prefix("sha256-")?).ok()
}

fn repository(namespace: &str, name: &str) -> Option<Repository> {
    format!("{namespace}/{name}").parse().ok()
}

/// Parses `namespace` and Returns `name:tag`.
fn tagged(namespace: &str, tagged: &str) -> Option<(Repository, Tag)> {
    let (name, tag) = tagged.split_once(':')?;
    Some((repository(namespace, name)?, tag.parse().ok()?))
}

fn library(arch: Option<Arch>, kind: &str, namespace: &str, name: &str) -> Option<Place> {
    let (repository, tag) = tagged(namespace, name)?;
    let (repository, tag) = (FoldedRepository::new(&repository), FoldedTag::new(&tag));
    match kind {
        "images" => Some(Place::LibraryImage(arch, repository, tag)),
        "imagefile" => Some(Place::LibraryFile(arch, repository, tag)),
        _ => None,
    }
}

/// The folder in which library clients find `v1`.
struct LibraryBase(Option<Arch>);

impl fmt::Display for LibraryBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("library"),
            Some(arch) => write!(f, "library/{arch}"),
        }
    }
}

fn sharded(f: &mut fmt::Formatter<'_>, folder: &str, id: &Digest) -> fmt::Result {
    let hex = id.hex();
    write!(f, "{folder}/{}/{hex}", &hex[..2])
}

/// Parses a decimal number up to 2^53 − 1 without leading zeros.
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
        let folded = FoldedRepository::new(&repository);
        let tag: Tag = "V1.0".parse().unwrap();
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
            (Place::NoJekyll, ".nojekyll".to_owned()),
            (Place::Ping, "v2/index.html".to_owned()),
            (Place::NginxConf, "nginx.conf".to_owned()),
            (Place::Headers, "_headers".to_owned()),
            (
                Place::Index(folded.clone(), digest),
                format!("v2/lab/tool/indexes/sha256:{hex}"),
            ),
            (
                Place::TagIndex(folded.clone(), tag.clone()),
                "v2/lab/tool/indexes/V1.0".to_owned(),
            ),
            (
                Place::TagManifest(folded.clone(), tag.clone()),
                "v2/lab/tool/manifests/V1.0".to_owned(),
            ),
            (
                Place::TagsList(folded.clone()),
                "v2/lab/tool/tags/list".to_owned(),
            ),
            (
                Place::Referrers(folded.clone(), digest),
                format!("v2/lab/tool/referrers/sha256:{hex}"),
            ),
            (
                Place::ReferrersTag(folded.clone(), digest),
                format!("v2/lab/tool/manifests/sha256-{hex}"),
            ),
            (
                Place::LibraryImage(None, folded.clone(), FoldedTag::new(&tag)),
                "library/v1/images/lab/tool:v1.0".to_owned(),
            ),
            (
                Place::LibraryFile(Some(Arch::Arm64), folded, FoldedTag::new(&tag)),
                "library/arm64/v1/imagefile/lab/tool:v1.0".to_owned(),
            ),
            (
                Place::Shub(repository.clone(), tag),
                "api/container/Lab/Tool:V1.0".to_owned(),
            ),
            (
                Place::StaticTags(repository.clone()),
                "Lab/Tool/tags/index.html".to_owned(),
            ),
            (
                Place::StaticManifest(repository, "1.0".parse().unwrap()),
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
            "v2/lab/tool/tags/List".to_owned(),
            "v2/lab/tool/referrers/1.0".to_owned(),
            format!("v2/lab/tool/manifests/sha256-{}", hex.to_uppercase()),
            format!("v2/lab/tool/manifests/sha256-{hex}.sig"),
            "library/v1/images/lab/tool:V1.0".to_owned(),
            "library/v1/images/lab/tool".to_owned(),
            "api/container/lab/tool".to_owned(),
        ] {
            assert_eq!(Place::parse(&path), None, "{path}");
        }
    }
}
