//! Runs a client in a home of its own.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use sreg_model::Digest;

use super::site::Site;
use crate::support::Ran;

/// A folder in which clients of one host run.
pub(crate) struct Client {
    address: SocketAddr,
    host: &'static str,
    home: tempfile::TempDir,
}

impl Client {
    pub(crate) fn of(site: &Site) -> Self {
        Self::at(site.address, site.host)
    }

    /// Clients of the host at an address.
    pub(crate) fn at(address: SocketAddr, host: &'static str) -> Self {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("run")).unwrap();
        Self {
            address,
            host,
            home,
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    /// `HOST`, `URL` and `~` in the line stand for the host with its port, for its URL, and for the
    /// folder in which the client runs.
    pub(crate) fn run(&self, line: &str) -> Ran {
        let home = self.home.path().to_str().unwrap();
        let words: Vec<String> = line
            .split_whitespace()
            .map(|word| {
                word.replace("URL", &format!("http://{}", self.address))
                    .replace("HOST", &self.address.to_string())
                    .replace('~', home)
            })
            .collect();
        let output = Command::new(sreg_tests::servers::program(&words[0]))
            .args(&words[1..])
            .current_dir(home)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home)
            .env("TMPDIR", home)
            .env("COSIGN_PASSWORD", "")
            .env("DOCKER_CONFIG", home)
            .env("REGCTL_CONFIG", format!("{home}/regctl.json"))
            .env("XDG_CONFIG_HOME", home)
            .env("XDG_CACHE_HOME", home)
            .env("XDG_DATA_HOME", home)
            .env("XDG_RUNTIME_DIR", format!("{home}/run"))
            .output()
            .unwrap();
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// What a client prints that must succeed.
    pub(crate) fn ok(&self, line: &str) -> String {
        let ran = self.run(line);
        let host = self.host;
        assert_eq!(ran.code, 0, "{host}: {line}: {}{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    /// A client that cannot succeed on this host.
    pub(crate) fn fails(&self, line: &str) {
        let ran = self.run(line);
        assert_ne!(ran.code, 0, "{}: {line}: {}", self.host, ran.stdout);
    }

    /// The digest of a file that a client has left.
    pub(crate) fn digest(&self, name: impl AsRef<Path>) -> Digest {
        Digest::of(&fs::read(self.home.path().join(name)).unwrap())
    }
}
