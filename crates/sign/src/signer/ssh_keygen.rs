//! Signing by `ssh-keygen -Y sign`: for agents, RSA and security keys.

use std::ffi::OsString;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sreg_model::Key;

use super::{Signer, checked, public_half, read};
use crate::error::{SignError, clean};
use crate::namespace::Purpose;

/// A key with which `ssh-keygen` signs. It finds the private key in an agent, in the file, or in a
/// device, and asks for passphrase, PIN and touch itself.
#[derive(Debug, Clone)]
pub struct SshKeygen {
    program: OsString,
    path: PathBuf,
    key: Key,
}

impl SshKeygen {
    /// Reads the public key from `path`: a `.pub` file, or a private key file.
    ///
    /// # Errors
    /// If the file holds no key in OpenSSH's format, or a weak key.
    pub fn open(path: &Path) -> Result<Self, SignError> {
        let (key, _) = public_half(path, &read(path)?)?;
        Ok(Self::of_key(path, key))
    }

    pub(super) fn of_key(path: &Path, key: Key) -> Self {
        Self {
            program: "ssh-keygen".into(),
            path: path.to_owned(),
            key,
        }
    }

    /// Uses another program than the first `ssh-keygen` of the search path.
    #[must_use]
    pub fn by(mut self, program: impl Into<OsString>) -> Self {
        self.program = program.into();
        self
    }
}

impl Signer for SshKeygen {
    fn key(&self) -> &Key {
        &self.key
    }

    fn sign(&self, purpose: Purpose, message: &[u8]) -> Result<String, SignError> {
        let failed = |source| SignError::Program {
            program: self.program.clone().into(),
            source,
        };
        // A security key's user must see that it waits for a touch.
        let stderr = match self.key.algorithm().is_security_key() {
            true => Stdio::inherit(),
            false => Stdio::piped(),
        };
        tracing::debug!(
            namespace = purpose.namespace(),
            "signing through ssh-keygen"
        );
        let mut child = Command::new(&self.program)
            .args(["-q", "-Y", "sign", "-n", purpose.namespace(), "-f"])
            .arg(&self.path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .spawn()
            .map_err(failed)?;
        if let Some(mut stdin) = child.stdin.take() {
            match stdin.write_all(message) {
                // It gave up before it read: what it says tells more.
                Err(error) if error.kind() != ErrorKind::BrokenPipe => {
                    // Whether it can be killed does not matter: its input ends here.
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(failed(error));
                }
                _ => {}
            }
        }
        let output = child.wait_with_output().map_err(failed)?;
        if !output.status.success() {
            let mut said = clean(&output.stderr);
            if said.is_empty() {
                said = output.status.to_string();
            }
            return Err(SignError::Refused {
                path: self.path.clone(),
                said,
            });
        }
        let armor = String::from_utf8_lossy(&output.stdout).into_owned();
        checked(&self.path, &self.key, purpose, message, armor)
    }
}
