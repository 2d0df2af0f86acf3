//! What OCI clients read by digest: manifests and the config that all of them share.

use sreg_model::Repository;
use sreg_model::layout::Place;
use sreg_model::manifest::{EMPTY_CONFIG, empty_config_digest};
use sreg_model::media_type::{OCI_MANIFEST, SIF_CONFIG};
use sreg_model::statement::Statement;

use crate::View;

/// The manifest of an image, by its digest.
pub(crate) fn manifest(statement: &Statement) -> Option<View> {
    let manifest = statement.manifest()?;
    Some(View {
        place: Place::manifest(&statement.subject.repository, manifest.digest()),
        content_type: OCI_MANIFEST,
        bytes: manifest.bytes().to_vec(),
    })
}

/// The empty config.
pub(crate) fn config(repository: &Repository) -> View {
    View {
        place: Place::blob(repository, empty_config_digest()),
        content_type: SIF_CONFIG,
        bytes: EMPTY_CONFIG.to_vec(),
    }
}
