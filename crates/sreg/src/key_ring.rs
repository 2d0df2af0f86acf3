//! The signing keys of a program.

use std::fmt;
use std::path::Path;

use sreg_publish::Keys;
use sreg_sign::{AskPassphrase, SignError, Signer};

use crate::Error;

/// The signing keys of a program.
pub struct KeyRing {
    signers: Vec<Box<dyn Signer>>,
    nonce: [u8; 16],
    comment: Option<String>,
    head_term: Option<u64>,
}

impl KeyRing {
    /// Opens the OpenSSH key at `path`: a private key without a passphrase, or the public half of a key that an
    /// agent or a security key holds, which `ssh-keygen` then signs with.
    ///
    /// # Errors
    /// `Key` if the file has no suitable key, or the key has a passphrase; `Random` if the system has no random
    /// numbers.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        Self::open_with(path, &mut |path| {
            Err(SignError::NoPassphrase {
                path: path.to_owned(),
            })
        })
    }

    /// Opens the OpenSSH key at `path`, and calls `ask` if it has a passphrase.
    ///
    /// # Errors
    /// As [`KeyRing::open`]; the error of `ask`.
    pub fn open_with(path: impl AsRef<Path>, ask: AskPassphrase<'_>) -> Result<Self, Error> {
        Self::new(vec![sreg_sign::open(path.as_ref(), ask)?])
    }

    /// Returns a ring of custom signers, such as a hardware module.
    ///
    /// # Errors
    /// `Random` if the system has no random numbers.
    pub fn new(signers: Vec<Box<dyn Signer>>) -> Result<Self, Error> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(Error::Random)?;
        Ok(Self {
            signers,
            nonce,
            comment: None,
            head_term: None,
        })
    }

    /// Sets the text beside the key in the trust document of a new registry, such as the name of its owner.
    #[must_use]
    pub fn comment(self, comment: impl Into<String>) -> Self {
        Self {
            comment: Some(comment.into()),
            ..self
        }
    }

    /// Sets the lifetime of the published version in days (default: that of the previous version, 400 for the
    /// first).
    #[must_use]
    pub fn valid_for_days(self, days: u64) -> Self {
        Self {
            head_term: Some(sreg_publish::days(days)),
            ..self
        }
    }

    /// Returns the signers.
    #[must_use]
    pub fn signers(&self) -> &[Box<dyn Signer>] {
        &self.signers
    }

    pub(crate) fn keys(&self, may_begin: bool) -> Keys<'_> {
        Keys {
            signers: &self.signers,
            comment: self.comment.clone(),
            nonce: self.nonce,
            may_begin,
            head_term: self.head_term,
            renew: false,
        }
    }
}

impl fmt::Debug for KeyRing {
    /// Shows the public keys.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.signers.iter().map(|signer| signer.key());
        f.debug_list()
            .entries(keys.map(|key| key.fingerprint()))
            .finish()
    }
}
