//! Registries in a store in memory: what is written, and how it is served.

use std::ops::Range;
use std::sync::Arc;

use sreg_index::hasher::{IoMode, Observer, Unobserved};
use sreg_model::layout::{JOURNAL, Place};
use sreg_model::settings::Settings;
use sreg_model::{Digest, Host};
use sreg_publish::changeset::Changeset;
use sreg_publish::push::{Push, push};
use sreg_publish::{Destination, Progress, Session, publish_changeset};
use sreg_registry::Registry;
use sreg_registry::verify::{BlobCheck, Options, verify_registry};
use sreg_store::{
    Capabilities, Memory, Object, Precondition, PutOutcome, Scheme, Served, Sink, Store,
    StoreError, Upload, supports_conditional_writes,
};
use sreg_tests::images;

const NOW: u64 = 1_790_000_000;

struct Unwatched;

impl Observer for Unwatched {
    fn advance(&self, _: u64) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

impl Progress for Unwatched {}

// spec: LAY-14
#[test]
fn every_object_is_served_as_what_it_is() {
    let memory = Arc::new(Memory::default());
    let destination = Destination::in_store(memory.clone());
    publish_changeset(
        &destination,
        &Session::new(NOW, &Unwatched),
        Changeset::default(),
    )
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    push_to(&destination, &folder, "Lab/Tool", "an image");
    let config = sreg_model::manifest::empty_config_digest();
    let mut kinds = std::collections::BTreeSet::new();
    for key in memory.keys() {
        let how = memory.served(&key).unwrap();
        // A folder is served as its index is.
        let index = match key.ends_with('/') {
            true => format!("{key}index.html"),
            false => key.clone(),
        };
        let Some(place) = Place::parse(&index) else {
            assert_eq!(
                (key.as_str(), how.cache_control),
                ("staging/journal", "no-store")
            );
            continue;
        };
        kinds.insert((how.content_type, how.cache_control));
        match &place {
            Place::Blob(_, digest) if *digest == config => {
                assert_eq!(
                    how.content_type,
                    "application/vnd.sylabs.sif.config.v1+json"
                );
            }
            _ => assert_eq!(how.content_type, place.kind().served.content_type, "{key}"),
        }
        let is_mutable = match &place {
            Place::Settings | Place::Head => true,
            place => place.kind().is_view() && !matches!(place, Place::Manifest(..)),
        };
        let lasts = how.cache_control.contains("immutable");
        assert_eq!(lasts, !is_mutable, "{key}: {}", how.cache_control);
    }
    assert_eq!(kinds.len(), 8, "{kinds:?}");
    let options = Options {
        now: NOW,
        ..Options::new(BlobCheck::Full, IoMode::Auto)
    };
    let tree = Registry::in_store(memory).unwrap();
    let report = verify_registry(&tree, &options, &Unobserved).unwrap();
    assert_eq!((report.faults, report.warnings), (vec![], vec![]));
}

/// A registry in memory, whose settings say for which host it is, and where its images come from.
fn registry_for(host: Option<Host>) -> (Arc<Memory>, Destination, tempfile::TempDir) {
    let memory = Arc::new(Memory::default());
    let mut settings = Settings::default();
    settings.host = host;
    let place = Place::Settings;
    let (key, bytes) = (place.to_string(), settings.encode());
    memory
        .write(&key, &bytes, &Precondition::Absent, place.kind().served)
        .unwrap();
    let destination = Destination::in_store(memory.clone());
    publish_changeset(
        &destination,
        &Session::new(NOW, &Unwatched),
        Changeset::default(),
    )
    .unwrap();
    (memory, destination, tempfile::tempdir().unwrap())
}

/// Pushes an image under the tag `1.0` of a repository: its digest.
fn push_to(
    destination: &Destination,
    folder: &tempfile::TempDir,
    repository: &str,
    seed: &str,
) -> Digest {
    let image = folder.path().join("image.simg");
    let bytes = images::simg(seed, 10);
    std::fs::write(&image, &bytes).unwrap();
    let pushed = Push {
        image: &image,
        repository: repository.parse().unwrap(),
        tag: "1.0".parse().unwrap(),
        arch: None,
        frozen: false,
        statement: None,
        io: IoMode::Auto,
    };
    push(destination, &Session::new(NOW, &Unwatched), &pushed).unwrap();
    Digest::of(&bytes)
}

/// The faults of a registry, by word.
fn faults(memory: &Arc<Memory>, blobs: BlobCheck) -> Vec<&'static str> {
    let options = Options {
        now: NOW,
        ..Options::new(blobs, IoMode::Auto)
    };
    let tree = Registry::in_store(memory.clone()).unwrap();
    let report = verify_registry(&tree, &options, &Unobserved).unwrap();
    report
        .faults
        .iter()
        .map(|fault| fault.code.word())
        .collect()
}

