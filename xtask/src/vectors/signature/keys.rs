//! Keys on their own, as text.

use serde_json::json;

use super::build::*;
use crate::vectors::Case;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = valid();
    cases.extend(text());
    cases.extend(fields());
    cases.extend(weak());
    cases
}

fn valid() -> Vec<Case> {
    let rsa = blob_of(fixture!("rsa3072.pub"));
    let sk_ecdsa = sk_ecdsa(1, 1).key;
    let keys = [
        ("ed25519", "ssh-ed25519", ed25519_key()),
        ("ecdsa-p256", "ecdsa-sha2-nistp256", p256_key()),
        ("ecdsa-p384", "ecdsa-sha2-nistp384", p384_key()),
        ("rsa-3072", "ssh-rsa", rsa),
        ("rsa-8192", "ssh-rsa", blob_of(fixture!("rsa8192.pub"))),
        ("sk-ed25519", SK_ED25519, sk_ed25519_key("ssh:")),
        ("sk-ecdsa", SK_ECDSA, sk_ecdsa),
    ];
    let case = |(name, algorithm, blob): (&str, &str, Vec<u8>)| {
        let expect = json!({"algorithm": algorithm, "fingerprint": fingerprint(&blob)});
        let ids = "SIG-1 SIG-2 SIG-3 SIG-4 SIG-5";
        Case::valid("key", name, ids, "a key", text_of(algorithm, &blob), expect)
    };
    keys.into_iter().map(case).collect()
}

fn wrong(name: &str, ids: &'static str, note: &str, text: impl Into<Vec<u8>>) -> Case {
    Case::invalid("key", name, ids, note, text, "malformed-key")
}

fn text() -> Vec<Case> {
    let plain = text_of("ssh-ed25519", &ed25519_key());
    let padded = text_of(SK_ED25519, &sk_ed25519_key("ssh:"));
    assert!(padded.ends_with("aDo="), "{padded}");
    let spare = padded.replace("aDo=", "aDp=");
    let named = |name: &str| plain.replace("ssh-ed25519", name);
    vec![
        wrong("empty", "SIG-1", "no byte", ""),
        wrong("no-base64", "SIG-1", "an algorithm alone", "ssh-ed25519"),
        wrong("comment", "SIG-1", "a comment", format!("{plain} me")),
        wrong(
            "space-behind",
            "SIG-1",
            "a space behind",
            format!("{plain} "),
        ),
        wrong("lf-behind", "SIG-1", "an LF behind", format!("{plain}\n")),
        wrong(
            "two-spaces",
            "SIG-1",
            "two spaces",
            plain.replace(' ', "  "),
        ),
        wrong("tab", "SIG-1", "a tab", plain.replace(' ', "\t")),
        wrong(
            "no-padding",
            "SIG-1",
            "no padding",
            padded.trim_end_matches('='),
        ),
        wrong("spare-bits", "SIG-1", "unused bits that are set", spare),
        wrong(
            "options",
            "SIG-1",
            "options in front",
            format!("restrict {plain}"),
        ),
        wrong(
            "other-name",
            "SIG-2",
            "another algorithm in front",
            named("ssh-rsa"),
        ),
        wrong(
            "capital-name",
            "SIG-2",
            "an algorithm in capitals",
            named("SSH-ED25519"),
        ),
        wrong(
            "certificate",
            "SIG-2",
            "a certificate",
            named("ssh-ed25519-cert-v01@openssh.com"),
        ),
    ]
}

