//! Checks the strength of keys, and verifies signatures with the primitives of libraries
//! (`spec/signature.md`, SIG-5 and SIG-19).

use p256::ecdsa::signature::Verifier as _;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA512};
use sha2::{Digest as _, Sha256};
use sreg_model::Key;
use sreg_model::key::{KeyAlgorithm, KeyParts};

use crate::error::SignatureError;
use crate::raw::{Raw, Scheme};

/// Lengths of an RSA modulus, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// Returns whether signatures by a key can be accepted at all.
///
/// # Errors
/// [`SignatureError::WeakKey`] for RSA of the wrong length or with an unusable exponent, and for points
/// that are off their curve, of small order, or not in their only permitted encoding.
pub fn check_key(key: &Key) -> Result<(), SignatureError> {
    PublicKey::new(key).map(drop)
}

/// A key that was found strong enough.
#[derive(Debug, Clone)]
pub(crate) struct PublicKey {
    curve: Curve,
    /// The hash of a security key's application.
    application: Option<[u8; 32]>,
}

#[derive(Debug, Clone)]
enum Curve {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    Rsa { exponent: Vec<u8>, modulus: Vec<u8> },
}

impl PublicKey {
    pub(crate) fn new(key: &Key) -> Result<Self, SignatureError> {
        let algorithm = key.algorithm();
        let weak = |what| SignatureError::WeakKey { algorithm, what };
        let (curve, application) = match key.parts() {
            KeyParts::Ed25519(point) => (edwards(point).map_err(weak)?, None),
            KeyParts::SkEd25519 { point, application } => {
                (edwards(point).map_err(weak)?, Some(application))
            }
            KeyParts::EcdsaP256(point) => (p256(point).map_err(weak)?, None),
            KeyParts::SkEcdsaP256 { point, application } => {
                (p256(point).map_err(weak)?, Some(application))
            }
            KeyParts::EcdsaP384(point) => {
                let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(point);
                (Curve::P384(key.map_err(|_| weak(OFF_CURVE))?), None)
            }
            KeyParts::Rsa { exponent, modulus } => (rsa(exponent, modulus).map_err(weak)?, None),
            _ => return Err(weak("is of an algorithm that cannot be verified")),
        };
        Ok(Self {
            curve,
            application: application.map(|name| Sha256::digest(name).into()),
        })
    }

    /// Returns the bytes of a modulus, which are those of a signature.
    pub(crate) fn modulus_length(&self) -> Option<usize> {
        match &self.curve {
            Curve::Rsa { modulus, .. } => Some(modulus.len()),
            _ => None,
        }
    }

    /// Returns whether `raw` is a signature of `signed` by this key.
    pub(crate) fn verifies(&self, raw: &Raw, signed: &[u8]) -> bool {
        match (&self.application, &raw.touch) {
            (None, None) => self.verifies_bytes(raw, signed),
            // PROTOCOL.u2f: what the device signs.
            (Some(application), Some(touch)) => {
                let mut by_device = application.to_vec();
                by_device.push(touch.flags);
                by_device.extend(touch.counter.to_be_bytes());
                by_device.extend(Sha256::digest(signed));
                self.verifies_bytes(raw, &by_device)
            }
            _ => false,
        }
    }

    fn verifies_bytes(&self, raw: &Raw, signed: &[u8]) -> bool {
        match (&self.curve, raw.scheme) {
            // Strict: S is below the order, and neither the key nor R is of small order.
            (Curve::Ed25519(key), Scheme::Ed25519) => {
                ed25519_dalek::Signature::from_slice(&raw.bytes)
                    .is_ok_and(|signature| key.verify_strict(signed, &signature).is_ok())
            }
            (Curve::P256(key), Scheme::P256) => p256::ecdsa::Signature::from_slice(&raw.bytes)
                .is_ok_and(|signature| key.verify(signed, &signature).is_ok()),
            (Curve::P384(key), Scheme::P384) => p384::ecdsa::Signature::from_slice(&raw.bytes)
                .is_ok_and(|signature| key.verify(signed, &signature).is_ok()),
            (Curve::Rsa { exponent, modulus }, scheme) => {
                let parameters = match scheme {
                    Scheme::RsaSha256 => &RSA_PKCS1_2048_8192_SHA256,
                    Scheme::RsaSha512 => &RSA_PKCS1_2048_8192_SHA512,
                    _ => return false,
                };
                let (n, e) = (modulus, exponent);
                ring::signature::RsaPublicKeyComponents { n, e }
                    .verify(parameters, signed, &raw.bytes)
                    .is_ok()
            }
            _ => false,
        }
    }
}

const OFF_CURVE: &str = "is no point of its curve";

fn edwards(point: &[u8; 32]) -> Result<Curve, &'static str> {
    let key = ed25519_dalek::VerifyingKey::from_bytes(point).map_err(|_| OFF_CURVE)?;
    if key.is_weak() {
        return Err("is of small order: it verifies signatures of any message");
    }
    // A second spelling of a point would make one key two.
    if key.to_edwards().compress().as_bytes() != point {
        return Err("is a point in another than its one spelling");
    }
    Ok(Curve::Ed25519(key))
}

fn p256(point: &[u8; 65]) -> Result<Curve, &'static str> {
    p256::ecdsa::VerifyingKey::from_sec1_bytes(point)
        .map(Curve::P256)
        .map_err(|_| OFF_CURVE)
}

/// Checks an RSA key. ring checks the length in whole bytes only; this function checks it to the bit.
fn rsa(exponent: &[u8], modulus: &[u8]) -> Result<Curve, &'static str> {
    let unused = modulus
        .first()
        .map_or(0, |byte| byte.leading_zeros() as usize);
    if !RSA_BITS.contains(&(modulus.len() * 8 - unused)) {
        return Err("does not have 2048 to 8192 bits");
    }
    let odd = |number: &[u8]| number.last().is_some_and(|byte| byte & 1 == 1);
    // From 3 to 2^33 - 1: what ring takes.
    let small = match exponent {
        [1] => false,
        [first, rest @ ..] => rest.len() < 4 || (rest.len() == 4 && *first <= 1),
        [] => false,
    };
    if !small || !odd(exponent) {
        return Err("has an exponent that is even, 1, or over 33 bits");
    }
    if !odd(modulus) {
        return Err("has an even modulus");
    }
    Ok(Curve::Rsa {
        exponent: exponent.to_vec(),
        modulus: modulus.to_vec(),
    })
}

/// Returns the name of a key's signature algorithms, for [`SignatureError::Algorithm`].
pub(crate) fn expected(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::Rsa => "rsa-sha2-512 or rsa-sha2-256",
        other => other.name(),
    }
}
