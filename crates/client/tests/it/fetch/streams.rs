//! Images that go to a pipe.

use std::io::{self, ErrorKind, Write};

use sreg_client::fetch::{FetchError, Fetched, Source, Wanted, Warning, spool, stream};

use super::stores::*;

fn spooled(wanted: &Wanted, sources: &[Source]) -> (Result<Fetched, FetchError>, Vec<u8>) {
    let (folder, mut out) = (tempfile::tempdir().unwrap(), Vec::new());
    let watch = Until::the_end();
    let fetched = spool(wanted, sources, folder.path(), &mut out, &options(), &watch);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    (fetched, out)
}

fn streamed(wanted: &Wanted, sources: &[Source]) -> (Result<Fetched, FetchError>, Vec<u8>) {
    let mut out = Vec::new();
    let fetched = stream(wanted, sources, &mut out, &options(), &Until::the_end());
    (fetched, out)
}

#[test]
fn every_size() {
    for size in [1, MIB - 1, MIB, MIB + 1, 3 * MIB + 17, 70 * MIB + 1] {
        let bytes = image(size);
        let sources = [Faulty::good(&bytes).source()];
        for (fetched, out) in [
            spooled(&wanted(&bytes), &sources),
            spooled(&flat(&bytes), &sources),
            streamed(&wanted(&bytes), &sources),
        ] {
            assert_eq!(fetched.unwrap().size, size);
            assert!(out == bytes, "{size}");
        }
    }
}

#[test]
fn the_right_bytes_in_order_under_faults() {
    let bytes = image(30 * MIB + 9);
    let bad = Faulty::new("bad", &bytes, |number, range| match number % 7 {
        1 => Act::Flip(range.start + 3),
        3 => Act::BreakAfter(MIB + 1, ErrorKind::ConnectionReset),
        4 => Act::EndAt(range.end - 1),
        _ if range.contains(&(20 * MIB)) => Act::Flip(20 * MIB),
        _ => Act::Good,
    });
    let plain = Faulty::new("plain", &bytes, |_, _| Act::NoRanges);
    for second in [Faulty::good(&bytes), plain] {
        let sources = [bad.source(), second.source()];
        let (fetched, out) = streamed(&wanted(&bytes), &sources);
        fetched.unwrap();
        assert!(out == bytes);
        let (fetched, out) = spooled(&wanted(&bytes), &sources);
        fetched.unwrap();
        assert!(out == bytes);
    }
}

#[test]
fn a_server_without_ranges_streams_too() {
    let bytes = image(60 * MIB + 9);
    let plain = Faulty::new("plain", &bytes, |_, _| Act::NoRanges);
    let (fetched, out) = streamed(&wanted(&bytes), &[plain.source()]);
    fetched.unwrap();
    assert!(out == bytes);
}

#[test]
fn never_a_wrong_byte() {
    let bytes = image(10 * MIB);
    for place in [0, 5 * MIB + 1, 10 * MIB - 1] {
        let bad = Faulty::new("bad", &bytes, move |_, _| Act::Flip(place));
        let (fetched, out) = streamed(&wanted(&bytes), &[bad.source()]);
        assert_eq!(fetched.unwrap_err().code(), "blob-mismatch");
        assert!(bytes.starts_with(&out));
        let chunk = usize::try_from(place - place % MIB).unwrap();
        assert!(out.len() <= chunk, "nothing of the chunk that is wrong");
        let (fetched, out) = spooled(&wanted(&bytes), &[bad.source()]);
        assert_eq!(fetched.unwrap_err().code(), "blob-mismatch");
        assert!(out.is_empty(), "nothing before all is verified");
    }
}

#[test]
fn without_a_chain_that_can_be_used() {
    let bytes = image(2 * MIB);
    let sources = [Faulty::good(&bytes).source()];
    let (fetched, out) = streamed(&flat(&bytes), &sources);
    assert_eq!(fetched.unwrap_err().code(), "unwritable");
    assert!(out.is_empty());
    // The last link, which is about no bytes, is known not to hold before any are written.
    let mut sidecar = chain(&bytes).sidecar().to_vec();
    sidecar[40] ^= 1;
    let digest = sreg_model::Digest::of(&bytes);
    let wrong = sreg_index::Chain::parse(sidecar, 2 * MIB, &digest).unwrap();
    let wanted = Wanted::of(wrong.into());
    let (fetched, out) = streamed(&wanted, &sources);
    assert!(fetched.is_err() && out.is_empty());
    let (fetched, out) = spooled(&wanted, &sources);
    assert!(matches!(
        fetched.unwrap().warnings[..],
        [Warning::WrongChain(_)]
    ));
    assert!(out == bytes);
}

/// Takes so many bytes.
struct Takes(usize);

impl Write for Takes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.checked_sub(bytes.len()) {
            Some(left) => self.0 = left,
            None => return Err(ErrorKind::BrokenPipe.into()),
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn who_reads_goes_away() {
    let bytes = image(70 * MIB);
    let source = Faulty::good(&bytes).source();
    let mut out = Takes(5 << 20);
    let error = stream(
        &wanted(&bytes),
        &[source],
        &mut out,
        &options(),
        &Until::the_end(),
    );
    assert_eq!(error.unwrap_err().code(), "unwritable");
}

#[test]
fn told_to_stop() {
    let bytes = image(70 * MIB);
    let sources = [Faulty::good(&bytes).source()];
    let mut out = Vec::new();
    let error = stream(
        &wanted(&bytes),
        &sources,
        &mut out,
        &options(),
        &Until::new(9 * MIB),
    );
    assert_eq!(error.unwrap_err().code(), "interrupted");
    assert!(bytes.starts_with(&out));
}
