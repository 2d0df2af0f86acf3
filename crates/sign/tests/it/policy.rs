//! Who may sign what: TRUST-10 to TRUST-18.

use std::path::{Path, PathBuf};

use sreg_model::document::Body;
use sreg_model::head::{Head, IndexRoot, TrustVersion};
use sreg_model::statement::{Claim, Image, Statement, Subject};
use sreg_model::trust::{Delegation, HeadBase, KeyState, ListedKey, Role, Roles, Trust, TrustType};
use sreg_model::{Arch, Digest, Document, Fingerprint, ImageFormat};
use sreg_sign::policy::{
    PolicyError, check_first, check_fresh, check_head, check_new_statement, check_next,
    check_statement,
};
use sreg_sign::{Purpose, Signer, allowed_signers};
use zeroize::Zeroizing;

/// The four test keys that sign natively.
const NAMES: [&str; 4] = ["ed25519", "ecdsa256", "ecdsa384", "encrypted"];

struct Keys(Vec<Box<dyn Signer>>);

impl Keys {
    fn open() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/signature");
        let path = |name: &str| -> PathBuf { folder.join(name) };
        let mut ask = |_: &Path| Ok(Zeroizing::new("passphrase".to_owned()));
        Self(
            NAMES
                .iter()
                .map(|name| sreg_sign::open(&path(name), &mut ask).unwrap())
                .collect(),
        )
    }

    fn fingerprint(&self, key: usize) -> Fingerprint {
        self.0[key].key().fingerprint()
    }

    fn role(&self, keys: &[usize], threshold: u64) -> Role {
        let mut keys: Vec<Fingerprint> = keys.iter().map(|key| self.fingerprint(*key)).collect();
        keys.sort();
        Role { keys, threshold }
    }

    fn delegation(&self, scope: &str, keys: &[usize], threshold: u64) -> Delegation {
        Delegation {
            epoch: 1,
            keys: self.role(keys, 1).keys,
            scope: scope.parse().unwrap(),
            threshold,
        }
    }

    /// Signs a document with some keys, for what it is.
    fn sign<T: Body>(&self, purpose: Purpose, body: T, keys: &[usize]) -> Document<T> {
        let document = Document::new(body).unwrap();
        let armored: String = keys
            .iter()
            .map(|key| self.0[*key].sign(purpose, document.line()).unwrap())
            .collect();
        document.with_signatures(armored.as_bytes()).unwrap()
    }

    /// Version 1: keys 0 and 1 are root, two needed; key 2 signs heads; `lab` is of keys 2 and 3,
    /// `lab/tool` of key 3 alone.
    fn trust(&self) -> Trust {
        let mut keys: Vec<ListedKey> = self
            .0
            .iter()
            .map(|signer| ListedKey {
                comment: None,
                key: signer.key().clone(),
                state: KeyState::Active,
            })
            .collect();
        keys.sort_by_key(|listed| listed.key.fingerprint());
        Trust {
            delegations: vec![
                self.delegation("lab", &[2, 3], 1),
                self.delegation("lab/tool", &[3], 1),
            ],
            expires: 2_000_000_000,
            head_base: HeadBase {
                epoch: 1,
                id: None,
                version: None,
            },
            issued: 1_790_000_000,
            keys,
            nonce: Some("00".repeat(16)),
            previous: None,
            registry: None,
            roles: Roles {
                head: self.role(&[2], 1),
                root: self.role(&[0, 1], 2),
            },
            kind: TrustType::V1,
            version: 1,
        }
    }

    fn first(&self) -> Document<Trust> {
        self.sign(Purpose::Trust, self.trust(), &[0, 1])
    }

    /// Version 2 after [`first`](Self::first), the same but for what `change` does.
    fn second(&self, change: impl FnOnce(&mut Trust)) -> Trust {
        let first = self.first();
        let mut trust = Trust {
            nonce: None,
            previous: Some(first.id()),
            registry: Some(first.id()),
            version: 2,
            ..self.trust()
        };
        change(&mut trust);
        trust
    }

    fn set_state(&self, trust: &mut Trust, key: usize, state: KeyState) {
        let fingerprint = self.fingerprint(key);
        for listed in &mut trust.keys {
            if listed.key.fingerprint() == fingerprint {
                listed.state = state;
            }
        }
    }
}

