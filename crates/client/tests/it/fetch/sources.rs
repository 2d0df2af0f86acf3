//! Faults of sources, where there is a chain.

use std::fs;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use sreg_client::fetch::{FetchError, Fetched, Source, Wanted, Warning, fetch};
use sreg_model::Digest;

use super::stores::*;

/// Fetches into a folder of its own; what comes of it is right, or nothing has the target's name.
fn get(wanted: &Wanted, sources: &[&Arc<Faulty>]) -> Result<Fetched, FetchError> {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("image.sif");
    let sources: Vec<Source> = sources.iter().map(|source| source.source()).collect();
    let watch = Until::the_end();
    let fetched = fetch(wanted, &sources, &target, &options(), &watch);
    match &fetched {
        Ok(fetched) => {
            let bytes = fs::read(&target).unwrap();
            assert_eq!(Digest::of(&bytes), wanted.digest);
            assert_eq!(bytes.len() as u64, fetched.size);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
            let expected = watch.expected.lock().unwrap().clone();
            assert!(expected.len() <= 1, "{expected:?}");
        }
        Err(_) => assert!(!target.exists()),
    }
    fetched
}

fn code(wanted: &Wanted, sources: &[&Arc<Faulty>]) -> &'static str {
    get(wanted, sources).unwrap_err().code().word()
}

#[test]
fn every_size() {
    for size in [
        1,
        63,
        MIB - 1,
        MIB,
        MIB + 1,
        2 * MIB,
        3 * MIB + 17,
        40 * MIB + 5,
    ] {
        let bytes = image(size);
        let store = Faulty::good(&bytes);
        let fetched = get(&wanted(&bytes), &[&store]).unwrap();
        assert!(fetched.warnings.is_empty());
        let asked: u64 = store
            .log()
            .iter()
            .map(|range| range.end - range.start)
            .sum();
        assert_eq!(asked, size, "each byte is asked for once");
    }
}

#[test]
fn progress_is_of_checked_bytes() {
    let bytes = image(5 * MIB + 3);
    let store = Faulty::new("flips once", &bytes, |number, _| match number {
        0 => Act::Flip(100),
        _ => Act::Good,
    });
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("image.sif");
    let watch = Until::the_end();
    fetch(
        &wanted(&bytes),
        &[store.source()],
        &target,
        &options(),
        &watch,
    )
    .unwrap();
    assert_eq!(watch.done.load(Ordering::SeqCst), 5 * MIB + 3);
    assert_eq!(*watch.expected.lock().unwrap(), [5 * MIB + 3]);
}

#[test]
fn a_byte_that_is_wrong_once_is_fetched_again() {
    let bytes = image(4 * MIB + 9);
    let store = Faulty::new("flips once", &bytes, |number, range| match number {
        1 => Act::Flip(range.start + 7),
        _ => Act::Good,
    });
    let fetched = get(&wanted(&bytes), &[&store]).unwrap();
    assert!(fetched.warnings.is_empty());
}

#[test]
fn a_malicious_mirror_first_and_a_good_one_second() {
    let bytes = image(40 * MIB + 5);
    let bad = Faulty::new("bad", &bytes, |_, range| Act::Flip(range.end - 1));
    let good = Faulty::good(&bytes);
    let fetched = get(&wanted(&bytes), &[&bad, &good]).unwrap();
    assert!(matches!(&fetched.warnings[..], [Warning::Left(fault)]
        if fault.source_name == format!("bad/{KEY}") && fault.to_string().contains("wrong bytes in MiB")));
    // It is not asked again once it was left: no chunk more than twice, and few at all.
    assert!(bad.log().len() <= 16, "{:?}", bad.log());
}

#[test]
fn a_mirror_with_one_wrong_chunk_gives_all_others() {
    let bytes = image(6 * MIB);
    let bad = Faulty::new("bad", &bytes, |_, _| Act::Flip(4 * MIB + 1));
    let good = Faulty::good(&bytes);
    get(&wanted(&bytes), &[&bad, &good]).unwrap();
    assert!(good.log().contains(&(4 * MIB..5 * MIB)));
}

#[test]
fn wrong_everywhere_is_refused() {
    let bytes = image(3 * MIB);
    let bad = |name: &str| Faulty::new(name, &bytes, |_, _| Act::Flip(MIB + 1));
    let (first, second) = (bad("first"), bad("second"));
    let error = get(&wanted(&bytes), &[&first, &second]).unwrap_err();
    assert_eq!(error.code(), "blob-mismatch");
    for name in ["first/blobs/image", "second/blobs/image", "MiB 1"] {
        assert!(error.to_string().contains(name), "{error}");
    }
}

