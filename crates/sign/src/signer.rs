//! Signers: a key file, or `ssh-keygen` for other keys.

mod key_file;
mod ssh_keygen;

use std::io::{self, Read as _};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sreg_model::Key;
use sreg_model::key::KeyAlgorithm;
use sreg_model::wire::Reader;
use zeroize::Zeroizing;

use crate::error::SignError;
use crate::key::check_key;
use crate::namespace::Purpose;
use crate::signature::Signature;

pub use key_file::KeyFile;
pub use ssh_keygen::SshKeygen;

/// Signs messages with one key.
pub trait Signer: Send + Sync {
    /// Returns the key that signs.
    fn key(&self) -> &Key;

    /// Signs `message`, verifies the signature, and returns it armored.
    ///
    /// # Errors
    /// If the message could not be signed, or the signature does not verify.
    fn sign(&self, purpose: Purpose, message: &[u8]) -> Result<String, SignError>;
}

/// Asks for the passphrase of a key file. Fails without a terminal.
pub type AskPassphrase<'a> = &'a mut dyn FnMut(&Path) -> Result<Zeroizing<String>, SignError>;

/// Opens the signer of the key at `path`: a private key file, or `ssh-keygen` for RSA and security keys,
/// and for the public key of a key in an agent.
///
/// # Errors
/// If the file holds no key in OpenSSH's format, the key is unsuitable, or its passphrase is not given.
pub fn open(path: &Path, ask: AskPassphrase<'_>) -> Result<Box<dyn Signer>, SignError> {
    let text = read(path)?;
    match native(path, &text, ask)? {
        Found::Native(signer) => Ok(signer),
        Found::Foreign(key) => Ok(Box::new(SshKeygen::of_key(path, key))),
    }
}

/// Opens the signer of the key in `text`, the content of a key file in the variable `name`. The text is
/// not copied.
///
/// # Errors
/// `NeedsFile` for a key that needs `ssh-keygen`, and for several keys; otherwise as [`open`].
pub fn open_text(
    name: &str,
    text: &str,
    ask: AskPassphrase<'_>,
) -> Result<Box<dyn Signer>, SignError> {
    let path = Path::new(name);
    let text = text.trim();
    if text.matches("-----BEGIN ").count() > 1 {
        return Err(SignError::Several {
            path: path.to_owned(),
        });
    }
    if !text.starts_with("-----BEGIN ") {
        return Err(match text.contains("PRIVATE KEY") {
            true => no_key(path, "holds more than a key"),
            false => no_key(
                path,
                "holds no text of a private key; if it is in base64, decode it",
            ),
        });
    }
    match native(path, text.as_bytes(), ask)? {
        Found::Native(signer) => Ok(signer),
        Found::Foreign(_) => Err(SignError::NeedsFile {
            path: path.to_owned(),
        }),
    }
}

/// The content of a key file.
enum Found {
    /// A private key that signs here.
    Native(Box<dyn Signer>),
    /// A key that `ssh-keygen` signs with.
    Foreign(Key),
}

fn native(path: &Path, text: &[u8], ask: AskPassphrase<'_>) -> Result<Found, SignError> {
    let (key, private) = public_half(path, text)?;
    if private && is_native(&key) {
        match KeyFile::from_text(path, text, key.clone(), ask) {
            // Such as an ECDSA key whose number starts with a zero: ssh-key refuses it.
            Err(SignError::Foreign { .. }) => {}
            signer => return Ok(Found::Native(Box::new(signer?))),
        }
    }
    Ok(Found::Foreign(key))
}

/// The longest key file, in bytes.
const MAX_FILE: u64 = 64 << 10;

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SignError> {
    let failed = |source: io::Error| SignError::Read {
        path: path.to_owned(),
        source,
    };
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let limit = usize::try_from(MAX_FILE).unwrap_or(usize::MAX);
    let mut text = Zeroizing::new(Vec::with_capacity(limit + 1));
    let mut file = sreg_files::open_given(path)
        .map_err(failed)?
        .take(MAX_FILE + 1);
    file.read_to_end(&mut text).map_err(failed)?;
    if text.len() > limit {
        return Err(no_key(path, "is too long to be a key"));
    }
    Ok(text)
}

fn no_key(path: &Path, what: &'static str) -> SignError {
    SignError::NoKey {
        path: path.to_owned(),
        what,
    }
}

