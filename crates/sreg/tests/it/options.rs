//! Each option reaches the operation.

use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use sreg::{
    Arch, BlobCheck, Code, LinkMode, Observer, Progress, Reference, Registry, RetryPolicy,
    StoreConfig, Version, Warning,
};
use sreg_tests::mock::S3Mock;

use crate::front_door::{Scene, code, tool};

/// 2026-09-21, in Unix seconds.
const NOW: u64 = 1_790_000_000;
const DAY: u64 = 24 * 60 * 60;

/// Counts the bytes that it is told of.
#[derive(Default)]
struct Counted(AtomicU64);

impl Observer for Counted {
    fn advance(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    fn is_cancelled(&self) -> bool {
        false
    }
}

impl Progress for Counted {}

impl Counted {
    fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn of_index() {
    let mut scene = Scene::new();
    scene.keys = scene.keys.comment("the lab").valid_for_days(1);
    let registry = Registry::new(&scene.public).at_time(NOW);
    let cache = scene.path("hashes");
    fs::write(scene.images.join("lab/broken_1.0.sif"), "no image").unwrap();
    let index = || {
        sreg::index(&scene.images, &registry)
            .sign_with(&scene.keys)
            .cache(&cache)
    };
    assert_eq!(code(index().run()), Code::ImageTooSmall);
    let counted = Counted::default();
    let first = index()
        .skip_invalid(true)
        .link(LinkMode::Copy)
        .base_url("https://example.org/registry".parse().unwrap())
        .progress(&counted);
    let first = first.run().unwrap();
    assert_eq!((first.images, first.hashed, first.reused), (6, 6, 0));
    assert!(counted.bytes() > 0);
    let trust = fs::read_to_string(scene.public.join("trust/1")).unwrap();
    assert!(trust.contains(r#""comment":"the lab""#), "{trust}");
    assert_eq!(registry.head().unwrap().body().expires, Some(NOW + DAY));
    let seed = fs::read_to_string(scene.public.join("lab/tool/manifests/1.1/index.html")).unwrap();
    assert!(seed.contains("https://example.org/registry/v2/"), "{seed}");
    let listed = registry.references().unwrap();
    assert_eq!(listed.len(), 6);
    assert!(
        listed
            .iter()
            .any(|one| one.reference == tool() && one.digest == pulled_digest(&scene))
    );
    // What is not in the folder stays listed, unless it is asked for.
    fs::remove_file(scene.images.join("lab/tool/1.1.sif")).unwrap();
    let second = index().skip_invalid(true).run().unwrap();
    assert_eq!((second.reused, second.removed.len()), (5, 0));
    assert_eq!(registry.references().unwrap().len(), 6);
    // Of a folder with an invalid image, it is not known what is gone.
    let third = index().skip_invalid(true).prune(true).run().unwrap();
    assert_eq!(third.removed.len(), 0);
    fs::remove_file(scene.images.join("lab/broken_1.0.sif")).unwrap();
    let third = index().prune(true).run().unwrap();
    assert_eq!(third.removed.len(), 1);
    assert_eq!(registry.references().unwrap().len(), 5);
    // The head has expired.
    let late = Registry::new(&scene.public)
        .with_id(registry.id().unwrap().unwrap())
        .at_time(NOW + DAY);
    let report = sreg::verify(&late).run().unwrap();
    assert!(
        report
            .faults
            .iter()
            .any(|fault| fault.code == Code::ExpiredHead),
        "{:?}",
        report.faults
    );
}

fn pulled_digest(scene: &Scene) -> sreg::Digest {
    sreg::Digest::of(&fs::read(scene.images.join("lab/tool/1.1.sif")).unwrap())
}

#[test]
fn of_pull_and_verify() {
    let scene = Scene::signed();
    let id = Registry::new(&scene.public).id().unwrap().unwrap();
    let registry = Registry::new(&scene.public).with_id(id);
    let reference = tool();
    let file = scene.path("a.sif");
    let pull = || sreg::pull(&registry, &reference);
    assert_eq!(
        code(pull().arch(Arch::Arm64).to_file(&file)),
        Code::MissingReference
    );
    let counted = Counted::default();
    pull()
        .arch(Arch::Amd64)
        .connections(1)
        .observer(&counted)
        .to_file(&file)
        .unwrap();
    let size = fs::metadata(&file).unwrap().len();
    assert_eq!(counted.bytes(), size);
    // Another file is in its place.
    fs::write(&file, "another").unwrap();
    assert_eq!(code(pull().to_file(&file)), Code::FileExists);
    pull().replace(true).to_file(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().len(), size);
    // A lock file lists what was pulled, and nothing else is pulled by it.
    let lock = scene.path("sreg.lock");
    let locked = Registry::new(&scene.public).with_lock_file(&lock);
    assert_eq!(
        code(sreg::pull(&locked, &reference).to_file(&file)),
        Code::MissingFile
    );
    fs::write(&lock, "{\"registries\":[],\"type\":\"sreg-lock-v1\"}\n").unwrap();
    assert_eq!(
        code(sreg::pull(&locked, &reference).to_file(&file)),
        Code::UntrustedRegistry
    );
    // From the cache and what is known, without the registry.
    let known = registry.clone().with_known_registries(scene.path("known"));
    let cache = scene.path("cache");
    sreg::pull(&known, &reference)
        .cache(&cache)
        .to_file(scene.path("b.sif"))
        .unwrap();
    let away = scene.path("away");
    fs::rename(&scene.public, &away).unwrap();
    let offline = sreg::pull(&known, &reference)
        .cache(&cache)
        .version(Version::Offline);
    offline.to_file(scene.path("c.sif")).unwrap();
    assert_eq!(fs::metadata(scene.path("c.sif")).unwrap().len(), size);
    // From a mirror, of which it warns.
    let warned = Mutex::new(Vec::new());
    let warn = |warning: Warning| warned.lock().unwrap().push(warning.to_string());
    let mirrored = sreg::pull(&registry, &reference)
        .mirrors([away.to_str().unwrap()])
        .warn(&warn)
        .to_file(scene.path("d.sif"));
    mirrored.unwrap();
    assert!(!warned.lock().unwrap().is_empty());
    fs::rename(&away, &scene.public).unwrap();
    // One reference is verified, with its image or without.
    let blob = fs::read_dir(scene.public.join("v2/lab/tool/blobs")).unwrap();
    let blob = blob.map(|entry| entry.unwrap().path());
    let is_image = |path: &std::path::PathBuf| fs::metadata(path).unwrap().len() == size;
    for image in blob.filter(is_image) {
        let mut bytes = fs::read(&image).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::remove_file(&image).unwrap();
        fs::write(&image, bytes).unwrap();
    }
    let counted = Counted::default();
    let of_tool = || sreg::verify(&registry).reference(&reference);
    let report = of_tool().observer(&counted).run().unwrap();
    assert_eq!(
        report
            .faults
            .iter()
            .map(|fault| fault.code)
            .collect::<Vec<_>>(),
        [Code::BlobMismatch]
    );
    assert!(counted.bytes() >= size);
    assert_eq!(of_tool().blobs(BlobCheck::None).run().unwrap().faults, []);
    let other: Reference = "lab/hello:latest".parse().unwrap();
    assert_eq!(
        sreg::verify(&registry)
            .reference(&other)
            .run()
            .unwrap()
            .faults,
        []
    );
}

#[test]
fn of_push_and_mirror() {
    let scene = Scene::signed();
    let registry = Registry::new(&scene.public);
    let image = scene.images.join("lab/tool/1.0.sif");
    let new: Reference = "lab/new:1".parse().unwrap();
    let push = || sreg::push(&image, &registry, &new).sign_with(&scene.keys);
    assert_eq!(code(push().arch(Arch::Arm64).run()), Code::ArchMismatch);
    push().frozen(true).run().unwrap();
    let other = scene.images.join("lab/tool/1.1.sif");
    let again = sreg::push(&other, &registry, &new).sign_with(&scene.keys);
    assert_eq!(code(again.run()), Code::FrozenTag);

    let server = S3Mock::start();
    let in_bucket = |name: &str| {
        let config = StoreConfig {
            retry: RetryPolicy::never(),
            options: server.options(),
            ..StoreConfig::default()
        };
        Registry::new(format!("s3://registry/{name}")).with_store(config)
    };
    let id = registry.id().unwrap().unwrap();
    let first = in_bucket("first");
    let counted = Counted::default();
    let copied = sreg::mirror(&registry, &first)
        .progress(&counted)
        .run()
        .unwrap();
    assert_eq!(copied.head.id(), registry.head().unwrap().id());
    assert!(counted.bytes() > 0);
    // From one server to another, images pass through a folder.
    let second = in_bucket("second");
    assert_eq!(code(sreg::mirror(&first, &second).run()), Code::Usage);
    let scratch = scene.path("scratch");
    sreg::mirror(&first, &second)
        .scratch(&scratch)
        .run()
        .unwrap();
    assert!(!scratch.exists());
    assert_eq!(sreg::verify(&second.with_id(id)).run().unwrap().faults, []);
    // Into a folder, they pass through its own.
    let copy = Registry::new(scene.path("copy"));
    sreg::mirror(&first, &copy).run().unwrap();
    assert_eq!(sreg::verify(&copy.with_id(id)).run().unwrap().faults, []);
    // What is known of parts of an upload to a bucket is in a folder.
    let later: Reference = "lab/new:2".parse().unwrap();
    let known = scene.path("known");
    let first = first.with_known_registries(&known);
    let pushed = sreg::push(&image, &first, &later);
    pushed
        .sign_with(&scene.keys)
        .uploads(scene.path("uploads"))
        .run()
        .unwrap();
    let seen = sreg::pull(&first, &later).resolve().unwrap();
    assert_eq!(seen.signers().len(), 1);
}
