//! What a run leaves, the next one uses.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, mpsc};

use sreg_client::fetch::{Options, fetch};
use sreg_index::hasher::Observer;

use super::stores::*;

fn part(target: &Path) -> PathBuf {
    target.with_extension("sif.part")
}

fn journal(target: &Path) -> PathBuf {
    target.with_extension("sif.part.journal")
}

/// The chunks that the journal says are done.
fn done(target: &Path) -> Vec<u64> {
    let text = fs::read_to_string(journal(target)).unwrap();
    let runs = text.lines().last().unwrap().strip_prefix("done").unwrap();
    runs.split_whitespace()
        .flat_map(|run| {
            let (first, last) = run.split_once('-').unwrap();
            first.parse().unwrap()..=last.parse::<u64>().unwrap()
        })
        .collect()
}

/// Fetches until `most` bytes are there, and asserts that it was stopped.
fn stop_after(most: u64, bytes: &[u8], target: &Path) {
    let source = Faulty::good(bytes).source();
    let stopped = fetch(
        &wanted(bytes),
        &[source],
        target,
        &options(),
        &Until::new(most),
    );
    assert_eq!(stopped.unwrap_err().code(), "interrupted");
    assert!(!target.exists());
}

#[test]
fn chunks_that_are_done_are_not_fetched_again() {
    let bytes = image(24 * MIB + 7);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("image.sif");
    stop_after(10 * MIB, &bytes, &target);
    let done = done(&target);
    assert!(done.len() >= 10);
    let store = Faulty::good(&bytes);
    let watch = Until::the_end();
    let fetched = fetch(
        &wanted(&bytes),
        &[store.source()],
        &target,
        &options(),
        &watch,
    )
    .unwrap();
    assert_eq!(fs::read(&target).unwrap(), bytes);
    assert_eq!(fetched.resumed, bytes_in(&done, bytes.len() as u64));
    let rest = bytes.len() as u64 - fetched.resumed;
    assert_eq!(*watch.expected.lock().unwrap(), [rest]);
    assert_eq!(watch.done.load(Ordering::SeqCst), rest);
    for range in store.log() {
        let chunks = range.start / MIB..range.end.div_ceil(MIB);
        assert!(
            !chunks.into_iter().any(|chunk| done.contains(&chunk)),
            "{range:?}"
        );
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

fn bytes_in(done: &[u64], size: u64) -> u64 {
    done.iter()
        .map(|chunk| ((chunk + 1) * MIB).min(size).saturating_sub(chunk * MIB))
        .sum()
}

#[test]
fn a_journal_that_lies_is_found_out() {
    let bytes = image(16 * MIB + 7);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("image.sif");
    stop_after(8 * MIB, &bytes, &target);
    let done = done(&target);
    let file = File::options().write(true).open(part(&target)).unwrap();
    file.write_all_at(b"damaged", done[2] * MIB + 5).unwrap();
    let store = Faulty::good(&bytes);
    fetch(
        &wanted(&bytes),
        &[store.source()],
        &target,
        &options(),
        &Until::the_end(),
    )
    .unwrap();
    assert_eq!(fs::read(&target).unwrap(), bytes);
    let again = done[2] * MIB;
    assert!(store.log().iter().any(|range| range.contains(&again)));
    // One that says that all is done, of a file that is gone.
    let text = format!(
        "sreg-part-v1\nimage {}\nsize {}\nchain {}\ndone 0-16\n",
        chain(&bytes).digest(),
        bytes.len(),
        chain(&bytes).sidecar_digest()
    );
    fs::write(journal(&target), text).unwrap();
    let store = Faulty::good(&bytes);
    fetch(
        &wanted(&bytes),
        &[store.source()],
        &target,
        &options(),
        &Until::the_end(),
    )
    .unwrap();
    assert_eq!(fs::read(&target).unwrap(), bytes);
}

#[test]
fn a_partial_file_of_another_image_is_of_no_use() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("image.sif");
    let mut other = image(9 * MIB);
    other[5] ^= 1;
    stop_after(4 * MIB, &other, &target);
    let bytes = image(7 * MIB);
    let store = Faulty::good(&bytes);
    let fetched = fetch(
        &wanted(&bytes),
        &[store.source()],
        &target,
        &options(),
        &Until::the_end(),
    );
    assert_eq!(fetched.unwrap().resumed, 0);
    assert_eq!(fs::read(&target).unwrap(), bytes);
    // The same image by another chain.
    fs::remove_file(&target).unwrap();
    stop_after(4 * MIB, &bytes, &target);
    let wrong = sreg_client::fetch::Wanted::of(wrong_chain(&bytes));
    let dead = Faulty::new("dead", &bytes, |_, _| Act::Status(404));
    let error = fetch(
        &wrong,
        &[dead.source()],
        &target,
        &options(),
        &Until::the_end(),
    );
    assert_eq!(error.unwrap_err().code(), "missing-blob");
}

#[test]
fn a_journal_of_any_bytes_is_none() {
    let bytes = image(3 * MIB);
    for text in [&b""[..], b"\xff\xfe", b"sreg-part-v1\n", &[b'9'; 3 << 20]] {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("image.sif");
        fs::write(journal(&target), text).unwrap();
        fs::write(part(&target), b"something").unwrap();
        let source = Faulty::good(&bytes).source();
        fetch(
            &wanted(&bytes),
            &[source],
            &target,
            &options(),
            &Until::the_end(),
        )
        .unwrap();
        assert_eq!(fs::read(&target).unwrap(), bytes);
    }
}

#[test]
fn an_error_leaves_what_is_there_for_the_next_run() {
    let bytes = image(12 * MIB);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("image.sif");
    let dies = Faulty::new("dies", &bytes, |number, _| match number < 4 {
        true => Act::Good,
        false => Act::BreakAfter(0, ErrorKind::ConnectionRefused),
    });
    let error = fetch(
        &wanted(&bytes),
        &[dies.source()],
        &target,
        &options(),
        &Until::the_end(),
    );
    assert_eq!(error.unwrap_err().code(), "unreachable");
    let before = done(&target).len() as u64;
    // The last chunk of whole MiB has no bytes.
    assert!(before > 1);
    // Malice does not spoil it either, though all is then read as a whole.
    let bad = Faulty::new("bad", &bytes, |_, range| Act::Flip(range.start));
    let error = fetch(
        &wanted(&bytes),
        &[bad.source()],
        &target,
        &options(),
        &Until::the_end(),
    );
    assert_eq!(error.unwrap_err().code(), "blob-mismatch");
    let source = Faulty::good(&bytes).source();
    let fetched = fetch(
        &wanted(&bytes),
        &[source],
        &target,
        &options(),
        &Until::the_end(),
    );
    assert_eq!(fetched.unwrap().resumed, (before - 1) * MIB);
    assert_eq!(fs::read(&target).unwrap(), bytes);
}

#[test]
fn nothing_is_left_of_a_run_that_got_nothing() {
    let bytes = image(12 * MIB);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("image.sif");
    let missing = Faulty::new("missing", &bytes, |_, _| Act::Status(404));
    for wanted in [wanted(&image(12 * MIB + 1)), wanted(&bytes), flat(&bytes)] {
        let error = fetch(
            &wanted,
            &[missing.source()],
            &target,
            &options(),
            &Until::the_end(),
        );
        assert_eq!(error.unwrap_err().code(), "missing-blob");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}

/// Cancels when it is told to.
struct Told(Mutex<mpsc::Receiver<()>>);

impl Observer for Told {
    fn advance(&self, _: u64) {}

    fn is_cancelled(&self) -> bool {
        self.0.lock().unwrap().try_recv().is_ok()
    }
}

#[test]
fn a_run_ends_while_its_server_says_nothing() {
    let bytes = image(2 * MIB);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("image.sif");
    let (tell, told) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let released = Mutex::new(released);
    let silent = Faulty::new("silent", &bytes, move |_, _| {
        let _ = tell.send(());
        // Until the test lets it go, which is after the fetch has ended.
        let _ = released.lock().unwrap().recv();
        Act::Good
    });
    let options = Options {
        connections: 2,
        ..options()
    };
    let watch = Told(Mutex::new(told));
    let wanted = wanted(&bytes);
    for _ in 0..2 {
        let error = fetch(&wanted, &[silent.source()], &target, &options, &watch);
        assert_eq!(error.unwrap_err().code(), "interrupted");
    }
    // The partial file is nobody's, though threads still wait.
    let source = Faulty::good(&bytes).source();
    fetch(&wanted, &[source], &target, &options, &Until::the_end()).unwrap();
    drop(release);
    assert_eq!(fs::read(&target).unwrap(), bytes);
    drop(Arc::clone(&silent));
}

#[test]
fn two_runs_for_one_target_do_not_mix() {
    let bytes = image(8 * MIB + 1);
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().join("image.sif");
    let stores: Vec<_> = (0..4).map(|_| Faulty::good(&bytes)).collect();
    std::thread::scope(|scope| {
        for store in &stores {
            let (wanted, target) = (wanted(&bytes), &target);
            scope.spawn(move || {
                let sources = [store.source()];
                fetch(&wanted, &sources, target, &options(), &Until::the_end()).unwrap()
            });
        }
    });
    assert_eq!(fs::read(&target).unwrap(), bytes);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}