fn is_native(key: &Key) -> bool {
    matches!(
        key.algorithm(),
        KeyAlgorithm::Ed25519 | KeyAlgorithm::EcdsaP256 | KeyAlgorithm::EcdsaP384
    )
}

const BEGIN: &[u8] = b"-----BEGIN OPENSSH PRIVATE KEY-----";
const END: &[u8] = b"-----END OPENSSH PRIVATE KEY-----";

/// Returns whether the line breaks of PEM were removed, or replaced by spaces or by a literal `\n`.
fn has_lost_lines(text: &[u8]) -> bool {
    let marker = text.strip_prefix(b"-----BEGIN ").and_then(|text| {
        let end = text.windows(5).position(|window| window == b"-----")?;
        Some(&text[end + 5..])
    });
    marker.is_some_and(|body| !body.starts_with(b"\n") && !body.starts_with(b"\r\n"))
}

/// Returns whether PKCS #8 that is not encrypted holds an Ed25519 key, by the object identifier of RFC 8410.
fn is_pkcs8_ed25519(text: &[u8]) -> bool {
    let Some(body) = text.strip_prefix(b"-----BEGIN PRIVATE KEY-----") else {
        return false;
    };
    let mut base64 = Zeroizing::new(Vec::with_capacity(body.len()));
    let body = body.split(|byte| *byte == b'-').next().unwrap_or_default();
    base64.extend(body.iter().filter(|byte| !byte.is_ascii_whitespace()));
    let Ok(der) = STANDARD.decode(&base64).map(Zeroizing::new) else {
        return false;
    };
    der.windows(5)
        .any(|window| window == [0x06, 0x03, 0x2b, 0x65, 0x70])
}

/// Returns the public key in a file, and whether the file has the private key, too. The public key is
/// not encrypted.
fn public_half(path: &Path, text: &[u8]) -> Result<(Key, bool), SignError> {
    if has_lost_lines(text) {
        return Err(SignError::LostLines {
            path: path.to_owned(),
        });
    }
    let (key, private) = if text.starts_with(BEGIN) {
        let key = of_container(text)
            .ok_or_else(|| no_key(path, "is a damaged key file, or of an unsupported kind"))?;
        (key, true)
    } else if text.starts_with(b"-----BEGIN ") {
        return Err(SignError::Pem {
            path: path.to_owned(),
            is_ed25519: is_pkcs8_ed25519(text),
        });
    } else {
        let key = std::str::from_utf8(text)
            .ok()
            .and_then(|text| Key::parse_line(text.lines().next()?).ok())
            .ok_or_else(|| no_key(path, "holds no OpenSSH key of a supported kind"))?;
        (key, false)
    };
    check_key(&key).map_err(|source| SignError::Unsuitable {
        path: path.to_owned(),
        source,
    })?;
    Ok((key, private))
}

/// Returns the public key in a file of OpenSSH's PROTOCOL.key.
fn of_container(text: &[u8]) -> Option<Key> {
    let after = text.strip_prefix(BEGIN)?;
    let end = after.windows(END.len()).position(|window| window == END)?;
    let mut base64 = Zeroizing::new(Vec::with_capacity(end));
    base64.extend(
        after[..end]
            .iter()
            .filter(|byte| !byte.is_ascii_whitespace()),
    );
    let container = Zeroizing::new(STANDARD.decode(&base64).ok()?);
    let mut reader = Reader::new(&container);
    if reader.bytes(15) != Some(b"openssh-key-v1\0") {
        return None;
    }
    let (_cipher, _kdf, _kdf_options) = (reader.string()?, reader.string()?, reader.string()?);
    if reader.number()? != 1 {
        return None;
    }
    Key::from_blob(reader.string()?).ok()
}

/// Verifies a new signature as readers will.
fn checked(
    path: &Path,
    key: &Key,
    purpose: Purpose,
    message: &[u8],
    armor: String,
) -> Result<String, SignError> {
    let verified = Signature::parse(armor.as_bytes()).and_then(|signature| {
        if signature.key() != key {
            return Err(crate::SignatureError::Invalid);
        }
        signature.verify(purpose, message)
    });
    match verified {
        Ok(()) => Ok(armor),
        Err(source) => Err(SignError::Made {
            path: path.to_owned(),
            source,
        }),
    }
}
