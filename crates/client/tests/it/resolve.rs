//! Whole registries, resolved and pulled as a program would: the trees of `spec/vectors`, in folders.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sreg_client::destination::Destination;
use sreg_client::known::{
    KnownRegistries, KnownRegistry, LockFile, Pins, Question, record_in_lock_file,
};
use sreg_client::location::Location;
use sreg_client::pull::{PullError, pull};
use sreg_client::resolve::{ResolveError, Resolved, resolve};
use sreg_client::{PullOptions, Version, Warning};
use sreg_index::hasher::Unobserved;
use sreg_model::{Arch, Digest, Reference};
use tempfile::TempDir;

/// The clock of the vectors.
const NOW: u64 = 1_790_001_000;
/// A time at which their heads have expired, and their trust has not.
const LATE: u64 = 1_900_000_000;
/// The image that most of them have.
const TOOL: &str = "lab/tool:1.0";

/// Writes the tree of a vector into a folder.
fn unpack(vector: &str, root: &Path) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../spec/vectors/tree")
        .join(vector)
        .join("input");
    let tree: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    let put = |path: &str, bytes: &[u8]| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    for (path, text) in tree["files"].as_object().unwrap() {
        put(path, text.as_str().unwrap().as_bytes());
    }
    for (path, hex) in tree["hex"].as_object().unwrap() {
        let hex = hex.as_str().unwrap();
        let bytes = (0..hex.len()).step_by(2);
        let bytes = bytes.map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
        put(path, &bytes.collect::<Vec<u8>>());
    }
}

/// A user with known registries, a cache and a registry.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn of(vector: &str) -> Self {
        let bench = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        unpack(vector, &bench.path("public"));
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn location(&self) -> Location {
        Location::new(self.path("public"))
    }

    fn registries(&self) -> KnownRegistries {
        KnownRegistries::new(self.path("known"))
    }

    fn options<'a>(&self) -> PullOptions<'a> {
        let pins = Pins {
            registries: Some(self.registries()),
            lock_file: LockFile::Optional(self.path("lock")),
            registry: None,
        };
        PullOptions {
            machine: Some(Arch::Amd64),
            cache: Some(self.path("cache")),
            ..PullOptions::new(pins, NOW)
        }
    }

    fn resolve(&self, options: &PullOptions<'_>) -> Result<Resolved, ResolveError> {
        resolve(&self.location(), &reference(TOOL), options)
    }

    /// The code of why nothing is resolved.
    fn refused(&self, options: &PullOptions<'_>) -> &'static str {
        self.resolve(options).unwrap_err().code().word()
    }

    /// Pulls the image from a registry that the user confirms, and returns the registry's id.
    fn pulled(&self) -> Digest {
        let options = PullOptions {
            confirm: &yes,
            ..self.options()
        };
        let resolved = self.resolve(&options).unwrap();
        pull(&resolved, self.file("out.sif"), &options, &Unobserved).unwrap();
        self.known().registry()
    }

    fn file(&self, name: &str) -> Destination<'static> {
        Destination::File {
            path: self.path(name),
            replace: false,
        }
    }

    fn known(&self) -> KnownRegistry {
        let place = self.path("public").canonicalize().unwrap();
        let mut known = self.registries().at(&place.display().to_string()).unwrap();
        assert_eq!(known.len(), 1);
        known.remove(0)
    }
}

fn reference(text: &str) -> Reference {
    text.parse().unwrap()
}

fn yes(_: &Question) -> bool {
    true
}

