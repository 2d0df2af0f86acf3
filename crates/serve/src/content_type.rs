//! How each path is served: as the table of `spec/layout.md` says, and by their endings what else stands in
//! a tree.

use sreg_model::Digest;
use sreg_model::layout::Place;
use sreg_model::served::{ASK_AGAIN, Served, served};

/// How a file is served, and what its path says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Its headers; of an OCI document, where its JSON does not state another media type.
    pub(crate) served: Served,
    /// The digest that its path gives it.
    pub(crate) digest: Option<Digest>,
    /// Whether it is an OCI manifest or image index.
    pub(crate) is_document: bool,
    /// Whether it is a blob, named by its digest.
    pub(crate) is_blob: bool,
}

/// How the file at a path, relative to the root, is served.
pub(crate) fn kind(path: &str) -> Kind {
    let Some(place) = Place::parse(path) else {
        return Kind {
            served: Served {
                content_type: by_ending(path),
                cache_control: ASK_AGAIN,
            },
            digest: None,
            is_document: false,
            is_blob: false,
        };
    };
    Kind {
        served: served(&place),
        // A statement's path has the digest of its first line, not of the file.
        digest: match place {
            Place::Node(digest)
            | Place::Blob(_, digest)
            | Place::Manifest(_, digest)
            | Place::Index(_, digest) => Some(digest),
            _ => None,
        },
        is_document: matches!(
            place,
            Place::Manifest(..)
                | Place::TagManifest(..)
                | Place::Index(..)
                | Place::TagIndex(..)
                | Place::ReferrersTag(..)
        ),
        is_blob: matches!(place, Place::Blob(..)),
    }
}

/// The media type by the ending of a file's name: what pages are made of.
fn by_ending(name: &str) -> &'static str {
    let ending = name.rsplit_once('.').map(|(_, ending)| ending);
    match ending.unwrap_or("").to_ascii_lowercase().as_str() {
        "html" => "text/html; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "json" => "application/json",
        "txt" | "md" => "text/plain; charset=utf-8",
        "xml" => "application/xml",
        "atom" => "application/atom+xml",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "gif" => "image/gif",
        "ico" => "image/vnd.microsoft.icon",
        "woff2" => "font/woff2",
        "webmanifest" => "application/manifest+json",
        _ => "application/octet-stream",
    }
}
