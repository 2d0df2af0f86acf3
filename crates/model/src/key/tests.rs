use super::*;
use crate::wire::{put_positive, put_string};

/// Keys that ssh-keygen made, and the fingerprint that it prints.
const MADE: &[(&str, &str)] = &[
    (
        include_str!("../../../../tests/fixtures/signature/ed25519.pub"),
        "SHA256:DCtcxWQU2Cf5hss6WctVC8H7AENtL4AJ36w88WTeWvM",
    ),
    (
        include_str!("../../../../tests/fixtures/signature/ecdsa256.pub"),
        "SHA256:R0PAMjGvyvCu3WRLU0E8C1deTzXMopy/oczXKJo3/y8",
    ),
    (
        include_str!("../../../../tests/fixtures/signature/ecdsa384.pub"),
        "SHA256:rrL20Yci+VshRLqvo2nMBWW0Fz8C5AZcPibEoPmAZSI",
    ),
    (
        include_str!("../../../../tests/fixtures/signature/rsa1024.pub"),
        "SHA256:+t9JcjscI+Vr+NjIGwEgJEh31v4ViG8LcBy1xSW/mg4",
    ),
    (
        include_str!("../../../../tests/fixtures/signature/rsa3072.pub"),
        "SHA256:biq3UTGw9Z0LkxEcWP+30zA24pj5NIQ6EYJwG1rpqzs",
    ),
    (
        include_str!("../../../../tests/fixtures/signature/rsa8192.pub"),
        "SHA256:n6NLerb+pHM7Mie8h8EMXSRDRsmfwenUfGkeRq4D5SU",
    ),
];

fn blob(fields: &[&[u8]]) -> Vec<u8> {
    let mut blob = Vec::new();
    for field in fields {
        put_string(&mut blob, field);
    }
    blob
}

fn rsa(exponent: &[u8], modulus: &[u8]) -> Vec<u8> {
    let mut blob = blob(&[b"ssh-rsa"]);
    put_positive(&mut blob, exponent);
    put_positive(&mut blob, modulus);
    blob
}

/// Returns one key of each algorithm.
fn blobs() -> Vec<Vec<u8>> {
    let sk_ecdsa: &[u8] = b"sk-ecdsa-sha2-nistp256@openssh.com";
    vec![
        blob(&[b"ssh-ed25519", &[7; 32]]),
        blob(&[b"ecdsa-sha2-nistp256", b"nistp256", &[4; 65]]),
        blob(&[b"ecdsa-sha2-nistp384", b"nistp384", &[4; 97]]),
        rsa(&[1, 0, 1], &[0xff; 1024]),
        blob(&[b"sk-ssh-ed25519@openssh.com", &[7; 32], b"ssh:"]),
        blob(&[sk_ecdsa, b"nistp256", &[4; 65], b"ssh:"]),
    ]
}

#[test]
fn text_and_back() {
    for (blob, algorithm) in blobs().iter().zip(KeyAlgorithm::ALL) {
        let key = Key::from_blob(blob).unwrap();
        assert_eq!(key.algorithm(), algorithm);
        assert_eq!(key.blob(), blob);
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        let json = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<Key>(&json).unwrap(), key);
        let _ = key.parts();
    }
}

#[test]
fn what_ssh_keygen_writes_is_read() {
    for (line, fingerprint) in MADE {
        let key = Key::parse_line(line).unwrap();
        assert_eq!(key.fingerprint().to_string(), *fingerprint);
        assert_eq!(fingerprint.parse(), Ok(key.fingerprint()));
        let text = key.to_string();
        assert!(line.starts_with(&text));
        for spelling in [
            format!("{text}\n"),
            format!("  {text}\tsomebody else\r\n"),
            text.clone(),
        ] {
            assert_eq!(Key::parse_line(&spelling), Ok(key.clone()));
        }
    }
}

