//! The contract of every store, as checks that a test runs on each backend.

use std::io::Write as _;
use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use sreg_model::Digest;

use crate::{Copied, Object, Precondition, PutOutcome, Served, Store, StoreError, Upload};

/// How the objects of the contract are served.
const SERVED: Served = Served {
    content_type: "application/octet-stream",
    cache_control: "no-cache",
};

/// Checks an empty store, under keys that begin with `contract/`.
///
/// # Panics
/// If the store violates the contract.
pub fn check(store: &dyn Store) {
    nothing_is_nothing(store);
    what_is_written_is_read(store);
    conditions_hold(store);
    ranges_are_exact(store);
    files_are_uploaded(store);
    of_many_writers_one_wins(store);
    what_is_removed_is_gone(store);
    copies_are_what_they_are_of(store);
    lists_are_whole(store);
    check_slashes(store);
}

/// Checks copies, for a store that makes them.
fn copies_are_what_they_are_of(store: &dyn Store) {
    let (from, to) = ("contract/folder/sha256:00ff", "contract/copied/tool:1.0");
    let digest = Digest::of(b"two");
    write(store, from, b"two", &Precondition::Any);
    match store.copy(from, to, &digest, SERVED) {
        Err(StoreError::NoCopies(_)) => return,
        copied => copied.expect("a copy is made"),
    }
    assert_eq!(read(store, to).expect("it is there").bytes, b"two");
    let copied = |key: &str| store.copied(key).expect("it is told");
    let expected = |digest| Some(Copied { size: 3, digest });
    assert_eq!(copied(to), expected(Some(digest)));
    assert_eq!(
        copied(from),
        expected(None),
        "nothing is noted of what is no copy"
    );
    assert_eq!(copied("contract/copied/nothing"), None);
    // A copy stands for itself, and is replaced by another.
    write(store, from, b"other", &Precondition::Any);
    assert_eq!(read(store, to).expect("it is there").bytes, b"two");
    let other = Digest::of(b"other");
    store.copy(from, to, &other, SERVED).expect("it is made");
    assert_eq!(read(store, to).expect("it is there").bytes, b"other");
    assert_eq!(copied(to).and_then(|copied| copied.digest), Some(other));
    write(store, to, b"two", &Precondition::Any);
    assert_eq!(copied(to), expected(None), "what was noted is of the copy");
    let nothing = store.copy("contract/copied/nothing", to, &other, SERVED);
    assert!(nothing.is_err(), "there is no copy of nothing");
    assert_eq!(read(store, to).expect("it stays").bytes, b"two");
}

/// Checks lists, for a store that has them.
fn lists_are_whole(store: &dyn Store) {
    let listed = |prefix: &str| {
        let mut found = Vec::new();
        let list = store.list(prefix, &mut |one| {
            found.push((one.key, one.size));
            Ok(())
        });
        found.sort();
        list.map(|()| found)
    };
    if !store.capabilities().lists {
        assert!(matches!(listed("contract"), Err(StoreError::NoLists(_))));
        return;
    }
    for key in ["contract/list/a", "contract/list/b/c:1", "contract/lister"] {
        write(store, key, key.as_bytes(), &Precondition::Any);
    }
    let below = vec![
        ("contract/list/a".to_owned(), 15),
        ("contract/list/b/c:1".to_owned(), 19),
    ];
    assert_eq!(listed("contract/list").expect("a list"), below);
    assert_eq!(listed("contract/list/b").expect("a list"), below[1..]);
    assert_eq!(listed("contract/nothing").expect("a list"), []);
    let stopped = store.list("contract/list", &mut |_| Err(StoreError::Cancelled));
    assert!(matches!(stopped, Err(StoreError::Cancelled)));
}

