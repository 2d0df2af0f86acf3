//! What OCI clients read (`spec/api.md`, distribution-spec): manifests and image indexes by tag and by
//! digest, the config that all images share, lists of tags, referrers.

use std::collections::BTreeSet;

use serde::Serialize;
use sreg_model::layout::{FoldedRepository, Place};
use sreg_model::manifest::{EMPTY_CONFIG, Manifest, empty_config_digest};
use sreg_model::media_type::{OCI_INDEX, OCI_MANIFEST, SIF_CONFIG};
use sreg_model::statement::Statement;
use sreg_model::{Digest, Repository, Tag, image_index};

use crate::{Content, View, line};

/// What is asked for first, and what keeps GitHub Pages from leaving files out.
pub(crate) fn registry() -> Vec<View> {
    let no_jekyll = View {
        place: Place::NoJekyll,
        content_type: "text/plain; charset=utf-8",
        content: Content::Bytes(Vec::new()),
    };
    vec![View::json(Place::Ping, b"{}\n".to_vec()), no_jekyll]
}

/// The empty config.
pub(crate) fn config(repository: &Repository) -> View {
    View {
        place: Place::blob(repository, empty_config_digest()),
        content_type: SIF_CONFIG,
        content: Content::Bytes(EMPTY_CONFIG.to_vec()),
    }
}

#[derive(Serialize)]
struct Tags<'a> {
    name: String,
    tags: &'a BTreeSet<&'a Tag>,
}

pub(crate) fn tags_place(repository: &Repository) -> Place {
    Place::TagsList(FoldedRepository::new(repository))
}

/// `/v2/<repository>/tags/list`
pub(crate) fn tags(repository: &Repository, tags: &BTreeSet<&Tag>) -> View {
    let list = Tags {
        name: repository.folded(),
        tags,
    };
    View::json(tags_place(repository), line(&list))
}

pub(crate) fn tag_place(repository: &Repository, tag: &Tag) -> Place {
    Place::TagManifest(FoldedRepository::new(repository), tag.clone())
}

/// Where the image index of a tag stands a second time.
pub(crate) fn tag_index_place(repository: &Repository, tag: &Tag) -> Place {
    Place::TagIndex(FoldedRepository::new(repository), tag.clone())
}

/// The documents of a tag: each manifest by its digest, with its referrers; of several an image
/// index, too; and under the tag the one that names all.
pub(crate) fn tag(repository: &Repository, tag: &Tag, present: &[&Statement]) -> Vec<View> {
    let manifests: Vec<_> = present
        .iter()
        .filter_map(|statement| Some((statement.subject.arch, statement.manifest()?)))
        .collect();
    let mut views: Vec<View> = manifests
        .iter()
        .flat_map(|(_, manifest)| document(repository, OCI_MANIFEST, manifest.bytes()))
        .collect();
    let (content_type, bytes) = match &manifests[..] {
        [(_, only)] => (OCI_MANIFEST, only.bytes().to_vec()),
        several => {
            let descriptors: Vec<_> = several
                .iter()
                .map(|(arch, manifest): &(_, Manifest)| manifest.descriptor().with_arch(*arch))
                .collect();
            let bytes = image_index::encode(&descriptors);
            views.extend(document(repository, OCI_INDEX, &bytes));
            (OCI_INDEX, bytes)
        }
    };
    views.push(View {
        place: tag_place(repository, tag),
        content_type,
        content: Content::Bytes(bytes),
    });
    views
}

/// A manifest or an image index by its digest, and what others say of it.
fn document(repository: &Repository, content_type: &'static str, bytes: &[u8]) -> [View; 2] {
    let digest = Digest::of(bytes);
    let by_digest = View {
        place: Place::manifest(repository, digest),
        content_type,
        content: Content::Bytes(bytes.to_vec()),
    };
    // There is one for each, for a host that says 403 of what is not there.
    let referrers = View {
        place: Place::Referrers(FoldedRepository::new(repository), digest),
        content_type: OCI_INDEX,
        content: Content::Bytes(image_index::encode(&[])),
    };
    [by_digest, referrers]
}
