//! Why bytes are not a valid signature, or could not be signed.

use sreg_model::fault::Code;
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use sreg_model::key::{KeyAlgorithm, KeyError};

use crate::armor::ArmorError;

/// Why bytes are not a valid signature of a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// The armor is not in its only permitted encoding.
    #[error("malformed armor")]
    Armor(#[from] ArmorError),
    /// A field is missing, or has a value that the format does not allow.
    #[error("the signature has no valid {0}")]
    Format(&'static str),
    /// Bytes follow the last field.
    #[error("bytes follow the {0}")]
    Trailing(&'static str),
    /// The signature's key cannot be read.
    #[error("malformed key in the signature")]
    Key(#[source] KeyError),
    /// The key is too weak, or is one that no honest signer has.
    #[error("the {algorithm} key {what}")]
    WeakKey {
        /// The key's algorithm.
        algorithm: KeyAlgorithm,
        /// The fault.
        what: &'static str,
    },
    /// The hash or the signature algorithm is not allowed, or not with this key.
    #[error("algorithm {given:?}, expected {expected}")]
    Algorithm {
        /// The name in the signature.
        given: String,
        /// The permitted names.
        expected: &'static str,
    },
    /// The security key was not touched.
    #[error("the security key was not touched when it signed")]
    Presence,
    /// The signature has another purpose.
    #[error("the signature is for {given:?}, expected {expected:?}")]
    Namespace {
        /// The namespace in the signature.
        given: String,
        /// The namespace of the expected purpose.
        expected: &'static str,
    },
    /// The signature does not verify for this message and key.
    #[error("the signature does not match the message and the key")]
    Invalid,
    /// There are more signatures than [`crate::MAX_SIGNATURES`].
    #[error("more than 32 signatures")]
    TooMany,
    /// One of several signatures is wrong.
    #[error("signature {number}")]
    Numbered {
        /// Its number, from 1.
        number: usize,
        /// The fault.
        source: Box<SignatureError>,
    },
}

impl SignatureError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Armor(_) => Code::SignatureArmor,
            Self::Format(_) | Self::Trailing(_) => Code::SignatureFormat,
            Self::Key(KeyError::Algorithm(_)) | Self::WeakKey { .. } => Code::SignatureKey,
            Self::Key(_) => Code::SignatureFormat,
            Self::Algorithm { .. } => Code::SignatureAlgorithm,
            Self::Presence => Code::SignaturePresence,
            Self::Namespace { .. } => Code::SignatureNamespace,
            Self::Invalid => Code::SignatureInvalid,
            Self::TooMany => Code::SignatureCount,
            Self::Numbered { source, .. } => source.code(),
        }
    }
}

/// Why a message could not be signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The key file cannot be read.
    #[error("{} cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds no key that can sign.
    #[error("{} {what}", path.display())]
    NoKey {
        /// The file.
        path: PathBuf,
        /// The content of the file.
        what: &'static str,
    },
    /// The text of a key has lost its line breaks.
    #[error("{} holds a key whose line breaks were lost", path.display())]
    LostLines {
        /// The file, or the variable.
        path: PathBuf,
    },
    /// The variable holds the texts of several keys.
    #[error("{} holds several keys, expected one", path.display())]
    Several {
        /// The variable.
        path: PathBuf,
    },
    /// The private key is in another format than OpenSSH's.
    #[error("{} holds a private key in another format than OpenSSH's", path.display())]
    Pem {
        /// The file, or the variable.
        path: PathBuf,
        /// Whether it is an Ed25519 key in PKCS #8, which `ssh-keygen` reads from OpenSSH 9.6 on.
        is_ed25519: bool,
    },
    /// The key needs `ssh-keygen`, but was given as text.
    #[error("{} holds a key that needs ssh-keygen, which reads keys from files only", path.display())]
    NeedsFile {
        /// The variable.
        path: PathBuf,
    },
    /// The source of a passphrase cannot be read. Its name may be the passphrase, and is not part of the
    /// error.
    #[error("{name} must name a file that holds the passphrase")]
    PassphraseFile {
        /// The variable or the option that names it.
        name: String,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// The key is too weak.
    #[error("{} cannot be used", path.display())]
    Unsuitable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: SignatureError,
    },
    /// A passphrase is needed, and there is no terminal.
    #[error("{} has a passphrase, but there is no terminal to ask for it", path.display())]
    NoPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase is wrong.
    #[error("the passphrase of {} is wrong", path.display())]
    WrongPassphrase {
        /// The file.
        path: PathBuf,
    },
    /// The private key is in a format that this crate does not read. [`crate::open`] leaves it to
    /// `ssh-keygen`.
    #[error("{} holds a private key in a format that only ssh-keygen reads", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// `ssh-keygen` cannot be started.
    #[error("{program:?} cannot be started: it comes with OpenSSH, 8.1 or later")]
    Program {
        /// The program.
        program: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// `ssh-keygen` did not sign.
    #[error("ssh-keygen does not sign with {}: {said}", path.display())]
    Refused {
        /// The key that was named.
        path: PathBuf,
        /// Its output, on one line.
        said: String,
    },
    /// The new signature does not verify for the message and the key.
    #[error("{} made an invalid signature", path.display())]
    Made {
        /// The key.
        path: PathBuf,
        /// The fault.
        source: SignatureError,
    },
}

impl SignError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Code::MissingFile
            }
            Self::Read { source, .. } if sreg_files::is_not_a_file(source) => Code::NotAFile,
            Self::Read { .. } => Code::Unreadable,
            Self::NoKey { .. }
            | Self::LostLines { .. }
            | Self::Several { .. }
            | Self::Pem { .. }
            | Self::NeedsFile { .. }
            | Self::Unsuitable { .. }
            | Self::Foreign { .. } => Code::SigningKey,
            Self::NoPassphrase { .. }
            | Self::WrongPassphrase { .. }
            | Self::PassphraseFile { .. } => Code::Passphrase,
            Self::Program { .. } | Self::Refused { .. } | Self::Made { .. } => Code::SigningFailed,
        }
    }
}

/// Returns untrusted text for an error message: one line, no control characters, at most 300 characters.
pub(crate) fn clean(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::new();
    for word in text.split(|character: char| character.is_whitespace() || character.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        for character in word.chars() {
            match character {
                // What turns the direction of text, or is not seen.
                '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                    // Writing to a string does not fail.
                    let _ = write!(shown, "{}", character.escape_unicode());
                }
                _ => shown.push(character),
            }
        }
    }
    if shown.chars().count() > 300 {
        shown = shown.chars().take(299).chain(['…']).collect();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn what_others_say_is_one_harmless_line() {
        assert_eq!(clean(b" a\r\n\x1b[31mb\0 \xff "), "a [31mb \u{fffd}");
        assert_eq!(clean("x\u{202e}y".as_bytes()), "x\\u{202e}y");
        assert_eq!(clean(&[b'a'; 400]).chars().count(), 300);
    }
}
