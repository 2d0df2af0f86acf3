//! What is wrong with a security key's signature, with the algorithm, or with the key.

use super::build::*;
use super::{Case, refused};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = security_keys();
    cases.extend(algorithms());
    cases.extend(keys());
    cases
}

fn security_keys() -> Vec<Case> {
    let absent = "signature-presence";
    let format = "signature-format";
    let changed = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut fields = sk_ed25519("ssh:", 1, 7);
        change(&mut fields.signature);
        fields.armor()
    };
    let mut other_application = sk_ed25519("ssh:", 1, 7);
    other_application.key = sk_ed25519_key("ssh:x");
    let note = "nobody touched the device";
    let counter = changed(&|bytes| *bytes.last_mut().expect("a counter") ^= 1);
    let plain_key = Fields::new(&ed25519_key(), |signed| {
        [&ed25519_sign(signed)[..], &[1, 0, 0, 0, 7]].concat()
    });
    vec![
        refused(
            "sk-ed25519-untouched",
            "SIG-17",
            note,
            sk_ed25519("ssh:", 0, 7).armor(),
            absent,
        ),
        refused(
            "sk-ecdsa-untouched",
            "SIG-17",
            note,
            sk_ecdsa(0, 7).armor(),
            absent,
        ),
        refused(
            "sk-verified-untouched",
            "SIG-17",
            "a PIN was given, but nobody touched the device",
            sk_ed25519("ssh:", 4, 7).armor(),
            absent,
        ),
        refused(
            "sk-counter",
            "SIG-19",
            "another counter",
            counter,
            "signature-invalid",
        ),
        refused(
            "sk-flags",
            "SIG-19",
            "a flag that was set afterwards",
            changed(&|bytes| {
                let at = bytes.len() - 5;
                bytes[at] |= 4;
            }),
            "signature-invalid",
        ),
        refused(
            "sk-application",
            "SIG-19",
            "another application",
            other_application.armor(),
            "signature-invalid",
        ),
        refused(
            "sk-no-counter",
            "SIG-13",
            "no counter",
            changed(&|bytes| bytes.truncate(bytes.len() - 4)),
            format,
        ),
        refused(
            "sk-no-flags",
            "SIG-13",
            "neither flags nor counter",
            changed(&|bytes| bytes.truncate(bytes.len() - 5)),
            format,
        ),
        refused(
            "flags-of-plain-key",
            "SIG-13",
            "flags and a counter by a key that is in no device",
            plain_key.armor(),
            format,
        ),
    ]
}

/// Algorithms that the key does not have.
fn algorithms() -> Vec<Case> {
    let named = |algorithm: &str| {
        let bytes = |signed: &[u8]| {
            let bytes = ed25519_sign(signed).split_off(4 + 11 + 4);
            inner(algorithm, &bytes)
        };
        Fields::new(&ed25519_key(), bytes).armor()
    };
    let wrong = |name: &str, note: &str, text: String| {
        refused(name, "SIG-13", note, text, "signature-algorithm")
    };
    let p384 = Fields::new(&p256_key(), |signed| {
        let (r, s) = p256_pair(signed);
        inner("ecdsa-sha2-nistp384", &[mpint(&r), mpint(&s)].concat())
    });
    let certificate = "rsa-sha2-512-cert-v01@openssh.com";
    let raw = fixture!("rsa2048.sha512");
    let mut behind = plain();
    behind.signature.push(0);
    vec![
        wrong(
            "algorithm-ecdsa",
            "a key of Ed25519, named ECDSA",
            named("ecdsa-sha2-nistp256"),
        ),
        wrong(
            "algorithm-sk",
            "a key of Ed25519, named a security key",
            named(SK_ED25519),
        ),
        wrong(
            "algorithm-ed448",
            "an algorithm that is not known",
            named("ssh-ed448"),
        ),
        wrong("algorithm-empty", "no algorithm", named("")),
        wrong(
            "algorithm-curve",
            "a key of P-256, named P-384",
            p384.armor(),
        ),
        wrong(
            "algorithm-certificate",
            "RSA, named as by a certificate",
            rsa(fixture!("rsa2048.pub"), certificate, raw).armor(),
        ),
        refused(
            "signature-byte-behind",
            "SIG-13",
            "a byte behind the signature's bytes",
            behind.armor(),
            "signature-format",
        ),
    ]
}

/// Keys that cannot be read.
fn keys() -> Vec<Case> {
    let by = |key: Vec<u8>| Fields::new(&key, ed25519_sign).armor();
    let point = ed25519().verifying_key().to_bytes();
    let certificate = [
        string("ssh-ed25519-cert-v01@openssh.com"),
        string([5; 32]),
        string(point),
    ];
    let other_curve = [
        string("ecdsa-sha2-nistp256"),
        string("nistp384"),
        string(p256_point()),
    ];
    let mut off_curve = p256_point();
    off_curve[64] ^= 1;
    let off_curve = [
        string("ecdsa-sha2-nistp256"),
        string("nistp256"),
        string(off_curve),
    ];
    let long = [ed25519_key(), vec![0]].concat();
    let (format, key) = ("signature-format", "signature-key");
    vec![
        refused(
            "key-certificate",
            "SIG-2",
            "a certificate",
            by(certificate.concat()),
            key,
        ),
        refused(
            "key-dsa",
            "SIG-2",
            "a key of DSA",
            by([string("ssh-dss"), string([1; 128])].concat()),
            key,
        ),
        refused(
            "key-p521",
            "SIG-2",
            "a key of ECDSA P-521",
            by([&b"ecdsa-sha2-nistp521"[..], b"nistp521", &[4; 133]]
                .map(string)
                .concat()),
            key,
        ),
        refused(
            "key-off-curve",
            "SIG-5",
            "a point off its curve",
            by(off_curve.concat()),
            key,
        ),
        refused(
            "key-other-curve",
            "SIG-3",
            "a key of P-256 that names P-384",
            by(other_curve.concat()),
            format,
        ),
        refused(
            "key-byte-behind",
            "SIG-3",
            "a byte behind the key's fields",
            by(long),
            format,
        ),
        refused("key-empty", "SIG-3", "no key", by(Vec::new()), format),
    ]
}
