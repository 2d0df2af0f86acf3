//! What is true of every file of a kind, in one table: how it is served, in which phase of publishing it is
//! written, and which digest its path contains (`spec/layout.md`, `spec/commit.md`).

use crate::digest::Digest;
use crate::fault::Code;
use crate::layout::Place;
use crate::media_type::{OCI_INDEX, OCI_MANIFEST};

/// The properties of the file at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    /// When it is written.
    pub phase: Phase,
    /// How it is served.
    pub served: Served,
    /// Which digest its path contains.
    pub naming: Naming,
    /// Its format.
    pub form: Form,
    /// The fault if it is missing.
    pub missing: Code,
}

/// The phases of publishing, in their order (COM-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Written once, when the registry is created.
    Create,
    /// Written before the commit. Nothing names it until then.
    Content,
    /// Trust and the slots of heads. Creating a slot is the commit.
    Commit,
    /// The copy of the newest head, replaced after the commit.
    Head,
    /// Views, derived from the newest head after the commit.
    View,
}

/// How a file or an object is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Its media type.
    pub content_type: &'static str,
    /// Its cache lifetime.
    pub cache_control: &'static str,
}

/// The digest that a path contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// None: the file may change, or its number names it.
    Path,
    /// The digest of the file's bytes.
    Bytes(Digest),
    /// The digest of the file's first line; the lines of signatures follow it.
    FirstLine(Digest),
}

/// The format of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text or JSON of the registry's own formats.
    Text,
    /// A blob, of any size.
    Blob,
    /// An OCI manifest or image index, requested as a manifest. Its JSON may state another media type.
    Oci,
    /// A symbolic link in a folder, a copy of a blob in a store.
    Link,
}

/// For a file that never changes, and may be cached permanently.
pub const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// For a file that may change, and is revalidated each time.
pub const ASK_AGAIN: &str = "no-cache";

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const BYTES: &str = "application/octet-stream";

impl Place {
    /// Returns the properties of the file at this place.
    #[must_use]
    pub fn kind(&self) -> Kind {
        use Form::{Blob, Link, Oci, Text};
        use Naming::{Bytes, FirstLine, Path};
        use Phase::{Commit, Content, Create, Head, View};

        let (phase, content_type, cache_control, naming, form) = match self {
            Self::Settings => (Create, JSON, ASK_AGAIN, Path, Text),
            Self::Head => (Head, TEXT, ASK_AGAIN, Path, Text),
            // A path without a file must not be cached: the file may come. What exists never changes.
            Self::HeadSlot { .. } | Self::Trust(_) => (Commit, TEXT, FOR_EVER, Path, Text),
            Self::Node(id) => (Content, TEXT, FOR_EVER, Bytes(*id), Text),
            Self::Statement(id) => (Content, TEXT, FOR_EVER, FirstLine(*id), Text),
            Self::Blob(_, digest) => (Content, BYTES, FOR_EVER, Bytes(*digest), Blob),
            Self::NoJekyll | Self::NginxConf | Self::Headers => (View, TEXT, ASK_AGAIN, Path, Text),
            Self::Ping | Self::TagsList(_) | Self::LibraryImage(..) | Self::Shub(..) => {
                (View, JSON, ASK_AGAIN, Path, Text)
            }
            Self::StaticTags(_) | Self::StaticManifest(..) => (View, JSON, ASK_AGAIN, Path, Text),
            // An image index has its own type in the same place: its view says so.
            Self::Manifest(_, digest) => (View, OCI_MANIFEST, FOR_EVER, Bytes(*digest), Oci),
            Self::TagManifest(..) => (View, OCI_MANIFEST, ASK_AGAIN, Path, Oci),
            Self::Index(_, digest) => (View, OCI_INDEX, FOR_EVER, Bytes(*digest), Oci),
            Self::TagIndex(..) | Self::ReferrersTag(..) => (View, OCI_INDEX, ASK_AGAIN, Path, Oci),
            // Not requested as a manifest.
            Self::Referrers(..) => (View, OCI_INDEX, ASK_AGAIN, Path, Text),
            Self::LibraryFile(..) => (View, BYTES, ASK_AGAIN, Path, Link),
        };
        Kind {
            phase,
            served: Served {
                content_type,
                cache_control,
            },
            naming,
            form,
            missing: self.missing(),
        }
    }

    /// Returns the fault if this file is missing.
    fn missing(&self) -> Code {
        match self {
            Self::Settings => Code::NotARegistry,
            Self::Head | Self::HeadSlot { .. } => Code::MissingHead,
            Self::Trust(_) => Code::MissingTrust,
            Self::Node(_) => Code::MissingNode,
            Self::Statement(_) => Code::MissingStatement,
            Self::Blob(..) => Code::MissingBlob,
            // All others are views.
            _ => Code::MissingView,
        }
    }
}

impl Kind {
    /// Returns whether the file is a view, which can be derived from the index.
    #[must_use]
    pub fn is_view(&self) -> bool {
        self.phase == Phase::View
    }

    /// Returns whether the path contains the digest of the file's bytes, so that the file never changes.
    #[must_use]
    pub fn is_by_digest(&self) -> bool {
        matches!(self.naming, Naming::Bytes(_))
    }
}

impl Naming {
    /// Returns the digest in the path.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        match self {
            Self::Path => None,
            Self::Bytes(digest) | Self::FirstLine(digest) => Some(*digest),
        }
    }

    /// Returns the digest that the path of a file with these bytes has to contain; `None` if paths of its kind
    /// contain none.
    #[must_use]
    pub fn digest_of(&self, bytes: &[u8]) -> Option<Digest> {
        match self {
            Self::Path => None,
            Self::Bytes(_) => Some(Digest::of(bytes)),
            Self::FirstLine(_) => {
                let end = bytes.iter().position(|byte| *byte == b'\n');
                Some(Digest::of(&bytes[..end.map_or(bytes.len(), |end| end + 1)]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_a_digest_of_all_bytes_or_of_the_first_line() {
        let signed = b"{}\nsigned\n";
        let (all, line) = (Digest::of(signed), Digest::of(b"{}\n"));
        let node = Place::Node(all).kind().naming;
        assert_eq!(node.digest_of(signed), node.digest());
        let statement = Place::Statement(line).kind().naming;
        assert_eq!(statement.digest_of(signed), statement.digest());
        assert_eq!(statement.digest_of(b"{}"), Some(Digest::of(b"{}")));
        assert_eq!(Place::Head.kind().naming.digest_of(signed), None);
    }

    #[test]
    fn what_is_cached_for_ever_never_changes() {
        let id = Digest::of(b"x");
        for (place, never_changes) in [
            (Place::Trust(1), true),
            (Place::Node(id), true),
            (Place::Statement(id), true),
            (Place::Head, false),
            (Place::Settings, false),
            (Place::Ping, false),
        ] {
            let control = place.kind().served.cache_control;
            assert_eq!(control == FOR_EVER, never_changes, "{place}");
        }
    }
}
