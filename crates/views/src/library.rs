//! Views for library clients, `apptainer pull library://` (`spec/api.md`; container-library-client
//! `client/models.go`, `client/pull.go`).

use serde::Serialize;
use sreg_model::layout::{FoldedRepository, FoldedTag, Place};
use sreg_model::settings::Settings;
use sreg_model::{Arch, Repository, Tag};

use crate::{Content, Present, View, line};

#[derive(Serialize)]
struct Answer {
    data: Entry,
}

#[derive(Serialize)]
struct Entry {
    id: String,
    hash: String,
    size: u64,
    uploaded: bool,
    arch: Arch,
}

/// Returns the places of a description and a file: of the default image, or of the one for an architecture.
fn places(base: Option<Arch>, repository: &Repository, tag: &Tag) -> [Place; 2] {
    let (repository, tag) = (FoldedRepository::new(repository), FoldedTag::new(tag));
    [
        Place::LibraryFile(base, repository.clone(), tag.clone()),
        Place::LibraryImage(base, repository, tag),
    ]
}

/// Returns whether clients with an architecture have a folder of their own.
pub(crate) fn has_base(arch: Arch) -> bool {
    !matches!(arch, Arch::Amd64 | Arch::Unknown)
}

/// Returns the places of a tag with images for `archs`.
pub(crate) fn tag_places<'a>(
    repository: &Repository,
    tag: &Tag,
    archs: impl IntoIterator<Item = &'a Arch>,
) -> Vec<Place> {
    let archs = archs.into_iter().copied().filter(|arch| has_base(*arch));
    [None]
        .into_iter()
        .chain(archs.map(Some))
        .flat_map(|base| places(base, repository, tag))
        .collect()
}

/// Returns the default image, the first of `present`, below `library/`; and images that are not for amd64
/// below `library/<arch>/`.
pub(crate) fn tag(settings: &Settings, present: &[Present<'_>]) -> Vec<View> {
    let shown = present.first().map(|shown| (None, *shown));
    let others = present
        .iter()
        .filter(|(subject, _)| has_base(subject.arch))
        .map(|image| (Some(image.0.arch), *image));
    shown
        .into_iter()
        .chain(others)
        .flat_map(|(base, image)| views(settings, base, image))
        .collect()
}

/// Returns `<base>/v1/imagefile/<repository>:<tag>`, if the image is in the registry, and
/// `<base>/v1/images/<repository>:<tag>`.
fn views(settings: &Settings, base: Option<Arch>, (subject, image): Present<'_>) -> Vec<View> {
    let [file, answer] = places(base, &subject.repository, &subject.tag);
    let hash = format!("sha256.{}", image.digest.hex());
    let entry = Entry {
        id: hash.clone(),
        hash,
        size: image.size,
        uploaded: true,
        arch: subject.arch,
    };
    let answer = View::json(answer, line(&Answer { data: entry }));
    let file = settings.blob_url.is_none().then_some(View {
        place: file,
        content_type: "application/octet-stream",
        content: Content::Link {
            to: Place::blob(&subject.repository, image.digest),
            size: image.size,
        },
    });
    file.into_iter().chain([answer]).collect()
}
