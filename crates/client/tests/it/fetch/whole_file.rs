//! Images without a chain.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use sreg_client::fetch::{FetchError, Fetched, Options, Source, Wanted, fetch};
use sreg_index::hasher::Observer;

use super::stores::*;

fn get_to(
    target: &Path,
    wanted: &Wanted,
    sources: &[Source],
    watch: &dyn Observer,
) -> Result<Fetched, FetchError> {
    let options = Options {
        most: 30 * MIB,
        ..options()
    };
    fetch(wanted, sources, target, &options, watch)
}

fn get(bytes: &[u8], wanted: &Wanted, sources: &[Source]) -> Result<Fetched, FetchError> {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("image.sif");
    let fetched = get_to(&target, wanted, sources, &Until::the_end());
    match &fetched {
        Ok(_) => assert!(fs::read(&target).unwrap() == bytes),
        Err(_) => assert!(!target.exists()),
    }
    fetched
}

/// With its size, and without.
fn both(bytes: &[u8]) -> [Wanted; 2] {
    let flat = flat(bytes);
    let bare = Wanted {
        size: None,
        ..flat.clone()
    };
    [flat, bare]
}

#[test]
fn every_size() {
    for size in [0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 17] {
        let bytes = image(size);
        for wanted in both(&bytes) {
            let fetched = get(&bytes, &wanted, &[Faulty::good(&bytes).source()]).unwrap();
            assert_eq!(fetched.size, size);
        }
    }
}

#[test]
fn faults_of_all_kinds() {
    let bytes = image(5 * MIB + 17);
    let good = Faulty::good(&bytes).source();
    let store = |act: Act| Faulty::new("faulty", &bytes, move |_, _| act).source();
    for wanted in both(&bytes) {
        let code = |act| get(&bytes, &wanted, &[store(act)]).unwrap_err().code();
        assert_eq!(code(Act::Flip(3 * MIB)), "blob-mismatch");
        assert_eq!(code(Act::Status(404)), "missing-blob");
        assert_eq!(code(Act::BreakAfter(0, ErrorKind::TimedOut)), "unreachable");
        for act in [
            Act::Flip(3 * MIB),
            Act::Status(404),
            Act::EndAt(2 * MIB),
            Act::BreakAfter(0, ErrorKind::TimedOut),
        ] {
            let fetched = get(&bytes, &wanted, &[store(act), good.clone()]).unwrap();
            assert_eq!(fetched.warnings.len(), 1, "{act:?}");
        }
        // Each request brings a little.
        let slow = store(Act::BreakAfter(MIB / 2 + 11, ErrorKind::ConnectionReset));
        get(&bytes, &wanted, &[slow]).unwrap();
        get(&bytes, &wanted, &[store(Act::NoRanges)]).unwrap();
    }
    let [sized, _] = both(&bytes);
    get(&bytes, &sized, &[store(Act::TooMuch)]).unwrap();
    let error = get(&bytes, &sized, &[store(Act::EndAt(2 * MIB))]).unwrap_err();
    assert_eq!(error.code(), "blob-size");
}

#[test]
fn bytes_of_a_liar_do_not_spoil_those_of_the_next() {
    let bytes = image(5 * MIB);
    let [sized, _] = both(&bytes);
    // It is wrong, and breaks off: what it gave is at the start of what the next one adds to.
    let bad = Faulty::new("bad", &bytes, |number, _| match number {
        0 => Act::Flip(7),
        1..3 => Act::BreakAfter(MIB, ErrorKind::ConnectionReset),
        _ => Act::BreakAfter(0, ErrorKind::ConnectionReset),
    });
    let breaks = Faulty::new("breaks", &bytes, |number, range| match number {
        0 => Act::EndAt(range.start + 2 * MIB),
        _ => Act::Status(500),
    });
    let sources = [bad.source(), breaks.source(), Faulty::good(&bytes).source()];
    get(&bytes, &sized, &sources).unwrap();
}

#[test]
fn what_is_too_long_is_not_read_to_its_end() {
    let bytes = image(31 * MIB);
    let [_, bare] = both(&bytes);
    let error = get(&bytes, &bare, &[Faulty::good(&bytes).source()]).unwrap_err();
    assert_eq!(error.code(), "blob-size");
}

#[test]
fn a_run_goes_on_from_what_is_there() {
    let bytes = image(9 * MIB + 5);
    for wanted in both(&bytes) {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("image.sif");
        let source = Faulty::good(&bytes).source();
        let stopped = get_to(&target, &wanted, &[source], &Until::new(4 * MIB));
        assert_eq!(stopped.unwrap_err().code(), "interrupted");
        let store = Faulty::good(&bytes);
        let fetched = get_to(&target, &wanted, &[store.source()], &Until::the_end()).unwrap();
        assert!(fetched.resumed >= 4 * MIB);
        assert_eq!(store.log().len(), 1);
        assert_eq!(store.log()[0].start, fetched.resumed);
        assert!(fs::read(&target).unwrap() == bytes);
    }
}

#[test]
fn what_is_there_and_wrong_is_read_again() {
    let bytes = image(9 * MIB + 5);
    for wanted in both(&bytes) {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("image.sif");
        let source = || Faulty::good(&bytes).source();
        let stopped = get_to(&target, &wanted, &[source()], &Until::new(4 * MIB));
        assert_eq!(stopped.unwrap_err().code(), "interrupted");
        let part = folder.path().join("image.sif.part");
        let mut damaged = fs::read(&part).unwrap();
        damaged[99] ^= 1;
        fs::write(&part, damaged).unwrap();
        let fetched = get_to(&target, &wanted, &[source()], &Until::the_end()).unwrap();
        assert!(fetched.warnings.is_empty());
        assert!(fs::read(&target).unwrap() == bytes);
    }
}
