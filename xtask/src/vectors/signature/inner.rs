//! What is wrong with the inner signature: Ed25519, ECDSA, RSA.

use super::build::*;
use super::{Case, refused};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = ed25519_cases();
    cases.extend(ecdsa());
    cases.extend(rsa_cases());
    cases
}

/// The order of the Ed25519 group, little-endian.
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
    0x14, //
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The order of P-256.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, //
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

/// The neutral element: of order 1.
fn neutral() -> [u8; 32] {
    let mut point = [0; 32];
    point[0] = 1;
    point
}

/// An Ed25519 signature whose 64 bytes were changed.
fn ed25519_with(change: impl FnOnce(&mut Vec<u8>)) -> String {
    Fields::new(&ed25519_key(), |signed| {
        let mut bytes = ed25519_sign(signed).split_off(4 + 11 + 4);
        change(&mut bytes);
        inner("ssh-ed25519", &bytes)
    })
    .armor()
}

fn ed25519_cases() -> Vec<Case> {
    let plus_order = |bytes: &mut Vec<u8>| {
        let mut carry = 0;
        for (byte, add) in bytes[32..].iter_mut().zip(ORDER) {
            let sum = u16::from(*byte) + u16::from(add) + carry;
            *byte = sum.to_le_bytes()[0];
            carry = sum >> 8;
        }
    };
    let small = Fields::new(&[string("ssh-ed25519"), string(neutral())].concat(), |_| {
        inner("ssh-ed25519", &[neutral(), [0; 32]].concat())
    });
    vec![
        refused(
            "ed25519-s-plus-order",
            "SIG-19",
            "S plus the order of the group",
            ed25519_with(plus_order),
            "signature-invalid",
        ),
        refused(
            "ed25519-s-order",
            "SIG-19",
            "an S that is the order of the group",
            ed25519_with(|bytes| bytes[32..].copy_from_slice(&ORDER)),
            "signature-invalid",
        ),
        refused(
            "ed25519-r-small",
            "SIG-19",
            "an R of small order",
            ed25519_with(|bytes| bytes[..32].copy_from_slice(&neutral())),
            "signature-invalid",
        ),
        refused(
            "ed25519-key-small",
            "SIG-5",
            "a key of small order, and a signature that it verifies of any message",
            small.armor(),
            "signature-key",
        ),
        refused(
            "ed25519-short",
            "SIG-14",
            "63 bytes",
            ed25519_with(|bytes| bytes.truncate(63)),
            "signature-format",
        ),
        refused(
            "ed25519-long",
            "SIG-14",
            "65 bytes",
            ed25519_with(|bytes| bytes.push(0)),
            "signature-format",
        ),
    ]
}

fn ecdsa() -> Vec<Case> {
    let with = |spell: &dyn Fn(Vec<u8>, Vec<u8>) -> Vec<u8>| {
        Fields::new(&p256_key(), |signed| {
            let (r, s) = p256_pair(signed);
            inner("ecdsa-sha2-nistp256", &spell(r, s))
        })
        .armor()
    };
    let wrong = |name: &str, note: &str, text: String| {
        refused(name, "SIG-15", note, text, "signature-format")
    };
    let (r, _) = p256_pair(&plain().signed(MESSAGE));
    // One of the two has its first bit set, or neither needs a zero in front.
    let padded = |number: Vec<u8>| string([&[0, 0], &number[..]].concat());
    // As two's complement, a number with its first bit set is below zero.
    let negative = |number: Vec<u8>| {
        let mut number = number;
        number[0] |= 0x80;
        string(number)
    };
    let order = |r: &[u8], s: &[u8]| {
        let fields = Fields::new(&p256_key(), |_| p256_inner(r, s));
        fields.armor()
    };
    vec![
        wrong(
            "ecdsa-r-padded",
            "an r with zeros in front",
            with(&|r, s| [padded(r), mpint(&s)].concat()),
        ),
        wrong(
            "ecdsa-s-padded",
            "an s with zeros in front",
            with(&|r, s| [mpint(&r), padded(s)].concat()),
        ),
        wrong(
            "ecdsa-r-negative",
            "an r below zero",
            with(&|r, s| [negative(r), mpint(&s)].concat()),
        ),
        wrong(
            "ecdsa-s-negative",
            "an s below zero",
            with(&|r, s| [mpint(&r), negative(s)].concat()),
        ),
        wrong(
            "ecdsa-r-oversize",
            "an r of 33 bytes",
            with(&|r, s| [mpint(&[&[1], &r[..]].concat()), mpint(&s)].concat()),
        ),
        wrong(
            "ecdsa-r-zero",
            "an r of 0",
            with(&|_, s| [string([]), mpint(&s)].concat()),
        ),
        wrong(
            "ecdsa-s-zero",
            "an s of 0",
            with(&|r, _| [mpint(&r), string([])].concat()),
        ),
        wrong("ecdsa-no-s", "no s", with(&|r, _| mpint(&r))),
        wrong(
            "ecdsa-byte-behind",
            "a byte behind s",
            with(&|r, s| [mpint(&r), mpint(&s), vec![0]].concat()),
        ),
        wrong(
            "ecdsa-fixed",
            "r and s as 64 bytes, as other formats have them",
            with(&|r, s| [r, s].concat()),
        ),
        refused(
            "ecdsa-s-order",
            "SIG-19",
            "an s that is the order",
            order(&r, &P256_ORDER),
            "signature-invalid",
        ),
        refused(
            "ecdsa-r-order",
            "SIG-19",
            "an r that is the order",
            order(&P256_ORDER, &r),
            "signature-invalid",
        ),
    ]
}

fn rsa_cases() -> Vec<Case> {
    let public = fixture!("rsa2048.pub");
    let raw = fixture!("rsa2048.sha512");
    let weak = |name: &str, note: &str, fields: Fields| {
        refused(name, "SIG-5", note, fields.armor(), "signature-key")
    };
    let sha512 = "rsa-sha2-512";
    let length = |name: &str, note: &str, raw: &[u8]| {
        let fields = rsa(public, sha512, raw);
        refused(name, "SIG-16", note, fields.armor(), "signature-format")
    };
    vec![
        weak(
            "rsa-1024",
            "RSA of 1024 bits",
            rsa(fixture!("rsa1024.pub"), sha512, fixture!("rsa1024.sha512")),
        ),
        weak(
            "rsa-2047",
            "RSA of 2047 bits, which are as many bytes",
            rsa(fixture!("rsa2047.pub"), sha512, fixture!("rsa2047.sha512")),
        ),
        weak(
            "rsa-8200",
            "RSA of 8200 bits",
            rsa(fixture!("rsa8200.pub"), sha512, fixture!("rsa8200.sha512")),
        ),
        refused(
            "rsa-sha1",
            "SIG-13",
            "RSA with SHA-1",
            rsa(public, "ssh-rsa", fixture!("rsa2048.sha1")).armor(),
            "signature-algorithm",
        ),
        length("rsa-short", "a byte too few", &raw[..255]),
        length("rsa-long", "a zero in front", &[&[0], &raw[..]].concat()),
        length("rsa-empty", "no byte", b""),
    ]
}
