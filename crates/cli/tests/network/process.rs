//! Commands that are killed while they run.

use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Waits until something is so, as long as a process runs.
pub(crate) fn wait_until(child: &mut Child, is_so: impl Fn() -> bool) -> bool {
    let begun = Instant::now();
    while !is_so() {
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "nothing happens"
        );
        thread::sleep(Duration::from_millis(2));
    }
    true
}

/// Starts a command whose output nobody reads.
pub(crate) fn start(command: &mut Command) -> Child {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).spawn().unwrap()
}

/// `kill -9`, and waits until it is gone.
pub(crate) fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}
