//! The innermost part of a signature, in the form of its algorithm (`spec/signature.md`, SIG-13
//! to SIG-17).

use sreg_model::key::KeyAlgorithm;
use sreg_model::wire::Reader;

use crate::error::{SignatureError, clean};
use crate::key::{self, PublicKey};

/// The signature scheme.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scheme {
    Ed25519,
    P256,
    P384,
    RsaSha256,
    RsaSha512,
}

/// A signature in the form of the libraries: for ECDSA r and s, each as long as the curve's numbers.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub(crate) scheme: Scheme,
    pub(crate) bytes: Vec<u8>,
    /// The flags and counter of a security key.
    pub(crate) touch: Option<Touch>,
}

/// The flags and counter that a security key signs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Touch {
    pub(crate) flags: u8,
    pub(crate) counter: u32,
}

/// The user touched the device.
const USER_PRESENT: u8 = 1;

impl Raw {
    /// Reads the `string signature` of an SSHSIG blob, made by a key of `algorithm`.
    pub(crate) fn parse(
        bytes: &[u8],
        algorithm: KeyAlgorithm,
        key: &PublicKey,
    ) -> Result<Self, SignatureError> {
        let mut reader = Reader::new(bytes);
        let wrong = SignatureError::Format;
        let name = reader.string().ok_or(wrong("signature algorithm"))?;
        let scheme = scheme(name, algorithm)?;
        let inner = reader.string().ok_or(wrong("signature bytes"))?;
        let touch = if algorithm.is_security_key() {
            let flags = reader.byte().ok_or(wrong("flags"))?;
            let counter = reader.number().ok_or(wrong("counter"))?;
            Some(Touch { flags, counter })
        } else {
            None
        };
        if !reader.is_empty() {
            return Err(SignatureError::Trailing("signature bytes"));
        }
        let bytes = match scheme {
            Scheme::Ed25519 => (inner.len() == 64).then(|| inner.to_vec()),
            Scheme::P256 => pair(inner, 32),
            Scheme::P384 => pair(inner, 48),
            Scheme::RsaSha256 | Scheme::RsaSha512 => {
                (Some(inner.len()) == key.modulus_length()).then(|| inner.to_vec())
            }
        };
        let bytes = bytes.ok_or(wrong("signature bytes"))?;
        if touch.is_some_and(|touch| touch.flags & USER_PRESENT == 0) {
            return Err(SignatureError::Presence);
        }
        Ok(Self {
            scheme,
            bytes,
            touch,
        })
    }
}

/// Returns the scheme that a signature names, if the key permits it.
fn scheme(name: &[u8], algorithm: KeyAlgorithm) -> Result<Scheme, SignatureError> {
    match algorithm {
        KeyAlgorithm::Rsa if name == b"rsa-sha2-512" => return Ok(Scheme::RsaSha512),
        KeyAlgorithm::Rsa if name == b"rsa-sha2-256" => return Ok(Scheme::RsaSha256),
        KeyAlgorithm::Rsa => {}
        _ if name != algorithm.name().as_bytes() => {}
        KeyAlgorithm::Ed25519 | KeyAlgorithm::SkEd25519 => return Ok(Scheme::Ed25519),
        KeyAlgorithm::EcdsaP256 | KeyAlgorithm::SkEcdsaP256 => return Ok(Scheme::P256),
        KeyAlgorithm::EcdsaP384 => return Ok(Scheme::P384),
        _ => {}
    }
    Err(SignatureError::Algorithm {
        given: clean(name),
        expected: key::expected(algorithm),
    })
}

/// Parses two positive numbers, and pads each with leading zeros to `width` bytes.
fn pair(bytes: &[u8], width: usize) -> Option<Vec<u8>> {
    let mut reader = Reader::new(bytes);
    let mut pair = Vec::with_capacity(2 * width);
    for _ in 0..2 {
        let number = reader.positive()?;
        pair.resize(pair.len() + width.checked_sub(number.len())?, 0);
        pair.extend_from_slice(number);
    }
    reader.is_empty().then_some(pair)
}
