//! Progress without an observer.

use sreg_index::hasher::Observer;
use sreg_publish::Progress;

/// Ignores progress, and never cancels.
#[derive(Debug, Clone, Copy)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn advance(&self, _: u64) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

impl Progress for Unobserved {}
