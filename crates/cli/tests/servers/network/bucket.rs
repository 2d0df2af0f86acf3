//! A registry in a bucket, a proxy before it, and somebody who pushes there and pulls from there.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use sreg_tests::proxy::Proxy;
use sreg_tests::servers::S3Server;

use crate::support::{Bench, Ran};

/// Where the registry is.
pub(crate) const ROOT: &str = "s3://registry/reg";

pub(crate) struct Bucket {
    pub(crate) bench: Bench,
    pub(crate) server: S3Server,
    pub(crate) proxy: Proxy,
}

impl Bucket {
    /// An empty registry, without keys.
    pub(crate) fn new() -> Self {
        Self::with(&[])
    }

    /// An empty registry, with the key of a number.
    pub(crate) fn signed(seed: u8) -> Self {
        Self::with(&[seed])
    }

    fn with(seeds: &[u8]) -> Self {
        let server = S3Server::start();
        let proxy = Proxy::start(server.address());
        let bucket = Self {
            bench: Bench::new(),
            server,
            proxy,
        };
        let keys: Vec<String> = seeds.iter().map(|seed| bucket.bench.key(*seed)).collect();
        let mut args = vec!["init", ROOT];
        keys.iter().for_each(|key| args.extend(["--key", key]));
        bucket.calm(&args);
        bucket
    }

    /// A command that reaches the bucket through the proxy.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_at(&self.proxy.url(), args)
    }

    fn command_at(&self, endpoint: &str, args: &[&str]) -> Command {
        let mut command = self.bench.command(args);
        command
            .env("AWS_ENDPOINT_URL", endpoint)
            .env("AWS_REGION", S3Server::REGION)
            .env("AWS_ACCESS_KEY_ID", self.server.access_key())
            .env("AWS_SECRET_ACCESS_KEY", self.server.secret_key());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(&self.command(args).output().unwrap())
    }

    /// A run without the proxy, which must succeed.
    pub(crate) fn calm(&self, args: &[&str]) -> Ran {
        let mut command = self.command_at(&self.server.endpoint(), args);
        let ran = Ran::of(&command.output().unwrap());
        assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.stdout, ran.stderr);
        ran
    }

    /// Puts an object into the registry; with `../` into its bucket.
    pub(crate) fn put(&self, key: &str, bytes: &[u8]) {
        let file = self.bench.path("object");
        std::fs::write(&file, bytes).unwrap();
        self.curl(key, &["--upload-file", file.to_str().unwrap()]);
    }

    /// Takes an object away.
    pub(crate) fn delete(&self, key: &str) {
        self.curl(key, &["--request", "DELETE"]);
    }

    fn curl(&self, key: &str, args: &[&str]) {
        // As it is signed.
        let key = &key.replace(':', "%3A");
        let url = match key.strip_prefix("../") {
            Some(key) => self.server.url(key),
            None => self.server.url(&format!("reg/{key}")),
        };
        let mut curl = self.server.curl();
        let done = curl.arg("--fail").args(args).arg(&url);
        let done = done.stdout(Stdio::null()).status();
        assert!(done.unwrap().success(), "{key}");
    }

    /// Forgets what is known of the registry, which is to be taken back.
    pub(crate) fn forget(&self) {
        let known = self.bench.path("state");
        if known.exists() {
            std::fs::remove_dir_all(known).unwrap();
        }
    }

    /// Writes an image below `images/`: its path.
    pub(crate) fn image(&self, name: &str, bytes: usize) -> String {
        let image = super::scene::make_image(name, bytes);
        let path = self.bench.write(&format!("{name}.sif"), &image);
        path.to_str().unwrap().to_owned()
    }

    /// The codes of what `sreg verify` finds at fault, every byte looked at.
    pub(crate) fn faults(&self) -> Vec<String> {
        self.faults_of(ROOT)
    }

    /// The same of another registry in the bucket.
    pub(crate) fn faults_of(&self, root: &str) -> Vec<String> {
        let args = ["verify", root, "--blobs", "full", "--format", "json"];
        let mut command = self.command_at(&self.server.endpoint(), &args);
        let answer: Value = Ran::of(&command.output().unwrap()).json();
        let faults = answer["faults"].as_array().unwrap().iter();
        faults
            .map(|fault| fault["code"].as_str().unwrap().to_owned())
            .collect()
    }

    /// What is at fault and does not end by itself: views and `head` are brought forward.
    pub(crate) fn lasting_faults(&self) -> Vec<String> {
        let mut faults = self.faults();
        faults.retain(|code| {
            !matches!(
                code.as_str(),
                "stale-view" | "missing-view" | "lagging-head"
            )
        });
        faults
    }
}

/// Copies what is in a bucket with all that its server notes of it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    let done = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(done.unwrap().success(), "{}", from.display());
}