/// Checks keys that end with a slash, for a store that supports them.
///
/// # Panics
/// If the store violates the contract.
pub fn check_slashes(store: &dyn Store) {
    if !store.capabilities().trailing_slash {
        return;
    }
    let (folder, index) = ("contract/slash/", "contract/slash/index.html");
    assert_eq!(
        write(store, index, b"index", &Precondition::Any),
        PutOutcome::Stored
    );
    assert_eq!(
        write(store, folder, b"one", &Precondition::Absent),
        PutOutcome::Stored
    );
    if !store.capabilities().trailing_slash {
        // It turned out to have none.
        assert!(read(store, folder).is_none_or(|found| found.bytes.is_empty()));
        return;
    }
    let found = read(store, folder).expect("it is there");
    assert_eq!(found.bytes, b"one");
    assert_eq!(
        write(store, folder, b"two", &Precondition::Absent),
        PutOutcome::PreconditionFailed
    );
    let is = Precondition::Is(found.version);
    assert_eq!(write(store, folder, b"two", &is), PutOutcome::Stored);
    assert_eq!(
        write(store, folder, b"three", &is),
        PutOutcome::PreconditionFailed
    );
    assert_eq!(read(store, folder).expect("it is there").bytes, b"two");
    store.remove(folder).expect("it is removed");
    assert_eq!(read(store, folder), None);
    assert_eq!(read(store, index).expect("it stays").bytes, b"index");
}

fn read(store: &dyn Store, key: &str) -> Option<Object> {
    store.read(key, 1 << 20).expect("an object is read")
}

fn write(store: &dyn Store, key: &str, bytes: &[u8], condition: &Precondition) -> PutOutcome {
    store
        .write(key, bytes, condition, SERVED)
        .expect("an object is written")
}

fn nothing_is_nothing(store: &dyn Store) {
    let key = "contract/nothing/here";
    assert_eq!(read(store, key), None);
    assert_eq!(store.size(key).expect("absence is no error"), None);
    assert!(
        store.read_range(key, 0..1, &mut |_| Ok(())).is_err(),
        "there is no range of nothing"
    );
    store.remove(key).expect("nothing is removed");
}

fn what_is_written_is_read(store: &dyn Store) {
    for (key, bytes) in [
        ("contract/a", &b"one"[..]),
        ("contract/folder/sha256:00ff", b"two"),
        ("contract/folder/empty", b""),
    ] {
        assert_eq!(
            write(store, key, bytes, &Precondition::Any),
            PutOutcome::Stored
        );
        assert_eq!(read(store, key).expect("it is there").bytes, bytes);
        let size = store.size(key).expect("it has a size");
        assert_eq!(size, Some(bytes.len() as u64));
    }
    let capped = store.read("contract/a", 1).expect("it is read");
    assert_eq!(capped.expect("it is there").bytes, b"on", "one byte over");
    write(store, "contract/a", b"other", &Precondition::Any);
    assert_eq!(read(store, "contract/a").expect("there").bytes, b"other");
}

fn conditions_hold(store: &dyn Store) {
    let key = "contract/conditional";
    assert_eq!(
        write(store, key, b"first", &Precondition::Absent),
        PutOutcome::Stored
    );
    assert_eq!(
        write(store, key, b"second", &Precondition::Absent),
        PutOutcome::PreconditionFailed
    );
    let first = read(store, key).expect("it is there");
    assert_eq!(first.bytes, b"first");
    let is_first = Precondition::Is(first.version.clone());
    assert_eq!(write(store, key, b"second", &is_first), PutOutcome::Stored);
    assert_eq!(
        write(store, key, b"third", &is_first),
        PutOutcome::PreconditionFailed
    );
    let second = read(store, key).expect("it is there");
    assert_eq!(second.bytes, b"second");
    assert_ne!(first.version, second.version);
    let gone = "contract/never";
    assert_eq!(
        write(store, gone, b"x", &is_first),
        PutOutcome::PreconditionFailed
    );
    assert_eq!(read(store, gone), None);
}

