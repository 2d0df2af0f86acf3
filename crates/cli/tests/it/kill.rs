//! kill -9 in the middle of a run: what `head` reaches is the old tree or the new one, whole.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use sreg_model::Arch;
use sreg_tests::images;
use sreg_tests::seed::Seed;

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

// spec: COM-6 COM-8
#[test]
fn killed_at_any_moment_the_head_is_the_old_one_or_the_new_one() {
    let bench = old_state();
    let old = bench.ls();
    change(&bench);
    let begin = Instant::now();
    bench.index_with(&["--allow-removals"]);
    let whole_run = begin.elapsed();
    let new = bench.ls();
    assert_ne!(old, new);

    let mut random = Seed::new("moments");
    let mut before = 0;
    for round in 0..20 {
        let bench = old_state();
        change(&bench);
        let mut child = bench
            .command(&["index", "images", "--out", "public", "--allow-removals"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Evenly over the run, each moment moved a little.
        let share = (f64::from(round)
            + f64::from(u32::try_from(random.number() % 1000).unwrap()) / 1000.0)
            / 20.0;
        std::thread::sleep(whole_run.mul_f64(share));
        child.kill().unwrap();
        child.wait().unwrap();

        let now = bench.ls();
        assert!(now == old || now == new, "round {round}: {now:?}");
        before += u32::from(now == old);
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
    }
    assert!(before > 0, "no kill came before the commit");
}

#[test]
fn a_first_run_that_is_killed_can_be_run_again() {
    let mut random = Seed::new("first");
    for _ in 0..5 {
        let bench = Bench::new();
        for number in 0..40 {
            bench.write(
                &format!("lab/tool{number}_1.sif"),
                &images::sif(&number.to_string(), Arch::Amd64, 10),
            );
        }
        let mut child = bench
            .command(&["index", "images", "--out", "public"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(random.number() % 150_000));
        child.kill().unwrap();
        child.wait().unwrap();
        bench.index();
        assert_eq!(bench.ls().len(), 40);
        bench.is_whole();
    }
}
