//! The time limit for the head of a request. A connection has one timer, which is set again only when it has
//! expired, not for each request.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The value of [`HeadTimeout::since`] while a response is sent.
const RESPONDING: u64 = u64::MAX;

/// The time since which a connection waits for the head of a request.
#[derive(Debug)]
pub(crate) struct HeadTimeout {
    begun: Instant,
    /// In milliseconds since `begun`, or [`RESPONDING`].
    since: AtomicU64,
}

/// A running response. When it is dropped, the connection waits for the next head.
#[derive(Debug)]
pub(crate) struct RunningResponse(Arc<HeadTimeout>);

impl HeadTimeout {
    /// Returns the timeout of a new connection, which waits for its first head.
    pub(crate) fn start() -> Arc<Self> {
        Arc::new(Self {
            begun: Instant::now(),
            since: AtomicU64::new(0),
        })
    }

    /// Stops the time: a head was read.
    pub(crate) fn response(self: &Arc<Self>) -> RunningResponse {
        self.since.store(RESPONDING, Ordering::Relaxed);
        RunningResponse(Arc::clone(self))
    }

    /// Returns once the connection has waited for a head for longer than `limit`.
    pub(crate) async fn expired(&self, limit: Duration) {
        loop {
            let waited = match self.since.load(Ordering::Relaxed) {
                RESPONDING => Duration::ZERO,
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

impl Drop for RunningResponse {
    fn drop(&mut self) {
        let now = u64::try_from(self.0.begun.elapsed().as_millis()).unwrap_or(RESPONDING - 1);
        self.0.since.store(now, Ordering::Relaxed);
    }
}
