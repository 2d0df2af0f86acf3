//! Signatures field by field, each of which can be wrong.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256, Sha512};

/// A file of `tests/fixtures/signature`.
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../tests/fixtures/signature/",
            $name
        ))
    };
}
pub(super) use fixture;

pub(super) const MESSAGE: &[u8] = fixture!("message");
pub(super) const NAMESPACE: &str = "image@sreg.v1";

/// An SSH string.
pub(super) fn string(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let length = u32::try_from(bytes.len()).expect("vectors are short");
    [&length.to_be_bytes()[..], bytes].concat()
}

/// An SSH mpint of a positive number.
pub(super) fn mpint(number: &[u8]) -> Vec<u8> {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = &number[zeros..];
    match number.first() {
        Some(0x80..) => string([&[0], number].concat()),
        _ => string(number),
    }
}

/// The binary form of a key out of its `.pub` file.
pub(super) fn blob_of(public: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(public).expect("a .pub file is text");
    let base64 = text.split_whitespace().nth(1).expect("a key has two words");
    STANDARD.decode(base64).expect("a key is in base64")
}

/// `SHA256:…` of a key.
pub(super) fn fingerprint(blob: &[u8]) -> String {
    format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob)))
}

/// A key's text.
pub(super) fn text_of(algorithm: &str, blob: &[u8]) -> String {
    format!("{algorithm} {}", STANDARD.encode(blob))
}

/// The fields of a signature, as they are stored.
#[derive(Clone)]
pub(super) struct Fields {
    pub(super) magic: Vec<u8>,
    pub(super) version: u32,
    pub(super) key: Vec<u8>,
    pub(super) namespace: Vec<u8>,
    pub(super) reserved: Vec<u8>,
    pub(super) hash: Vec<u8>,
    pub(super) signature: Vec<u8>,
}

impl Fields {
    /// By `key`, with the signature that it makes of the signed bytes.
    pub(super) fn new(key: &[u8], sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Self {
        Self::changed(key, |_| (), sign)
    }

    /// The same with fields that were changed before they were signed.
    pub(super) fn changed(
        key: &[u8],
        change: impl FnOnce(&mut Self),
        sign: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Self {
        let mut fields = Self {
            magic: b"SSHSIG".to_vec(),
            version: 1,
            key: key.to_vec(),
            namespace: NAMESPACE.into(),
            reserved: Vec::new(),
            hash: b"sha512".to_vec(),
            signature: Vec::new(),
        };
        change(&mut fields);
        fields.signature = sign(&fields.signed(MESSAGE));
        fields
    }

    /// What the key signs.
    pub(super) fn signed(&self, message: &[u8]) -> Vec<u8> {
        let hash = match &self.hash[..] {
            b"sha256" => Sha256::digest(message).to_vec(),
            _ => Sha512::digest(message).to_vec(),
        };
        let fields = [&self.namespace, &self.reserved, &self.hash, &hash];
        let fields = fields.map(string).concat();
        [&b"SSHSIG"[..], &fields].concat()
    }

    pub(super) fn blob(&self) -> Vec<u8> {
        let fields = [
            &self.key,
            &self.namespace,
            &self.reserved,
            &self.hash,
            &self.signature,
        ];
        let fields = fields.map(string).concat();
        [&self.magic[..], &self.version.to_be_bytes(), &fields].concat()
    }

    pub(super) fn armor(&self) -> String {
        armor(&STANDARD.encode(self.blob()), 70)
    }
}

/// Base64 in its armor, in lines of `columns`.
pub(super) fn armor(base64: &str, columns: usize) -> String {
    let mut lines = String::new();
    for line in base64.as_bytes().chunks(columns) {
        lines.push_str(std::str::from_utf8(line).expect("base64 is ASCII"));
        lines.push('\n');
    }
    format!("-----BEGIN SSH SIGNATURE-----\n{lines}-----END SSH SIGNATURE-----\n")
}

// --- what signs

/// The inner signature: an algorithm and bytes.
pub(super) fn inner(algorithm: &str, bytes: &[u8]) -> Vec<u8> {
    [string(algorithm), string(bytes)].concat()
}

/// The Ed25519 key of most vectors.
pub(super) fn ed25519() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[1; 32])
}

pub(super) fn ed25519_key() -> Vec<u8> {
    let point = ed25519().verifying_key().to_bytes();
    [string("ssh-ed25519"), string(point)].concat()
}

