//! The registry of these tests, and the hosts that serve it.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use sreg_model::Digest;
use sreg_tests::images;
use sreg_tests::servers::{Nginx, S3Server};

use super::client::Client;
use crate::support::Bench;
use crate::support::process::Process;

/// A host, and the registry that it serves.
pub(crate) struct Site {
    pub(crate) bench: Bench,
    pub(crate) host: &'static str,
    pub(crate) address: SocketAddr,
    /// Whether it looks at `?arch=`.
    pub(crate) knows_archs: bool,
    /// Ends with the value.
    server: Server,
}

enum Server {
    Nginx { _nginx: Nginx },
    Bucket { _front: Nginx, store: S3Server },
    Serve { _process: Process },
}

/// Where the bucket has the registry.
const ROOT: &str = "s3://registry/reg";

/// `lab/tool:1.0` for amd64; `lab/multi:1.0` for amd64 and arm64; `Lab2/Old:V1`, a bare squashfs; and
/// `lab/page:1.html`, whose tag ends as files do.
fn bench() -> Bench {
    let bench = Bench::new();
    let large = images::sif("large", sreg_model::Arch::Amd64, 3 << 20);
    bench.write("lab/tool/1.0.sif", &large);
    bench.sif("lab/multi/1.0.sif");
    let arm = images::sif("arm", sreg_model::Arch::Arm64, 100);
    bench.write("lab/multi/1.0.arm64.sif", &arm);
    bench.write("Lab2/Old/V1.simg", &images::simg("old", 100));
    bench.sif("lab/page/1.html.sif");
    fs::create_dir(bench.path("home")).unwrap();
    bench
}

/// Publishes it, signed, for a URL.
fn publish(bench: &Bench, url: &str) {
    publish_for(bench, url, &[]);
}

fn publish_for(bench: &Bench, url: &str, more: &[&str]) {
    let key = bench.key(1);
    bench.index_with(&[&["--key", &key, "--base-url", url], more].concat());
}

/// Lets a command into a server's bucket.
fn with_access<'a>(command: &'a mut Command, store: &S3Server) -> &'a mut Command {
    command
        .env("AWS_ENDPOINT_URL", store.endpoint())
        .env("AWS_REGION", S3Server::REGION)
        .env("AWS_ACCESS_KEY_ID", store.access_key())
        .env("AWS_SECRET_ACCESS_KEY", store.secret_key())
}

/// Runs a test on every host that serves a registry as it should be served.
pub(crate) fn on_every_host(test: impl Fn(&Site, &Client)) {
    for site in Site::all() {
        test(&site, &Client::of(&site));
    }
}

impl Site {
    /// Every host that serves a registry as it should be served.
    pub(crate) fn all() -> [Self; 3] {
        [Self::nginx(), Self::bucket(), Self::serve()]
    }

    /// nginx, as the tree itself tells it to be.
    pub(crate) fn nginx() -> Self {
        Self::behind("nginx", "nginx", Nginx::of_registry)
    }

    /// A host that says of every file that it is `application/octet-stream`.
    pub(crate) fn untyped() -> Self {
        Self::behind("a host without media types", "pages", Nginx::start)
    }

    fn behind(host: &'static str, word: &str, start: impl Fn(&Path) -> Nginx) -> Self {
        let bench = bench();
        publish_for(&bench, "http://127.0.0.1:1", &["--host", word]);
        let nginx = start(&bench.public());
        publish(&bench, &nginx.url());
        Self {
            bench,
            host,
            address: nginx.address(),
            knows_archs: true,
            server: Server::Nginx { _nginx: nginx },
        }
    }

    /// A bucket that anybody may read, behind what a website endpoint does.
    fn bucket() -> Self {
        let bench = bench();
        let store = S3Server::start();
        store.allow_public_read();
        let front = Nginx::before(&store.endpoint(), "/registry/reg");
        publish_for(&bench, &front.url(), &["--host", "s3"]);
        run_there(&bench, Some(&store), &["mirror", "public", ROOT]);
        Self {
            bench,
            host: "a bucket",
            address: front.address(),
            knows_archs: false,
            server: Server::Bucket {
                _front: front,
                store,
            },
        }
    }

    /// `sreg serve`.
    pub(crate) fn serve() -> Self {
        let bench = bench();
        publish(&bench, "http://127.0.0.1:1");
        let args = ["serve", "public", "--listen", "127.0.0.1:0", "-q"];
        let process = Process::start(&mut bench.command(&args));
        publish(&bench, process.url());
        Self {
            bench,
            host: "sreg serve",
            address: process.address(),
            knows_archs: true,
            server: Server::Serve { _process: process },
        }
    }

    /// Attaches a file to the image for amd64 of `lab/tool:1.0`, in the registry that is served.
    pub(crate) fn attach(&self, file: &Path, media: &str) {
        let (registry, store) = match &self.server {
            Server::Bucket { store, .. } => (ROOT, Some(store)),
            _ => ("public", None),
        };
        let file = file.to_str().unwrap();
        let key = self.bench.key(1);
        let reference = format!("{registry}//lab/tool:1.0");
        let args = ["attach", file, &reference, "--type", media, "--key", &key];
        run_there(&self.bench, store, &args);
    }

    /// A command of sreg on the bucket itself, where there is one.
    pub(crate) fn on_the_bucket(&self, args: &[&str]) -> Option<Command> {
        let Server::Bucket { store, .. } = &self.server else {
            return None;
        };
        let mut command = self.bench.command(&[args, &[ROOT]].concat());
        with_access(&mut command, store);
        Some(command)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What the signed index names: the digest of an image.
    pub(crate) fn digest(&self, reference: &str, arch: &str) -> Digest {
        let rows = self.bench.ok(&["ls", "public", "--format", "json"]).json();
        let rows: Vec<Value> = serde_json::from_value(rows).unwrap();
        let row = rows
            .iter()
            .find(|row| row["reference"] == reference && row["arch"] == arch)
            .unwrap();
        row["digest"].as_str().unwrap().parse().unwrap()
    }

    /// The digest of the manifest of a tag, or of its image index.
    pub(crate) fn manifest(&self, repository: &str, tag: &str) -> Digest {
        let path = format!("v2/{repository}/manifests/{tag}");
        Digest::of(&fs::read(self.bench.public().join(path)).unwrap())
    }
}

/// Runs sreg, for a registry in a bucket with its credentials.
fn run_there(bench: &Bench, store: Option<&S3Server>, args: &[&str]) {
    let mut command = bench.command(args);
    if let Some(store) = store {
        command
            .env("AWS_ENDPOINT_URL", store.endpoint())
            .env("AWS_REGION", S3Server::REGION)
            .env("AWS_ACCESS_KEY_ID", store.access_key())
            .env("AWS_SECRET_ACCESS_KEY", store.secret_key());
    }
    let ran = command.output().unwrap();
    assert!(ran.status.success(), "{args:?}: {ran:?}");
}