fn fields() -> Vec<Case> {
    let key = |name: &str, ids: &'static str, note: &str, algorithm: &str, fields: &[&[u8]]| {
        let fields: Vec<u8> = fields.iter().flat_map(string).collect();
        let blob = [string(algorithm), fields].concat();
        wrong(name, ids, note, text_of(algorithm, &blob))
    };
    let ids = "SIG-3";
    let (ed, p256, rsa) = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa");
    let mut packed = p256_point()[..33].to_vec();
    packed[0] = 2;
    let long = "a".repeat(256);
    let point = ed25519().verifying_key().to_bytes();
    let long_rsa: &[&[u8]] = &[&[1, 0, 1], &[0x7f; 1100]];
    vec![
        key("point-31", ids, "a point of 31 bytes", ed, &[&point[..31]]),
        key(
            "point-twice",
            ids,
            "a field too much",
            ed,
            &[&point, &point],
        ),
        key("no-point", ids, "a field too few", ed, &[]),
        key(
            "point-packed",
            ids,
            "a compressed point",
            p256,
            &[b"nistp256", &packed],
        ),
        key(
            "curve",
            ids,
            "another curve",
            p256,
            &[b"nistp384", &p256_point()],
        ),
        key(
            "modulus-negative",
            ids,
            "a modulus below zero",
            rsa,
            &[&[3], &[0x81; 256]],
        ),
        key(
            "modulus-padded",
            ids,
            "a zero too much",
            rsa,
            &[&[3], &[&[0], &[0x41; 256][..]].concat()],
        ),
        key(
            "exponent-zero",
            ids,
            "an exponent of 0",
            rsa,
            &[&[], &[0x41; 256]],
        ),
        key("rsa-too-long", ids, "over 1,100 bytes", rsa, long_rsa),
        key(
            "no-application",
            ids,
            "no application",
            SK_ED25519,
            &[&point],
        ),
        key(
            "application-empty",
            ids,
            "an application of 0 bytes",
            SK_ED25519,
            &[&point, b""],
        ),
        key(
            "application-long",
            ids,
            "one of 256 bytes",
            SK_ED25519,
            &[&point, long.as_bytes()],
        ),
        key(
            "application-nul",
            ids,
            "one with a NUL",
            SK_ED25519,
            &[&point, b"ssh:\0"],
        ),
    ]
}

fn weak() -> Vec<Case> {
    let key = |name: &str, note: &str, algorithm: &str, blob: Vec<u8>| {
        let text = text_of(algorithm, &blob);
        Case::invalid("key", name, "SIG-5", note, text, "signature-key")
    };
    let edwards = |point: [u8; 32]| [string("ssh-ed25519"), string(point)].concat();
    let rsa = |exponent: &[u8], modulus: &[u8]| {
        [string("ssh-rsa"), mpint(exponent), mpint(modulus)].concat()
    };
    // The points with y from 3 on, written as y + p: the second encoding of a point.
    let second = (0xf0..=0xff)
        .map(|first| {
            let mut point = [0xff; 32];
            (point[0], point[31]) = (first, 0x7f);
            point
        })
        .find(|point| ed25519_dalek::VerifyingKey::from_bytes(point).is_ok())
        .expect("half of all y are on the curve");
    let order_8 = *b"\x26\xe8\x95\x8f\xc2\xb2\x27\xb0\x45\xc3\xf4\x89\xf2\xef\x98\xf0\
                     \xd5\xdf\xac\x05\xd3\xc6\x33\x39\xb1\x38\x02\x88\x6d\x53\xfc\x05";
    let mut off = [0; 32];
    off[0] = 2;
    assert!(ed25519_dalek::VerifyingKey::from_bytes(&off).is_err());
    let mut off_p256 = p256_key();
    *off_p256.last_mut().expect("a point") ^= 1;
    let mut even = [0x81; 256];
    even[255] = 0x80;
    let e = [1, 0, 1];
    let ed = "ssh-ed25519";
    vec![
        key("order-8", "a point of order 8", ed, edwards(order_8)),
        key("order-4", "a point of order 4", ed, edwards([0; 32])),
        key(
            "second-encoding",
            "the second encoding of a point",
            ed,
            edwards(second),
        ),
        key("off-curve", "no point of the curve", ed, edwards(off)),
        key(
            "p256-off-curve",
            "no point of the curve",
            "ecdsa-sha2-nistp256",
            off_p256,
        ),
        key(
            "rsa-1024",
            "1024 bits",
            "ssh-rsa",
            blob_of(fixture!("rsa1024.pub")),
        ),
        key(
            "rsa-2047",
            "2047 bits",
            "ssh-rsa",
            blob_of(fixture!("rsa2047.pub")),
        ),
        key(
            "rsa-8200",
            "8200 bits",
            "ssh-rsa",
            blob_of(fixture!("rsa8200.pub")),
        ),
        key(
            "exponent-1",
            "an exponent of 1",
            "ssh-rsa",
            rsa(&[1], &[0x81; 256]),
        ),
        key(
            "exponent-even",
            "an even exponent",
            "ssh-rsa",
            rsa(&[4], &[0x81; 256]),
        ),
        key(
            "exponent-34-bits",
            "over 33 bits",
            "ssh-rsa",
            rsa(&[2, 0, 0, 0, 1], &[0x81; 256]),
        ),
        key("modulus-even", "an even modulus", "ssh-rsa", rsa(&e, &even)),
    ]
}
