//! What is known survives other processes, kills and damage, and decides which registry is expected.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use sreg_client::known::{
    KnownError, KnownRegistries, KnownRegistry, LockFile, Pins, record_in_lock_file,
};
use sreg_client::location::Location;
use sreg_model::head::{Head, IndexRoot, TrustVersion};
use sreg_model::layout::Place;
use sreg_model::{Digest, Document};
use sreg_registry::verify::Evidence;

fn registry() -> Digest {
    Digest::of(b"a registry")
}

fn head(version: u64) -> Document<Head> {
    let index = IndexRoot {
        digest: Digest::of(b"root"),
        tags: 0,
    };
    let head = Head {
        epoch: 1,
        expires: Some(2),
        previous: (version > 1).then(|| Digest::of(b"before")),
        registry: Some(registry()),
        trust: Some(TrustVersion {
            id: registry(),
            version: 1,
        }),
        version,
        ..Head::unsigned(index, 1, None)
    };
    Document::new(head).unwrap()
}

fn version(known: &KnownRegistries) -> u64 {
    let record = known.find(&registry()).unwrap().unwrap();
    record.head().unwrap().body().version
}

// spec: CLI-20
#[test]
fn many_writers_at_once_lose_nothing_and_never_go_back() {
    let folder = tempfile::tempdir().unwrap();
    let known = Arc::new(KnownRegistries::new(folder.path().join("state")));
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let known = Arc::clone(&known);
            scope.spawn(move || {
                let mut last = 0;
                for step in 0..20 {
                    let (place, seen) = (
                        format!("place {writer} {step}"),
                        1 + (step * 7 + writer) % 40,
                    );
                    known
                        .update(&registry(), |record| {
                            record.record_place(&place);
                            record.record_head(&head(seen));
                        })
                        .unwrap();
                    let found = version(&known);
                    assert!(found >= last.max(seen), "{found} after {last}");
                    last = found;
                }
            });
        }
    });
    let record = known.find(&registry()).unwrap().unwrap();
    assert_eq!(record.places().len(), 160);
    assert_eq!(version(&known), 40);
    assert_eq!(known.at("place 3 5").unwrap().len(), 1);
    assert!(known.at("place 9 5").unwrap().is_empty());
    // Nothing but the file, the lock and no leftovers.
    assert_eq!(
        fs::read_dir(folder.path().join("state")).unwrap().count(),
        2
    );
}

// spec: CLI-20
#[test]
fn a_writer_that_was_killed_leaves_the_former_state() {
    let folder = tempfile::tempdir().unwrap();
    let known = KnownRegistries::new(folder.path().to_owned());
    known
        .update(&registry(), |record| record.record_head(&head(3)))
        .unwrap();
    // What it was writing has another name.
    fs::write(folder.path().join(".tmpA1b2C3"), "{\"half\":").unwrap();
    assert_eq!(version(&known), 3);
    known
        .update(&registry(), |record| record.record_head(&head(2)))
        .unwrap();
    assert_eq!(version(&known), 3);
}

#[test]
fn damage_is_no_ignorance() {
    let folder = tempfile::tempdir().unwrap();
    let known = KnownRegistries::new(folder.path().to_owned());
    known
        .update(&registry(), |record| record.record_head(&head(3)))
        .unwrap();
    let path = folder.path().join(format!("{}.json", registry().hex()));
    let whole = fs::read_to_string(&path).unwrap();
    let other = Digest::of(b"another registry");
    for damaged in [
        String::new(),
        whole[..whole.len() / 2].to_owned(),
        whole.replace("sreg-known-v1", "sreg-known-v2"),
        whole.replace("\\\"epoch\\\":1", "\\\"epoch\\\":0"),
        // Another registry's, under this one's name.
        whole.replacen(
            &format!("\"registry\": \"{}\"", registry()),
            &format!("\"registry\": \"{other}\""),
            1,
        ),
    ] {
        assert_ne!(damaged, whole);
        fs::write(&path, &damaged).unwrap();
        let error = known.find(&registry()).unwrap_err();
        assert_eq!(error.code(), "malformed-state", "{damaged}");
        assert!(known.update(&registry(), |_| ()).is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), damaged);
    }
}

/// A user who knows two registries, each at a place of its own.
fn two_known(folder: &Path) -> (KnownRegistries, Digest, Digest) {
    let known = KnownRegistries::new(folder.join("state"));
    let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
    for (registry, place) in [(one, "https://one.example"), (two, "https://two.example")] {
        known
            .update(&registry, |known| known.record_place(place))
            .unwrap();
    }
    (known, one, two)
}

