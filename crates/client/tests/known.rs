//! What is known survives other processes, kills and damage.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::sync::Arc;

use sreg_client::known::KnownRegistries;
use sreg_model::head::{Head, IndexRoot, TrustVersion};
use sreg_model::{Digest, Document};

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