fn statement(name: &str, registry: Digest) -> Statement {
    Statement {
        subject: Subject {
            repository: name.parse().unwrap(),
            tag: "1.0".parse().unwrap(),
            arch: Arch::Amd64,
        },
        registry: Some(registry),
        epoch: 1,
        seq: 1,
        previous: None,
        issued: 1_790_000_000,
        expires: None,
        claim: Claim::Present(Image {
            digest: Digest::of(b"image"),
            size: 5,
            chain: Digest::of(b"chain"),
            format: ImageFormat::Sif,
            frozen: false,
            urls: Vec::new(),
            attached: Vec::new(),
        }),
    }
}

fn head(registry: Digest) -> Head {
    let index = IndexRoot {
        digest: Digest::of(b"index"),
        tags: 0,
    };
    Head {
        epoch: 1,
        expires: Some(1_800_000_000),
        registry: Some(registry),
        trust: Some(TrustVersion {
            id: registry,
            version: 1,
        }),
        ..Head::unsigned(index, 1_790_000_000, None)
    }
}

fn word<T>(result: Result<T, PolicyError>) -> &'static str {
    result.map_or_else(|error| error.code().word(), |_| "ok")
}

// spec: TRUST-10 TRUST-16
#[test]
fn the_first_is_signed_by_its_own_threshold_of_different_keys() {
    let keys = Keys::open();
    let signed = |by: &[usize]| word(check_first(&keys.sign(Purpose::Trust, keys.trust(), by)));
    assert_eq!(signed(&[0, 1]), "ok");
    assert_eq!(signed(&[1, 0]), "ok");
    assert_eq!(signed(&[0, 1, 2]), "ok");
    assert_eq!(signed(&[]), "untrusted-trust");
    assert_eq!(signed(&[0]), "untrusted-trust");
    assert_eq!(signed(&[0, 0]), "untrusted-trust", "one key counts once");
    assert_eq!(signed(&[0, 2]), "untrusted-trust", "role keys swapped");
    assert_eq!(signed(&[2, 3]), "untrusted-trust");
}

// A signature for one kind of document is none for another.
#[test]
fn a_signature_for_something_else_is_refused() {
    let keys = Keys::open();
    let trust = keys.sign(Purpose::Head, keys.trust(), &[0, 1]);
    assert_eq!(word(check_first(&trust)), "signature-namespace");
    // Of a stranger too: nothing unexplained follows a document.
    let document = keys.first();
    let mut armored = document.signatures().to_vec();
    let other = keys.0[3].sign(Purpose::Trust, b"something else\n").unwrap();
    armored.extend_from_slice(other.as_bytes());
    let document = document.with_signatures(&armored).unwrap();
    assert_eq!(word(check_first(&document)), "signature-invalid");
}

// spec: TRUST-15 TRUST-16
#[test]
fn the_next_is_signed_by_both_thresholds() {
    let keys = Keys::open();
    let first = keys.first();
    let handed_over = |by: &[usize]| {
        let next = keys.second(|trust| trust.roles.root = keys.role(&[2, 3], 2));
        word(check_next(&first, &keys.sign(Purpose::Trust, next, by)))
    };
    assert_eq!(handed_over(&[0, 1, 2, 3]), "ok");
    assert_eq!(handed_over(&[0, 1]), "untrusted-trust", "by N only");
    assert_eq!(handed_over(&[2, 3]), "untrusted-trust", "by N + 1 only");
    assert_eq!(handed_over(&[0, 2, 3]), "untrusted-trust");

    let signed = |trust: Trust| {
        word(check_next(
            &first,
            &keys.sign(Purpose::Trust, trust, &[0, 1]),
        ))
    };
    assert_eq!(signed(keys.second(|_| ())), "ok");
    let other = Some(Digest::of(b"other"));
    assert_eq!(
        signed(keys.second(|trust| trust.registry = other)),
        "other-registry"
    );
    assert_eq!(
        signed(keys.second(|trust| trust.previous = other)),
        "trust-order"
    );
    assert_eq!(
        signed(keys.trust()),
        "other-registry",
        "version 1 follows nothing"
    );
    // A later version is taken directly, whatever it names as the one before.
    let third = keys.second(|trust| {
        trust.version = 3;
        trust.previous = other;
    });
    let third = keys.sign(Purpose::Trust, third, &[0, 1]);
    assert_eq!(word(check_next(&first, &third)), "ok");
    let second = keys.sign(Purpose::Trust, keys.second(|_| ()), &[0, 1]);
    assert_eq!(
        word(check_next(&third, &second)),
        "trust-order",
        "rolled back"
    );
}

