//! Referrers of images for OCI clients: artifacts that refer to a manifest, and the lists of them
//! (`spec/manifest.md`, `spec/api.md`; distribution-spec `listing referrers`).

use sreg_model::descriptor::Descriptor;
use sreg_model::layout::{FoldedRepository, Place};
use sreg_model::manifest::Manifest;
use sreg_model::media_type::{OCI_INDEX, OCI_MANIFEST};
use sreg_model::statement::Statement;
use sreg_model::{Digest, Document, Repository, image_index};

use crate::oci::{Image, document};
use crate::{Content, View};

/// Returns the referrers of `subject`, which is the manifest of some of `images`, and their lists.
pub(crate) fn of(repository: &Repository, subject: &Manifest, images: &[Image<'_>]) -> Vec<View> {
    let (mut views, mut listed) = (Vec::new(), Vec::new());
    let statements = images
        .iter()
        .filter(|(_, manifest)| manifest == subject)
        .map(|(statement, _)| *statement);
    for statement in statements {
        if statement.body().registry.is_some() {
            views.push(signatures(repository, statement));
        }
        for artifact in artifacts(statement, subject) {
            let descriptor = artifact.descriptor();
            // One file may be attached for two architectures.
            if !listed.contains(&descriptor) {
                views.extend(lists(repository, artifact.digest(), &[]));
                views.push(document(repository, OCI_MANIFEST, artifact.bytes()));
                listed.push(descriptor);
            }
        }
    }
    views.extend(lists(repository, subject.digest(), &listed));
    views
}

/// Returns the manifests of a statement's artifacts: its signatures, then its attachments.
fn artifacts(statement: &Document<Statement>, subject: &Manifest) -> Vec<Manifest> {
    let body = statement.body();
    let signatures = body
        .registry
        .map(|_| Manifest::of_signatures(statement, subject));
    let attached = body.image().map_or(&[][..], |image| &image.attached);
    let attached = attached
        .iter()
        .map(|attachment| Manifest::of_attachment(attachment, subject));
    signatures.into_iter().chain(attached).collect()
}

/// Returns the blob of a statement and its signatures.
fn signatures(repository: &Repository, statement: &Document<Statement>) -> View {
    View {
        place: Place::blob(repository, Digest::of(statement.bytes())),
        content_type: "application/octet-stream",
        content: Content::Bytes(statement.bytes().to_vec()),
    }
}

/// Returns the list of referrers of a document; if it is not empty, also under a tag.
pub(crate) fn lists(repository: &Repository, of: Digest, listed: &[Descriptor]) -> Vec<View> {
    let repository = FoldedRepository::new(repository);
    // Each document has a list, because some hosts answer 403 for a missing file.
    let mut places = vec![Place::Referrers(repository.clone(), of)];
    if !listed.is_empty() {
        places.push(Place::ReferrersTag(repository, of));
    }
    let bytes = image_index::encode(listed);
    let list = |place| View {
        place,
        content_type: OCI_INDEX,
        content: Content::Bytes(bytes.clone()),
    };
    places.into_iter().map(list).collect()
}

/// Returns whether a list is empty.
pub(crate) fn is_nothing(list: &View) -> bool {
    list.bytes() == Some(&image_index::encode(&[]))
}
