//! What is accepted: every algorithm, and the corners of the profile.

use ed25519_dalek::Signer as _;
use serde_json::{Value, json};

use super::build::*;
use super::{Case, with_context};

/// An accepted signature, and the fingerprint of its key.
fn accepted(name: &str, ids: &'static str, note: &str, fields: &Fields) -> Case {
    let signers = json!([fingerprint(&fields.key)]);
    accepted_text(name, ids, note, fields.armor(), signers)
}

fn accepted_text(
    name: &str,
    ids: &'static str,
    note: &str,
    text: impl Into<Vec<u8>>,
    signers: Value,
) -> Case {
    let expect = json!({ "signers": signers });
    with_context(Case::valid("signature", name, ids, note, text, expect))
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = algorithms();
    cases.extend(security_keys());
    cases.extend(by_ssh_keygen());
    cases.extend(purposes());
    cases.extend(several());
    cases
}

fn algorithms() -> Vec<Case> {
    let p256 = Fields::new(&p256_key(), |signed| {
        let (r, s) = p256_pair(signed);
        p256_inner(&r, &s)
    });
    let other_s = Fields::new(&p256_key(), |signed| {
        let signature: p256::ecdsa::Signature = super::build::p256().sign(signed);
        let (r, s) = signature.split_scalars();
        let (r, s): (p256::FieldBytes, p256::FieldBytes) = (r.into(), (-s).into());
        p256_inner(&r, &s)
    });
    let p384 = Fields::new(&p384_key(), |signed| {
        let signature: p384::ecdsa::Signature = super::build::p384().sign(signed);
        let (r, s) = signature.split_bytes();
        inner("ecdsa-sha2-nistp384", &[mpint(&r), mpint(&s)].concat())
    });
    let (rsa2048, rsa8192) = (fixture!("rsa2048.pub"), fixture!("rsa8192.pub"));
    let sha512 = "rsa-sha2-512";
    vec![
        accepted(
            "ed25519",
            "SIG-6 SIG-7 SIG-8 SIG-9 SIG-10 SIG-11 SIG-12 SIG-13 SIG-14 SIG-18 SIG-19",
            "Ed25519",
            &plain(),
        ),
        accepted("ecdsa-p256", "SIG-13 SIG-15 SIG-19", "ECDSA P-256", &p256),
        accepted(
            "ecdsa-other-s",
            "SIG-15 SIG-19",
            "ECDSA P-256, the same signature with the negative of s",
            &other_s,
        ),
        accepted(
            "ecdsa-short-r",
            "SIG-15 SIG-19",
            "ECDSA P-256 with an r of 31 bytes",
            &short_r(),
        ),
        accepted("ecdsa-p384", "SIG-13 SIG-15 SIG-19", "ECDSA P-384", &p384),
        accepted(
            "rsa-2048",
            "SIG-5 SIG-13 SIG-16 SIG-19",
            "RSA of 2048 bits, SHA-512",
            &rsa(rsa2048, sha512, fixture!("rsa2048.sha512")),
        ),
        accepted(
            "rsa-2048-sha256",
            "SIG-13 SIG-16 SIG-19",
            "RSA of 2048 bits, SHA-256",
            &rsa(rsa2048, "rsa-sha2-256", fixture!("rsa2048.sha256")),
        ),
        accepted(
            "rsa-8192",
            "SIG-5 SIG-16 SIG-19",
            "RSA of 8192 bits, SHA-512",
            &rsa(rsa8192, sha512, fixture!("rsa8192.sha512")),
        ),
    ]
}

/// By the first key whose signature has a short r.
fn short_r() -> Fields {
    for number in 1..=u16::MAX {
        let mut secret = [0; 32];
        secret[30..].copy_from_slice(&number.to_be_bytes());
        let key = p256::ecdsa::SigningKey::from_slice(&secret).expect("below the order");
        let point = key.verifying_key().to_encoded_point(false);
        let blob = [&b"ecdsa-sha2-nistp256"[..], b"nistp256", point.as_bytes()];
        let mut short = false;
        let fields = Fields::new(&blob.map(string).concat(), |signed| {
            let signature: p256::ecdsa::Signature = key.sign(signed);
            let (r, s) = signature.split_bytes();
            short = r[0] == 0;
            p256_inner(&r, &s)
        });
        if short {
            return fields;
        }
    }
    unreachable!("one in 256 is short")
}

fn security_keys() -> Vec<Case> {
    // 315 bytes: base64 that fills its last line.
    let full = sk_ed25519(&"a".repeat(93), 1, 7);
    assert_eq!(full.blob().len() % 105, 0, "{}", full.blob().len());
    vec![
        accepted(
            "sk-ed25519",
            "SIG-13 SIG-14 SIG-17 SIG-19",
            "a security key with Ed25519",
            &sk_ed25519("ssh:", 1, 7),
        ),
        accepted(
            "sk-ed25519-verified",
            "SIG-17 SIG-19",
            "a security key that asked for a PIN: another flag too, and the greatest counter",
            &sk_ed25519("ssh:", 5, u32::MAX),
        ),
        accepted(
            "full-last-line",
            "SIG-7",
            "base64 whose last line has 70 columns",
            &full,
        ),
        accepted(
            "sk-ecdsa",
            "SIG-13 SIG-15 SIG-17 SIG-19",
            "a security key with ECDSA P-256",
            &sk_ecdsa(1, 7),
        ),
    ]
}

fn by_ssh_keygen() -> Vec<Case> {
    let made: [(&str, &[u8], &[u8]); 4] = [
        ("ed25519", fixture!("ed25519.pub"), fixture!("ed25519.sig")),
        (
            "ecdsa-p256",
            fixture!("ecdsa256.pub"),
            fixture!("ecdsa256.sig"),
        ),
        (
            "ecdsa-p384",
            fixture!("ecdsa384.pub"),
            fixture!("ecdsa384.sig"),
        ),
        ("rsa-3072", fixture!("rsa3072.pub"), fixture!("rsa3072.sig")),
    ];
    let mut cases = Vec::new();
    for (name, public, text) in made {
        cases.push(accepted_text(
            &format!("ssh-keygen-{name}"),
            "SIG-19",
            "as ssh-keygen made it",
            text,
            json!([fingerprint(&blob_of(public))]),
        ));
    }
    cases
}

fn purposes() -> Vec<Case> {
    let mut cases = Vec::new();
    for purpose in ["trust", "head"] {
        let namespace = format!("{purpose}@sreg.v1").into_bytes();
        let change = |fields: &mut Fields| fields.namespace = namespace;
        let fields = Fields::changed(&ed25519_key(), change, ed25519_sign);
        let case = accepted(purpose, "SIG-18", "for another kind of document", &fields);
        cases.push(case.with("purpose", json!(purpose)));
    }
    cases
}

fn several() -> Vec<Case> {
    let (one, two) = (plain(), sk_ecdsa(1, 1));
    let names = |fields: &[&Fields]| -> Value {
        fields
            .iter()
            .map(|fields| fingerprint(&fields.key))
            .collect()
    };
    let texts =
        |fields: &[&Fields]| -> String { fields.iter().map(|fields| fields.armor()).collect() };
    let list = |name: &str, note: &str, fields: &[&Fields]| {
        accepted_text(name, "SIG-20", note, texts(fields), names(fields))
            .with("several", json!(true))
    };
    vec![
        list("none", "no signature at all", &[]),
        list("two", "two signatures", &[&one, &two]),
        list("thirty-two", "as many as there may be", &[&one; 32]),
    ]
}
