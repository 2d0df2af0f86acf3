//! Signatures in OpenSSH's format SSHSIG, under a strict profile (`spec/signature.md`;
//! PROTOCOL.sshsig).

use sha2::{Digest as _, Sha512};
use sreg_model::Key;
use sreg_model::wire::{Reader, put_string};

use crate::armor;
use crate::error::{SignatureError, clean};
use crate::key::PublicKey;
use crate::namespace::Purpose;
use crate::raw::Raw;

/// The maximal number of signatures in one file (SIG-20).
pub const MAX_SIGNATURES: usize = 32;

const MAGIC: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;
const HASH: &[u8] = b"sha512";

/// A well-formed signature by a key that is strong enough. Only [`verify`](Self::verify) checks what it
/// covers.
#[derive(Debug, Clone)]
pub struct Signature {
    key: Key,
    public: PublicKey,
    namespace: Vec<u8>,
    raw: Raw,
}

impl Signature {
    /// Parses exactly one armored signature.
    ///
    /// # Errors
    /// If the armor or the binary form is not in its only permitted encoding, or the key is unsuitable.
    pub fn parse(text: &[u8]) -> Result<Self, SignatureError> {
        Self::from_blob(&armor::decode(text)?)
    }

    /// Parses the binary form, the content of the armor (SIG-10 to SIG-17).
    ///
    /// # Errors
    /// If it is not exactly the fields of a signature, or the key is unsuitable.
    pub fn from_blob(blob: &[u8]) -> Result<Self, SignatureError> {
        let wrong = SignatureError::Format;
        let mut reader = Reader::new(blob);
        if reader.bytes(MAGIC.len()) != Some(MAGIC) {
            return Err(wrong("magic"));
        }
        if reader.number() != Some(VERSION) {
            return Err(wrong("version"));
        }
        let key = reader.string().ok_or(wrong("key"))?;
        let namespace = reader
            .string()
            .filter(|namespace| !namespace.is_empty())
            .ok_or(wrong("namespace"))?;
        if reader.string() != Some(b"") {
            return Err(wrong("empty reserved field"));
        }
        let hash = reader.string().ok_or(wrong("hash"))?;
        let signature = reader.string().ok_or(wrong("signature"))?;
        if !reader.is_empty() {
            return Err(SignatureError::Trailing("signature"));
        }
        if hash != HASH {
            return Err(SignatureError::Algorithm {
                given: clean(hash),
                expected: "sha512",
            });
        }
        let key = Key::from_blob(key).map_err(SignatureError::Key)?;
        let public = PublicKey::new(&key)?;
        let raw = Raw::parse(signature, key.algorithm(), &public)?;
        Ok(Self {
            public,
            namespace: namespace.to_vec(),
            raw,
            key,
        })
    }

    /// Returns the key that the signature names. The caller checks whether that key may sign.
    #[must_use]
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// Verifies that the key signed exactly `message`, for `purpose` (SIG-18, SIG-19).
    ///
    /// # Errors
    /// [`SignatureError::Namespace`] for a signature with another purpose; [`SignatureError::Invalid`]
    /// if it does not verify.
    pub fn verify(&self, purpose: Purpose, message: &[u8]) -> Result<(), SignatureError> {
        if self.namespace != purpose.namespace().as_bytes() {
            return Err(SignatureError::Namespace {
                given: clean(&self.namespace),
                expected: purpose.namespace(),
            });
        }
        if self.public.verifies(&self.raw, &signed(purpose, message)) {
            Ok(())
        } else {
            Err(SignatureError::Invalid)
        }
    }
}

/// Parses the bytes after line 1 of a document file: armored signatures, one directly after another,
/// perhaps none (SIG-20).
///
/// # Errors
/// [`SignatureError::TooMany`] if there are more than [`MAX_SIGNATURES`]; [`SignatureError::Numbered`]
/// if one is malformed.
pub fn parse_all(text: &[u8]) -> Result<Vec<Signature>, SignatureError> {
    let mut signatures = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        if signatures.len() == MAX_SIGNATURES {
            return Err(SignatureError::TooMany);
        }
        let (signature, after) = armor::take(rest)
            .map_err(SignatureError::from)
            .and_then(|(blob, after)| Ok((Signature::from_blob(&blob)?, after)))
            .map_err(|error| SignatureError::Numbered {
                number: signatures.len() + 1,
                source: Box::new(error),
            })?;
        signatures.push(signature);
        rest = after;
    }
    Ok(signatures)
}

/// Returns the bytes that a key signs: PROTOCOL.sshsig, section 3.
pub(crate) fn signed(purpose: Purpose, message: &[u8]) -> Vec<u8> {
    let mut bytes = MAGIC.to_vec();
    put_string(&mut bytes, purpose.namespace().as_bytes());
    put_string(&mut bytes, b"");
    put_string(&mut bytes, HASH);
    put_string(&mut bytes, &Sha512::digest(message));
    bytes
}

/// Encodes the raw signature of [`signed`] as an armored signature.
pub(crate) fn encode(key: &Key, purpose: Purpose, algorithm: &str, bytes: &[u8]) -> String {
    let mut signature = Vec::new();
    put_string(&mut signature, algorithm.as_bytes());
    put_string(&mut signature, bytes);
    let mut blob = MAGIC.to_vec();
    blob.extend(VERSION.to_be_bytes());
    put_string(&mut blob, key.blob());
    put_string(&mut blob, purpose.namespace().as_bytes());
    put_string(&mut blob, b"");
    put_string(&mut blob, HASH);
    put_string(&mut blob, &signature);
    armor::encode(&blob)
}
