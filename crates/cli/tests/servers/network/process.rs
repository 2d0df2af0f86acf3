//! Commands that are killed while they run.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub(crate) use sreg_tests::process::wait_until;
use sreg_tests::proxy::{Fault, Proxy};

/// Starts a command whose output nobody reads.
pub(crate) fn start(command: &mut Command) -> Child {
    let command = command.stdin(Stdio::null()).stdout(Stdio::null());
    command.stderr(Stdio::null()).spawn().unwrap()
}

/// Longer than any test: a request that is held so never arrives.
pub(crate) const FOR_EVER: Fault = Fault::Delay(Duration::from_hours(24));

/// Runs a command through a proxy, and kills it at its request of a number: whether it came so far.
/// Where it did not, it has ended well.
pub(crate) fn kill_at(proxy: &Proxy, command: &mut Command, number: usize) -> bool {
    proxy.reset_counters();
    proxy.set(move |request| match request.number >= number as u64 {
        true => FOR_EVER,
        false => Fault::Pass,
    });
    let mut child = start(command);
    let reached = wait_until(&mut child, || proxy.requests().len() >= number);
    match reached {
        true => kill(&mut child),
        false => assert!(child.wait().unwrap().success()),
    }
    proxy.clear();
    reached
}

/// `kill -9`, and waits until it is gone.
pub(crate) fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}
