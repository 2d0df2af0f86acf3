//! The headers of each path: those of the table in `spec/layout.md`, and for other files those of their
//! endings.

use sreg_model::Digest;
use sreg_model::layout::{ASK_AGAIN, Form, Naming, Place, Served};

/// How a file is served, and the properties that follow from its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Kind {
    /// Its headers. The JSON of an OCI document may state another media type.
    pub(crate) served: Served,
    /// The digest in its path.
    pub(crate) digest: Option<Digest>,
    /// Whether it is an OCI manifest or image index.
    pub(crate) is_document: bool,
    /// Whether it is a blob, named by its digest.
    pub(crate) is_blob: bool,
}

/// Returns how the file at a path, relative to the root, is served.
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
    let kind = place.kind();
    Kind {
        served: kind.served,
        // A statement's path has the digest of its first line, not of the file.
        digest: match kind.naming {
            Naming::Bytes(digest) => Some(digest),
            Naming::Path | Naming::FirstLine(_) => None,
        },
        is_document: kind.form == Form::Oci,
        is_blob: kind.form == Form::Blob,
    }
}

/// Returns the media type of a file of a web page by its ending.
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