#[test]
fn a_wrong_chain_over_right_bytes_is_told() {
    let bytes = image(3 * MIB + 5);
    let wanted = Wanted::of(wrong_chain(&bytes));
    let store = Faulty::good(&bytes);
    let fetched = get(&wanted, &[&store]).unwrap();
    assert!(
        matches!(&fetched.warnings[..], [Warning::WrongChain(digest), ..]
        if *digest == Digest::of(&bytes))
    );
    // Of whole MiB the last link is about no bytes: it is known to be wrong at once.
    let bytes = image(2 * MIB);
    let mut sidecar = chain(&bytes).sidecar().to_vec();
    sidecar[40] ^= 1;
    let wrong = sreg_index::Chain::parse(sidecar, 2 * MIB, &Digest::of(&bytes)).unwrap();
    let store = Faulty::good(&bytes);
    let fetched = get(&Wanted::of(Arc::new(wrong)), &[&store]).unwrap();
    assert_eq!(fetched.warnings.len(), 1);
}

#[test]
fn a_wrong_chain_over_wrong_bytes_is_refused() {
    let bytes = image(3 * MIB + 5);
    let wanted = Wanted::of(wrong_chain(&bytes));
    let bad = Faulty::new("bad", &bytes, |_, _| Act::Flip(2 * MIB));
    assert_eq!(code(&wanted, &[&bad]), "blob-mismatch");
}

#[test]
fn a_wrong_chain_whose_author_has_wrong_bytes_too_is_refused() {
    // Chunks hold by a chain that does not belong to the digest it ends in.
    let bytes = image(3 * MIB + 5);
    let mut evil = bytes.clone();
    evil[77] ^= 1;
    let mut sidecar = chain(&evil).sidecar().to_vec();
    let last = sidecar.len() - 32;
    sidecar[last..].copy_from_slice(Digest::of(&bytes).as_bytes());
    let chain = sreg_index::Chain::parse(sidecar, bytes.len() as u64, &Digest::of(&bytes));
    let wanted = Wanted::of(Arc::new(chain.unwrap()));
    let store = Faulty::new("evil", &evil, |_, _| Act::Good);
    assert_eq!(code(&wanted, &[&store]), "blob-mismatch");
}

#[test]
fn what_ends_early_or_never() {
    let bytes = image(4 * MIB + 100);
    let wanted = wanted(&bytes);
    let good = Faulty::good(&bytes);
    let short = || Faulty::new("short", &bytes, |_, _| Act::EndAt(3 * MIB + 5));
    assert_eq!(code(&wanted, &[&short()]), "blob-size");
    get(&wanted, &[&short(), &good]).unwrap();
    let long = Faulty::new("long", &bytes, |_, _| Act::TooMuch);
    get(&wanted, &[&long]).unwrap();
    let mut longer = bytes.clone();
    longer.extend([7; 100]);
    get(&wanted, &[&Faulty::good(&longer)]).unwrap();
}

#[test]
fn errors_in_passing_do_not_matter() {
    let bytes = image(20 * MIB + 1);
    for every in [2, 3, 5] {
        let store = Faulty::new("shaky", &bytes, move |number, _| match number % every {
            0 => Act::BreakAfter(MIB + 5000, ErrorKind::ConnectionReset),
            _ => Act::Good,
        });
        get(&wanted(&bytes), &[&store]).unwrap();
    }
}

#[test]
fn a_source_that_stalls_is_asked_again_and_then_left() {
    let bytes = image(4 * MIB);
    let wanted = wanted(&bytes);
    let stalls = |first: usize| {
        Faulty::new("stalls", &bytes, move |number, _| match number < first {
            true => Act::BreakAfter(10, ErrorKind::TimedOut),
            false => Act::Good,
        })
    };
    assert!(get(&wanted, &[&stalls(3)]).unwrap().warnings.is_empty());
    let dead = stalls(usize::MAX);
    let fetched = get(&wanted, &[&dead, &Faulty::good(&bytes)]).unwrap();
    assert_eq!(fetched.warnings.len(), 1);
    let error = get(&wanted, &[&stalls(usize::MAX)]).unwrap_err();
    assert_eq!(error.code(), "unreachable");
    assert!(error.to_string().contains("timed out"), "{error}");
}

