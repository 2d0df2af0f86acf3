//! Statements, and the keys that may sign them.

use serde_json::json;

use super::super::super::image::SECOND;
use super::super::{Case, FIRST, HEAD, IMAGE, NOW, Scene, oracle, set_state, trust};
use super::{OTHER, PHYSICS, spoil, with};

pub(super) fn statements() -> Vec<Case> {
    let by = |seeds: &'static [u8]| {
        with(Scene::hands(), |scene| {
            scene.change_claim(|statement| {
                statement.by = seeds.iter().map(|seed| (*seed, IMAGE)).collect();
            });
        })
    };
    let change = |change: fn(&mut serde_json::Value)| {
        with(Scene::hands(), |scene| {
            scene.change_claim(|statement| change(&mut statement.body))
        })
    };
    vec![
        by(&[]).invalid(
            "statement-unsigned",
            "STM-19 TRUST-12",
            "a statement that nobody signed",
            "untrusted-statement",
        ),
        by(&[4]).invalid(
            "statement-one-of-two",
            "TRUST-12",
            "one of the two signatures of a statement",
            "untrusted-statement",
        ),
        by(&[4, 4]).invalid(
            "statement-one-key-twice",
            "TRUST-10 TRUST-12",
            "two signatures of a statement by one key",
            "untrusted-statement",
        ),
        by(&[4, 7]).invalid(
            "statement-by-other-namespace",
            "TRUST-11 TRUST-12",
            "one of the two keys is of another namespace",
            "untrusted-statement",
        ),
        by(&[1, 2]).invalid(
            "statement-by-root-keys",
            "TRUST-12",
            "a statement signed by the keys of a role",
            "untrusted-statement",
        ),
        by(&[3]).invalid(
            "statement-by-head-key",
            "TRUST-12",
            "a statement signed by the head key",
            "untrusted-statement",
        ),
        with(Scene::one_key(), |scene| {
            scene.change_claim(|statement| statement.by = vec![(1, HEAD)])
        })
        .invalid(
            "statement-signed-as-head",
            "SIG-18",
            "the signature of a statement was made for a head",
            "signature-namespace",
        ),
        with(Scene::one_key(), |scene| {
            scene.change_claim(|statement| statement.spoil = spoil)
        })
        .invalid(
            "statement-signature-changed",
            "SIG-19",
            "a changed digit in the signature of a statement",
            "signature-invalid",
        ),
        with(Scene::one_key(), |scene| {
            scene.change_claim(|statement| {
                statement.spoil = |file| file.replacen('\n', "\r\n", 2).replacen("\r\n", "\n", 1)
            });
        })
        .invalid(
            "statement-carriage-return",
            "SIG-6",
            "a CR in the first line of the armor",
            "signature-armor",
        ),
        change(|statement| statement["registry"] = json!(oracle::digest("another"))).invalid(
            "statement-other-registry",
            "STM-19",
            "the statement of another registry",
            "other-registry",
        ),
        with(Scene::hands(), |scene| {
            scene.change_claim(|statement| {
                let fields = statement.body.as_object_mut().expect("an object");
                fields.remove("registry");
                fields.insert("epoch".to_owned(), json!(0));
                statement.by = Vec::new();
            });
        })
        .invalid(
            "statement-without-keys",
            "STM-19",
            "a statement that is of no registry with keys",
            "other-registry",
        ),
        change(|statement| statement["epoch"] = json!(2)).invalid(
            "statement-of-later-epoch",
            "TRUST-12",
            "an epoch that trust has not begun",
            "untrusted-statement",
        ),
        change(|statement| statement["expires"] = json!(NOW)).invalid(
            "statement-expired",
            "STM-19",
            "a statement that expires at the clock's second",
            "expired-statement",
        ),
        with(Scene::hands(), |scene| {
            scene.next_trust(&[1, 2], |trust| {
                trust["delegations"][0]["epoch"] = json!(2);
            });
            let mut second = scene.state(SECOND, &[4, 5]);
            scene.claims[second].statement.body["epoch"] = json!(2);
            second = scene.state(FIRST, &[4, 5]);
            scene.publish(&[3], &[second]);
        })
        .invalid(
            "statement-epoch-falls",
            "STM-20",
            "a statement of epoch 1 after one of epoch 2",
            "statement-order",
        ),
        with(Scene::hands(), |scene| {
            let second = scene.state(SECOND, &[4, 5]);
            scene.publish(&[3], &[second]);
            scene.publish(&[3], &[0]);
        })
        .invalid(
            "statement-rolled-back",
            "STM-21",
            "the index of version 3 names the statement before that of version 2",
            "rolled-back",
        ),
    ]
}

pub(super) fn delegations() -> Vec<Case> {
    let revoked = |keys: &'static [u8]| {
        with(Scene::hands(), |scene| {
            scene.next_trust(&[1, 2], |trust| {
                keys.iter()
                    .for_each(|seed| set_state(trust, *seed, "revoked"))
            });
        })
    };
    vec![
        revoked(&[5]).invalid(
            "revoked-key",
            "TRUST-12",
            "one of the two keys that signed was revoked since",
            "untrusted-statement",
        ),
        revoked(&[4, 5]).invalid(
            "revoked-keys",
            "TRUST-12",
            "both keys that signed were revoked since",
            "untrusted-statement",
        ),
        with(Scene::hands(), |scene| {
            let other = scene.state(OTHER, &[4, 5]);
            scene.publish(&[3], &[0, other]);
        })
        .invalid(
            "similar-namespace",
            "TRUST-11",
            "the keys of lab sign for lab2, which nobody was given",
            "untrusted-statement",
        ),
        with(Scene::hands(), |scene| {
            let other = scene.state(PHYSICS, &[4, 5]);
            scene.publish(&[3], &[0, other]);
        })
        .invalid(
            "wrong-namespace",
            "TRUST-11",
            "the keys of lab sign for physics",
            "untrusted-statement",
        ),
        Scene::of(
            trust(
                (&[1], 1),
                (&[1], 1),
                &[("lab", &[4], 1), ("lab/tool", &[5], 1)],
            ),
            &[1],
            &[1],
            &[4],
        )
        .invalid(
            "repository-by-namespace-key",
            "TRUST-11",
            "lab/tool has a delegation of its own, and the key of lab signs for it",
            "untrusted-statement",
        ),
        Scene::of(
            trust((&[1], 1), (&[1], 1), &[("lab/too", &[1], 1)]),
            &[1],
            &[1],
            &[1],
        )
        .invalid(
            "repository-by-prefix",
            "TRUST-11",
            "only lab/too was delegated, not lab/tool",
            "untrusted-statement",
        ),
    ]
}
