//! The keys that a command signs with, and their passphrases.

mod source;

use sreg_model::fault::Code;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sreg_model::trust::{ListedKey, Trust};
use sreg_model::{Fingerprint, Key};
use sreg_publish::{Keys, days};
use sreg_sign::{SignError, Signer, amend};
use zeroize::Zeroizing;

pub(crate) use self::source::KeySource;
use self::source::refuse_secret;
use crate::args::Signing;
use crate::error::{CommandError, Line};
use crate::output::Output;

/// The maximal length of a passphrase, in bytes.
const MAX_PASSPHRASE: usize = 4096;
/// The maximal size of a `.pub` file, in bytes.
const MAX_PUBLIC: usize = 64 << 10;

/// The opened keys.
pub(crate) struct Opened {
    signers: Vec<Box<dyn Signer>>,
    comment: Option<String>,
    nonce: [u8; 16],
    head_term: Option<u64>,
    /// The option that names the first key, for hints.
    option: String,
}

impl Opened {
    /// Opens the keys of the arguments or the environment.
    pub(crate) fn open(signing: &Signing, output: &Output) -> Result<Self, CommandError> {
        let sources = KeySource::all(&signing.keys)?;
        let mut passphrases = Passphrases::new(signing.passphrase_fd);
        let mut signers: Vec<Box<dyn Signer>> = Vec::new();
        for source in &sources {
            let signer = source.open(&mut |path| passphrases.ask(path))?;
            if let Some((path, mode)) = source.open_to_others() {
                output.warning(&Line {
                    code: Code::KeyPermissions,
                    path: None,
                    message: format!(
                        "{}: private key readable by other users (mode {mode:04o}): run `chmod 600 {}`",
                        path.display(),
                        path.display()
                    ),
                });
            }
            if !signers.iter().any(|other| other.key() == signer.key()) {
                signers.push(signer);
            }
        }
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|error| {
            CommandError::new(
                Code::Unreadable,
                format!("cannot get random numbers from the system: {error}"),
            )
        })?;
        let file = sources.first().and_then(KeySource::file);
        let comment = file.and_then(comment_beside);
        let option = sources.first().map(KeySource::as_option);
        Ok(Self {
            signers,
            comment,
            nonce,
            head_term: signing.expires.map(days),
            option: option.unwrap_or_default(),
        })
    }

    /// Opens the keys; fails if there are none.
    pub(crate) fn need(signing: &Signing, output: &Output) -> Result<Self, CommandError> {
        let opened = Self::open(signing, output)?;
        if opened.signers.is_empty() {
            return Err(CommandError::new(Code::Usage, "no signing key")
                .with_hint("add --key with a private key, such as --key ~/.ssh/id_ed25519"));
        }
        Ok(opened)
    }

    /// Returns the option that names the first key, with a leading space; empty for a variable.
    pub(crate) fn option(&self) -> &str {
        &self.option
    }

    /// Returns the signers.
    pub(crate) fn signers(&self) -> &[Box<dyn Signer>] {
        &self.signers
    }

    /// Returns the keys for a publishing session.
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

/// The source of passphrases: a file descriptor, a file, or the terminal.
struct Passphrases {
    /// The option or variable that names the file, and the file. The file name may be the passphrase by
    /// mistake, so it is never shown.
    from: Option<(String, PathBuf)>,
    /// The file, opened when the first passphrase is needed.
    given: Option<File>,
}

impl Passphrases {
    fn new(fd: Option<u32>) -> Self {
        let variable = "SREG_KEY_PASSPHRASE_FILE";
        let file = || Some((variable.to_owned(), std::env::var_os(variable)?.into()));
        let fd = fd.map(|fd| {
            let path = PathBuf::from(format!("/dev/fd/{fd}"));
            (format!("--passphrase-fd {fd}"), path)
        });
        Self {
            from: fd.or_else(file),
            given: None,
        }
    }

    fn ask(&mut self, key: &Path) -> Result<Zeroizing<String>, SignError> {
        let Some((name, from)) = &self.from else {
            let shown = crate::output::printable(&key.display().to_string(), true);
            let typed = rpassword::prompt_password(format!("passphrase of {shown}: "));
            return typed
                .map(Zeroizing::new)
                .map_err(|_| SignError::NoPassphrase {
                    path: key.to_owned(),
                });
        };
        let failed = |source| SignError::PassphraseFile {
            name: name.clone(),
            source,
        };
        let mut file = match self.given.take() {
            Some(file) => file,
            None => sreg_files::open_given(from).map_err(failed)?,
        };
        let read = line(&mut file).map_err(failed)?;
        self.given = Some(file);
        read.ok_or_else(|| failed(io::Error::other("no passphrase left to read")))
    }
}

/// Reads the next line byte by byte, so that no buffer takes the next key's passphrase or keeps a copy.
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

/// Returns the comment of the `.pub` file beside a key file, or of the file itself.
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

fn read_public(path: &Path) -> Result<ListedKey, CommandError> {
    refuse_secret(&path.to_string_lossy())?;
    let wrong =
        |what: String| CommandError::new(Code::MalformedKey, format!("{}: {what}", path.display()));
    let bytes = crate::files::read_capped(path, MAX_PUBLIC)?;
    let text = String::from_utf8(bytes).map_err(|_| wrong("not UTF-8".to_owned()))?;
    if text.contains("PRIVATE KEY") {
        return Err(wrong(
            "a private key, expected a public key; use the .pub file beside it".to_owned(),
        ));
    }
    let line = text.lines().next().unwrap_or_default();
    let key = Key::parse_line(line).map_err(|error| wrong(error.to_string()))?;
    let mut words = line.splitn(3, ' ');
    let comment = words.nth(2).map(str::trim).filter(|text| !text.is_empty());
    // Trust does not allow some comments: leave those out.
    let comment = comment.filter(|text| {
        text.len() <= sreg_model::document::MAX_TEXT && sreg_model::canonical::is_plain_text(text)
    });
    Ok(amend::listed(key, comment.map(str::to_owned)))
}

/// Returns a public key from a `.pub` file, or from trust by its fingerprint.
pub(crate) fn public(text: &str, trust: &Trust) -> Result<ListedKey, CommandError> {
    if !text.starts_with("SHA256:") {
        return read_public(Path::new(text));
    }
    let fingerprint = fingerprint(text)?;
    trust
        .keys
        .iter()
        .find(|listed| listed.key.fingerprint() == fingerprint)
        .cloned()
        .ok_or_else(|| {
            CommandError::new(
                Code::NotInTrust,
                format!("key {fingerprint} not found in trust"),
            )
            .with_hint("pass the .pub file of a new key")
        })
}

/// Returns a fingerprint, given as text or as a `.pub` file.
pub(crate) fn fingerprint(text: &str) -> Result<Fingerprint, CommandError> {
    if !text.starts_with("SHA256:") {
        return Ok(read_public(Path::new(text))?.key.fingerprint());
    }
    text.parse().map_err(|error| {
        CommandError::new(Code::Usage, format!("{text} is not a fingerprint: {error}"))
    })
}
