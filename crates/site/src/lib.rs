//! The static views of a registry: statements in, (place, content type, bytes) out; no I/O.
//!
//! Views are what `curl` and stock clients read. Their bytes are a function of the index and
//! of `sreg.json` alone (`spec/api.md`), so anyone can derive and compare them.

mod oci;
mod seed;

use sreg_model::layout::Place;
use sreg_model::settings::Settings;
use sreg_model::statement::{Image, Statement, Subject};
use sreg_model::{Arch, Repository, Tag};

/// A file that is derived from the index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// Where it stands.
    pub place: Place,
    /// What it is to be served as.
    pub content_type: &'static str,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
}

/// The views of a repository as a whole: `tags` are those with an image, in any order. A
/// repository without any has none.
#[must_use]
pub fn repository_views(repository: &Repository, tags: &[Tag]) -> Vec<View> {
    if tags.is_empty() {
        return Vec::new();
    }
    vec![seed::tags(repository, tags), oci::config(repository)]
}

/// The views of one tag: `statements` are those about it, one for each architecture; removed
/// ones have no views.
#[must_use]
pub fn tag_views(settings: &Settings, statements: &[Statement]) -> Vec<View> {
    let present: Vec<(&Subject, &Image)> = statements
        .iter()
        .filter_map(|statement| Some((&statement.subject, statement.image()?)))
        .collect();
    let mut views: Vec<View> = statements.iter().filter_map(oci::manifest).collect();
    if let Some((subject, image)) = shown(&present) {
        views.push(seed::manifest(settings, subject, image));
    }
    views
}

/// The one that an endpoint shows which can show one only: amd64, else the first by its word.
fn shown<'a>(present: &[(&'a Subject, &'a Image)]) -> Option<(&'a Subject, &'a Image)> {
    let rank = |arch: Arch| (arch != Arch::Amd64, arch);
    present
        .iter()
        .copied()
        .min_by_key(|(subject, _)| rank(subject.arch))
}
