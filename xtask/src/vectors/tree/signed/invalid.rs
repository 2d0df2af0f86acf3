//! Registries with keys that are to be refused.

use serde_json::json;

use super::super::image::{Image, SECOND};
use super::super::versions::honest;
use super::valid::{other_head_key, second_epoch};
use super::{Case, FIRST, HEAD, IMAGE, NOW, Scene, TRUST, print_of, set_state, trust};

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
    let mut cases = signatures_of_trust();
    cases.extend(series_of_trust());
    cases.extend(heads());
    cases.extend(series_of_heads());
    cases.extend(statements());
    cases.extend(delegations());
    cases.extend(known());
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

fn signatures_of_trust() -> Vec<Case> {
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

fn series_of_trust() -> Vec<Case> {
    let next = |by: &[u8], change: fn(&mut serde_json::Value)| {
        with(Scene::hands(), |scene| scene.next_trust(by, change))
    };
    let root = |trust: &mut serde_json::Value| {
        // 3 comes in the place of 2.
        trust["roles"]["root"] = super::role_of(
            &super::sorted_keys([1, 3].map(super::public_key).into_iter()),
            2,
        );
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
            trust["previous"] = json!(super::oracle::digest("another"))
        })
        .invalid(
            "trust-other-previous",
            "TRUST-15",
            "version 2 follows another version 1",
            "trust-order",
        ),
        next(&[1, 2], |trust| {
            trust["registry"] = json!(super::oracle::digest("another"))
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
            trust["head_base"] =
                json!({"epoch": 1, "id": super::oracle::digest("a head"), "version": 1});
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

fn heads() -> Vec<Case> {
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
        change(|head| head["registry"] = json!(super::oracle::digest("another"))).invalid(
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
        change(|head| head["trust"]["id"] = json!(super::oracle::digest("another"))).invalid(
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

fn series_of_heads() -> Vec<Case> {
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
            scene.change_head(|head| head.body["previous"] = json!(super::oracle::digest("another")));
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

fn statements() -> Vec<Case> {
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
        change(|statement| statement["registry"] = json!(super::oracle::digest("another")))
            .invalid(
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

fn delegations() -> Vec<Case> {
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

fn known() -> Vec<Case> {
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
