//! The keys that a command signs with, and their passphrases.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sreg_model::trust::{ListedKey, Trust};
use sreg_model::{Fingerprint, Key};
use sreg_sign::{SignError, Signer, amend};
use sreg_tree::publish::{Keys, days};
use zeroize::Zeroizing;

use crate::args::Signing;
use crate::problem::Problem;

/// The longest passphrase, in bytes.
const MAX_PASSPHRASE: usize = 4096;
/// The longest `.pub` file, in bytes.
const MAX_PUBLIC: u64 = 64 << 10;

/// Keys that were opened.
pub(crate) struct Opened {
    signers: Vec<Box<dyn Signer>>,
    comment: Option<String>,
    nonce: [u8; 16],
    head_term: Option<u64>,
}

impl Opened {
    /// Opens the keys that were named.
    pub(crate) fn open(signing: &Signing) -> Result<Self, Problem> {
        let mut passphrases = Passphrases::new(signing.passphrase_fd)?;
        let mut signers: Vec<Box<dyn Signer>> = Vec::new();
        for path in &signing.keys {
            let signer = sreg_sign::open(path, &mut |path| passphrases.ask(path))?;
            if !signers.iter().any(|other| other.key() == signer.key()) {
                signers.push(signer);
            }
        }
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| {
            Problem::new(
                "unreadable",
                format!("the system gives no random numbers: {error}"),
            )
        })?;
        let comment = signing.keys.first().and_then(|path| comment_beside(path));
        Ok(Self {
            signers,
            comment,
            nonce,
            head_term: signing.expires.map(days),
        })
    }

    /// As [`Opened::open`], where without a key nothing can be done.
    pub(crate) fn need(signing: &Signing) -> Result<Self, Problem> {
        if signing.keys.is_empty() {
            return Err(Problem::new("usage", "no key is given to sign with")
                .with_hint("name a private key, such as --key ~/.ssh/id_ed25519"));
        }
        Self::open(signing)
    }

    /// What signs.
    pub(crate) fn signers(&self) -> &[Box<dyn Signer>] {
        &self.signers
    }

    /// The keys as publishing takes them.
    pub(crate) fn keys(&self, may_begin: bool, renew: bool) -> Keys<'_> {
        Keys {
            signers: &self.signers,
            comment: self.comment.clone(),
            nonce: self.nonce,
            may_begin,
            head_term: self.head_term,
            renew,
        }
    }
}

/// Where passphrases come from: a file descriptor, a file, or the terminal.
struct Passphrases {
    given: Option<File>,
}

impl Passphrases {
    fn new(fd: Option<u32>) -> Result<Self, Problem> {
        let path = match (fd, std::env::var_os("SREG_KEY_PASSPHRASE_FILE")) {
            (Some(fd), _) => PathBuf::from(format!("/dev/fd/{fd}")),
            (None, Some(path)) => PathBuf::from(path),
            (None, None) => return Ok(Self { given: None }),
        };
        let given = File::open(&path).map_err(|error| {
            Problem::new(
                "unreadable",
                format!("no passphrase can be read from {}: {error}", path.display()),
            )
        })?;
        Ok(Self { given: Some(given) })
    }

    fn ask(&mut self, key: &Path) -> Result<Zeroizing<String>, SignError> {
        let nobody = || SignError::NoPassphrase {
            path: key.to_owned(),
        };
        match &mut self.given {
            Some(file) => line(file).ok().flatten().ok_or_else(nobody),
            None => rpassword::prompt_password(format!(
                "passphrase of {}: ",
                crate::output::printable(&key.display().to_string(), true)
            ))
            .map(Zeroizing::new)
            .map_err(|_| nobody()),
        }
    }
}

/// The next line of a file. It is read byte by byte: nothing is taken that belongs to the next key,
/// and no copy of it is left in a buffer.
fn line(file: &mut File) -> io::Result<Option<Zeroizing<String>>> {
    let mut line = Zeroizing::new(String::with_capacity(MAX_PASSPHRASE));
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_PASSPHRASE));
    let mut byte = Zeroizing::new([0u8]);
    let mut read = false;
    while bytes.len() < MAX_PASSPHRASE && file.read(&mut byte[..])? == 1 {
        read = true;
        if byte[0] == b'\n' {
            break;
        }
        bytes.push(byte[0]);
    }
    let text = std::str::from_utf8(&bytes).map_err(io::Error::other)?;
    line.push_str(text.strip_suffix('\r').unwrap_or(text));
    Ok(read.then_some(line))
}

/// The comment of the `.pub` file beside a key file, or of the file itself.
fn comment_beside(path: &Path) -> Option<String> {
    let public = match path.extension() {
        Some(extension) if extension == "pub" => path.to_owned(),
        _ => {
            let mut name = path.as_os_str().to_owned();
            name.push(".pub");
            PathBuf::from(name)
        }
    };
    read_public(&public).ok()?.comment
}

fn read_public(path: &Path) -> Result<ListedKey, Problem> {
    let wrong = |what: String| Problem::new("malformed-key", format!("{}: {what}", path.display()));
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_PUBLIC).read_to_string(&mut text));
    read.map_err(|error| wrong(error.to_string()))?;
    if text.contains("PRIVATE KEY") {
        return Err(wrong(
            "it is a private key; its public half is in the .pub file beside it".to_owned(),
        ));
    }
    let line = text.lines().next().unwrap_or_default();
    let key = Key::parse_line(line).map_err(|error| wrong(error.to_string()))?;
    let mut words = line.splitn(3, ' ');
    let comment = words.nth(2).map(str::trim).filter(|text| !text.is_empty());
    // One that trust cannot hold is left out.
    let comment = comment.filter(|text| {
        text.len() <= sreg_model::document::MAX_TEXT && sreg_model::canonical::is_plain_text(text)
    });
    Ok(amend::listed(key, comment.map(str::to_owned)))
}

/// A key of others: a `.pub` file, or the fingerprint of one that trust lists.
pub(crate) fn public(text: &str, trust: &Trust) -> Result<ListedKey, Problem> {
    let Ok(fingerprint) = text.parse::<Fingerprint>() else {
        return read_public(Path::new(text));
    };
    trust
        .keys
        .iter()
        .find(|listed| listed.key.fingerprint() == fingerprint)
        .cloned()
        .ok_or_else(|| {
            Problem::new("not-in-trust", format!("trust lists no key {fingerprint}"))
                .with_hint("name the .pub file of a key that is new")
        })
}

/// The fingerprint of a key of others: of a `.pub` file, or as it stands.
pub(crate) fn fingerprint(text: &str) -> Result<Fingerprint, Problem> {
    match text.parse() {
        Ok(fingerprint) => Ok(fingerprint),
        Err(_) => Ok(read_public(Path::new(text))?.key.fingerprint()),
    }
}
