//! Trust, and its trust chain.

use serde_json::json;

use super::super::{Case, HEAD, NOW, Scene, TRUST, oracle, public_key, role_of, sorted_keys};
use super::{spoil, with};

pub(super) fn signatures_of_trust() -> Vec<Case> {
    let by = |seeds: &'static [u8]| {
        with(Scene::hands(), |scene| {
            scene.trust[0].by = seeds.iter().map(|seed| (*seed, TRUST)).collect();
        })
    };
    vec![
        by(&[]).invalid(
            "trust-unsigned",
            "TRUST-16",
            "trust that nobody signed",
            "untrusted-trust",
        ),
        by(&[1]).invalid(
            "trust-one-of-two",
            "TRUST-16",
            "one of the two signatures of trust",
            "untrusted-trust",
        ),
        by(&[1, 1]).invalid(
            "trust-one-key-twice",
            "TRUST-10 TRUST-16",
            "two signatures of trust by one key",
            "untrusted-trust",
        ),
        by(&[1, 3]).invalid(
            "trust-by-head-key",
            "TRUST-16",
            "trust signed by a key of another role",
            "untrusted-trust",
        ),
        with(Scene::one_key(), |scene| {
            scene.trust[0].by = vec![(1, HEAD)]
        })
        .invalid(
            "trust-signed-as-head",
            "SIG-18",
            "the signature of trust was made for a head",
            "signature-namespace",
        ),
        with(Scene::one_key(), |scene| scene.trust[0].spoil = spoil).invalid(
            "trust-signature-changed",
            "SIG-19",
            "a changed digit in the signature of trust",
            "signature-invalid",
        ),
        with(Scene::one_key(), |scene| {
            scene.trust[0].spoil = |file| file + "\n"
        })
        .invalid(
            "trust-trailing",
            "SIG-20",
            "an empty line behind the signature of trust",
            "signature-armor",
        ),
        with(Scene::one_key(), |scene| {
            scene.trust[0].body["expires"] = json!(NOW)
        })
        .invalid_with_links(
            "trust-expired",
            "TRUST-2",
            "trust that expires at the clock's second",
            "expired-trust",
        ),
    ]
}

impl Scene {
    /// As [`Scene::invalid`] where the first trust document was changed, whose id all others have.
    fn invalid_with_links(
        mut self,
        name: &str,
        ids: &'static str,
        note: &str,
        class: &'static str,
    ) -> Case {
        let registry = self.registry();
        for claim in &mut self.claims {
            claim.statement.body["registry"] = json!(registry);
        }
        self.reindex();
        for version in &mut self.versions {
            version.head.body["registry"] = json!(registry);
            version.head.body["trust"]["id"] = json!(registry);
        }
        self.invalid(name, ids, note, class)
    }
}

pub(super) fn series_of_trust() -> Vec<Case> {
    let next = |by: &[u8], change: fn(&mut serde_json::Value)| {
        with(Scene::hands(), |scene| scene.next_trust(by, change))
    };
    let root = |trust: &mut serde_json::Value| {
        // 3 comes in the place of 2.
        trust["roles"]["root"] = role_of(&sorted_keys([1, 3].map(public_key).into_iter()), 2);
    };
    vec![
        next(&[1, 3], root).invalid(
            "trust-by-new-keys-only",
            "TRUST-16",
            "version 2 signed as it asks itself, not as version 1 does",
            "untrusted-trust",
        ),
        next(&[1, 2], root).invalid(
            "trust-by-old-keys-only",
            "TRUST-16",
            "version 2 signed as version 1 asks, not as it does itself",
            "untrusted-trust",
        ),
        next(&[1, 2], |trust| {
            trust["previous"] = trust["roles"]["root"]["keys"][0].clone()
        })
        .invalid(
            "trust-malformed",
            "TRUST-2",
            "version 2 with a fingerprint where a digest belongs",
            "malformed-document",
        ),
        next(&[1, 2], |trust| {
            trust["previous"] = json!(oracle::digest("another"))
        })
        .invalid(
            "trust-other-previous",
            "TRUST-15",
            "version 2 follows another version 1",
            "trust-order",
        ),
        next(&[1, 2], |trust| {
            trust["registry"] = json!(oracle::digest("another"))
        })
        .invalid(
            "trust-other-registry",
            "TRUST-15",
            "version 2 of another registry",
            "other-registry",
        ),
        with(Scene::hands(), |scene| {
            scene.next_trust(&[1, 2], |trust| trust["delegations"][0]["epoch"] = json!(2));
            scene.next_trust(&[1, 2], |trust| trust["delegations"][0]["epoch"] = json!(1));
        })
        .invalid(
            "trust-epoch-falls",
            "TRUST-18",
            "the epoch of a delegation falls from 2 to 1",
            "trust-order",
        ),
        next(&[1, 2], |trust| trust["head_base"] = json!({"epoch": 3})).invalid(
            "trust-skips-epoch",
            "TRUST-17",
            "heads of epoch 3 right after those of epoch 1",
            "trust-order",
        ),
        next(&[1, 2], |trust| {
            trust["head_base"] = json!({"epoch": 1, "id": oracle::digest("a head"), "version": 1});
        })
        .invalid(
            "trust-changes-base",
            "TRUST-17",
            "the same epoch of heads begins elsewhere",
            "trust-order",
        ),
        with(Scene::one_key(), |scene| {
            scene.trust[0].body["head_base"]["epoch"] = json!(2)
        })
        .invalid(
            "trust-begins-later-epoch",
            "TRUST-17",
            "version 1 begins epoch 2 of heads",
            "trust-order",
        ),
        with(Scene::hands(), |scene| {
            scene.next_trust(&[1, 2], |_| {});
            scene.next_trust(&[1, 2], |_| {});
            scene.trust.remove(1);
        })
        .invalid(
            "trust-of-other-version",
            "TRUST-26",
            "version 3 in the place of version 2",
            "document-mismatch",
        ),
        with(Scene::hands(), |scene| {
            scene.next_trust(&[1, 2], |_| {});
            scene.spoil = |files| {
                let second = files.remove("trust/2").unwrap_or_default();
                files.insert("trust/3".to_owned(), second);
            };
        })
        .invalid(
            "trust-stray",
            "TRUST-26",
            "version 3 without version 2",
            "stray-trust",
        ),
        with(Scene::one_key(), |scene| {
            scene.spoil = |files| drop(files.remove("trust/1"));
        })
        .invalid(
            "trust-missing",
            "STM-19",
            "head and statement have keys, the tree has none",
            "missing-trust",
        ),
    ]
}