// spec: CLI-27
#[test]
fn a_registry_that_is_seen_first_is_confirmed_once() {
    let bench = Bench::of("valid/keys-one");
    assert_eq!(bench.refused(&bench.options()), "untrusted-registry");

    let asked = RefCell::new(Vec::new());
    let ask = |question: &Question| {
        asked.borrow_mut().push(question.clone());
        true
    };
    let options = PullOptions {
        confirm: &ask,
        ..bench.options()
    };
    let resolved = bench.resolve(&options).unwrap();
    // What was not pulled is not recorded yet.
    assert!(!bench.path("known").exists());
    let pulled = pull(&resolved, bench.file("tool.sif"), &options, &Unobserved).unwrap();
    assert!(pulled.warnings.is_empty(), "{:?}", pulled.warnings);
    assert_eq!(
        Digest::of(&fs::read(bench.path("tool.sif")).unwrap()),
        pulled.digest
    );
    assert_eq!(resolved.signers().len(), 1);
    assert_eq!(resolved.file_name(), "tool_1.0.sif");
    assert_eq!(
        bench.known().head().unwrap().body().version,
        resolved.version()
    );

    // Now nobody is asked, also not for all that is strict.
    let options = PullOptions {
        require_signed: true,
        ..bench.options()
    };
    bench.resolve(&options).unwrap();
    let asked = asked.into_inner();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].registry, bench.known().registry());
    assert!(asked[0].to_string().contains("which is not known yet"));
}

#[test]
fn who_gives_the_id_or_the_digest_is_not_asked() {
    let bench = Bench::of("valid/keys-one");
    let of = |registry| PullOptions {
        pins: Pins {
            registry: Some(registry),
            ..bench.options().pins
        },
        ..bench.options()
    };
    let other = Bench::of("valid/keys-one").pulled();
    assert_eq!(bench.refused(&of(Digest::of(b"another"))), "other-registry");
    let resolved = bench.resolve(&of(other)).unwrap();
    let by_digest = reference(&format!("lab/tool@{}", resolved.image().digest));
    let options = bench.options();
    let resolved = resolve(&bench.location(), &by_digest, &options).unwrap();
    pull(&resolved, bench.file("tool.sif"), &options, &Unobserved).unwrap();
    // A digest makes no registry known.
    assert!(!bench.path("known").exists());
    let strict = PullOptions {
        require_signed: true,
        ..bench.options()
    };
    let error = resolve(&bench.location(), &by_digest, &strict).unwrap_err();
    assert_eq!(error.code(), "untrusted-registry");
}

#[test]
fn without_keys_a_registry_is_warned_of_or_refused() {
    let bench = Bench::of("valid/two-versions");
    let warnings = RefCell::new(Vec::new());
    let warn = |warning| warnings.borrow_mut().push(warning);
    let options = PullOptions {
        warn: &warn,
        ..bench.options()
    };
    let resolved = bench.resolve(&options).unwrap();
    assert!(resolved.signers().is_empty());
    assert!(matches!(warnings.borrow()[..], [Warning::Unsigned]));
    let strict = PullOptions {
        require_signed: true,
        ..bench.options()
    };
    assert_eq!(bench.refused(&strict), "unsigned");
    // A lock file lists every registry that may be used.
    fs::write(
        bench.path("lock"),
        "{\"registries\":[],\"type\":\"sreg-lock-v1\"}\n",
    )
    .unwrap();
    assert_eq!(bench.refused(&bench.options()), "unsigned");
}

#[test]
fn what_is_wrong_with_a_registry_is_told_by_its_code() {
    for (vector, code) in [
        ("invalid/keys-head-expired", "expired-head"),
        ("invalid/keys-head-by-stranger", "untrusted-head"),
        ("invalid/keys-trust-expired", "expired-trust"),
        ("invalid/missing-statement", "missing-statement"),
        ("invalid/missing-node", "missing-node"),
        ("valid/empty", "missing-reference"),
    ] {
        let bench = Bench::of(vector);
        let options = PullOptions {
            confirm: &yes,
            ..bench.options()
        };
        let error = bench.resolve(&options).unwrap_err();
        assert_eq!(error.code(), code, "{vector}: {error}");
        let ResolveError::Refused(refusal) = error else {
            panic!("{vector}: {error:?}");
        };
        assert_eq!(refusal.is_missing(), vector == "valid/empty");
        assert!(!bench.path("known").exists(), "{vector}");
    }
}

