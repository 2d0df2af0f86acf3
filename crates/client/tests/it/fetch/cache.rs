//! A cache that many share.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use sreg_client::cache::{Cache, Waiting};
use sreg_client::fetch::{FetchError, Fetched, Wanted};
use sreg_index::hasher::Observer;

use super::stores::*;

/// Nobody is waited for long.
fn cache(folder: &Path) -> Cache {
    Cache::new(folder.join("cache")).waiting(Waiting {
        look: Duration::from_millis(1),
        stall: Duration::from_millis(5),
        most: Duration::from_secs(600),
    })
}

fn get(
    cache: &Cache,
    wanted: &Wanted,
    store: &Arc<Faulty>,
    target: &Path,
    watch: &dyn Observer,
) -> Result<Fetched, FetchError> {
    cache.get(wanted, &[store.source()], target, &options(), watch)
}

#[test]
fn the_second_time_nothing_is_fetched() {
    let bytes = image(5 * MIB + 1);
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let (first, second) = (folder.path().join("1.sif"), folder.path().join("2.sif"));
    for wanted in [wanted(&bytes), flat(&bytes)] {
        let store = Faulty::good(&bytes);
        get(&cache, &wanted, &store, &first, &Until::the_end()).unwrap();
        let empty = Faulty::new("empty", &bytes, |_, _| Act::Status(404));
        let fetched = get(&cache, &wanted, &empty, &second, &Until::the_end()).unwrap();
        assert_eq!(fetched.resumed, fetched.size);
        assert!(empty.log().is_empty());
        // Files of their own: one may be signed in place.
        fs::write(&first, "changed").unwrap();
        assert!(fs::read(&second).unwrap() == bytes);
        let blob = cache.path(&wanted.digest);
        assert!(fs::read(&blob).unwrap() == bytes);
        assert_eq!(fs::metadata(&blob).unwrap().nlink(), 1);
        let kept = fs::read_dir(blob.parent().unwrap()).unwrap().count();
        assert_eq!(kept, 1, "nothing but the image");
        fs::remove_file(&blob).unwrap();
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
}

#[test]
fn what_is_damaged_is_replaced() {
    let bytes = image(5 * MIB + 1);
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let target = folder.path().join("1.sif");
    for wanted in [wanted(&bytes), flat(&bytes)] {
        let store = Faulty::good(&bytes);
        get(&cache, &wanted, &store, &target, &Until::the_end()).unwrap();
        let blob = cache.path(&wanted.digest);
        let mut flipped = bytes.clone();
        flipped[3 << 20] ^= 1;
        for damaged in [&flipped[..], &bytes[..100], b""] {
            fs::write(&blob, damaged).unwrap();
            fs::remove_file(&target).unwrap();
            let missing = Faulty::new("missing", &bytes, |_, _| Act::Status(404));
            let error = get(&cache, &wanted, &missing, &target, &Until::the_end());
            assert_eq!(error.unwrap_err().code(), "missing-blob");
            assert!(!target.exists());
            get(&cache, &wanted, &store, &target, &Until::the_end()).unwrap();
            assert!(fs::read(&target).unwrap() == bytes);
            assert!(fs::read(&blob).unwrap() == bytes);
        }
        fs::remove_file(&blob).unwrap();
    }
}

#[test]
fn a_run_that_was_stopped_is_gone_on_from() {
    let bytes = image(12 * MIB + 1);
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let target = folder.path().join("1.sif");
    let wanted = wanted(&bytes);
    let store = Faulty::good(&bytes);
    let stopped = get(&cache, &wanted, &store, &target, &Until::new(6 * MIB));
    assert_eq!(stopped.unwrap_err().code(), "interrupted");
    let fetched = get(&cache, &wanted, &store, &target, &Until::the_end()).unwrap();
    assert!(fetched.resumed >= 6 * MIB);
    assert!(fs::read(&target).unwrap() == bytes);
}

#[test]
fn a_run_that_was_killed_is_not_waited_for_long() {
    let bytes = image(3 * MIB + 1);
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path());
    let target = folder.path().join("1.sif");
    let wanted = wanted(&bytes);
    let blob = cache.path(&wanted.digest);
    let stale = blob.with_extension("part.0123-1-0");
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    fs::write(&stale, "some").unwrap();
    fs::write(stale.with_extension("0123-1-0.journal"), "some").unwrap();
    // In a folder of that name, and with a name that is like it.
    fs::write(blob.with_extension("other"), "other").unwrap();
    let store = Faulty::good(&bytes);
    get(&cache, &wanted, &store, &target, &Until::the_end()).unwrap();
    assert!(fs::read(&target).unwrap() == bytes);
    assert!(!stale.exists());
    assert_eq!(fs::read_dir(blob.parent().unwrap()).unwrap().count(), 2);
}

