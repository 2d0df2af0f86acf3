//! The time limit for the head of a request. A connection has one timer, which is set again when it has
//! run out, and not for each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The mark of a connection that is answered.
const ANSWERED: u64 = u64::MAX;

/// Since when a connection waits for a head.
#[derive(Debug)]
pub(crate) struct Patience {
    begun: Instant,
    /// In milliseconds since `begun`, or [`ANSWERED`].
    since: AtomicU64,
}

/// A running answer: the next head is waited for when it is dropped.
#[derive(Debug)]
pub(crate) struct Turn(Arc<Patience>);

impl Patience {
    /// Starts to wait for the first head.
    pub(crate) fn start() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            since: AtomicU64::new(0),
        })
    }

    /// Marks that a head was read.
    pub(crate) fn turn(self: &Arc<Self>) -> Turn {
        self.since.store(ANSWERED, Ordering::Relaxed);
        Turn(Arc::clone(self))
    }

    /// Returns once a head was waited for longer than `limit`.
    pub(crate) async fn ends(&self, limit: Duration) {
        loop {
            let waited = match self.since.load(Ordering::Relaxed) {
                ANSWERED => Duration::ZERO,
                since => self
                    .begun
                    .elapsed()
                    .saturating_sub(Duration::from_millis(since)),
            };
            if waited >= limit {
                return;
            }
            sleep(limit - waited).await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.begun.elapsed().as_millis()).unwrap_or(ANSWERED - 1);
        self.0.since.store(now, Ordering::Relaxed);
    }
}
