//! The two endpoints of the first static registries: a list of tags, and a manifest with the
//! URL of the image, for `curl` and `jq` (`spec/api.md`).

use serde::Serialize;
use sreg_model::descriptor::Descriptor;
use sreg_model::layout::Place;
use sreg_model::manifest::{EMPTY_CONFIG, empty_config_digest};
use sreg_model::media_type::{SEED_CONFIG, SEED_MANIFEST, SQUASHFS};
use sreg_model::settings::Settings;
use sreg_model::statement::{Image, Subject};
use sreg_model::{Repository, Tag};

use crate::View;

const JSON: &str = "application/json";

#[derive(Serialize)]
struct Tags<'a> {
    name: &'a Repository,
    tags: Vec<&'a Tag>,
}

/// `/<namespace>/<name>/tags/`
pub(crate) fn tags(repository: &Repository, tags: &[Tag]) -> View {
    let mut tags: Vec<&Tag> = tags.iter().collect();
    tags.sort();
    View {
        place: Place::SeedTags(repository.clone()),
        content_type: JSON,
        bytes: line(&Tags {
            name: repository,
            tags,
        }),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    schema_version: u64,
    media_type: &'static str,
    config: Descriptor,
    layers: [Descriptor; 1],
}

/// `/<namespace>/<name>/manifests/<tag>/`
pub(crate) fn manifest(settings: &Settings, subject: &Subject, image: &Image) -> View {
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
    View {
        place: Place::SeedManifest(subject.repository.clone(), subject.tag.clone()),
        content_type: JSON,
        bytes: line(&manifest),
    }
}

fn line<T: Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).expect("a view of ours is JSON");
    bytes.push(b'\n');
    bytes
}
