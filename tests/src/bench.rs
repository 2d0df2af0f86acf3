//! A folder of images, a registry that is published from it, and ways to look on.
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::images;
use sreg_index::hasher::{IoMode, Observer, Unobserved};
use sreg_ingest::{IngestError, Outcome};
use sreg_model::Arch;
use sreg_model::head::Head;
use sreg_publish::repair::{Repaired, repair};
use sreg_publish::{Destination, LinkMode, Progress, PublishError, Session};
use sreg_registry::Registry;
use sreg_registry::verify::{BlobCheck, Fault, Options, Report, verify_registry};

/// When everything is published, in Unix seconds.
pub const NOW: u64 = 1_790_000_000;

/// A folder of images and the registry that is published from it.
pub struct Bench {
    folder: tempfile::TempDir,
    base_url: Option<&'static str>,
}

/// A file: its number on the device, and its bytes.
pub type File = (u64, Vec<u8>);

impl Default for Bench {
    fn default() -> Self {
        Self::new()
    }
}

impl Bench {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            base_url: None,
        }
    }

    /// The same with a base URL in the options of all further runs.
    #[must_use]
    pub fn with_base_url(mut self, url: &'static str) -> Self {
        self.base_url = Some(url);
        self
    }

    /// The folder of the registry.
    #[must_use]
    pub fn root(&self) -> PathBuf {
        self.folder.path().join("public")
    }

    /// Writes an image that follows from `seed`.
    pub fn image(&self, name: &str, seed: &str) {
        let path = self.folder.path().join("images").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, images::sif(seed, Arch::Amd64, 100)).unwrap();
    }

    /// Removes an image.
    pub fn remove_image(&self, name: &str) {
        fs::remove_file(self.folder.path().join("images").join(name)).unwrap();
    }

    /// Publishes exactly the images that are there.
    ///
    /// # Errors
    /// Those of publishing.
    pub fn try_index(&self, watch: &dyn Progress) -> Result<Outcome, PublishError> {
        let options = sreg_ingest::Options {
            source: self.folder.path().join("images"),
            out: self.root(),
            naming: sreg_ingest::source::Naming::plain("library".parse().unwrap()),
            link: LinkMode::Copy,
            io: IoMode::Auto,
            base_url: self.base_url.map(|url| url.parse().unwrap()),
            host: None,
            blob_url: None,
            cache: None,
            origin: None,
            prune: true,
            allow_removals: true,
            skip_invalid: false,
            dry_run: false,
        };
        sreg_ingest::index_folder(&options, &Session::new(NOW, watch)).map_err(
            |error| match error {
                IngestError::Publish(error) => error,
                error => panic!("{error}"),
            },
        )
    }

    /// The same, which must succeed: the version that then is the newest.
    pub fn index(&self) -> u64 {
        let outcome = self.try_index(&Moments::default()).unwrap();
        outcome.head.unwrap().body().version
    }

    /// The same, stopped right behind the commit: what a run leaves that is killed there.
    pub fn index_and_stop_at_the_commit(&self) {
        let moments = Moments {
            stop_at_commit: true,
            ..Moments::default()
        };
        let error = self.try_index(&moments).unwrap_err();
        assert!(error.is_cancelled(), "{error}");
    }

    /// Repairs the registry.
    pub fn repair(&self) -> Repaired {
        repair(
            &Destination::folder(&self.root()),
            &Session::new(0, &Moments::default()),
        )
        .unwrap()
    }

    /// Opens the registry.
    #[must_use]
    pub fn tree(&self) -> Registry {
        Registry::open(&self.root()).unwrap()
    }

    /// Verifies the registry, with all its images.
    #[must_use]
    pub fn verify(&self) -> Report {
        verify(&self.root())
    }

    /// Nothing is wrong, and nothing was left behind.
    pub fn is_whole(&self) {
        let report = self.verify();
        assert_eq!(report.faults, []);
        assert!(!self.root().join("staging").exists());
    }

    /// Reads a file of the registry.
    #[must_use]
    pub fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.root().join(path)).unwrap()
    }

    /// Reads a file of the registry that is text.
    #[must_use]
    pub fn text(&self, path: &str) -> String {
        String::from_utf8(self.read(path)).unwrap()
    }

    /// Puts another file in the place of one.
    pub fn replace(&self, path: &str, bytes: &[u8]) {
        let path = self.root().join(path);
        let _ = fs::remove_file(&path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// All files of the tree, by path.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, File> {
        let mut files = BTreeMap::new();
        for path in paths(&self.root(), |kind| kind.is_file()) {
            let file = self.root().join(&path);
            let inode = fs::metadata(&file).unwrap().ino();
            files.insert(path, (inode, fs::read(file).unwrap()));
        }
        files
    }

    /// All folders of the tree.
    #[must_use]
    pub fn folders(&self) -> Vec<String> {
        paths(&self.root(), |kind| kind.is_dir())
    }
}

/// Verifies a registry, with all its images.
#[must_use]
pub fn verify(root: &Path) -> Report {
    let options = Options::new(BlobCheck::Full, IoMode::Auto);
    verify_registry(&Registry::open(root).unwrap(), &options, &Unobserved).unwrap()
}

/// The words of faults.
#[must_use]
pub fn codes(faults: &[Fault]) -> Vec<&'static str> {
    faults.iter().map(|fault| fault.code.word()).collect()
}

/// What is below `root` and of a kind, by its path from there.
fn paths(root: &Path, wanted: impl Fn(fs::FileType) -> bool) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if wanted(kind) {
                let path = path.strip_prefix(root).unwrap();
                found.push(path.to_str().unwrap().to_owned());
            }
            if kind.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// Looks on at the moments of a run.
pub struct Moments<'a> {
    /// It is known how much is to be read: nothing is written yet.
    pub expect: &'a (dyn Fn() + Sync),
    /// Another writer is at work.
    pub waiting: &'a (dyn Fn() + Sync),
    /// The new head is published.
    pub committed: &'a (dyn Fn(&Head) + Sync),
    /// Whether the run is stopped then.
    pub stop_at_commit: bool,
    /// Whether the run is to stop.
    pub stopped: AtomicBool,
}

impl Default for Moments<'_> {
    fn default() -> Self {
        Self {
            expect: &|| {},
            waiting: &|| {},
            committed: &|_| {},
            stop_at_commit: false,
            stopped: AtomicBool::new(false),
        }
    }
}

impl Observer for Moments<'_> {
    fn expect(&self, _bytes: u64) {
        (self.expect)();
    }

    fn advance(&self, _bytes: u64) {}

    fn is_cancelled(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

impl Progress for Moments<'_> {
    fn waiting(&self) {
        (self.waiting)();
    }

    fn committed(&self, head: &Head) {
        (self.committed)(head);
        self.stopped.store(self.stop_at_commit, Ordering::Relaxed);
    }
}