pub(super) fn ed25519_sign(signed: &[u8]) -> Vec<u8> {
    inner("ssh-ed25519", &ed25519().sign(signed).to_bytes())
}

/// The Ed25519 key of a number, as text.
pub(in crate::vectors) fn public_key(seed: u8) -> String {
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]).verifying_key();
    text_of(
        "ssh-ed25519",
        &[string("ssh-ed25519"), string(key.to_bytes())].concat(),
    )
}

/// The armored signature of a message by the key of a number.
pub(in crate::vectors) fn sign(seed: u8, namespace: &str, message: &str) -> String {
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    let point = key.verifying_key().to_bytes();
    let mut fields = Fields::new(&[string("ssh-ed25519"), string(point)].concat(), |_| {
        Vec::new()
    });
    fields.namespace = namespace.into();
    let signed = fields.signed(message.as_bytes());
    fields.signature = inner("ssh-ed25519", &key.sign(&signed).to_bytes());
    fields.armor()
}

/// The signature that most invalid ones are made of.
pub(super) fn plain() -> Fields {
    Fields::new(&ed25519_key(), ed25519_sign)
}

pub(super) fn p256() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[2; 32]).expect("below the order")
}

pub(super) fn p256_point() -> Vec<u8> {
    let point = p256().verifying_key().to_encoded_point(false);
    point.as_bytes().to_vec()
}

pub(super) fn p256_key() -> Vec<u8> {
    let fields = [&b"ecdsa-sha2-nistp256"[..], b"nistp256", &p256_point()];
    fields.map(string).concat()
}

/// r and s of a signature of `signed`, in one spelling of s.
pub(super) fn p256_pair(signed: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let signature: p256::ecdsa::Signature = p256().sign(signed);
    let (r, s) = signature.split_bytes();
    (r.to_vec(), s.to_vec())
}

pub(super) fn p256_inner(r: &[u8], s: &[u8]) -> Vec<u8> {
    inner("ecdsa-sha2-nistp256", &[mpint(r), mpint(s)].concat())
}

pub(super) fn p384() -> p384::ecdsa::SigningKey {
    p384::ecdsa::SigningKey::from_slice(&[3; 48]).expect("below the order")
}

pub(super) fn p384_key() -> Vec<u8> {
    let point = p384().verifying_key().to_encoded_point(false);
    let fields = [&b"ecdsa-sha2-nistp384"[..], b"nistp384", point.as_bytes()];
    fields.map(string).concat()
}

pub(super) const SK_ED25519: &str = "sk-ssh-ed25519@openssh.com";
pub(super) const SK_ECDSA: &str = "sk-ecdsa-sha2-nistp256@openssh.com";

/// What a security key signs.
pub(super) fn by_device(application: &str, flags: u8, counter: u32, signed: &[u8]) -> Vec<u8> {
    let mut bytes = Sha256::digest(application).to_vec();
    bytes.push(flags);
    bytes.extend(counter.to_be_bytes());
    bytes.extend(Sha256::digest(signed));
    bytes
}

pub(super) fn sk_ed25519_key(application: &str) -> Vec<u8> {
    let point = ed25519().verifying_key().to_bytes();
    [string(SK_ED25519), string(point), string(application)].concat()
}

pub(super) fn sk_ed25519(application: &str, flags: u8, counter: u32) -> Fields {
    Fields::new(&sk_ed25519_key(application), |signed| {
        let signature = ed25519().sign(&by_device(application, flags, counter, signed));
        let mut bytes = inner(SK_ED25519, &signature.to_bytes());
        bytes.push(flags);
        bytes.extend(counter.to_be_bytes());
        bytes
    })
}

pub(super) fn sk_ecdsa(flags: u8, counter: u32) -> Fields {
    let fields = [SK_ECDSA.as_bytes(), b"nistp256", &p256_point(), b"ssh:"];
    Fields::new(&fields.map(string).concat(), |signed| {
        let (r, s) = p256_pair(&by_device("ssh:", flags, counter, signed));
        let mut bytes = inner(SK_ECDSA, &[mpint(&r), mpint(&s)].concat());
        bytes.push(flags);
        bytes.extend(counter.to_be_bytes());
        bytes
    })
}

/// A signature by an RSA key of the fixtures.
pub(super) fn rsa(public: &[u8], algorithm: &str, raw: &[u8]) -> Fields {
    Fields::new(&blob_of(public), |_| inner(algorithm, raw))
}
