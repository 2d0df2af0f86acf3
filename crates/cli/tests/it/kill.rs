//! kill -9 in the middle of a run: what `head` reaches is the old tree or the new one, whole.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};

use sreg_model::Arch;
use sreg_tests::files::paths;
use sreg_tests::images;
use sreg_tests::process::wait_until;

use crate::support::Bench;

/// The old state of the folder, published.
fn old_state() -> Bench {
    let bench = Bench::new();
    for number in 0..60 {
        bench.write(
            &format!("lab/tool{number}_1.sif"),
            &images::sif(&format!("old {number}"), Arch::Amd64, 10),
        );
    }
    bench.index();
    bench
}

/// The new state: some are gone, some have changed, some are new.
fn change(bench: &Bench) {
    for number in 0..20 {
        fs::remove_file(bench.images().join(format!("lab/tool{number}_1.sif"))).unwrap();
    }
    for number in 40..100 {
        let path = bench.images().join(format!("lab/tool{number}_1.sif"));
        let _ = fs::remove_file(&path);
        fs::write(
            path,
            images::sif(&format!("new {number}"), Arch::Amd64, 2000),
        )
        .unwrap();
    }
}

/// The inodes of all files of the output.
fn inodes(bench: &Bench) -> BTreeSet<u64> {
    let paths = paths(&bench.public());
    // A file may be gone before it is looked at.
    let found = paths
        .iter()
        .filter_map(|path| fs::symlink_metadata(path).ok());
    found.map(|file| file.ino()).collect()
}

/// Starts `sreg index`, and kills it once it has written some files: whether it came so far.
fn kill_after(bench: &Bench, files: usize, before: &BTreeSet<u64>) -> bool {
    let mut child = bench
        .command(&["index", "images", "--out", "public", "--allow-removals"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let reached = wait_until(&mut child, || {
        inodes(bench).difference(before).count() >= files
    });
    let _ = child.kill();
    child.wait().unwrap();
    reached
}

/// Calls `round` for each number below `rounds`, several at once: they wait for disks more than they compute.
fn at_once(rounds: usize, round: impl Fn(usize) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let take = || next.fetch_add(1, Ordering::Relaxed);
                std::iter::repeat_with(take)
                    .take_while(|number| *number < rounds)
                    .for_each(&round);
            });
        }
    });
}

// spec: COM-6 COM-8
#[test]
fn killed_at_any_moment_the_head_is_the_old_one_or_the_new_one() {
    const ROUNDS: usize = 20;
    let published = old_state();
    let old = published.ls();
    change(&published);
    // One that is not killed says how many files a run writes, and what is new.
    let whole = published.copy();
    let before = inodes(&whole);
    whole.index_with(&["--allow-removals"]);
    let written = inodes(&whole).difference(&before).count();
    let new = whole.ls();
    assert_ne!(old, new);

    let (reached, uncommitted) = (AtomicUsize::new(0), AtomicUsize::new(0));
    at_once(ROUNDS, |round| {
        let bench = published.copy();
        // Evenly over the run.
        let files = 1 + written * round / ROUNDS;
        let was_killed = kill_after(&bench, files, &inodes(&bench));
        reached.fetch_add(usize::from(was_killed), Ordering::Relaxed);

        let now = bench.ls();
        assert!(now == old || now == new, "round {round}: {now:?}");
        uncommitted.fetch_add(usize::from(now == old), Ordering::Relaxed);
        // Whatever lags is derived: the index, the statements and the images are whole.
        let (code, faults) = bench.verify();
        assert!(code == 0 || code == 9, "round {round}: {code} {faults:?}");
        assert!(
            faults
                .iter()
                .all(|fault| fault == "stale-view" || fault == "lagging-head"),
            "round {round}: {faults:?}"
        );
        // The next command finishes what was begun.
        let ran = bench.run(&["repair", "public"]);
        assert_eq!(ran.code, 0, "round {round}: {}", ran.stderr);
        bench.is_whole();
        bench.index_with(&["--allow-removals"]);
        assert_eq!(bench.ls(), new, "round {round}");
        bench.is_whole();
    });
    let (reached, uncommitted) = (reached.into_inner(), uncommitted.into_inner());
    assert!(reached > ROUNDS / 2, "only {reached} runs were killed");
    assert!(uncommitted > 0, "no kill came before the commit");
    assert!(uncommitted < ROUNDS, "no kill came after the commit");
}

#[test]
fn a_first_run_that_is_killed_can_be_run_again() {
    const ROUNDS: usize = 5;
    let unpublished = Bench::new();
    for number in 0..40 {
        unpublished.write(
            &format!("lab/tool{number}_1.sif"),
            &images::sif(&number.to_string(), Arch::Amd64, 10),
        );
    }
    let whole = unpublished.copy();
    whole.index();
    let written = inodes(&whole).len();
    at_once(ROUNDS, |round| {
        let bench = unpublished.copy();
        kill_after(&bench, 1 + written * round / ROUNDS, &BTreeSet::new());
        bench.index();
        assert_eq!(bench.ls().len(), 40);
        bench.is_whole();
    });
}
