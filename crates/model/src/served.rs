//! How the files of a registry are served, by a server of a folder and by a store that is a web server too
//! (`spec/layout.md`).

use crate::layout::Place;
use crate::media_type::{OCI_INDEX, OCI_MANIFEST};

/// How a file or an object is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    /// Its media type.
    pub content_type: &'static str,
    /// How long caches may keep it.
    pub cache_control: &'static str,
}

/// May be kept for ever: nothing else ever stands there.
pub const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Is asked for again each time: it may have changed.
pub const ASK_AGAIN: &str = "no-cache";

/// How the file at a place is served.
#[must_use]
pub fn served(place: &Place) -> Served {
    let (content_type, cache_control) = match place {
        Place::Settings
        | Place::Ping
        | Place::TagsList(_)
        | Place::LibraryImage(..)
        | Place::Shub(..)
        | Place::StaticTags(_)
        | Place::StaticManifest(..) => ("application/json", ASK_AGAIN),
        Place::Head | Place::NoJekyll | Place::NginxConf | Place::Headers => {
            ("text/plain; charset=utf-8", ASK_AGAIN)
        }
        // Where there is none, the next reader has to see the one that has come meanwhile; what is
        // there never changes.
        Place::HeadSlot { .. } | Place::Trust(_) | Place::Node(_) | Place::Statement(_) => {
            ("text/plain; charset=utf-8", FOR_EVER)
        }
        Place::Blob(..) => ("application/octet-stream", FOR_EVER),
        // Where it is an image index, the view says so.
        Place::Manifest(..) => (OCI_MANIFEST, FOR_EVER),
        Place::TagManifest(..) => (OCI_MANIFEST, ASK_AGAIN),
        Place::Index(..) => (OCI_INDEX, FOR_EVER),
        Place::TagIndex(..) | Place::Referrers(..) | Place::ReferrersTag(..) => {
            (OCI_INDEX, ASK_AGAIN)
        }
        Place::LibraryFile(..) => ("application/octet-stream", ASK_AGAIN),
    };
    Served {
        content_type,
        cache_control,
    }
}
