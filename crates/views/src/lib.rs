//! The static views of a registry: statements in, (place, content type, content) out; no I/O.
//!
//! Views are what `curl` and stock clients read. They are a function of the index and of
//! `sreg.json` alone (`spec/api.md`), so anyone can derive and compare them.

pub mod host;
mod library;
mod oci;
mod referrers;
mod shub;
mod static_v1;

use std::collections::BTreeSet;

use sreg_model::layout::Place;
use sreg_model::media_type::OCI_MANIFEST;
use sreg_model::settings::Settings;
use sreg_model::statement::{Image, Statement, Subject};
use sreg_model::{Arch, Document, Host, Repository, Tag, image_index};

/// A file derived from the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Its place.
    pub place: Place,
    /// Its media type.
    pub content_type: &'static str,
    /// Its content.
    pub content: Content,
}

/// The content of a view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Bytes.
    Bytes(Vec<u8>),
    /// The content of another place: in a folder a symbolic link. Stores without links omit it.
    Link {
        /// The other place.
        to: Place,
        /// The size of its content, in bytes.
        size: u64,
    },
}

impl View {
    fn json(place: Place, bytes: Vec<u8>) -> Self {
        Self {
            place,
            content_type: JSON,
            content: Content::Bytes(bytes),
        }
    }

    /// Returns its bytes; `None` for a link.
    #[must_use]
    pub fn bytes(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Bytes(bytes) => Some(bytes),
            Content::Link { .. } => None,
        }
    }
}

const JSON: &str = "application/json";

/// A published image and its subject.
type Present<'a> = (&'a Subject, &'a Image);

/// Returns the views of the whole registry.
#[must_use]
pub fn registry_views(settings: &Settings) -> Vec<View> {
    let mut views = oci::registry();
    views.extend(settings.host.and_then(host::file));
    views
}

/// Returns the repository-wide views: `tags` are those with an image, in any order. A repository without tags
/// has no views.
#[must_use]
pub fn repository_views(repository: &Repository, tags: &[Tag]) -> Vec<View> {
    if tags.is_empty() {
        return Vec::new();
    }
    let tags: BTreeSet<&Tag> = tags.iter().collect();
    vec![
        oci::config(repository),
        oci::tags(repository, &tags),
        static_v1::tags(repository, &tags),
    ]
}

/// Returns the views of one tag: `statements` has one for each architecture; removed ones have no views.
/// Views precede the views that name them.
#[must_use]
pub fn tag_views(settings: &Settings, statements: &[Document<Statement>]) -> Vec<View> {
    let mut present: Vec<(Present<'_>, &Document<Statement>)> = statements
        .iter()
        .filter_map(|statement| {
            let body = statement.body();
            Some(((&body.subject, body.image()?), statement))
        })
        .collect();
    present.sort_by_key(|((subject, _), _)| image_index::rank(subject.arch));
    let Some(&(shown, _)) = present.first() else {
        return Vec::new();
    };
    let (images, statements): (Vec<Present<'_>>, Vec<_>) = present.into_iter().unzip();
    let mut views = oci::tag(&shown.0.repository, &shown.0.tag, &statements);
    views.extend(host::indexes(settings.host, &views));
    views.extend(library::tag(settings, &images));
    views.push(shub::tag(settings, shown));
    views.push(static_v1::manifest(settings, shown));
    views
}

/// Returns a place that must be empty beside a view, because clients would read more from it: the tag of an
/// empty list of referrers, and for nginx an image index in place of a manifest.
#[must_use]
pub fn nothing_beside(settings: &Settings, view: &View) -> Option<Place> {
    match &view.place {
        Place::Referrers(repository, of) if referrers::is_nothing(view) => {
            Some(Place::ReferrersTag(repository.clone(), *of))
        }
        Place::Manifest(repository, digest)
            if settings.host == Some(Host::Nginx) && view.content_type == OCI_MANIFEST =>
        {
            Some(Place::Index(repository.clone(), *digest))
        }
        _ => None,
    }
}

/// Returns the named places of the views of one tag with present or former images for `archs`.
#[must_use]
pub fn tag_places(repository: &Repository, tag: &Tag, archs: &BTreeSet<Arch>) -> Vec<Place> {
    let mut places = vec![oci::tag_place(repository, tag)];
    if archs.len() > 1 {
        places.push(oci::tag_index_place(repository, tag));
    }
    places.extend(library::tag_places(repository, tag, archs));
    places.push(Place::Shub(repository.clone(), tag.clone()));
    places.push(Place::StaticManifest(repository.clone(), tag.clone()));
    places
}

/// Returns the places of the repository-wide views.
#[must_use]
pub fn repository_places(repository: &Repository) -> Vec<Place> {
    vec![
        oci::tags_place(repository),
        Place::StaticTags(repository.clone()),
    ]
}

/// Serializes a value as one line of compact JSON.
fn line<T: serde::Serialize>(value: &T) -> Vec<u8> {
    let mut bytes = serde_json::to_vec(value).expect("a view serializes to JSON");
    bytes.push(b'\n');
    bytes
}
