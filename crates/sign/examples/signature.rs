//! Signs and verifies standard input: the other side of `tests/interop/ssh-keygen.sh` and
//! `ssh-keygen-differential.sh`.
//!
//! `signature sign PURPOSE KEY` prints the armored signature, and takes a passphrase from
//! `PASSPHRASE`; `signature verify PURPOSE FILE` prints the fingerprint of the signature's key, and `signature
//! allowed trust FILE` the allowed signers of a trust document. `signature judge PURPOSE FOLDER`
//! verifies every file of a folder, and prints a line for each: its name, and the fingerprint or the
//! word of what is wrong.

use std::error::Error;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;
use std::{env, fs};

use sreg_model::trust::Trust;
use sreg_model::{Document, Fingerprint};
use sreg_sign::policy::check_first;
use sreg_sign::{Purpose, SignError, Signature, SignatureError, allowed_signers, open};
use zeroize::Zeroizing;

fn passphrase(path: &Path) -> Result<Zeroizing<String>, SignError> {
    let given = env::var("PASSPHRASE").map(Zeroizing::new);
    given.map_err(|_| SignError::NoPassphrase {
        path: path.to_owned(),
    })
}

/// The key that signed.
fn signer(purpose: Purpose, text: &[u8], message: &[u8]) -> Result<Fingerprint, SignatureError> {
    let signature = Signature::parse(text)?;
    signature.verify(purpose, message)?;
    Ok(signature.key().fingerprint())
}

fn judge(purpose: Purpose, folder: &Path, message: &[u8]) -> io::Result<String> {
    let mut lines = String::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let verdict = match signer(purpose, &fs::read(entry.path())?, message) {
            Ok(key) => key.to_string(),
            Err(error) => error.code().to_string(),
        };
        lines += &format!("{} {verdict}\n", entry.file_name().display());
    }
    Ok(lines)
}

fn run() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [verb, purpose, path] = &arguments[..] else {
        return Err(
            "usage: signature sign|verify|judge|allowed trust|head|image FILE < MESSAGE".into(),
        );
    };
    let purpose = Purpose::ALL
        .into_iter()
        .find(|one| one.namespace().split('@').next() == Some(purpose))
        .ok_or("no such purpose")?;
    let mut message = Vec::new();
    io::stdin().read_to_end(&mut message)?;
    let answer = match verb.as_str() {
        "sign" => open(Path::new(path), &mut passphrase)?.sign(purpose, &message)?,
        "verify" => format!("{}\n", signer(purpose, &fs::read(path)?, &message)?),
        "judge" => judge(purpose, Path::new(path), &message)?,
        "allowed" => {
            let trust = Document::<Trust>::parse(fs::read(path)?)?;
            check_first(&trust)?;
            allowed_signers(trust.body())
        }
        _ => return Err("no such verb".into()),
    };
    io::stdout().write_all(answer.as_bytes())?;
    Ok(())
}

fn main() -> ExitCode {
    let Err(error) = run() else {
        return ExitCode::SUCCESS;
    };
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    // Where standard error is closed, the exit code still says it.
    let _ = writeln!(io::stderr(), "error: {text}");
    ExitCode::FAILURE
}
