//! A folder of images, a tree that is published from it, and ways to look on.
pub(crate) mod trace;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use sreg_index::hasher::{IoMode, Observer, Unobserved};
use sreg_ingest::{IngestError, Outcome};
use sreg_model::Arch;
use sreg_model::head::Head;
use sreg_publish::repair::{Repaired, repair};
use sreg_publish::{Destination, LinkMode, Progress, Session};
use sreg_registry::Registry;
use sreg_registry::verify::{BlobCheck, Fault, Options, Report, verify_registry};
use sreg_tests::images;

/// When everything is published, in Unix seconds.
pub(crate) const NOW: u64 = 1_790_000_000;

pub(crate) struct Bench {
    folder: tempfile::TempDir,
    base_url: Option<&'static str>,
}

/// A file: its number on the device, and its bytes.
pub(crate) type File = (u64, Vec<u8>);

impl Bench {
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            base_url: None,
        }
    }

    /// The same with a base URL in the options of all further runs.
    pub(crate) fn with_base_url(mut self, url: &'static str) -> Self {
        self.base_url = Some(url);
        self
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.folder.path().join("public")
    }

    /// Writes an image that follows from `seed`.
    pub(crate) fn image(&self, name: &str, seed: &str) {
        let path = self.folder.path().join("images").join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, images::sif(seed, Arch::Amd64, 100)).unwrap();
    }

    pub(crate) fn remove_image(&self, name: &str) {
        fs::remove_file(self.folder.path().join("images").join(name)).unwrap();
    }

    /// Publishes exactly the images that are there.
    pub(crate) fn try_index(&self, watch: &dyn Progress) -> Result<Outcome, IngestError> {
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
        sreg_ingest::index_folder(&options, &Session::new(NOW, watch))
    }

    /// The same, which must succeed: the version that then is the newest.
    pub(crate) fn index(&self) -> u64 {
        let outcome = self.try_index(&Moments::default()).unwrap();
        outcome.head.unwrap().body().version
    }

    /// The same, stopped right behind the commit: what a run leaves that is killed there.
    pub(crate) fn index_and_stop_at_the_commit(&self) {
        let moments = Moments {
            stop_at_commit: true,
            ..Moments::default()
        };
        let error = self.try_index(&moments).unwrap_err();
        assert!(
            matches!(&error, IngestError::Publish(error) if error.is_cancelled()),
            "{error}"
        );
    }

    pub(crate) fn repair(&self) -> Repaired {
        repair(
            &Destination::folder(&self.root()),
            &Session::new(0, &Moments::default()),
        )
        .unwrap()
    }

    pub(crate) fn tree(&self) -> Registry {
        Registry::open(&self.root()).unwrap()
    }

    pub(crate) fn verify(&self) -> Report {
        verify(&self.root())
    }

    /// Nothing is wrong, and nothing was left behind.
    pub(crate) fn is_whole(&self) {
        let report = self.verify();
        assert_eq!(report.faults, []);
        assert!(!self.root().join("staging").exists());
    }

    pub(crate) fn read(&self, path: &str) -> Vec<u8> {
        fs::read(self.root().join(path)).unwrap()
    }

    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(self.read(path)).unwrap()
    }

    /// Puts another file in the place of one.
    pub(crate) fn replace(&self, path: &str, bytes: &[u8]) {
        let path = self.root().join(path);
        let _ = fs::remove_file(&path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// All files of the tree, by path.
    pub(crate) fn files(&self) -> BTreeMap<String, File> {
        let mut files = BTreeMap::new();
        for path in paths(&self.root(), |kind| kind.is_file()) {
            let file = self.root().join(&path);
            let inode = fs::metadata(&file).unwrap().ino();
            files.insert(path, (inode, fs::read(file).unwrap()));
        }
        files
    }

    /// All folders of the tree.
    pub(crate) fn folders(&self) -> Vec<String> {
        paths(&self.root(), |kind| kind.is_dir())
    }
}

pub(crate) fn verify(root: &Path) -> Report {
    let options = Options::new(BlobCheck::Full, IoMode::Auto);
    verify_registry(&Registry::open(root).unwrap(), &options, &Unobserved).unwrap()
}

pub(crate) fn codes(faults: &[Fault]) -> Vec<&'static str> {
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
pub(crate) struct Moments<'a> {
    /// It is known how much is to be read: nothing is written yet.
    pub(crate) expect: &'a (dyn Fn() + Sync),
    pub(crate) waiting: &'a (dyn Fn() + Sync),
    pub(crate) committed: &'a (dyn Fn(&Head) + Sync),
    pub(crate) stop_at_commit: bool,
    pub(crate) stopped: AtomicBool,
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