// spec: CLI-18
#[test]
fn the_registry_that_is_expected_at_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let (known, one, two) = two_known(folder.path());
    let new = Digest::of(b"new");
    // The place, the id that is given, the id that is found; the id that is expected, and whether what is
    // seen is recorded.
    for (place, given, found, expected, is_recorded) in [
        ("https://one.example/", None, Some(one), Some(one), true),
        ("https://one.example", None, None, Some(one), true),
        // Another registry is there, known or not.
        ("https://one.example", None, Some(two), Some(one), true),
        ("https://one.example", None, Some(new), Some(one), true),
        // One that was seen elsewhere.
        ("https://other.example", None, Some(two), Some(two), true),
        ("https://other.example", None, Some(new), None, false),
        ("https://other.example", None, None, None, false),
        // Who gives an id is right.
        ("https://one.example", Some(two), Some(one), Some(two), true),
        (
            "https://other.example",
            Some(new),
            Some(one),
            Some(new),
            true,
        ),
    ] {
        let pins = Pins {
            registries: Some(known.clone()),
            registry: given,
            ..Pins::default()
        };
        let case = format!("{place} {given:?} {found:?}");
        let found = pins.expect(&Location::new(place), found).unwrap();
        let id = found.pins().first().map(|pin| pin.id);
        assert_eq!(id, expected, "{case}");
        assert_eq!(found.is_recorded(), is_recorded, "{case}");
        assert_eq!(found.is_known(), expected.is_some(), "{case}");
    }
}

#[test]
fn both_a_lock_file_and_what_was_seen_are_held_to() {
    let folder = tempfile::tempdir().unwrap();
    let known = KnownRegistries::new(folder.path().join("state"));
    let lock = folder.path().join("sreg.lock");
    let mut listed = KnownRegistry::new(registry());
    listed.record_head(&head(5));
    record_in_lock_file(&lock, &listed, &known).unwrap();
    // An older head does not replace the one that is listed.
    let mut older = KnownRegistry::new(registry());
    older.record_head(&head(3));
    record_in_lock_file(&lock, &older, &known).unwrap();
    known
        .update(&registry(), |known| known.record_head(&head(4)))
        .unwrap();
    let pins = Pins {
        registries: Some(known),
        lock_file: LockFile::Required(lock.clone()),
        registry: None,
    };
    let at = Location::new("https://one.example");
    let expected = pins.expect(&at, Some(registry())).unwrap();
    let heads = expected.pins().iter().map(|pin| pin.head.unwrap().version);
    assert_eq!(heads.collect::<Vec<u64>>(), [4, 5]);
    assert!(expected.has_lock_file());
    assert_eq!(expected.locked().unwrap().head.unwrap().version, 5);
    assert!(
        expected
            .pins_without_heads()
            .iter()
            .all(|pin| pin.head.is_none())
    );
    // A lock file alone makes no registry one that is recorded.
    let alone = Pins {
        registries: None,
        ..pins.clone()
    };
    let expected = alone.expect(&at, Some(registry())).unwrap();
    assert!(expected.is_known() && !expected.is_recorded());
}

#[test]
fn a_lock_file_that_cannot_be_read_is_not_absent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sreg.lock");
    assert!(LockFile::Optional(path.clone()).read().unwrap().is_none());
    let missing = LockFile::Required(path.clone()).read().unwrap_err();
    assert_eq!(missing.code(), "missing-file");
    for (bytes, code) in [
        (b"{}\n".to_vec(), "malformed-document"),
        (b"no JSON".to_vec(), "document-no-line"),
        (vec![b' '; (1 << 20) + 1], "unreadable"),
    ] {
        fs::write(&path, bytes).unwrap();
        for file in [
            LockFile::Optional(path.clone()),
            LockFile::Required(path.clone()),
        ] {
            assert_eq!(file.read().unwrap_err().code(), code);
        }
        let listed = KnownRegistry::new(registry());
        let known = KnownRegistries::new(folder.path().join("state"));
        assert!(record_in_lock_file(&path, &listed, &known).is_err());
    }
    // A folder in its place.
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert_eq!(
        LockFile::Optional(path).read().unwrap_err().code(),
        "not-a-file"
    );
}

#[test]
fn nothing_is_recorded_without_a_folder() {
    let pins = Pins::default();
    let at = Location::new("https://one.example");
    assert!(!pins.expect(&at, Some(registry())).unwrap().is_known());
    let expected = Pins {
        registry: Some(registry()),
        ..Pins::default()
    };
    let expected = expected.expect(&at, None).unwrap();
    let fork = Evidence {
        place: Place::Head,
        bytes: b"other".to_vec(),
    };
    assert!(pins.keep_evidence(&expected, &[]).unwrap().is_empty());
    assert!(matches!(
        pins.keep_evidence(&expected, &[fork]),
        Err(KnownError::NoFolder)
    ));
}
