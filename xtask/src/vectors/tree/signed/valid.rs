//! Registries with keys in which all is well.

use serde_json::json;

use super::super::image::SECOND;
use super::super::versions::honest;
use super::{Case, FIRST, HEAD, IMAGE, NOW, Scene, Signed, public_key, set_state, trust};
use crate::vectors::keys::{role_of, sorted_keys};
use crate::vectors::oracle;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        Scene::one_key().valid(
            "one",
            "TRUST-12 TRUST-14 TRUST-16 TRUST-26 HEAD-6 HEAD-7 HEAD-13 HEAD-14 HEAD-15 HEAD-16 STM-19 MAN-12",
            "one key that does everything",
            json!([]),
        ),
        Scene::hands().valid(
            "several-hands",
            "TRUST-10 TRUST-11 TRUST-12 TRUST-14 TRUST-16",
            "two keys for trust, another for heads, two of three for lab",
            json!([]),
        ),
    ];
    cases.extend(trust_chain());
    cases.extend(statements());
    cases.extend(known());
    cases
}

/// A second version, under the second trust, by the head key 8.
pub(super) fn other_head_key() -> Scene {
    let mut scene = Scene::hands();
    scene.next_trust(&[1, 2], |trust| {
        trust["roles"]["head"] = role_of(&[public_key(8)], 1);
        let old = public_key(3);
        let kept = trust["keys"].as_array().into_iter().flatten();
        let keys = kept.filter_map(|listed| listed["key"].as_str().map(str::to_owned));
        let keys = keys.filter(|key| *key != old).chain([public_key(8)]);
        trust["keys"] = sorted_keys(keys)
            .iter()
            .map(|key| json!({"key": key, "state": "active"}))
            .collect();
    });
    scene.publish(&[8], &[0]);
    scene
}

/// Version 2 of epoch 1 is left behind: epoch 2 begins after version 1.
pub(super) fn second_epoch() -> Scene {
    let mut scene = Scene::hands();
    scene.publish(&[3], &[0]);
    let base = &scene.versions[0].head;
    let base = json!({"epoch": 2, "id": base.id(), "version": base.body["version"]});
    scene.next_trust(&[1, 2], |trust| trust["head_base"] = base);
    scene.publish(&[3], &[0]);
    scene
}

fn trust_chain() -> Vec<Case> {
    let mut unsigned = Scene::one_key();
    unsigned.trust[0].body["head_base"] = {
        let head = String::from_utf8(honest()["heads/0/2"].clone()).expect("a head is text");
        json!({"epoch": 1, "id": oracle::digest(&head), "version": 2})
    };
    unsigned.claims.clear();
    unsigned.versions.clear();
    let before = |image: super::Image, previous: Option<String>| {
        let statement = image.statement();
        let mut body: serde_json::Value = serde_json::from_str(&statement.line()).expect("JSON");
        if let Some(previous) = previous {
            body["seq"] = json!(2);
            body["previous"] = json!(previous);
        }
        let statement = Signed::new(body, &[], IMAGE);
        super::Claim { statement, image }
    };
    let first = before(FIRST, None);
    let id = first.statement.id();
    unsigned.claims.extend([first, before(SECOND, Some(id))]);
    let signed = unsigned.state(SECOND, &[1]);
    unsigned.publish(&[1], &[signed]);
    unsigned.spoil = |files| {
        for (path, bytes) in honest() {
            files.entry(path).or_insert(bytes);
        }
    };
    let mut strays = Scene::hands();
    strays.change_head(|head| head.by.push((9, HEAD)));
    let mut grown = Scene::one_key();
    grown.next_trust(&[1], |trust| {
        let mut physics = trust["delegations"][0].clone();
        physics["scope"] = json!("physics");
        trust["delegations"]
            .as_array_mut()
            .expect("a list")
            .push(physics);
    });
    vec![
        other_head_key().valid(
            "other-head-key",
            "HEAD-15 HEAD-16 TRUST-15 TRUST-16",
            "the head key changed between two versions; each is signed as its trust asks",
            json!([]),
        ),
        grown.valid(
            "later-trust",
            "HEAD-15 TRUST-15 TRUST-17 TRUST-18",
            "a namespace was delegated after the newest head",
            json!([]),
        ),
        second_epoch().valid(
            "second-epoch",
            "HEAD-13 HEAD-14 TRUST-17 TRUST-20",
            "a head is left behind by a new epoch, which begins after the one before it",
            json!(["abandoned-head"]),
        ),
        unsigned.valid(
            "from-unsigned",
            "HEAD-13 STM-16 STM-19 TRUST-20",
            "two versions without keys, then one with",
            json!([]),
        ),
        strays.valid(
            "head-by-stranger-too",
            "HEAD-16 TRUST-14",
            "a signature that nobody asked for, beside the one that counts",
            json!([]),
        ),
    ]
}

