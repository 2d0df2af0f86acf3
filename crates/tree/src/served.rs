//! How the files of a registry are served by a store that is a web server too (`spec/layout.md`).

use sreg_model::layout::Place;
use sreg_model::media_type::OCI_MANIFEST;
use sreg_store::Served;

/// May be kept for ever: nothing else ever stands there.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Is asked for again each time: it may have changed.
const ASK_AGAIN: &str = "no-cache";

/// How the file at a place is served.
#[must_use]
pub fn served(place: &Place) -> Served {
    let (content_type, cache_control) = match place {
        Place::Settings => ("application/json", ASK_AGAIN),
        Place::Head => ("text/plain; charset=utf-8", ASK_AGAIN),
        // Where there is none, the next reader has to see the one that has come meanwhile; what is
        // there never changes.
        Place::HeadSlot { .. } | Place::Trust(_) | Place::Node(_) | Place::Statement(_) => {
            ("text/plain; charset=utf-8", FOR_EVER)
        }
        Place::Blob(..) => ("application/octet-stream", FOR_EVER),
        Place::Manifest(..) => (OCI_MANIFEST, FOR_EVER),
        Place::SeedTags(_) | Place::SeedManifest(..) => ("application/json", ASK_AGAIN),
    };
    Served {
        content_type,
        cache_control,
    }
}
