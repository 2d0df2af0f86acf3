//! Heads, and their trust chain.

use serde_json::json;

use super::super::super::image::SECOND;
use super::super::super::versions::honest;
use super::super::valid::{other_head_key, second_epoch};
use super::super::{Case, HEAD, IMAGE, NOW, Scene, TRUST, oracle, print_of, set_state, trust};
use super::{spoil, with};

pub(super) fn heads() -> Vec<Case> {
    let by = |seeds: &'static [u8]| {
        with(Scene::hands(), |scene| {
            scene.change_head(|head| head.by = seeds.iter().map(|seed| (*seed, HEAD)).collect());
        })
    };
    let change = |change: fn(&mut serde_json::Value)| {
        with(Scene::hands(), |scene| {
            scene.change_head(|head| change(&mut head.body))
        })
    };
    let mut two = trust((&[1], 1), (&[2, 3], 2), &[("lab", &[4], 1)]);
    two["issued"] = json!(1);
    vec![
        by(&[]).invalid(
            "head-unsigned",
            "HEAD-16 TRUST-14",
            "a head that nobody signed",
            "untrusted-head",
        ),
        by(&[9]).invalid(
            "head-by-stranger",
            "HEAD-16 TRUST-14",
            "a head signed by a key that trust does not know",
            "untrusted-head",
        ),
        by(&[1, 2]).invalid(
            "head-by-root-keys",
            "HEAD-16 TRUST-14",
            "a head signed by the keys of another role",
            "untrusted-head",
        ),
        by(&[4, 5]).invalid(
            "head-by-publishers",
            "HEAD-16 TRUST-14",
            "a head signed by publishers of lab",
            "untrusted-head",
        ),
        Scene::of(two, &[1], &[2, 2], &[4]).invalid(
            "head-one-key-twice",
            "HEAD-16 TRUST-10",
            "two signatures of a head by one key",
            "untrusted-head",
        ),
        with(Scene::one_key(), |scene| {
            scene.change_head(|head| head.by = vec![(1, TRUST)])
        })
        .invalid(
            "head-signed-as-trust",
            "SIG-18",
            "the signature of a head was made for trust",
            "signature-namespace",
        ),
        with(Scene::one_key(), |scene| {
            scene.change_head(|head| head.spoil = spoil)
        })
        .invalid(
            "head-signature-changed",
            "SIG-19",
            "a changed digit in the signature of a head",
            "signature-invalid",
        ),
        with(Scene::hands(), |scene| {
            scene.change_head(|head| {
                head.by.push((9, HEAD));
                head.spoil = spoil;
            });
        })
        .invalid(
            "head-stranger-changed",
            "HEAD-16",
            "a false signature behind the one that counts",
            "signature-invalid",
        ),
        change(|head| head["registry"] = json!(oracle::digest("another"))).invalid(
            "head-other-registry",
            "HEAD-16",
            "the head of another registry",
            "other-registry",
        ),
        change(|head| head["expires"] = json!(NOW)).invalid(
            "head-expired",
            "HEAD-16",
            "a head that expires at the clock's second",
            "expired-head",
        ),
        change(|head| head["trust"] = json!({"id": head["trust"]["id"], "version": 2})).invalid(
            "head-of-unknown-trust",
            "HEAD-15",
            "a head made under a version of trust that is not there",
            "head-trust",
        ),
        change(|head| head["trust"]["id"] = json!(oracle::digest("another"))).invalid(
            "head-of-other-trust",
            "HEAD-15",
            "a head made under another version 1",
            "head-trust",
        ),
        with(Scene::one_key(), |scene| {
            scene.spoil = |files| {
                let trust = files.remove("trust/1").unwrap_or_default();
                *files = honest();
                files.insert("trust/1".to_owned(), trust);
            };
        })
        .invalid(
            "head-without-keys",
            "HEAD-14 STM-19 TRUST-14",
            "the tree has trust, but its head and statement have no registry",
            "other-registry",
        ),
    ]
}

pub(super) fn series_of_heads() -> Vec<Case> {
    vec![
        with(Scene::hands(), |scene| {
            scene.next_trust(&[1, 2], |trust| set_state(trust, 7, "retired"));
            scene.next_trust(&[1, 2], |trust| {
                trust["roles"]["head"] = json!({"keys": [print_of(5)], "threshold": 1});
            });
        })
        .invalid(
            "head-by-former-key",
            "HEAD-16 TRUST-14",
            "the newest trust gave heads to another key, and the head is still signed by the former",
            "untrusted-head",
        ),
        with(Scene::hands(), |scene| {
            let base = &scene.versions[0].head;
            let base = json!({"epoch": 2, "id": base.id(), "version": 1});
            scene.next_trust(&[1, 2], |trust| trust["head_base"] = base);
        })
        .invalid(
            "head-of-former-epoch",
            "HEAD-14",
            "trust begins epoch 2, and the head is still of epoch 1",
            "head-epoch",
        ),
        with(second_epoch(), |scene| {
            scene.change_head(|head| head.body["previous"] = json!(oracle::digest("another")));
        })
        .invalid(
            "epoch-after-other-head",
            "HEAD-13",
            "the first head of epoch 2 follows another head than trust says",
            "document-mismatch",
        ),
        with(other_head_key(), |scene| scene.versions[0].head.by = vec![(8, HEAD)]).invalid(
            "earlier-head-by-later-key",
            "HEAD-16",
            "an earlier head is signed by a key that its own trust does not have",
            "untrusted-head",
        ),
        with(other_head_key(), |scene| scene.versions[0].head.by = Vec::new()).invalid(
            "earlier-head-unsigned",
            "HEAD-16",
            "an earlier head that nobody signed",
            "untrusted-head",
        ),
        with(Scene::hands(), |scene| {
            scene.next_trust(&[1, 2], |_| {});
            scene.publish(&[3], &[0]);
            let first = json!({"id": scene.registry(), "version": 1});
            scene.publish(&[3], &[0]);
            scene.change_head(|head| head.body["trust"] = first);
        })
        .invalid(
            "head-trust-falls",
            "HEAD-15",
            "version 3 was made under an earlier trust than version 2",
            "head-trust",
        ),
        with(Scene::hands(), |scene| {
            scene.claims[0].statement.by = vec![(4, IMAGE), (9, IMAGE), (5, IMAGE)];
            scene.claims[0].statement.spoil = spoil;
            let second = scene.state(SECOND, &[4, 5]);
            scene.publish(&[3], &[second]);
        })
        .invalid(
            "earlier-statement-changed",
            "SIG-19",
            "a false signature of a statement that another has followed",
            "signature-invalid",
        ),
    ]
}