// spec: TRUST-17 TRUST-18
#[test]
fn epochs_never_fall() {
    let keys = Keys::open();
    let begun = keys.second(|trust| {
        trust.head_base = HeadBase {
            epoch: 2,
            id: Some(Digest::of(b"head")),
            version: Some(7),
        };
        trust.delegations[0].epoch = 2;
    });
    let begun = keys.sign(Purpose::Trust, begun, &[0, 1]);
    assert_eq!(word(check_next(&keys.first(), &begun)), "ok");
    let after = |change: &dyn Fn(&mut Trust)| {
        let mut trust = Trust {
            version: 3,
            previous: Some(begun.id()),
            ..begun.body().clone()
        };
        change(&mut trust);
        word(check_next(
            &begun,
            &keys.sign(Purpose::Trust, trust, &[0, 1]),
        ))
    };
    assert_eq!(after(&|_| ()), "ok");
    assert_eq!(after(&|trust| trust.head_base.epoch = 1), "trust-order");
    assert_eq!(after(&|trust| trust.head_base.epoch = 4), "trust-order");
    assert_eq!(
        after(&|trust| trust.head_base.version = Some(8)),
        "trust-order"
    );
    assert_eq!(
        after(&|trust| trust.delegations[0].epoch = 1),
        "trust-order"
    );
    let first = keys.sign(
        Purpose::Trust,
        Trust {
            head_base: HeadBase {
                epoch: 2,
                id: None,
                version: None,
            },
            ..keys.trust()
        },
        &[0, 1],
    );
    assert_eq!(word(check_first(&first)), "trust-order");
}

// spec: TRUST-14
#[test]
fn heads_are_signed_by_the_role_head() {
    let keys = Keys::open();
    let trust = keys.first();
    let signed = |registry: Digest, by: &[usize]| {
        let head = keys.sign(Purpose::Head, head(registry), by);
        word(check_head(&trust, &head))
    };
    assert_eq!(signed(trust.id(), &[2]), "ok");
    assert_eq!(
        signed(trust.id(), &[0, 1]),
        "untrusted-head",
        "root keys sign no heads"
    );
    assert_eq!(signed(trust.id(), &[]), "untrusted-head");
    assert_eq!(signed(Digest::of(b"other"), &[2]), "other-registry");
    let unsigned = Document::new(Head::unsigned(head(trust.id()).index, 1, None)).unwrap();
    assert_eq!(word(check_head(&trust, &unsigned)), "other-registry");
}

// spec: TRUST-11
#[test]
fn one_delegation_decides_about_a_statement() {
    let keys = Keys::open();
    let trust = keys.first();
    let signed = |name: &str, by: &[usize]| {
        let statement = keys.sign(Purpose::Image, statement(name, trust.id()), by);
        check_statement(&trust, &statement)
    };
    assert_eq!(signed("lab/other", &[2]).unwrap(), [keys.fingerprint(2)]);
    assert_eq!(word(signed("lab/other", &[3])), "ok");
    assert_eq!(word(signed("lab/other", &[0])), "untrusted-statement");
    // Its own delegation, and not that of its namespace.
    assert_eq!(word(signed("lab/tool", &[3])), "ok");
    assert_eq!(word(signed("lab/tool", &[2])), "untrusted-statement");
    // Components are compared whole, and with their case.
    for name in ["lab2/x", "la/b", "Lab/other", "physics/x"] {
        assert_eq!(
            word(signed(name, &[0, 1, 2, 3])),
            "untrusted-statement",
            "{name}"
        );
    }
    let elsewhere = statement("lab/other", Digest::of(b"other"));
    let elsewhere = keys.sign(Purpose::Image, elsewhere, &[2]);
    assert_eq!(word(check_statement(&trust, &elsewhere)), "other-registry");
}

// spec: TRUST-10 TRUST-12 TRUST-13
#[test]
fn retired_keys_sign_nothing_new_and_revoked_ones_never_signed() {
    let keys = Keys::open();
    let trust_with = |state: KeyState, threshold: u64| {
        let trust = keys.second(|trust| {
            keys.set_state(trust, 3, state);
            trust.delegations[0].threshold = threshold;
        });
        keys.sign(Purpose::Trust, trust, &[0, 1])
    };
    let verdicts = |trust: &Document<Trust>, by: &[usize]| {
        let registry = trust.body().registry.unwrap();
        let statement = keys.sign(Purpose::Image, statement("lab/other", registry), by);
        (
            word(check_statement(trust, &statement)),
            word(check_new_statement(trust, &statement)),
        )
    };
    let untrusted = "untrusted-statement";
    let retired = trust_with(KeyState::Retired, 1);
    assert_eq!(verdicts(&retired, &[3]), ("ok", untrusted));
    assert_eq!(verdicts(&retired, &[2, 3]), ("ok", "ok"));
    let revoked = trust_with(KeyState::Revoked, 1);
    assert_eq!(verdicts(&revoked, &[3]), (untrusted, untrusted));
    assert_eq!(verdicts(&revoked, &[2]), ("ok", "ok"));
    let both = trust_with(KeyState::Active, 2);
    assert_eq!(verdicts(&both, &[2, 3]), ("ok", "ok"));
    assert_eq!(verdicts(&both, &[2, 2]), (untrusted, untrusted));
    assert_eq!(
        verdicts(&trust_with(KeyState::Retired, 2), &[2, 3]),
        ("ok", untrusted)
    );
}

