//! Signatures that ssh-keygen made (`tests/fixtures/signature`), and what becomes of them when a
//! byte changes.

use proptest::prelude::*;
use sreg_sign::{MAX_SIGNATURES, Purpose, Signature, SignatureError, armor, parse_all};

const MESSAGE: &[u8] = include_bytes!("../../../../tests/fixtures/signature/message");
const ED25519: &[u8] = include_bytes!("../../../../tests/fixtures/signature/ed25519.sig");
const MADE: [&[u8]; 4] = [
    ED25519,
    include_bytes!("../../../../tests/fixtures/signature/ecdsa256.sig"),
    include_bytes!("../../../../tests/fixtures/signature/ecdsa384.sig"),
    include_bytes!("../../../../tests/fixtures/signature/rsa3072.sig"),
];

fn verdict(text: &[u8], message: &[u8]) -> Result<(), SignatureError> {
    Signature::parse(text)?.verify(Purpose::Image, message)
}

#[test]
fn what_ssh_keygen_signs_verifies() {
    for text in MADE {
        assert_eq!(verdict(text, MESSAGE), Ok(()));
        let blob = armor::decode(text).unwrap();
        assert_eq!(armor::encode(&blob).as_bytes(), text);
    }
}

#[test]
fn a_signature_is_for_one_purpose_and_one_message() {
    for text in MADE {
        let signature = Signature::parse(text).unwrap();
        for purpose in [Purpose::Trust, Purpose::Head] {
            let error = signature.verify(purpose, MESSAGE).unwrap_err();
            assert_eq!(error.code(), "signature-namespace");
        }
        let error = signature.verify(Purpose::Image, b"").unwrap_err();
        assert_eq!(error, SignatureError::Invalid);
    }
}

#[test]
fn several_signatures_stand_one_after_another() {
    assert!(parse_all(b"").unwrap().is_empty());
    let all = parse_all(&MADE.concat()).unwrap();
    assert_eq!(all.len(), MADE.len());
    for signature in all {
        assert_eq!(signature.verify(Purpose::Image, MESSAGE), Ok(()));
    }
    assert_eq!(
        parse_all(&ED25519.repeat(MAX_SIGNATURES)).unwrap().len(),
        32
    );
    let many = parse_all(&ED25519.repeat(MAX_SIGNATURES + 1)).unwrap_err();
    assert_eq!(many, SignatureError::TooMany);
    for wrong in [
        [ED25519, b"\n"].concat(),
        [ED25519, b"\n", ED25519].concat(),
        [ED25519, &ED25519[..90]].concat(),
    ] {
        let error = parse_all(&wrong).unwrap_err();
        assert_eq!(error.code(), "signature-armor");
        assert_eq!(error.to_string(), "signature 2");
    }
}

/// Fewer cases than usual, because each takes long, unless somebody asks for a number.
fn config() -> ProptestConfig {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => ProptestConfig::default(),
        None => ProptestConfig::with_cases(400),
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_changed_byte_of_the_armor_never_verifies(
        which in 0..4usize, at in any::<prop::sample::Index>(), change in 1..=255u8,
    ) {
        let mut text = MADE[which].to_vec();
        let at = at.index(text.len());
        text[at] ^= change;
        prop_assert!(verdict(&text, MESSAGE).is_err());
    }

    #[test]
    fn a_changed_byte_of_the_blob_never_verifies(
        which in 0..4usize, at in any::<prop::sample::Index>(), change in 1..=255u8,
    ) {
        let mut blob = armor::decode(MADE[which]).unwrap();
        let at = at.index(blob.len());
        blob[at] ^= change;
        prop_assert!(verdict(armor::encode(&blob).as_bytes(), MESSAGE).is_err());
    }

    #[test]
    fn a_changed_byte_of_the_message_never_verifies(
        which in 0..4usize, at in any::<prop::sample::Index>(), change in 1..=255u8,
    ) {
        let mut message = MESSAGE.to_vec();
        let at = at.index(message.len());
        message[at] ^= change;
        prop_assert!(verdict(MADE[which], &message).is_err());
    }
}