#[test]
fn only_one_spelling() {
    let text = Key::from_blob(&blobs()[0]).unwrap().to_string();
    assert!(text.parse::<Key>().is_ok());
    for wrong in [
        String::new(),
        "ssh-ed25519".to_owned(),
        format!("{text} "),
        format!("{text} comment"),
        format!(" {text}"),
        format!("{text}\n"),
        text.replace(' ', "  "),
        text.replace(' ', "\t"),
        format!("{text}===="),
        format!("{text}AAAA"),
        text.replace("ssh-ed25519 ", "ssh-rsa "),
        text.replace("ssh-ed25519 ", "SSH-ED25519 "),
        text.replace("ssh-ed25519 ", "ssh-dss "),
    ] {
        assert!(wrong.parse::<Key>().is_err(), "{wrong:?}");
    }
    // The last character before the padding has bits to spare.
    let padded = Key::from_blob(&blobs()[4]).unwrap().to_string();
    assert!(padded.ends_with("aDo="), "{padded}");
    for wrong in [
        padded.replace("aDo=", "aDp="),
        padded.replace("aDo=", "aDo=="),
        padded.replace("aDo=", "aDo"),
    ] {
        assert!(matches!(wrong.parse::<Key>(), Err(KeyError::Base64(_))));
    }
}

#[test]
fn every_field_is_looked_at() {
    let certificate: &[u8] = b"ssh-ed25519-cert-v01@openssh.com";
    let long = vec![b'a'; 256];
    for (wrong, error) in [
        (Vec::new(), "algorithm"),
        (blob(&[b"ssh-ed25519", &[7; 31]]), "point"),
        (blob(&[b"ssh-ed25519", &[7; 33]]), "point"),
        (blob(&[b"ssh-ed25519"]), "point"),
        (
            blob(&[b"ecdsa-sha2-nistp256", b"nistp384", &[4; 65]]),
            "curve",
        ),
        (
            blob(&[b"ecdsa-sha2-nistp256", b"nistp256", &[4; 97]]),
            "point",
        ),
        (
            blob(&[b"ecdsa-sha2-nistp256", b"nistp256", &[2; 33]]),
            "point",
        ),
        (
            blob(&[b"ecdsa-sha2-nistp256", b"nistp256", &[6; 65]]),
            "point",
        ),
        (blob(&[b"ssh-rsa", &[1, 0, 1], &[0x80; 256]]), "modulus"),
        (blob(&[b"ssh-rsa", &[1, 0, 1], &[0, 1]]), "modulus"),
        (blob(&[b"ssh-rsa", &[0], &[1; 256]]), "exponent"),
        (
            blob(&[b"sk-ssh-ed25519@openssh.com", &[7; 32]]),
            "application",
        ),
        (
            blob(&[b"sk-ssh-ed25519@openssh.com", &[7; 32], b""]),
            "application",
        ),
        (
            blob(&[b"sk-ssh-ed25519@openssh.com", &[7; 32], b"a\0"]),
            "application",
        ),
        (
            blob(&[b"sk-ssh-ed25519@openssh.com", &[7; 32], &long]),
            "application",
        ),
    ] {
        assert_eq!(Key::from_blob(&wrong), Err(KeyError::Field(error)));
    }
    for name in [&b"ssh-dss"[..], certificate, b"ecdsa-sha2-nistp521", b""] {
        let wrong = blob(&[name, &[7; 32]]);
        assert!(matches!(
            Key::from_blob(&wrong),
            Err(KeyError::Algorithm(_))
        ));
    }
    for mut long in blobs() {
        long.push(0);
        assert_eq!(Key::from_blob(&long), Err(KeyError::Trailing));
    }
    let long = rsa(&[1, 0, 1], &[0xff; 1100]);
    assert!(matches!(Key::from_blob(&long), Err(KeyError::TooLong(_))));
}

#[test]
fn options_are_no_key() {
    let text = Key::from_blob(&blobs()[0]).unwrap().to_string();
    for wrong in ["cert-authority", "restrict", "command=\"a b\"", "#"] {
        assert!(Key::parse_line(&format!("{wrong} {text}")).is_err());
    }
    assert!(Key::parse_line("").is_err());
}

#[test]
fn a_fingerprint_has_one_spelling() {
    let text = Key::from_blob(&blobs()[0])
        .unwrap()
        .fingerprint()
        .to_string();
    assert!(text.parse::<Fingerprint>().is_ok());
    let base64 = text.strip_prefix("SHA256:").unwrap();
    let last = text.chars().last().unwrap();
    // The last character has two bits to spare, which are zero.
    let spare = char::from_u32(u32::from(last) + 1).unwrap();
    for wrong in [
        base64.to_owned(),
        format!("sha256:{base64}"),
        format!("{text}="),
        format!("{text} "),
        text[..text.len() - 1].to_owned(),
        format!("{}{spare}", &text[..text.len() - 1]),
    ] {
        assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
    }
}
