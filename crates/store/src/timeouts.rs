//! Time limits for servers.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use crate::{Sink, StoreError};

/// Time limits for servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// The time limit of a connection attempt.
    pub connect: Duration,
    /// The time in which at least [`Timeouts::min_bytes_per_window`] bytes must arrive.
    pub window: Duration,
    /// The number of bytes that must arrive in each window.
    pub min_bytes_per_window: u64,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            window: Duration::from_secs(30),
            min_bytes_per_window: 30 << 10,
        }
    }
}

impl Timeouts {
    /// Passes at most `max_bytes` bytes of a response to `sink` as they arrive. Returns how many there
    /// were.
    pub(crate) async fn give(
        self,
        name: &str,
        mut parts: impl Stream<Item = Result<Bytes, StoreError>> + Unpin,
        max_bytes: u64,
        sink: Sink<'_>,
    ) -> Result<u64, StoreError> {
        let (mut left, mut pace) = (max_bytes, Pace::new(self));
        while left > 0 {
            let part = match tokio::time::timeout(pace.left(), parts.next()).await {
                Err(_) => return Err(too_slow(name)),
                Ok(None) => break,
                Ok(Some(part)) => part?,
            };
            if !pace.came(part.len()) {
                return Err(too_slow(name));
            }
            let taken = usize::try_from(left).map_or(part.len(), |left| left.min(part.len()));
            sink(&part[..taken]).map_err(StoreError::io(name.to_owned()))?;
            left -= taken as u64;
        }
        Ok(max_bytes - left)
    }
}

pub(crate) fn too_slow(name: &str) -> StoreError {
    StoreError::Unreachable {
        name: name.to_owned(),
        source: io::Error::new(io::ErrorKind::TimedOut, "nothing comes, or too slowly"),
    }
}

/// Checks that bytes arrive fast enough.
#[derive(Debug)]
pub(crate) struct Pace {
    timeouts: Timeouts,
    since: Instant,
    bytes: u64,
}

impl Pace {
    pub(crate) fn new(timeouts: Timeouts) -> Self {
        Self {
            timeouts,
            since: Instant::now(),
            bytes: 0,
        }
    }

    /// Returns the time limit for the next bytes.
    pub(crate) fn left(&self) -> Duration {
        self.timeouts.window.saturating_sub(self.since.elapsed())
    }

    /// Counts received bytes. Returns whether they arrive fast enough.
    pub(crate) fn came(&mut self, bytes: usize) -> bool {
        self.bytes += bytes as u64;
        if self.bytes >= self.timeouts.min_bytes_per_window {
            self.since = Instant::now();
            self.bytes = 0;
        }
        self.since.elapsed() < self.timeouts.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trickle_is_too_slow() {
        let timeouts = Timeouts {
            window: Duration::from_millis(20),
            min_bytes_per_window: 100,
            ..Timeouts::default()
        };
        let mut pace = Pace::new(timeouts);
        assert!(pace.came(100), "a whole window's bytes at once");
        std::thread::sleep(Duration::from_millis(25));
        assert_eq!(pace.left(), Duration::ZERO);
        assert!(!pace.came(1));
    }
}
