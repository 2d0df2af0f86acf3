//! An index of a million tags: how long it takes to state and commit it, and to add one tag.
//! `scale FOLDER TAGS`: FOLDER must not exist. Views are not written: the run is stopped at the
//! commit.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool prints its results"
)]

use std::cell::Cell;
use std::fs;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sreg_index::hasher::Observer;
use sreg_model::head::Head;
use sreg_publish::PublishError;
use sreg_publish::changeset::Changeset;
use sreg_publish::{Destination, Progress, Session, publish_changeset};

/// Takes the times, and stops the run once it is committed.
struct Clock {
    started: Instant,
    loaded: Mutex<Duration>,
    committed: Mutex<Duration>,
    done: AtomicBool,
}

impl Clock {
    fn start() -> Self {
        Self {
            started: Instant::now(),
            loaded: Mutex::default(),
            committed: Mutex::default(),
            done: AtomicBool::new(false),
        }
    }

    fn note(&self, slot: &Mutex<Duration>) {
        if let Ok(mut time) = slot.lock() {
            *time = self.started.elapsed();
        }
    }

    /// The times of loading, and from there to the commit.
    fn times(self) -> (Duration, Duration) {
        let loaded = self.loaded.into_inner().unwrap_or_default();
        let committed = self.committed.into_inner().unwrap_or_default();
        (loaded, committed.saturating_sub(loaded))
    }
}

impl Observer for Clock {
    fn advance(&self, _bytes: u64) {}

    fn is_cancelled(&self) -> bool {
        self.done.load(Ordering::Relaxed)
    }
}

impl Progress for Clock {
    fn loaded(&self) {
        self.note(&self.loaded);
    }

    fn committed(&self, _head: &Head) {
        self.note(&self.committed);
        self.done.store(true, Ordering::Relaxed);
    }
}

fn publish(
    folder: &Path,
    numbers: std::ops::Range<u64>,
    namespaces: u64,
) -> Result<(Duration, Duration), PublishError> {
    let edition = Changeset {
        present: numbers
            .map(|number| sreg_benches::published(number, namespaces))
            .collect(),
        ..Changeset::default()
    };
    let clock = Clock::start();
    match publish_changeset(
        &Destination::folder(folder),
        &Session {
            keys: None,
            pins: &[],
            now: 1_790_000_000,
            progress: &clock,
        },
        edition,
    ) {
        Ok(_) => Ok(clock.times()),
        Err(error) if error.is_cancelled() => Ok(clock.times()),
        Err(error) => Err(error),
    }
}

/// The files and bytes below a folder.
fn weigh(folder: &Path) -> (u64, u64) {
    let (files, bytes) = (Cell::new(0), Cell::new(0));
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => folders.push(entry.path()),
                Ok(metadata) => {
                    files.set(files.get() + 1);
                    bytes.set(bytes.get() + metadata.len());
                }
                Err(_) => {}
            }
        }
    }
    (files.get(), bytes.get())
}

/// The greatest resident memory so far, in MiB.
fn peak_memory() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok())
        .unwrap_or(0)
        / 1024
}

fn run(folder: &Path, tags: u64) -> Result<(), PublishError> {
    let namespaces = 1000;
    let (_, built) = publish(folder, 0..tags, namespaces)?;
    println!(
        "build    {tags} tags, statements and nodes, committed: {:.1} s, peak memory {} MiB",
        built.as_secs_f64(),
        peak_memory()
    );
    // The journal would have the next run write all views.
    let _ = fs::remove_dir_all(folder.join("staging"));
    let (files, bytes) = weigh(&folder.join("n"));
    println!("nodes    {files} files, {bytes} bytes");
    let (loaded, added) = publish(folder, tags..tags + 1, namespaces)?;
    let (_, after) = weigh(&folder.join("n"));
    println!(
        "add one  {} ms beyond {:.1} s of loading, {} bytes of new nodes",
        added.as_millis(),
        loaded.as_secs_f64(),
        after - bytes
    );
    Ok(())
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let (Some(folder), Some(Ok(tags))) = (args.get(1), args.get(2).map(|text| text.parse())) else {
        eprintln!("usage: scale FOLDER TAGS");
        return ExitCode::from(2);
    };
    match run(Path::new(folder), tags) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
