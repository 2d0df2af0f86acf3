//! Signing with a private key in a file.

use std::fmt;
use std::path::{Path, PathBuf};

use ed25519_dalek::Signer as _;
use sreg_model::Key;
use ssh_key::PrivateKey;

use super::{AskPassphrase, Signer, checked, is_native, no_key, public_half, read};
use crate::error::SignError;
use crate::namespace::Purpose;
use crate::signature::{encode, signed};

/// A private key of Ed25519 or ECDSA, from an OpenSSH key file. It is wiped when it is dropped, and
/// never printed.
pub struct KeyFile {
    path: PathBuf,
    key: Key,
    secret: PrivateKey,
}

impl KeyFile {
    /// Reads a key file, and asks for its passphrase if it has one.
    ///
    /// # Errors
    /// If the file holds no usable private key, or the passphrase is not given.
    pub fn open(path: &Path, ask: AskPassphrase<'_>) -> Result<Self, SignError> {
        let text = read(path)?;
        match public_half(path, &text)? {
            (key, true) if is_native(&key) => Self::from_text(path, &text, key, ask),
            (_, true) => Err(foreign(path)),
            (_, false) => Err(no_key(path, "is a public key")),
        }
    }

    pub(super) fn from_text(
        path: &Path,
        text: &[u8],
        key: Key,
        ask: AskPassphrase<'_>,
    ) -> Result<Self, SignError> {
        let mut secret = PrivateKey::from_openssh(text).map_err(|_| foreign(path))?;
        if secret.is_encrypted() {
            let passphrase = ask(path)?;
            secret = secret
                .decrypt(passphrase.as_bytes())
                .map_err(|error| match error {
                    ssh_key::Error::Crypto => SignError::WrongPassphrase {
                        path: path.to_owned(),
                    },
                    _ => foreign(path),
                })?;
        }
        Ok(Self {
            path: path.to_owned(),
            key,
            secret,
        })
    }
}

fn foreign(path: &Path) -> SignError {
    SignError::Foreign {
        path: path.to_owned(),
    }
}

impl Signer for KeyFile {
    fn key(&self) -> &Key {
        &self.key
    }

    fn sign(&self, purpose: Purpose, message: &[u8]) -> Result<String, SignError> {
        // ECDSA is deterministic here (RFC 6979): no random numbers are needed.
        let signature = self
            .secret
            .try_sign(&signed(purpose, message))
            .map_err(|_| no_key(&self.path, "does not sign"))?;
        let name = self.key.algorithm().name();
        let armor = encode(&self.key, purpose, name, signature.as_bytes());
        checked(&self.path, &self.key, purpose, message, armor)
    }
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile")
            .field("path", &self.path)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
