//! Processes that tests start: their own once more, and others that they wait for.

use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

/// Runs a test again in a process of its own, because it measures or changes what all tests of a binary share:
/// memory, limits, signals. True in that process, which then does the work; `module` is `module_path!()`.
///
/// # Panics
/// When the test fails there.
#[must_use]
pub fn is_alone(module: &str, test: &str) -> bool {
    const ALONE: &str = "SREG_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let (_, module) = module.split_once("::").expect("a module of a test binary");
    let ran = Command::new(std::env::current_exe().expect("a path"))
        .args(["--exact", &format!("{module}::{test}"), "--nocapture"])
        .env(ALONE, "1")
        .output()
        .expect("this program runs");
    let said = String::from_utf8_lossy(&ran.stdout);
    let why = String::from_utf8_lossy(&ran.stderr);
    assert!(said.contains("1 passed"), "{said}{why}");
    false
}

/// Waits until something is so, as long as a process runs: whether it came to be so.
///
/// # Panics
/// When neither happens in two minutes.
pub fn wait_until(child: &mut Child, is_so: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !is_so() {
        if child.try_wait().expect("it is a child").is_some() {
            return false;
        }
        let waited = begun.elapsed();
        assert!(waited < Duration::from_secs(120), "nothing happens");
        thread::sleep(Duration::from_millis(2));
    }
    true
}
