//! What belongs to an image, as OCI clients find it: artifacts that refer to its manifest, and the lists of
//! them (`spec/manifest.md`, `spec/api.md`; distribution-spec `listing referrers`).

use sreg_model::descriptor::Descriptor;
use sreg_model::layout::{FoldedRepository, Place};
use sreg_model::manifest::Manifest;
use sreg_model::media_type::{OCI_INDEX, OCI_MANIFEST};
use sreg_model::statement::Statement;
use sreg_model::{Digest, Document, Repository, image_index};

use crate::oci::{Image, document};
use crate::{Content, View};

/// What refers to `subject`, which is the manifest of some of `images`, and the lists of it.
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
            // The same file may be attached for two architectures.
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

/// The manifests of what a statement says belongs to its image: its signatures, then what is attached.
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

/// The file of a statement and its signatures, as a blob.
fn signatures(repository: &Repository, statement: &Document<Statement>) -> View {
    View {
        place: Place::blob(repository, Digest::of(statement.bytes())),
        content_type: "application/octet-stream",
        content: Content::Bytes(statement.bytes().to_vec()),
    }
}

/// The list of what refers to a document, and where there is anything, the same under a tag.
pub(crate) fn lists(repository: &Repository, of: Digest, listed: &[Descriptor]) -> Vec<View> {
    let repository = FoldedRepository::new(repository);
    // There is one for each, for a host that says 403 of what is not there.
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

/// Whether a list has nothing in it.
pub(crate) fn is_nothing(list: &View) -> bool {
    list.bytes() == Some(&image_index::encode(&[]))
}