// spec: TRUST-12 TRUST-13
#[test]
fn a_statement_is_not_ahead_of_its_delegation() {
    let keys = Keys::open();
    let trust = keys.second(|trust| trust.delegations[0].epoch = 2);
    let trust = keys.sign(Purpose::Trust, trust, &[0, 1]);
    let of_epoch = |epoch: u64| {
        let statement = Statement {
            epoch,
            ..statement("lab/other", trust.body().registry.unwrap())
        };
        let statement = keys.sign(Purpose::Image, statement, &[2]);
        (
            word(check_statement(&trust, &statement)),
            word(check_new_statement(&trust, &statement)),
        )
    };
    assert_eq!(of_epoch(1), ("ok", "untrusted-statement"));
    assert_eq!(of_epoch(2), ("ok", "ok"));
    assert_eq!(of_epoch(3), ("untrusted-statement", "untrusted-statement"));
}

// spec: TRUST-19
#[test]
fn allowed_signers_are_exact_and_not_revoked() {
    let keys = Keys::open();
    let mut trust = keys.trust();
    keys.set_state(&mut trust, 3, KeyState::Retired);
    let line = |who: &str, purpose: &str, key: usize| {
        format!(
            "{who} namespaces=\"{purpose}@sreg.v1\" {}",
            keys.0[key].key()
        )
    };
    let expected = |revoked: bool| {
        let mut root = vec![(0, line("root", "trust", 0)), (1, line("root", "trust", 1))];
        root.sort_by_key(|(key, _)| keys.fingerprint(*key));
        let mut lines: Vec<String> = root.into_iter().map(|(_, line)| line).collect();
        lines.push(line("head", "head", 2));
        let mut lab = vec![2, 3];
        lab.sort_by_key(|key| keys.fingerprint(*key));
        lab.retain(|key| *key != 3 || !revoked);
        lines.extend(lab.into_iter().map(|key| line("lab", "image", key)));
        if !revoked {
            lines.push(line("lab/tool", "image", 3));
        }
        lines
    };
    let given = |trust: &Trust| -> Vec<String> {
        allowed_signers(trust).lines().map(str::to_owned).collect()
    };
    assert_eq!(given(&trust), expected(false));
    keys.set_state(&mut trust, 3, KeyState::Revoked);
    assert_eq!(given(&trust), expected(true));
}

#[test]
fn what_expires_holds_until_that_second() {
    assert_eq!(word(check_fresh(Purpose::Head, Some(10), 9)), "ok");
    assert_eq!(
        word(check_fresh(Purpose::Head, Some(10), 10)),
        "expired-head"
    );
    assert_eq!(word(check_fresh(Purpose::Head, None, 10)), "ok");
}

/// One byte of any signed document that is not what was signed is refused.
#[test]
fn every_flipped_byte_is_refused() {
    let keys = Keys::open();
    let trust = keys.first();
    let head = keys.sign(Purpose::Head, head(trust.id()), &[2]);
    let statement = keys.sign(Purpose::Image, statement("lab/tool", trust.id()), &[3]);
    for at in 0..trust.bytes().len() {
        let flipped = Document::<Trust>::parse(flip(trust.bytes(), at));
        assert!(
            flipped.is_err() || check_first(&flipped.unwrap()).is_err(),
            "trust {at}"
        );
    }
    for at in 0..head.bytes().len() {
        let flipped = Document::<Head>::parse(flip(head.bytes(), at));
        assert!(
            flipped.is_err() || check_head(&trust, &flipped.unwrap()).is_err(),
            "head {at}"
        );
    }
    for at in 0..statement.bytes().len() {
        let flipped = Document::<Statement>::parse(flip(statement.bytes(), at));
        assert!(
            flipped.is_err() || check_statement(&trust, &flipped.unwrap()).is_err(),
            "statement {at}"
        );
    }
}

fn flip(bytes: &[u8], at: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= 1;
    bytes
}
