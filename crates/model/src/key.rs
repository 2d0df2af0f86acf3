//! OpenSSH public keys and their fingerprints, as text and as data (`spec/signature.md`).
//!
//! This module contains no cryptography: the crate `sign` checks the strength of keys, and verifies.

mod fingerprint;
mod parts;

use crate::fault::Code;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::digest::shorten;

pub use fingerprint::{Fingerprint, FingerprintError};
pub use parts::KeyParts;

/// The maximal length of a key in its binary form, in bytes: RSA of 8192 bits has 1,047 (SIG-3).
pub const MAX_BLOB: usize = 1_100;

/// The algorithm of a key (SIG-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// `ssh-ed25519` (RFC 8709).
    Ed25519,
    /// `ecdsa-sha2-nistp256` (RFC 5656).
    EcdsaP256,
    /// `ecdsa-sha2-nistp384` (RFC 5656).
    EcdsaP384,
    /// `ssh-rsa` (RFC 4253 §6.6).
    Rsa,
    /// `sk-ssh-ed25519@openssh.com` (PROTOCOL.u2f): a security key.
    SkEd25519,
    /// `sk-ecdsa-sha2-nistp256@openssh.com` (PROTOCOL.u2f): a security key.
    SkEcdsaP256,
}

impl KeyAlgorithm {
    const ALL: [Self; 6] = [
        Self::Ed25519,
        Self::EcdsaP256,
        Self::EcdsaP384,
        Self::Rsa,
        Self::SkEd25519,
        Self::SkEcdsaP256,
    ];

    /// Returns its name in keys.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::EcdsaP384 => "ecdsa-sha2-nistp384",
            Self::Rsa => "ssh-rsa",
            Self::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            Self::SkEcdsaP256 => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// Returns whether the private key is in a device that requires a touch.
    #[must_use]
    pub const fn is_security_key(self) -> bool {
        matches!(self, Self::SkEd25519 | Self::SkEcdsaP256)
    }

    pub(crate) fn of_name(name: &[u8]) -> Result<Self, KeyError> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().as_bytes() == name)
            .ok_or_else(|| KeyError::Algorithm(shorten(&String::from_utf8_lossy(name))))
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A public key. Its text is `<algorithm> <base64>`, without a comment (SIG-1).
///
/// Two keys are equal if their binary forms are, and are sorted by them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    blob: Vec<u8>,
    algorithm: KeyAlgorithm,
}

/// Why text or bytes are not a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The text is not `<algorithm> <base64>`.
    #[error("key {0:?} is not an algorithm, one space, and base64")]
    Text(String),
    /// The base64 is not canonical with its padding.
    #[error("key {0:?} is not in canonical base64")]
    Base64(String),
    /// The algorithm is not supported. Certificates are not supported either.
    #[error("keys of the algorithm {0:?} are not supported")]
    Algorithm(String),
    /// The text names another algorithm than the key.
    #[error("the text names the algorithm {outside:?}, but the key has {inside}")]
    OtherAlgorithm {
        /// The algorithm in the text.
        outside: String,
        /// The algorithm in the binary form.
        inside: KeyAlgorithm,
    },
    /// The binary form is not that of its algorithm.
    #[error("the key has no valid {0}")]
    Field(&'static str),
    /// Bytes follow the last field.
    #[error("bytes follow the key's last field")]
    Trailing,
    /// Longer than [`MAX_BLOB`].
    #[error("the key has {0} bytes, expected at most 1100")]
    TooLong(usize),
}

impl KeyError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        Code::MalformedKey
    }
}

impl Key {
    /// Parses the binary form (SIG-3).
    ///
    /// # Errors
    /// [`KeyError`] if it is not exactly the fields of a supported algorithm.
    pub fn from_blob(blob: &[u8]) -> Result<Self, KeyError> {
        if blob.len() > MAX_BLOB {
            return Err(KeyError::TooLong(blob.len()));
        }
        let (algorithm, _) = parts::parse(blob)?;
        Ok(Self {
            blob: blob.to_vec(),
            algorithm,
        })
    }

    /// Parses a line of a `.pub` file or of a list of keys: the key's text, perhaps with spaces around
    /// it and a comment after it. Refuses options before it.
    ///
    /// # Errors
    /// [`KeyError`] if the line has no key at its start.
    pub fn parse_line(line: &str) -> Result<Self, KeyError> {
        let mut words = line.split_ascii_whitespace();
        match (words.next(), words.next()) {
            (Some(algorithm), Some(base64)) => Self::of_words(algorithm, base64),
            _ => Err(KeyError::Text(shorten(line))),
        }
    }

    fn of_words(algorithm: &str, base64: &str) -> Result<Self, KeyError> {
        // Before the base64, so that what is no key at all is not called badly encoded.
        KeyAlgorithm::of_name(algorithm.as_bytes())?;
        // An upper bound first: no work for what is too long anyway.
        if base64.len() > MAX_BLOB.div_ceil(3) * 4 {
            return Err(KeyError::TooLong(base64.len() / 4 * 3));
        }
        let blob = STANDARD
            .decode(base64)
            .map_err(|_| KeyError::Base64(shorten(base64)))?;
        let key = Self::from_blob(&blob)?;
        if key.algorithm.name() != algorithm {
            return Err(KeyError::OtherAlgorithm {
                outside: algorithm.to_owned(),
                inside: key.algorithm,
            });
        }
        Ok(key)
    }

    /// Returns the binary form.
    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// Returns the algorithm of the key.
    #[must_use]
    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    /// Returns the fingerprint of the key (SIG-4).
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of_blob(&self.blob)
    }

    /// Returns the fields of the binary form.
    ///
    /// # Panics
    /// Never: the binary form was parsed when the key was made.
    #[must_use]
    pub fn parts(&self) -> KeyParts<'_> {
        parts::parse(&self.blob)
            .expect("the binary form was read when the key was made")
            .1
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, STANDARD.encode(&self.blob))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        match text.split_once(' ') {
            Some((algorithm, base64)) => Self::of_words(algorithm, base64),
            None => Err(KeyError::Text(shorten(text))),
        }
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        crate::canonical::from_text(deserializer)
    }
}

#[cfg(test)]
mod tests;