#[test]
fn who_waits_is_told_to_stop() {
    /// Stops at the third look.
    struct Third(std::sync::atomic::AtomicU64);
    impl Observer for Third {
        fn advance(&self, _: u64) {}
        fn is_cancelled(&self) -> bool {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst) >= 2
        }
    }
    let bytes = image(3 * MIB + 1);
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path()).waiting(Waiting {
        stall: Duration::from_secs(600),
        ..Waiting::default()
    });
    let wanted = wanted(&bytes);
    let blob = cache.path(&wanted.digest);
    let other = blob.with_extension("part.0123-1-0");
    fs::create_dir_all(blob.parent().unwrap()).unwrap();
    fs::write(&other, "some").unwrap();
    fs::write(other.with_extension("0123-1-0.journal"), "some").unwrap();
    let target = folder.path().join("1.sif");
    let store = Faulty::good(&bytes);
    let error = get(&cache, &wanted, &store, &target, &Third(0.into()));
    assert_eq!(error.unwrap_err().code(), "interrupted");
    assert!(store.log().is_empty());
    assert!(other.exists());
}

#[test]
fn many_runs_at_once() {
    let bytes = image(8 * MIB + 1);
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path()).waiting(Waiting {
        look: Duration::from_millis(1),
        stall: Duration::from_secs(600),
        most: Duration::from_secs(600),
    });
    let store = Faulty::good(&bytes);
    std::thread::scope(|scope| {
        for number in 0..6 {
            let (wanted, cache, store) = (wanted(&bytes), &cache, &store);
            let target = folder.path().join(format!("{number}.sif"));
            scope.spawn(move || get(cache, &wanted, store, &target, &Until::the_end()).unwrap());
        }
    });
    for number in 0..6 {
        let target = folder.path().join(format!("{number}.sif"));
        assert!(fs::read(target).unwrap() == bytes);
    }
    let kept = fs::read_dir(cache.path(&wanted(&bytes).digest).parent().unwrap());
    assert_eq!(kept.unwrap().count(), 1);
}

#[test]
fn who_comes_later_does_not_fetch() {
    let bytes = image(8 * MIB + 1);
    let folder = tempfile::tempdir().unwrap();
    let cache = cache(folder.path()).waiting(Waiting {
        look: Duration::from_millis(1),
        stall: Duration::from_secs(600),
        most: Duration::from_secs(600),
    });
    let (begun, has_begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let first = Faulty::new("first", &bytes, move |_, _| {
        let _ = begun.send(());
        // Until the test lets it go.
        let _ = released.lock().unwrap().recv();
        Act::Good
    });
    let later = Faulty::good(&bytes);
    let get = |store: &Arc<Faulty>, name: &str| {
        let target = folder.path().join(name);
        get(&cache, &wanted(&bytes), store, &target, &Until::the_end()).unwrap();
        assert!(fs::read(target).unwrap() == bytes);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| get(&first, "first.sif"));
        has_begun.recv().unwrap();
        scope.spawn(|| get(&later, "second.sif"));
        scope.spawn(|| get(&later, "third.sif"));
        drop(release);
    });
    assert!(later.log().is_empty(), "{:?}", later.log());
}
