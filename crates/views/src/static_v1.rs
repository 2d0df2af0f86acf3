//! The two endpoints of the first static registries: a list of tags, and a manifest with the
//! URL of the image, for `curl` and `jq` (`spec/api.md`).

use std::collections::BTreeSet;

use serde::Serialize;
use sreg_model::descriptor::Descriptor;
use sreg_model::layout::Place;
use sreg_model::manifest::{EMPTY_CONFIG, empty_config_digest};
use sreg_model::media_type::{SEED_CONFIG, SEED_MANIFEST, SQUASHFS};
use sreg_model::settings::Settings;
use sreg_model::{Repository, Tag};

use crate::{Present, View, line};

#[derive(Serialize)]
struct Tags<'a> {
    name: &'a Repository,
    tags: &'a BTreeSet<&'a Tag>,
}

/// Returns `/<namespace>/<name>/tags/`.
pub(crate) fn tags(repository: &Repository, tags: &BTreeSet<&Tag>) -> View {
    let list = Tags {
        name: repository,
        tags,
    };
    View::json(Place::StaticTags(repository.clone()), line(&list))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u64,
    media_type: &'static str,
    config: Descriptor,
    layers: [Descriptor; 1],
}

/// Returns `/<namespace>/<name>/manifests/<tag>/`.
pub(crate) fn manifest(settings: &Settings, (subject, image): Present<'_>) -> View {
    let layer = Descriptor::new(SQUASHFS, image.digest, image.size)
        .with_url(settings.image_url(subject, image));
    let manifest = Manifest {
        schema_version: 2,
        media_type: SEED_MANIFEST,
        config: Descriptor::new(
            SEED_CONFIG,
            empty_config_digest(),
            EMPTY_CONFIG.len() as u64,
        ),
        layers: [layer],
    };
    let place = Place::StaticManifest(subject.repository.clone(), subject.tag.clone());
    View::json(place, line(&manifest))
}
