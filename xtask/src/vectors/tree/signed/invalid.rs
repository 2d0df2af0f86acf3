//! Registries with keys that are to be refused.

mod heads;
mod known;
mod statements;
mod trust;

use super::super::image::Image;
use super::{Case, Scene};

const PHYSICS: Image = Image {
    repository: "physics/sim",
    tag: "2",
    content: "an image of somebody else",
};
const OTHER: Image = Image {
    repository: "lab2/tool",
    tag: "1.0",
    content: "an image in a namespace of a similar name",
};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = trust::signatures_of_trust();
    cases.extend(trust::series_of_trust());
    cases.extend(heads::heads());
    cases.extend(heads::series_of_heads());
    cases.extend(statements::statements());
    cases.extend(statements::delegations());
    cases.extend(known::known());
    cases
}

/// A scene, changed.
fn with(mut scene: Scene, change: impl FnOnce(&mut Scene)) -> Scene {
    change(&mut scene);
    scene
}

/// The last bytes of a signature, changed.
fn spoil(file: String) -> String {
    // A digit of the last full line: part of the signature's numbers.
    let end = "-----END SSH SIGNATURE-----\n".len();
    let at = file.len() - end - 30;
    let other = if &file[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &file[..at], &file[at + 1..])
}
