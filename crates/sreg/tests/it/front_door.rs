//! The front door: what it refuses by default, what it lets through, and how it is embedded.

use std::fs;
use std::path::PathBuf;

use sreg::{Code, Error, KeyRing, Question, Reference, Registry};
use sreg_tests::{examples, keys};
use tempfile::TempDir;

pub(crate) struct Scene {
    folder: TempDir,
    pub(crate) images: PathBuf,
    pub(crate) public: PathBuf,
    pub(crate) keys: KeyRing,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            images: examples::write(&folder.path().join("images")),
            public: folder.path().join("public"),
            keys: KeyRing::open(keys::write(folder.path(), 1)).unwrap(),
            folder,
        }
    }

    pub(crate) fn signed() -> Self {
        let scene = Self::new();
        let registry = Registry::new(&scene.public);
        let run = sreg::index(&scene.images, &registry).sign_with(&scene.keys);
        run.run().unwrap();
        scene
    }

    fn unsigned() -> Self {
        let scene = Self::new();
        sreg::index(&scene.images, &Registry::new(&scene.public))
            .run()
            .unwrap();
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

pub(crate) fn tool() -> Reference {
    "lab/tool:1.1".parse().unwrap()
}

pub(crate) fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> Code {
    result.unwrap_err().code()
}

#[test]
fn a_registry_is_pulled_from_only_if_somebody_vouches_for_it() {
    let scene = Scene::signed();
    let registry = Registry::new(&scene.public);
    let id = registry.id().unwrap().unwrap();
    let reference = tool();
    let pull = |registry: &Registry| sreg::pull(registry, &reference).to_file(scene.path("a.sif"));
    assert_eq!(code(pull(&registry)), Code::UntrustedRegistry);
    let other = sreg::Digest::of(b"another registry");
    assert_eq!(
        code(pull(&registry.clone().with_id(other))),
        Code::OtherRegistry
    );
    assert!(!scene.path("a.sif").exists());
    let pulled = pull(&registry.clone().with_id(id)).unwrap();
    assert!(pulled.warnings.is_empty(), "{:?}", pulled.warnings);
    assert_eq!(
        fs::read(scene.path("a.sif")).unwrap(),
        fs::read(scene.images.join("lab/tool/1.1.sif")).unwrap()
    );
    // Known registries remember the answer.
    let known = registry.with_known_registries(scene.path("known"));
    assert_eq!(code(pull(&known)), Code::UntrustedRegistry);
    let confirm = |question: &Question| question.registry == id;
    let confirmed = sreg::pull(&known, &reference).confirm(&confirm);
    confirmed.to_file(scene.path("a.sif")).unwrap();
    pull(&known).unwrap();
}

#[test]
fn a_registry_without_keys_is_allowed_on_request() {
    let scene = Scene::unsigned();
    let registry = Registry::new(&scene.public);
    let reference = tool();
    let file = scene.path("a.sif");
    assert_eq!(
        code(sreg::pull(&registry, &reference).to_file(&file)),
        Code::Unsigned
    );
    let pulled = sreg::pull(&registry, &reference)
        .allow_unsigned()
        .to_file(&file)
        .unwrap();
    // A digest vouches for the image.
    let exact: Reference = format!("lab/tool@{}", pulled.digest).parse().unwrap();
    let mut bytes = Vec::new();
    sreg::pull(&registry, &exact)
        .to_writer(&mut bytes, scene.folder.path())
        .unwrap();
    assert_eq!(bytes, fs::read(&file).unwrap());
}

#[test]
fn what_is_pushed_is_signed_mirrored_and_verified() {
    let scene = Scene::signed();
    let registry = Registry::new(&scene.public);
    let id = registry.id().unwrap().unwrap();
    let image = scene.images.join("lab/tool/1.0.sif");
    let new: Reference = "lab/new:1".parse().unwrap();
    let push = || sreg::push(&image, &registry, &new);
    assert_eq!(code(push().run()), Code::SignedRegistry);
    push().sign_with(&scene.keys).run().unwrap();
    let exact: Reference = format!("lab/new@{id}").parse().unwrap();
    let refused = sreg::push(&image, &registry, &exact).run();
    assert!(matches!(refused, Err(Error::PushToDigest(_))));
    let copy = Registry::new(scene.path("copy")).with_id(id);
    assert_eq!(sreg::mirror(&registry, &copy).run().unwrap().versions, 2);
    let report = sreg::verify(&copy).run().unwrap();
    assert_eq!(report.faults, []);
    let statement = sreg::pull(&copy, &new).resolve().unwrap();
    assert_eq!(statement.signers().len(), 1);
    let tampered = scene.path("copy").join("head");
    fs::write(&tampered, "{}").unwrap();
    assert!(!sreg::verify(&copy).run().unwrap().faults.is_empty());
}

#[test]
fn errors_have_codes_and_causes() {
    let folder = tempfile::tempdir().unwrap();
    let nothing = Registry::new(folder.path().join("nothing"));
    assert_eq!(code(nothing.head()), Code::NotARegistry);
    assert_eq!(code(Registry::new("gopher://x").head()), Code::MalformedUrl);
    let to_url = Registry::new("https://example.org/registry");
    let error = sreg::index(folder.path(), &to_url).run().unwrap_err();
    assert_eq!(error.code(), Code::NotSupported);
    assert!(error.explain().contains("https://example.org/registry"));
    let key = folder.path().join("key");
    fs::write(&key, keys::encrypted(1, "secret")).unwrap();
    assert_eq!(code(KeyRing::open(&key)), Code::Passphrase);
    let ring = KeyRing::open_with(&key, &mut |_| Ok("secret".to_owned().into())).unwrap();
    assert_eq!(ring.signers().len(), 1);
}

/// Embedding programs may be async: nothing panics.
#[test]
fn operations_run_inside_a_runtime() {
    let scene = Scene::signed();
    let server = sreg_tests::mock::Mock::start({
        let public = scene.public.clone();
        move |request| match fs::read(public.join(request.path.trim_start_matches('/'))) {
            Ok(bytes) => sreg_tests::mock::Response::new(200, bytes),
            Err(_) => sreg_tests::mock::Response::new(404, ""),
        }
    });
    let id = Registry::new(&scene.public).id().unwrap().unwrap();
    let registry = Registry::new(server.url()).with_id(id);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let pulled = sreg::pull(&registry, &tool()).to_file(scene.path("a.sif"));
        assert_eq!(pulled.unwrap().size, 36864);
    });
}

/// `README.md` shows the same program as the first page of the documentation.
#[test]
fn the_readme_shows_what_is_tested() {
    let readme = include_str!("../../README.md");
    let block = readme.split("```rust\n").nth(1).unwrap();
    let block = block.split("```").next().unwrap();
    let tested = include_str!("../../src/lib.rs").lines();
    let tested: Vec<&str> = tested
        .filter_map(|line| line.strip_prefix("//!"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line))
        .filter(|line| !line.starts_with("# "))
        .collect();
    assert!(tested.join("\n").contains(block), "{block}");
}
