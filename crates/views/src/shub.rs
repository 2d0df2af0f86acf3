//! Views for Singularity Hub's clients, `apptainer pull shub://` (`spec/api.md`; apptainer
//! `internal/pkg/client/shub/api.go`).

use serde::Serialize;
use sreg_model::layout::Place;
use sreg_model::settings::Settings;
use sreg_model::{Repository, Tag};

use crate::{Present, View, line};

/// `version` and `commit` identify the content: clients cache images under `commit`, and clear their whole
/// cache if it is empty.
#[derive(Serialize)]
struct Answer<'a> {
    image: String,
    name: &'a Repository,
    tag: &'a Tag,
    version: String,
    commit: String,
}

/// Returns `/api/container/<repository>:<tag>`.
pub(crate) fn tag(settings: &Settings, (subject, image): Present<'_>) -> View {
    let answer = Answer {
        image: settings.image_url(subject, image),
        name: &subject.repository,
        tag: &subject.tag,
        version: image.digest.hex(),
        commit: image.digest.hex(),
    };
    let place = Place::Shub(subject.repository.clone(), subject.tag.clone());
    View::json(place, line(&answer))
}