fn statements() -> Vec<Case> {
    let mut retired = Scene::hands();
    retired.next_trust(&[1, 2], |trust| set_state(trust, 4, "retired"));
    let mut all = Scene::hands();
    all.change_claim(|statement| statement.by = [4, 5, 6].map(|seed| (seed, IMAGE)).to_vec());
    let repository = Scene::of(
        trust(
            (&[1], 1),
            (&[1], 1),
            &[("lab", &[4], 1), ("lab/tool", &[5], 1)],
        ),
        &[1],
        &[1],
        &[5],
    );
    let mut raised = Scene::one_key();
    raised.next_trust(&[1], |trust| trust["delegations"][0]["epoch"] = json!(2));
    let mut last_second = Scene::one_key();
    last_second.change_claim(|statement| statement.body["expires"] = json!(NOW + 1));
    last_second.change_head(|head| head.body["expires"] = json!(NOW + 1));
    vec![
        retired.valid(
            "retired-key",
            "TRUST-12",
            "a statement of a key that has been retired since holds",
            json!([]),
        ),
        all.valid(
            "more-than-asked",
            "TRUST-10 TRUST-12",
            "three signatures of the two that are asked for",
            json!([]),
        ),
        repository.valid(
            "repository-of-its-own",
            "TRUST-11",
            "the delegation of lab/tool decides, not that of lab",
            json!([]),
        ),
        raised.valid(
            "lower-epoch",
            "TRUST-12",
            "a statement from before the namespace changed hands to the same key",
            json!([]),
        ),
        last_second.valid(
            "last-second",
            "HEAD-16 STM-19 TRUST-12",
            "head and statement expire a second after the clock",
            json!([]),
        ),
    ]
}

fn known() -> Vec<Case> {
    let mut second = Scene::hands();
    let claim = second.state(SECOND, &[5, 6]);
    second.publish(&[3], &[claim]);
    let with = |mut scene: Scene, head, trust| {
        scene.knows = Some(scene.knowing(head, trust));
        scene
    };
    let mut resigned = with(Scene::hands(), Some(0), Some(0));
    resigned.trust[0].by.push((9, super::TRUST));
    resigned.change_head(|head| head.by.insert(0, (9, HEAD)));
    let epochs = second_epoch();
    vec![
        with(second.clone(), Some(1), Some(0)).valid(
            "known",
            "TRUST-21 TRUST-22 TRUST-23 LOCK-3",
            "just what the reader saw last",
            json!([]),
        ),
        with(second, Some(0), None).valid(
            "known-earlier",
            "TRUST-23",
            "the reader saw the head before",
            json!([]),
        ),
        with(other_head_key(), Some(0), Some(0)).valid(
            "known-earlier-trust",
            "TRUST-22",
            "the reader saw the trust before",
            json!([]),
        ),
        resigned.valid(
            "known-by-other-signatures",
            "TRUST-22 TRUST-23",
            "the same documents with one signature more are no fork",
            json!([]),
        ),
        with(epochs, Some(1), None).valid(
            "known-abandoned",
            "TRUST-23",
            "the reader saw a head that a new epoch leaves behind",
            json!(["abandoned-head"]),
        ),
    ]
}
