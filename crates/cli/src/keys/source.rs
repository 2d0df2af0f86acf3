//! The sources of signing keys: `--key`, or `SREG_KEY` and `SREG_KEY_1` to `SREG_KEY_32` (`spec/cli.md`,
//! CLI-50).

use sreg_model::fault::Code;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use sreg_model::redact::holds_private_key;
use sreg_sign::{AskPassphrase, SignError, Signer};
use zeroize::Zeroizing;

use crate::error::CommandError;

/// The variable that contains a key or its file name.
const VARIABLE: &str = "SREG_KEY";
/// The highest number after `SREG_KEY_`.
const LAST: usize = 32;

/// A key to sign with, not yet opened.
pub(crate) enum KeySource {
    /// A file that `--key` names.
    File(PathBuf),
    /// A file that a variable names.
    FileOf(String, PathBuf),
    /// The text of a key in a variable.
    Text(String, Zeroizing<String>),
}

impl KeySource {
    /// Returns the keys of `--key`, or of the environment if there are none.
    pub(crate) fn all(files: &[PathBuf]) -> Result<Vec<Self>, CommandError> {
        if !files.is_empty() {
            return files.iter().map(|file| Self::argument(file)).collect();
        }
        variables()
            .filter_map(|name| Some((std::env::var_os(&name)?, name)))
            .map(|(value, name)| Self::variable(name, value))
            .collect()
    }

    fn argument(file: &Path) -> Result<Self, CommandError> {
        refuse_secret(&file.to_string_lossy())?;
        Ok(Self::File(file.to_owned()))
    }

    fn variable(name: String, value: OsString) -> Result<Self, CommandError> {
        let value = match value.into_string() {
            Ok(text) => Zeroizing::new(text),
            Err(path) => return Ok(Self::FileOf(name, PathBuf::from(path))),
        };
        if value.trim().is_empty() {
            return Err(
                CommandError::new(Code::Usage, format!("{name} is set but empty")).with_hint(
                    format!("set {name} to the key, or unset it to publish without signing"),
                ),
            );
        }
        // File names do not contain line breaks.
        match holds_private_key(&value) || value.trim().contains('\n') {
            true => Ok(Self::Text(name, value)),
            false => Ok(Self::FileOf(name, PathBuf::from(value.as_str()))),
        }
    }

    /// Opens the key.
    pub(crate) fn open(&self, ask: AskPassphrase<'_>) -> Result<Box<dyn Signer>, CommandError> {
        match self {
            Self::File(path) => Ok(sreg_sign::open(path, ask)?),
            Self::Text(name, text) => Ok(sreg_sign::open_text(name, text, ask)?),
            Self::FileOf(name, path) => match sreg_sign::open(path, ask) {
                Err(SignError::Read { source, .. }) if !is_surely_a_path(path) => {
                    Err(CommandError::new(
                        Code::SigningKey,
                        format!("{name} is neither a private key nor a readable file: {source}"),
                    )
                    .with_hint("use the full path of the file (the value is not shown, because it may be a secret)"))
                }
                signer => Ok(signer?),
            },
        }
    }

    /// Returns the key's file, if it has one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) | Self::FileOf(_, path) => Some(path),
            Self::Text(..) => None,
        }
    }

    /// Returns the option that names the key, with a leading space; empty for a variable.
    pub(crate) fn as_option(&self) -> String {
        match self {
            Self::File(path) => format!(" --key {}", path.display()),
            Self::FileOf(..) | Self::Text(..) => String::new(),
        }
    }

    /// Returns the file and its mode if other users can read the private key in it.
    pub(crate) fn open_to_others(&self) -> Option<(&Path, u32)> {
        let path = self.file()?;
        let found = fs::metadata(path).ok().filter(fs::Metadata::is_file)?;
        let mode = found.permissions().mode() & 0o7777;
        let is_private = fs::read(path).is_ok_and(|text| {
            let text = Zeroizing::new(text);
            text.starts_with(b"-----BEGIN ")
        });
        (mode & 0o077 != 0 && is_private).then_some((path, mode))
    }
}

/// Returns the names of all variables that may contain a key.
fn variables() -> impl Iterator<Item = String> {
    let numbered = (1..=LAST).map(|number| format!("{VARIABLE}_{number}"));
    std::iter::once(VARIABLE.to_owned()).chain(numbered)
}

/// Returns whether a value is safe to show because it names a file in an existing folder. Anything else may
/// be a secret.
fn is_surely_a_path(path: &Path) -> bool {
    path.parent()
        .is_some_and(|folder| folder != Path::new("") && folder.is_dir())
}

/// Refuses an argument that contains a private key instead of a file name.
pub(crate) fn refuse_secret(argument: &str) -> Result<(), CommandError> {
    match holds_private_key(argument) || is_part_of_key(argument) {
        false => Ok(()),
        true => Err(CommandError::new(
            Code::Usage,
            "an argument contains a private key, which other users of this machine can see",
        )
        .with_hint("pass the file name of the key, or its text in SREG_KEY; replace this key (docs/keys.md)")),
    }
}

/// Returns whether an argument may be a line of a private key: long base64 that is not a file's path.
fn is_part_of_key(argument: &str) -> bool {
    let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\n\r".contains(&byte);
    // Not a commit or a digest in lower case, nor the path of a missing file.
    let has = |kind: fn(&u8) -> bool| argument.as_bytes().iter().any(kind);
    argument.len() >= 40
        && !argument.starts_with('/')
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_digit)
        && argument.bytes().all(is_base64)
        && !Path::new(argument).exists()
}