// spec: API-20 COM-26
#[test]
fn a_store_copies_images_to_where_library_clients_look() {
    let key = "library/v1/imagefile/lab/tool:1.0";
    for host in [Host::S3, Host::Gcs] {
        let (memory, destination, folder) = registry_for(Some(host));
        for seed in ["first", "second", "first"] {
            let digest = push_to(&destination, &folder, "lab/tool", seed);
            let copied = memory.copied(key).unwrap().unwrap();
            assert_eq!(copied.digest, Some(digest));
            let found = memory.read(key, usize::MAX).unwrap().unwrap();
            assert_eq!(Digest::of(&found.bytes), digest);
            assert_eq!(memory.served(key).unwrap().cache_control, "no-cache");
            assert_eq!(faults(&memory, BlobCheck::Full), [""; 0]);
        }
        // What is right stays as it is.
        let before = memory.read(key, 0).unwrap().unwrap().version;
        push_to(&destination, &folder, "lab/tool", "first");
        assert_eq!(memory.read(key, 0).unwrap().unwrap().version, before);
    }
    for host in [None, Some(Host::Nginx), Some(Host::Pages)] {
        let (memory, destination, folder) = registry_for(host);
        push_to(&destination, &folder, "lab/tool", "first");
        assert_eq!(memory.copied(key).unwrap(), None);
        assert_eq!(faults(&memory, BlobCheck::Full), [""; 0]);
    }
}

// spec: API-20
#[test]
fn a_copy_that_is_another_image_is_found() {
    let key = "library/v1/imagefile/lab/tool:1.0";
    let (memory, destination, folder) = registry_for(Some(Host::S3));
    let digest = push_to(&destination, &folder, "lab/tool", "first");
    let image = format!("v2/lab/tool/blobs/{digest}");
    let bytes = memory.read(&image, usize::MAX).unwrap().unwrap().bytes;
    let how = Place::Head.kind().served;
    // By what was noted, by its size, and by its bytes where all are read.
    let other = Digest::of(b"another");
    memory.copy(&image, key, &other, how).unwrap();
    assert_eq!(faults(&memory, BlobCheck::Head), ["view-mismatch"]);
    memory
        .write(key, &bytes[1..], &Precondition::Any, how)
        .unwrap();
    assert_eq!(faults(&memory, BlobCheck::Head), ["view-mismatch"]);
    let turned: Vec<u8> = bytes.iter().rev().copied().collect();
    memory.write(key, &turned, &Precondition::Any, how).unwrap();
    assert_eq!(faults(&memory, BlobCheck::Full), ["view-mismatch"]);
    memory.remove(key).unwrap();
    assert_eq!(faults(&memory, BlobCheck::Head), ["missing-view"]);
    // It is copied anew when the tag moves.
    push_to(&destination, &folder, "lab/tool", "second");
    assert_eq!(faults(&memory, BlobCheck::Full), [""; 0]);
}

/// A store that writes whatever the condition is.
#[derive(Debug, Default)]
struct Careless(Memory);

impl Store for Careless {
    fn name(&self) -> &str {
        "careless"
    }

    fn capabilities(&self) -> Capabilities<'_> {
        Capabilities::of(Scheme::Memory)
    }

    fn read(&self, key: &str, max_bytes: usize) -> Result<Option<Object>, StoreError> {
        self.0.read(key, max_bytes)
    }

    fn size(&self, key: &str) -> Result<Option<u64>, StoreError> {
        self.0.size(key)
    }

    fn read_range(&self, key: &str, range: Range<u64>, sink: Sink<'_>) -> Result<(), StoreError> {
        self.0.read_range(key, range, sink)
    }

    fn write(
        &self,
        key: &str,
        bytes: &[u8],
        _: &Precondition,
        how: Served,
    ) -> Result<PutOutcome, StoreError> {
        self.0.write(key, bytes, &Precondition::Any, how)
    }

    fn upload(&self, key: &str, upload: &Upload<'_>) -> Result<(), StoreError> {
        self.0.upload(key, upload)
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.0.remove(key)
    }
}

// spec: COM-21
#[test]
fn a_store_that_keeps_no_conditions_is_told_from_one_that_does() {
    let (good, careless) = (Memory::default(), Careless::default());
    assert!(supports_conditional_writes(&good).unwrap());
    assert!(!supports_conditional_writes(&careless).unwrap());
    assert_eq!(
        good.keys().len() + careless.0.keys().len(),
        0,
        "nothing is left"
    );
    let destination = Destination::in_store(Arc::new(careless));
    // Nobody else can have published yet; from then on somebody may.
    let publish = || {
        publish_changeset(
            &destination,
            &Session::new(NOW, &Unwatched),
            Changeset::default(),
        )
    };
    publish().unwrap();
    assert_eq!(publish().unwrap_err().code(), "unconditional-store");
}

/// Somebody without a key writes a journal that names the newest head under another version: the next writer does
/// not take the views for written.
// spec: COM-19
#[test]
fn a_journal_that_names_another_version_of_the_newest_head_counts_for_nothing() {
    let (memory, destination, folder) = registry_for(None);
    push_to(&destination, &folder, "lab/tool", "an image");
    let view = "v2/lab/tool/manifests/1.0";
    memory.remove(view).unwrap();
    assert_eq!(faults(&memory, BlobCheck::Head), ["missing-view"]);
    let newest = Registry::in_store(memory.clone()).unwrap().head().unwrap();
    let (epoch, version, id) = (newest.body().epoch, newest.body().version, newest.id());
    let journal = format!(
        r#"{{"views_at":{{"epoch":{epoch},"id":"{id}","version":{}}},"type":"sreg-journal-v1"}}"#,
        version + 1
    );
    let how = Place::Head.kind().served;
    memory
        .write(JOURNAL, journal.as_bytes(), &Precondition::Any, how)
        .unwrap();
    push_to(&destination, &folder, "lab/tool", "an image");
    assert_eq!(faults(&memory, BlobCheck::Head), [""; 0]);
}
