//! A registry that is served by nginx, a proxy before it, and somebody who pulls from there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sreg_model::Arch;
use sreg_tests::images;
use sreg_tests::proxy::{Fault, Proxy, Request};
use sreg_tests::seed::Seed;
use sreg_tests::servers::Nginx;
use sreg_tests::sif::SifBuilder;

use crate::support::{Bench, Ran, snapshot};

/// What stands in the target's place before.
pub(crate) const BEFORE: &[u8] = b"what was there before";
/// The reference that is pulled.
pub(crate) const TAG: &str = "lab/tool:1.0";

/// The documents and blobs that a pull reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Head,
    Trust,
    Node,
    Statement,
    Sidecar,
    Image,
}

/// A registry that nginx serves, with `lab/tool:1.0` and `lab/tool:2.0`.
pub(crate) struct Scene {
    pub(crate) bench: Bench,
    pub(crate) nginx: Nginx,
    pub(crate) proxy: Proxy,
    pub(crate) image: Vec<u8>,
    sidecar: String,
    digest: String,
}

impl Scene {
    pub(crate) fn unsigned() -> Self {
        Self::of(3_300_000, None)
    }

    pub(crate) fn signed() -> Self {
        Self::of(3_300_000, Some(1))
    }

    /// One with an image of about so many bytes, signed by the key of a number.
    pub(crate) fn of(bytes: usize, key: Option<u8>) -> Self {
        let bench = Bench::new();
        let image = make_image(TAG, bytes);
        bench.write("lab/tool/1.0.sif", &image);
        bench.write("lab/tool/2.0.sif", &make_image("other", bytes));
        match key {
            Some(key) => bench.index_by(key),
            None => bench.index(),
        };
        let statement = statement(&bench.public(), "1.0").1;
        let text = |key: &str| statement[key].as_str().unwrap().to_owned();
        let nginx = Nginx::start(&bench.public());
        let proxy = Proxy::start(nginx.address());
        Self {
            nginx,
            proxy,
            image,
            sidecar: text("chain"),
            digest: text("digest"),
            bench,
        }
    }

    /// The registry's id.
    pub(crate) fn id(&self) -> String {
        let shown = self
            .bench
            .ok(&["trust", "show", "public", "--format", "json"]);
        shown.json()["registry"].as_str().unwrap().to_owned()
    }

    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// The path of the image in the registry.
    pub(crate) fn blob(&self) -> String {
        format!("v2/lab/tool/blobs/{}", self.digest)
    }

    /// The path of its sidecar.
    pub(crate) fn sidecar(&self) -> String {
        format!("v2/lab/tool/blobs/{}", self.sidecar)
    }

