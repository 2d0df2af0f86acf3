//! Runs the real binary on folders of its own.
#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "every test file uses a part of this"
)]

pub(crate) mod process;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::Value;
use sreg_model::Arch;
pub(crate) use sreg_tests::files::snapshot;

/// A folder with images and an output, and homes of its own for caches and state.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
}

/// What a run gave.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Bench {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("images")).unwrap();
        Self { folder }
    }

    /// Another one with the same files, and the same links among them.
    pub(crate) fn copy(&self) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let all = self.path(".");
        let copied = Command::new("cp")
            .arg("-a")
            .args([&all, folder.path()])
            .status();
        assert!(copied.unwrap().success());
        Self { folder }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn images(&self) -> PathBuf {
        self.path("images")
    }

    pub(crate) fn public(&self) -> PathBuf {
        self.path("public")
    }

    /// Writes a file below `images/`.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.images().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// Writes a small SIF for amd64 below `images/`.
    pub(crate) fn sif(&self, name: &str) -> PathBuf {
        self.write(name, &sreg_tests::images::sif(name, Arch::Amd64, 100))
    }

    /// The command, not yet run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sreg"));
        command
            .args(args)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("XDG_STATE_HOME", self.path("state"))
            .env("XDG_CONFIG_HOME", self.path("config"))
            // Where coverage is measured, it is of this process, too.
            .envs(std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file)));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(&self.command(args).output().unwrap())
    }

    /// `sreg index images --out public`, which must succeed.
    pub(crate) fn index(&self) -> Value {
        self.index_with(&[])
    }

    pub(crate) fn index_with(&self, more: &[&str]) -> Value {
        let args: Vec<&str> = ["index", "images", "--out", "public", "--format", "json"]
            .iter()
            .chain(more)
            .copied()
            .collect();
        let ran = self.run(&args);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.json()
    }

    /// `sreg index`, which must fail with `code` and say `word`, and leave the tree as it was.
    pub(crate) fn index_fails(&self, code: i32, word: &str, more: &[&str]) -> Ran {
        let before = snapshot(&self.public());
        let args: Vec<&str> = ["index", "images", "--out", "public"]
            .iter()
            .chain(more)
            .copied()
            .collect();
        let ran = self.run(&args);
        assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
        assert!(
            ran.stderr.contains(&format!("error[{word}]")),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.stdout, "");
        assert_eq!(seen(&snapshot(&self.public())), seen(&before));
        ran
    }

    /// The key file of a number, made where it is absent.
    pub(crate) fn key(&self, seed: u8) -> String {
        sreg_tests::keys::write(self.folder.path(), seed);
        format!("key-{seed}")
    }

    /// A run that must succeed.
    pub(crate) fn ok(&self, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.stdout, ran.stderr);
        ran
    }

    /// A run that must fail with `code` and say `word`, and leave what readers see as it was.
    pub(crate) fn fails(&self, code: i32, word: &str, args: &[&str]) -> Ran {
        let before = snapshot(&self.public());
        let ran = self.run(args);
        assert_eq!(ran.code, code, "{args:?}: {}{}", ran.stdout, ran.stderr);
        let said = ran.stderr.contains(&format!("error[{word}]"));
        assert!(said, "{args:?}: {}", ran.stderr);
        assert_eq!(seen(&snapshot(&self.public())), seen(&before), "{args:?}");
        ran
    }

    /// `sreg index images --out public --key …`, which must succeed.
    pub(crate) fn index_by(&self, seed: u8) -> Value {
        let key = self.key(seed);
        self.index_with(&["--key", &key])
    }

    /// A document of the tree: its first line.
    pub(crate) fn document(&self, path: &str) -> Value {
        serde_json::from_str(self.read(path).lines().next().unwrap()).unwrap()
    }

    /// `sreg verify public`: the exit code and the codes of the faults.
    pub(crate) fn verify(&self) -> (i32, Vec<String>) {
        let ran = self.run(&["verify", "public", "--format", "json"]);
        let faults = ran.json()["faults"]
            .as_array()
            .unwrap()
            .iter()
            .map(|fault| fault["code"].as_str().unwrap().to_owned())
            .collect();
        (ran.code, faults)
    }

    pub(crate) fn is_whole(&self) {
        let ran = self.run(&["verify", "public"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.public().join(path)).unwrap()
    }

    /// The references that `sreg ls` lists, with their architectures.
    pub(crate) fn ls(&self) -> Vec<String> {
        let rows = self.run(&["ls", "public", "--format", "json"]).json();
        let text = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| format!("{} {}", text(row, "reference"), text(row, "arch")))
            .collect()
    }
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|_| panic!("no JSON: {}{}", self.stdout, self.stderr))
    }
}

/// What readers of a tree see: all but the immutable files that a failed run may have left.
fn seen(files: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    files
        .iter()
        .filter(|(name, _)| {
            let kind = name.split('/').next().unwrap();
            !name.contains("/blobs/") && !matches!(kind, "sreg.json" | "n" | "s" | "staging")
        })
        .cloned()
        .collect()
}
