//! What the reader knows beforehand.

use serde_json::json;

use super::super::super::image::SECOND;
use super::super::super::versions::honest;
use super::super::valid::second_epoch;
use super::super::{Case, Scene};
use super::with;

pub(super) fn known() -> Vec<Case> {
    let knows = |mut scene: Scene, of: &Scene, head, trust| {
        scene.knows = Some(of.knowing(head, trust));
        scene
    };
    let mut later = Scene::hands();
    later.next_trust(&[1, 2], |_| {});
    let second = later.state(SECOND, &[4, 5]);
    later.publish(&[3], &[second]);
    let other_head = with(Scene::hands(), |scene| {
        scene.change_head(|head| head.body["issued"] = json!(1))
    });
    let other_trust = with(Scene::hands(), |scene| {
        scene.next_trust(&[1, 2], |trust| trust["issued"] = json!(1));
        scene.publish(&[3], &[0]);
    });
    let unsigned = with(Scene::one_key(), |scene| {
        scene.knows = Some(scene.knowing(None, None));
        scene.spoil = |files| *files = honest();
    });
    vec![
        knows(Scene::one_key(), &Scene::hands(), None, None).invalid(
            "known-other-registry",
            "TRUST-21",
            "the reader expects another registry",
            "other-registry",
        ),
        unsigned.invalid(
            "known-but-unsigned",
            "TRUST-21",
            "the reader expects a registry with keys, and the tree has none",
            "unsigned",
        ),
        knows(Scene::hands(), &later, None, Some(1)).invalid(
            "known-later-trust",
            "TRUST-22",
            "the reader saw version 2 of trust, and the tree has version 1 only",
            "rolled-back",
        ),
        knows(other_trust, &later, None, Some(1)).invalid(
            "known-other-trust",
            "TRUST-22 TRUST-25",
            "the reader saw another version 2 of trust",
            "fork",
        ),
        knows(Scene::hands(), &later, Some(1), None).invalid(
            "known-later-head",
            "TRUST-23",
            "the reader saw version 2, and the tree is at version 1",
            "rolled-back",
        ),
        knows(Scene::hands(), &other_head, Some(0), None).invalid(
            "known-other-head",
            "TRUST-23 TRUST-25",
            "the reader saw another head of this version",
            "fork",
        ),
        knows(later, &other_head, Some(0), None).invalid(
            "known-other-earlier-head",
            "TRUST-23",
            "the reader saw another version 1 than the one that version 2 follows",
            "fork",
        ),
        knows(Scene::hands(), &second_epoch(), Some(2), None).invalid(
            "known-later-epoch",
            "TRUST-23",
            "the reader saw a head of epoch 2, and the tree is at epoch 1",
            "rolled-back",
        ),
    ]
}