#[test]
fn an_architecture_is_named_or_the_machines_or_the_only_one() {
    let two = ["amd64", "arm64"];
    for (vector, named, machine, expected) in [
        (
            "valid/two-architectures",
            None,
            Some(Arch::Arm64),
            Ok("arm64"),
        ),
        (
            "valid/two-architectures",
            Some(Arch::Amd64),
            Some(Arch::Arm64),
            Ok("amd64"),
        ),
        (
            "valid/two-architectures",
            None,
            Some(Arch::Riscv64),
            Err(&two[..]),
        ),
        ("valid/two-architectures", None, None, Err(&two[..])),
        (
            "valid/two-architectures",
            Some(Arch::S390x),
            Some(Arch::Amd64),
            Err(&two[..]),
        ),
        ("valid/two-versions", None, Some(Arch::Riscv64), Ok("amd64")),
        ("valid/two-versions", None, None, Ok("amd64")),
        (
            "valid/two-versions",
            Some(Arch::Arm64),
            None,
            Err(&two[..1]),
        ),
    ] {
        let bench = Bench::of(vector);
        let warned = RefCell::new(false);
        let warn = |warning| {
            let is_arch = matches!(warning, Warning::OtherArch(Arch::Amd64));
            warned.replace_with(|warned| *warned || is_arch);
        };
        let options = PullOptions {
            arch: named,
            machine,
            warn: &warn,
            ..bench.options()
        };
        let case = format!("{vector} {named:?} {machine:?}");
        match (bench.resolve(&options), expected) {
            (Ok(resolved), Ok(arch)) => assert_eq!(resolved.arch().as_str(), arch, "{case}"),
            (Err(ResolveError::NoArch { archs, .. }), Err(expected)) => {
                let archs: Vec<&str> = archs.iter().map(|arch| arch.as_str()).collect();
                assert_eq!(archs, expected, "{case}");
            }
            (found, _) => panic!("{case}: {found:?}"),
        }
        let is_other = vector == "valid/two-versions" && named.is_none();
        assert_eq!(warned.into_inner(), is_other, "{case}");
    }
}

#[test]
fn a_mirror_answers_where_the_registry_does_not() {
    let bench = Bench::of("valid/keys-one");
    let registry = bench.pulled();
    unpack("valid/keys-one", &bench.path("mirror"));
    fs::remove_file(bench.path("public/head")).unwrap();
    let warnings = RefCell::new(Vec::new());
    let warn = |warning| warnings.borrow_mut().push(warning);
    let mut options = PullOptions {
        mirrors: vec![bench.path("mirror").display().to_string()],
        warn: &warn,
        ..bench.options()
    };
    let resolved = bench.resolve(&options).unwrap();
    assert_eq!(resolved.registries()[0].root(), bench.path("mirror"));
    // The registry that answered comes first, and the image may come from either.
    assert_eq!(resolved.sources(&options.store).unwrap().len(), 2);
    match &warnings.borrow()[..] {
        [Warning::Skipped { registry, .. }] => assert_eq!(*registry, bench.path("public")),
        other => panic!("{other:?}"),
    }
    // A mirror is held to what is known of the registry.
    fs::remove_dir_all(bench.path("mirror")).unwrap();
    unpack("valid/keys-second-epoch", &bench.path("mirror"));
    let error = bench.resolve(&options).unwrap_err();
    assert_eq!(error.code(), "missing-head", "the registry's own error");
    assert_eq!(bench.known().registry(), registry);
    // Nobody knows the registry: the question names both.
    options.pins.registries = Some(KnownRegistries::new(bench.path("nobody")));
    match bench.resolve(&options) {
        Err(error) => assert_eq!(error.code(), "missing-head"),
        Ok(_) => panic!("nobody has confirmed it"),
    }
    let skipped = warnings.borrow().len();
    assert_eq!(skipped, 3);
}

