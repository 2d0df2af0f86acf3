//! Views for OCI clients (`spec/api.md`, distribution-spec): manifests and image indexes by tag and by
//! digest, the config that all images share, lists of tags.

use std::collections::BTreeSet;

use serde::Serialize;
use sreg_model::layout::{FoldedRepository, Place};
use sreg_model::manifest::{EMPTY_CONFIG, Manifest, empty_config_digest};
use sreg_model::media_type::{OCI_INDEX, OCI_MANIFEST, SIF_CONFIG};
use sreg_model::statement::Statement;
use sreg_model::{Digest, Document, Repository, Tag, image_index};

use crate::{Content, View, line, referrers};

/// Returns the views that clients request first, and the file that keeps GitHub Pages from omitting files.
pub(crate) fn registry() -> Vec<View> {
    let no_jekyll = View {
        place: Place::NoJekyll,
        content_type: "text/plain; charset=utf-8",
        content: Content::Bytes(Vec::new()),
    };
    vec![View::json(Place::Ping, b"{}\n".to_vec()), no_jekyll]
}

/// Returns the empty config.
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

/// Returns `/v2/<repository>/tags/list`.
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

/// Returns the second place of a tag's image index.
pub(crate) fn tag_index_place(repository: &Repository, tag: &Tag) -> Place {
    Place::TagIndex(FoldedRepository::new(repository), tag.clone())
}

/// Returns the documents of a tag: each manifest by its digest, with its referrers; an image index if there
/// are several; and under the tag the one that names all.
pub(crate) fn tag(
    repository: &Repository,
    tag: &Tag,
    present: &[&Document<Statement>],
) -> Vec<View> {
    let images: Vec<Image<'_>> = present
        .iter()
        .filter_map(|statement| Some((*statement, statement.body().manifest()?)))
        .collect();
    let mut views: Vec<View> = distinct(&images)
        .into_iter()
        .flat_map(|manifest| {
            let mut views = referrers::of(repository, manifest, &images);
            views.push(document(repository, OCI_MANIFEST, manifest.bytes()));
            views
        })
        .collect();
    let (content_type, bytes) = match &images[..] {
        [(_, only)] => (OCI_MANIFEST, only.bytes().to_vec()),
        several => {
            let descriptors: Vec<_> = several
                .iter()
                .map(|(statement, manifest)| {
                    manifest
                        .descriptor()
                        .with_arch(statement.body().subject.arch)
                })
                .collect();
            let bytes = image_index::encode(&descriptors);
            views.extend(referrers::lists(repository, Digest::of(&bytes), &[]));
            views.push(document(repository, OCI_INDEX, &bytes));
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

/// An image's statement, and its manifest.
pub(crate) type Image<'a> = (&'a Document<Statement>, Manifest);

/// Returns each manifest once: one file for two architectures has one manifest.
fn distinct<'a>(images: &'a [Image<'_>]) -> Vec<&'a Manifest> {
    let mut manifests: Vec<&Manifest> = Vec::new();
    for (_, manifest) in images {
        if !manifests.contains(&manifest) {
            manifests.push(manifest);
        }
    }
    manifests
}

/// Returns the view of a manifest or an image index by digest.
pub(crate) fn document(repository: &Repository, content_type: &'static str, bytes: &[u8]) -> View {
    View {
        place: Place::manifest(repository, Digest::of(bytes)),
        content_type,
        content: Content::Bytes(bytes.to_vec()),
    }
}