fn ranges_are_exact(store: &dyn Store) {
    let key = "contract/ranges";
    let bytes: Vec<u8> = (0..100_000u32)
        .map(|at| u8::try_from(at % 251).expect("small"))
        .collect();
    write(store, key, &bytes, &Precondition::Any);
    for range in [
        0..0,
        0..1,
        0..100_000,
        99_999..100_000,
        17..70_000,
        99_000..100_001,
        100_000..100_001,
        200_000..300_000,
    ] {
        let mut found = Vec::new();
        let (start, end) = (range.start, range.end);
        store
            .read_range(key, start as u64..end as u64, &mut |part| {
                found.extend_from_slice(part);
                Ok(())
            })
            .expect("a range is read");
        assert_eq!(found, bytes[start.min(bytes.len())..end.min(bytes.len())]);
    }
    let refused = store.read_range(key, 0..100_000, &mut |_| {
        Err(std::io::ErrorKind::StorageFull.into())
    });
    assert!(refused.is_err(), "what the sink refuses is an error");
}

fn files_are_uploaded(store: &dyn Store) {
    let mut file = tempfile::NamedTempFile::new().expect("a scratch file");
    let bytes: Vec<u8> = (0..3_000_000u32)
        .map(|at| u8::try_from(at % 253).expect("small"))
        .collect();
    file.write_all(&bytes).expect("a scratch file is written");
    let sent = AtomicUsize::new(0);
    let upload = Upload {
        file: file.path(),
        size: bytes.len() as u64,
        served: SERVED,
        journal: None,
        sent: &|more| {
            sent.fetch_add(
                usize::try_from(more).unwrap_or(usize::MAX),
                Ordering::Relaxed,
            );
        },
        is_cancelled: &|| false,
    };
    let key = "contract/uploaded";
    store.upload(key, &upload).expect("a file is uploaded");
    assert_eq!(sent.load(Ordering::Relaxed), bytes.len());
    let mut found = Vec::new();
    store
        .read_range(key, 0..bytes.len() as u64, &mut |part| {
            found.extend_from_slice(part);
            Ok(())
        })
        .expect("what was uploaded is read");
    assert!(found == bytes, "what was uploaded is what is read");
    let stopped = Upload {
        is_cancelled: &|| true,
        ..upload
    };
    assert!(store.upload("contract/stopped", &stopped).is_err());
    assert_eq!(read(store, "contract/stopped"), None);
}

/// Checks that one of 32 concurrent conditional writes wins, for each condition.
fn of_many_writers_one_wins(store: &dyn Store) {
    for (key, made) in [("contract/race/new", false), ("contract/race/old", true)] {
        let condition = match made {
            true => {
                write(store, key, b"before", &Precondition::Any);
                Precondition::Is(read(store, key).expect("it is there").version)
            }
            false => Precondition::Absent,
        };
        let start = Barrier::new(32);
        let winners: Vec<usize> = std::thread::scope(|scope| {
            let racers: Vec<_> = (0..32)
                .map(|racer| {
                    let (start, condition) = (&start, &condition);
                    scope.spawn(move || {
                        start.wait();
                        let bytes = format!("racer {racer}");
                        write(store, key, bytes.as_bytes(), condition)
                    })
                })
                .collect();
            let ends = racers
                .into_iter()
                .map(|racer| racer.join().expect("a racer ends"));
            ends.enumerate()
                .filter_map(|(racer, end)| (end == PutOutcome::Stored).then_some(racer))
                .collect()
        });
        let [winner] = winners[..] else {
            panic!("{key}: {} winners of 32", winners.len());
        };
        let stands = read(store, key).expect("it is there").bytes;
        assert_eq!(stands, format!("racer {winner}").as_bytes());
    }
}

fn what_is_removed_is_gone(store: &dyn Store) {
    let key = "contract/folder/gone";
    write(store, key, b"x", &Precondition::Any);
    store.remove(key).expect("it is removed");
    assert_eq!(read(store, key), None);
    assert_eq!(
        write(store, key, b"y", &Precondition::Absent),
        PutOutcome::Stored
    );
}
