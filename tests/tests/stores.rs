//! Registries in a store in memory: what is written, and how it is served.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::ops::Range;
use std::sync::Arc;

use sreg_index::hasher::{IoMode, Observer, Unobserved};
use sreg_model::layout::Place;
use sreg_model::served::served;
use sreg_store::{
    If, Memory, Object, Served, Sink, Store, StoreError, Upload, Written, keeps_conditions,
};
use sreg_tests::images;
use sreg_tree::Tree;
use sreg_tree::publish::{Destination, Edition, Publisher, Watch, publish_edition};
use sreg_tree::push::{Push, push};
use sreg_tree::verify::{BlobCheck, Options, verify_tree};

const NOW: u64 = 1_790_000_000;

struct Unwatched;

impl Observer for Unwatched {
    fn advance(&self, _: u64) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

impl Watch for Unwatched {}

// spec: LAY-14
#[test]
fn every_object_is_served_as_what_it_is() {
    let memory = Arc::new(Memory::default());
    let destination = Destination {
        store: memory.clone(),
        uploads: None,
        at_once: 1,
    };
    publish_edition(&destination, Edition::default(), None, NOW, &Unwatched).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image.simg");
    std::fs::write(&image, images::simg("an image", 10)).unwrap();
    push(
        &destination,
        &Push {
            image: &image,
            repository: "Lab/Tool".parse().unwrap(),
            tag: "1.0".parse().unwrap(),
            arch: None,
            frozen: false,
            statement: None,
            io: IoMode::Auto,
            publisher: Publisher {
                keys: None,
                known: &[],
                now: NOW,
                watch: &Unwatched,
            },
        },
    )
    .unwrap();
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
            _ => assert_eq!(how.content_type, served(&place).content_type, "{key}"),
        }
        let is_mutable = match &place {
            Place::Settings | Place::Head => true,
            place => place.is_view() && !matches!(place, Place::Manifest(..)),
        };
        let lasts = how.cache_control.contains("immutable");
        assert_eq!(lasts, !is_mutable, "{key}: {}", how.cache_control);
    }
    assert_eq!(kinds.len(), 8, "{kinds:?}");
    let options = Options {
        now: NOW,
        ..Options::new(BlobCheck::Full, IoMode::Auto)
    };
    let tree = Tree::in_store(memory).unwrap();
    let report = verify_tree(&tree, &options, &Unobserved).unwrap();
    assert_eq!((report.faults, report.warnings), (vec![], vec![]));
}

/// A store that writes whatever the condition is.
#[derive(Debug, Default)]
struct Careless(Memory);

impl Store for Careless {
    fn name(&self) -> &str {
        "careless"
    }

    fn read(&self, key: &str, most: usize) -> Result<Option<Object>, StoreError> {
        self.0.read(key, most)
    }

    fn size(&self, key: &str) -> Result<Option<u64>, StoreError> {
        self.0.size(key)
    }

    fn read_range(&self, key: &str, range: Range<u64>, sink: Sink<'_>) -> Result<(), StoreError> {
        self.0.read_range(key, range, sink)
    }

    fn write(&self, key: &str, bytes: &[u8], _: &If, how: Served) -> Result<Written, StoreError> {
        self.0.write(key, bytes, &If::Any, how)
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
    assert!(keeps_conditions(&good).unwrap());
    assert!(!keeps_conditions(&careless).unwrap());
    assert_eq!(
        good.keys().len() + careless.0.keys().len(),
        0,
        "nothing is left"
    );
    let destination = Destination {
        store: Arc::new(careless),
        uploads: None,
        at_once: 1,
    };
    // Nobody else can have published yet; from then on somebody may.
    let publish = || publish_edition(&destination, Edition::default(), None, NOW, &Unwatched);
    publish().unwrap();
    assert_eq!(publish().unwrap_err().code(), "unconditional-store");
}
