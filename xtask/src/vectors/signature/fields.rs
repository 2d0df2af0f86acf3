//! What is wrong with the outer fields, or with what they say.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use serde_json::json;

use super::build::*;
use super::{Case, refused};

/// The plain signature with fields that were changed before it was signed.
fn changed(change: impl FnOnce(&mut Fields)) -> String {
    Fields::changed(&ed25519_key(), change, ed25519_sign).armor()
}

/// Any bytes in armor.
fn bytes(blob: &[u8]) -> String {
    armor(&STANDARD.encode(blob), 70)
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = outer();
    cases.extend(purpose());
    cases.extend(mathematics());
    cases
}

fn outer() -> Vec<Case> {
    let blob = plain().blob();
    let cut = |length: usize| bytes(&blob[..length]);
    let long = [&blob[..], &[0]].concat();
    let word = "signature-format";
    let wrong = |name: &str, ids: &'static str, note: &str, text: String| {
        refused(name, ids, note, text, word)
    };
    // The length of the key, which follows magic and version.
    let mut huge = blob.clone();
    huge[10] = 0xff;
    vec![
        wrong(
            "magic",
            "SIG-10",
            "another magic",
            changed(|fields| fields.magic = b"SSHSIH".to_vec()),
        ),
        wrong(
            "version-0",
            "SIG-10",
            "version 0",
            changed(|fields| fields.version = 0),
        ),
        wrong(
            "version-2",
            "SIG-10",
            "version 2",
            changed(|fields| fields.version = 2),
        ),
        wrong(
            "reserved",
            "SIG-11",
            "a reserved field that is not empty, and is signed",
            changed(|fields| fields.reserved = b"x".to_vec()),
        ),
        wrong(
            "reserved-unsigned",
            "SIG-11",
            "a reserved field that was filled in afterwards, which ssh-keygen does not look at",
            {
                let mut fields = plain();
                fields.reserved = b"x".to_vec();
                fields.armor()
            },
        ),
        wrong(
            "namespace-empty",
            "SIG-11",
            "no namespace",
            changed(|fields| fields.namespace.clear()),
        ),
        wrong(
            "byte-behind",
            "SIG-11",
            "a byte behind the last field",
            bytes(&long),
        ),
        wrong("one-byte", "SIG-10", "one byte", cut(1)),
        wrong("magic-alone", "SIG-10", "nothing behind the magic", cut(6)),
        wrong(
            "no-signature",
            "SIG-11",
            "cut off before the signature",
            cut(blob.len() - 87),
        ),
        wrong(
            "byte-short",
            "SIG-11",
            "one byte too few",
            cut(blob.len() - 1),
        ),
        wrong("length-4-gib", "SIG-11", "a field of 4 GiB", bytes(&huge)),
        refused(
            "hash-sha256",
            "SIG-12",
            "SHA-256 as the hash, which SSHSIG allows",
            changed(|fields| fields.hash = b"sha256".to_vec()),
            "signature-algorithm",
        ),
        refused(
            "hash-case",
            "SIG-12",
            "the hash in capitals",
            changed(|fields| fields.hash = b"SHA512".to_vec()),
            "signature-algorithm",
        ),
        refused(
            "hash-empty",
            "SIG-12",
            "no hash",
            changed(|fields| fields.hash.clear()),
            "signature-algorithm",
        ),
    ]
}

/// Signatures for something else.
fn purpose() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, note, namespace) in [
        ("namespace-trust", "for trust", "trust@sreg.v1"),
        ("namespace-head", "for a head", "head@sreg.v1"),
        ("namespace-git", "for git", "git"),
        ("namespace-case", "in another case", "Image@sreg.v1"),
        ("namespace-v2", "of another version", "image@sreg.v2"),
        ("namespace-nul", "with a NUL behind", "image@sreg.v1\0"),
        ("namespace-prefix", "a part of the name", "image@sreg.v"),
    ] {
        cases.push(refused(
            name,
            "SIG-18",
            note,
            changed(|fields| fields.namespace = namespace.into()),
            "signature-namespace",
        ));
    }
    cases.push(
        refused(
            "namespace-image-as-head",
            "SIG-18",
            "for an image statement, where one for a head is expected",
            plain().armor(),
            "signature-namespace",
        )
        .with("purpose", json!("head")),
    );
    cases
}

/// Well formed, and of something else.
fn mathematics() -> Vec<Case> {
    let word = "signature-invalid";
    let of = |name: &str, note: &str, message: &'static [u8]| {
        refused(name, "SIG-19", note, plain().armor(), word).file("message", message.to_vec())
    };
    let relabelled = {
        let mut fields = Fields::changed(
            &ed25519_key(),
            |fields| fields.namespace = b"head@sreg.v1".to_vec(),
            ed25519_sign,
        );
        fields.namespace = NAMESPACE.into();
        fields
    };
    let other_key = {
        let point = ed25519_dalek::SigningKey::from_bytes(&[9; 32]).verifying_key();
        let mut fields = plain();
        fields.key = [string("ssh-ed25519"), string(point.to_bytes())].concat();
        fields
    };
    let bare = Fields::new(&ed25519_key(), |_| {
        inner("ssh-ed25519", &ed25519().sign(MESSAGE).to_bytes())
    });
    let (r, s) = p256_pair(&plain().signed(MESSAGE));
    let swapped = Fields::new(&p256_key(), |_| p256_inner(&s, &r));
    let other_hash = fixture!("rsa2048.sha256");
    let mislabelled = rsa(fixture!("rsa2048.pub"), "rsa-sha2-512", other_hash);
    vec![
        of("message-empty", "of another message: no byte", b""),
        of(
            "message-changed",
            "of another message: one letter differs",
            b"{\"example\":\"the message of the Signature vectors\"}\n",
        ),
        of(
            "message-without-lf",
            "of another message: without its LF",
            b"{\"example\":\"the message of the signature vectors\"}",
        ),
        refused(
            "relabelled",
            "SIG-19",
            "signed for a head, with the namespace changed behind it",
            relabelled.armor(),
            word,
        ),
        refused(
            "other-key",
            "SIG-19",
            "another key",
            other_key.armor(),
            word,
        ),
        refused(
            "message-bare",
            "SIG-19",
            "the key signed the message itself",
            bare.armor(),
            word,
        ),
        refused(
            "ecdsa-swapped",
            "SIG-19",
            "r and s swapped",
            swapped.armor(),
            word,
        ),
        refused(
            "rsa-other-hash",
            "SIG-19",
            "an RSA signature with SHA-256 that says SHA-512",
            mislabelled.armor(),
            word,
        ),
    ]
}