#[test]
fn an_error_that_does_not_pass_is_not_tried_again() {
    let bytes = image(MIB / 2);
    let wanted = wanted(&bytes);
    let missing = Faulty::new("missing", &bytes, |_, _| Act::Status(404));
    let good = Faulty::good(&bytes);
    get(&wanted, &[&missing, &good]).unwrap();
    assert_eq!(missing.log().len(), 1);
    assert_eq!(code(&wanted, &[&missing]), "missing-blob");
    assert_eq!(code(&wanted, &[]), "missing-blob");
    let odd = Faulty::new("odd", &bytes, |_, _| Act::Status(400));
    assert_eq!(code(&wanted, &[&odd, &missing]), "unreachable");
}

#[test]
fn a_server_without_ranges_is_read_from_the_start() {
    let bytes = image(20 * MIB + 3);
    let store = Faulty::new("plain", &bytes, |_, _| Act::NoRanges);
    get(&wanted(&bytes), &[&store]).unwrap();
    let whole = 0..20 * MIB + 3;
    let reads = store.log().iter().filter(|range| **range == whole).count();
    assert_eq!(reads, 1, "{:?}", store.log());
}

#[test]
fn a_server_without_ranges_that_is_wrong_is_left() {
    let bytes = image(6 * MIB + 3);
    // Without ranges, and wrong.
    let bad = Faulty::new("bad", &bytes, |_, range| match range.start {
        0 => Act::Flip(2 * MIB + 9),
        _ => Act::NoRanges,
    });
    let good = Faulty::good(&bytes);
    get(&wanted(&bytes), &[&bad, &good]).unwrap();
    // All but the wrong chunk came from the first.
    assert_eq!(good.log(), std::slice::from_ref(&(2 * MIB..3 * MIB)));
}

#[test]
fn many_connections_and_one() {
    let bytes = image(9 * MIB + 1);
    for connections in [0, 1, 7, 1000] {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("image.sif");
        let options = sreg_client::fetch::Options {
            connections,
            ..options()
        };
        let source = Faulty::good(&bytes).source();
        fetch(
            &wanted(&bytes),
            &[source],
            &target,
            &options,
            &Until::the_end(),
        )
        .unwrap();
        assert_eq!(fs::read(&target).unwrap(), bytes);
    }
}

/// Some fault or none, by chance that a seed decides.
fn by_chance(seed: u64, number: usize, range: &std::ops::Range<u64>) -> Act {
    let number = u64::try_from(number).unwrap();
    let chance = Digest::of(&[seed.to_le_bytes(), number.to_le_bytes()].concat());
    let [kind, place, ..] = *chance.as_bytes();
    let inside = range.start + (range.end - range.start) * u64::from(place) / 256;
    match kind % 16 {
        0 | 1 => Act::Flip(inside),
        2 | 3 => Act::BreakAfter(inside - range.start, ErrorKind::ConnectionReset),
        4 => Act::EndAt(inside),
        5 => Act::TooMuch,
        6 if seed.is_multiple_of(3) => Act::NoRanges,
        7 if seed.is_multiple_of(5) => Act::Status(503),
        8 if number > 8 && seed.is_multiple_of(7) => Act::Status(404),
        _ => Act::Good,
    }
}

#[test]
fn whatever_happens_what_is_fetched_is_right() {
    let bytes = image(11 * MIB + 3);
    let wanted = wanted(&bytes);
    for seed in 0..16 {
        let shaky = || {
            Faulty::new("shaky", &bytes, move |number, range| {
                by_chance(seed, number, range)
            })
        };
        let good = Faulty::good(&bytes);
        get(&wanted, &[&shaky(), &good]).unwrap();
        let sources = [shaky().source(), shaky().source(), good.source()];
        let mut out = Vec::new();
        let watch = Until::the_end();
        sreg_client::fetch::stream(&wanted, &sources, &mut out, &options(), &watch).unwrap();
        assert!(out == bytes, "{seed}");
        // Where no source is good, the bytes still are, or there are none.
        let _ = get(&wanted, &[&shaky(), &shaky()]);
        let mut out = Vec::new();
        let _ = sreg_client::fetch::stream(&wanted, &sources[..1], &mut out, &options(), &watch);
        assert!(bytes.starts_with(&out), "{seed}");
    }
}