// spec: CLI-28
#[test]
fn offline_the_cache_and_what_is_known_vouch_for_an_image() {
    let bench = Bench::of("valid/keys-one");
    let offline = |now| PullOptions {
        version: Version::Offline,
        now,
        ..bench.options()
    };
    assert_eq!(bench.refused(&offline(NOW)), "untrusted-registry");
    bench.pulled();
    let root = bench.path("public");
    let places = bench.known().places().clone();
    // As if it were a server that is out of reach.
    fs::rename(&root, bench.path("away")).unwrap();
    let location = Location::new(&root);
    assert!(!places.is_disjoint(location.aliases()));
    let options = offline(LATE);
    let resolved = resolve(&location, &reference(TOOL), &options).unwrap();
    assert!(resolved.registries().is_empty());
    assert_eq!(resolved.signers().len(), 1);
    pull(&resolved, bench.file("again.sif"), &options, &Unobserved).unwrap();
    assert_eq!(
        fs::read(bench.path("again.sif")).unwrap(),
        fs::read(bench.path("out.sif")).unwrap()
    );
    // Whatever else stands in the cache is passed by.
    let error = resolve(&location, &reference("lab/tool:2.0"), &options).unwrap_err();
    assert_eq!(error.code(), "missing-reference");
    let id = resolved.statement().id();
    fs::write(bench.path("cache/statements").join(id.hex()), "{}\n").unwrap();
    let error = resolve(&location, &reference(TOOL), &options).unwrap_err();
    assert!(matches!(error, ResolveError::NotCached(_)), "{error:?}");
}

#[test]
fn the_lock_file_chooses_the_version() {
    let bench = Bench::of("valid/keys-one");
    let locked = PullOptions {
        version: Version::Locked,
        now: LATE,
        ..bench.options()
    };
    assert!(matches!(
        bench.resolve(&locked),
        Err(ResolveError::NotLocked(_))
    ));
    bench.pulled();
    record_in_lock_file(&bench.path("lock"), &bench.known(), &bench.registries()).unwrap();
    fs::remove_dir_all(bench.path("known")).unwrap();
    // Its head may have expired, as the newest one may not. Its trust must hold.
    assert_eq!(bench.resolve(&locked).unwrap().version(), 1);
    let newest = PullOptions {
        version: Version::Newest,
        ..locked.clone()
    };
    assert_eq!(bench.refused(&newest), "expired-head");
    let later = PullOptions {
        now: 2_000_000_000,
        ..locked.clone()
    };
    assert_eq!(bench.refused(&later), "expired-trust");
    fs::remove_file(bench.path("public/heads/1/1")).unwrap();
    match bench.resolve(&locked) {
        Err(ResolveError::NoSuchVersion { epoch, version, .. }) => {
            assert_eq!((epoch, version), (1, 1));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn another_file_is_replaced_only_where_that_is_asked_for() {
    let bench = Bench::of("valid/keys-one");
    bench.pulled();
    let options = bench.options();
    let resolved = bench.resolve(&options).unwrap();
    let path = bench.path("out.sif");
    let image = fs::read(&path).unwrap();
    // It is there already.
    let pulled = pull(&resolved, bench.file("out.sif"), &options, &Unobserved).unwrap();
    assert_eq!(pulled.resumed, pulled.size);
    fs::write(&path, "another").unwrap();
    match pull(&resolved, bench.file("out.sif"), &options, &Unobserved) {
        Err(PullError::FileExists(found)) => assert_eq!(found, path),
        other => panic!("{other:?}"),
    }
    assert_eq!(fs::read(&path).unwrap(), b"another");
    let replace = Destination::File {
        path: path.clone(),
        replace: true,
    };
    pull(&resolved, replace, &options, &Unobserved).unwrap();
    assert_eq!(fs::read(&path).unwrap(), image);
    let mut written = Vec::new();
    let spool = Destination::Spool {
        folder: bench.path("public"),
        to: &mut written,
    };
    pull(&resolved, spool, &options, &Unobserved).unwrap();
    assert_eq!(written, image);
}