    /// Says of a request what it is for.
    pub(crate) fn is(&self, part: Part) -> impl Fn(&Request) -> bool + Send + Sync + 'static {
        let (digest, sidecar) = (self.digest.clone(), self.sidecar.clone());
        move |request| {
            let path = request.path.as_str();
            match part {
                Part::Head => path.ends_with("/head"),
                Part::Trust => path.contains("/trust/"),
                Part::Node => path.starts_with("/n/"),
                Part::Statement => path.starts_with("/s/"),
                Part::Sidecar => path.ends_with(&sidecar),
                Part::Image => path.ends_with(&digest),
            }
        }
    }

    /// Lets the proxy do something to each request for a part.
    pub(crate) fn at(&self, part: Part, fault: Fault) {
        let is = self.is(part);
        self.proxy.set(move |request| match is(request) {
            true => fault.clone(),
            false => Fault::Pass,
        });
    }

    /// Where the image is pulled to.
    pub(crate) fn target(&self) -> PathBuf {
        self.bench.path("got.sif")
    }

    /// `sreg pull URL//lab/tool:1.0 -o got.sif`, with little patience.
    pub(crate) fn command(&self, url: &str, more: &[&str]) -> Command {
        self.command_for(&format!("{url}//{TAG}"), more)
    }

    pub(crate) fn command_for(&self, reference: &str, more: &[&str]) -> Command {
        let mut args = vec!["pull", reference, "-o", "got.sif", "--timeout", "1"];
        if !more.contains(&"--retries") {
            args.extend(["--retries", "0"]);
        }
        args.extend(more);
        let mut command = self.bench.command(&args);
        // Somebody else than who publishes.
        command.env("XDG_STATE_HOME", self.state());
        command
    }

    /// The state folder of whoever pulls.
    pub(crate) fn state(&self) -> PathBuf {
        self.bench.path("reader")
    }

    /// A pull from the proxy.
    pub(crate) fn pull(&self, more: &[&str]) -> Ran {
        self.pull_from(&self.proxy.url(), more)
    }

    pub(crate) fn pull_from(&self, url: &str, more: &[&str]) -> Ran {
        Ran::of(&self.command(url, more).output().unwrap())
    }

    /// A pull that must bring the image.
    pub(crate) fn succeeds(&self, url: &str, more: &[&str]) -> Ran {
        self.remove_target();
        let ran = self.pull_from(url, more);
        assert_eq!(ran.code, 0, "{more:?}: {}", ran.stderr);
        self.has_image();
        ran
    }

    /// The target is the image.
    pub(crate) fn has_image(&self) {
        assert!(fs::read(self.target()).unwrap() == self.image);
    }

    pub(crate) fn remove_target(&self) {
        for ending in ["", ".part", ".part.journal"] {
            let _ = fs::remove_file(self.bench.path(&format!("got.sif{ending}")));
        }
    }

    /// A pull from the proxy that must be refused.
    pub(crate) fn refuses(&self, code: i32, word: &str, more: &[&str]) -> Ran {
        self.refuses_from(&self.proxy.url(), code, word, more)
    }

    /// A pull that must be refused: with one of these words, what was at the target before stays as
    /// it is, and so does what is known of registries.
    pub(crate) fn refuses_from(&self, url: &str, code: i32, word: &str, more: &[&str]) -> Ran {
        self.refuses_reference(&format!("{url}//{TAG}"), code, word, more)
    }

    pub(crate) fn refuses_reference(
        &self,
        reference: &str,
        code: i32,
        word: &str,
        more: &[&str],
    ) -> Ran {
        self.leaves_all(reference, more, |ran| {
            let said = ran.stderr.contains(&format!("error[{word}]"));
            ran.code == code && said
        })
    }

    /// The same, where one word is as good as another: the bytes are not what they should be.
    pub(crate) fn refuses_bytes(&self, url: &str, more: &[&str]) -> Ran {
        self.leaves_all(&format!("{url}//{TAG}"), more, |ran| {
            matches!(ran.code, 6 | 7) && ran.stderr.contains("error[")
        })
    }

    /// Pulls twice, in the place of a file and where there is none: neither changes anything.
    fn leaves_all(&self, reference: &str, more: &[&str], is_right: impl Fn(&Ran) -> bool) -> Ran {
        let run = |more: &[&str]| {
            let memory = self.memory();
            let ran = Ran::of(&self.command_for(reference, more).output().unwrap());
            let (code, text) = (ran.code, &ran.stderr);
            assert!(is_right(&ran), "{reference} {more:?}: {code} {text}");
            assert_eq!(self.memory(), memory, "what is known has changed");
            ran
        };
        self.remove_target();
        fs::write(self.target(), BEFORE).unwrap();
        run(&[more, &["--force"]].concat());
        assert_eq!(fs::read(self.target()).unwrap(), BEFORE);
        self.remove_target();
        let ran = run(more);
        assert!(!self.target().exists(), "{}", ran.stderr);
        ran
    }

    /// What the user knows of registries.
    pub(crate) fn memory(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = snapshot(&self.state());
        files.retain(|(path, _)| !path.contains("evidence/"));
        files
    }

    /// A copy of the registry in another folder, with a server of its own.
    pub(crate) fn mirror(&self, name: &str) -> (PathBuf, Nginx) {
        let folder = self.bench.path(name);
        for (path, bytes) in snapshot(&self.bench.public()) {
            put(&folder, &path, &bytes);
        }
        let nginx = Nginx::start(&folder);
        (folder, nginx)
    }
}

/// An image with so many bytes that do not compress.
pub(crate) fn make_image(seed: &str, bytes: usize) -> Vec<u8> {
    let squashfs = images::simg(seed, 0);
    let rest = Seed::new(seed).bytes(bytes);
    let content = [squashfs, rest].concat();
    SifBuilder::new(seed).primary(Arch::Amd64, &content).build()
}

/// The path and the content of the newest statement about a tag of `lab/tool`.
pub(crate) fn statement(root: &Path, tag: &str) -> (String, Value) {
    let all = snapshot(root);
    all.into_iter()
        .filter(|(path, _)| path.starts_with("s/"))
        .map(|(path, bytes)| {
            let line = bytes.split(|byte| *byte == b'\n').next().unwrap();
            (path, serde_json::from_slice::<Value>(line).unwrap())
        })
        .filter(|(_, value)| value["tag"] == tag && value["name"] == "lab/tool")
        .max_by_key(|(_, value)| value["seq"].as_u64())
        .unwrap()
}

pub(crate) fn put(root: &Path, path: &str, bytes: &[u8]) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    // Not in the place of a file that is a hard link.
    let _ = fs::remove_file(&path);
    fs::write(path, bytes).unwrap();
}
