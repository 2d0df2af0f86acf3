//! How long a server is waited for.

use std::io;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};

use crate::{Sink, StoreError};

/// How long a server is waited for, and how often it is asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// How long a connection may take to stand.
    pub connect: Duration,
    /// In each such time at least [`Patience::least`] bytes have to come.
    pub window: Duration,
    /// The bytes that have to come in each window.
    pub least: u64,
    /// How often a request that failed in passing is sent again.
    pub retries: u32,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            window: Duration::from_secs(30),
            least: 30 << 10,
            retries: 4,
        }
    }
}

impl Patience {
    /// Runs a request, and again where it failed in passing.
    pub(crate) fn patiently<T>(
        &self,
        run: impl Fn() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut again = 0;
        loop {
            match run() {
                Err(error) if error.is_passing() && again < self.retries => {
                    again += 1;
                    std::thread::sleep(pause_before(again, FIRST_PAUSE));
                }
                ended => return ended,
            }
        }
    }

    /// Gives the bytes of an answer to `sink` as they come, until it has `most` of them.
    pub(crate) async fn give(
        self,
        name: &str,
        mut parts: impl Stream<Item = Result<Bytes, StoreError>> + Unpin,
        most: u64,
        sink: Sink<'_>,
    ) -> Result<(), StoreError> {
        let (mut left, mut pace) = (most, Pace::new(self));
        while left > 0 {
            let part = match tokio::time::timeout(pace.left(), parts.next()).await {
                Err(_) => return Err(too_slow(name)),
                Ok(None) => return Ok(()),
                Ok(Some(part)) => part?,
            };
            if !pace.came(part.len()) {
                return Err(too_slow(name));
            }
            let taken = usize::try_from(left).map_or(part.len(), |left| left.min(part.len()));
            sink(&part[..taken]).map_err(StoreError::io(name.to_owned()))?;
            left -= taken as u64;
        }
        Ok(())
    }
}

/// How long to wait before something is tried for the `again`-th time again, from 1: at most `first`,
/// then twice as long each time, and not all clients at one moment.
#[must_use]
pub fn pause_before(again: u32, first: Duration) -> Duration {
    let longest = first * (1 << again.saturating_sub(1).min(6));
    // The clock's last digits scatter well enough.
    let scatter = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos() % 1000);
    longest / 2 + longest * scatter / 2000
}

pub(crate) fn too_slow(name: &str) -> StoreError {
    StoreError::Unreachable {
        name: name.to_owned(),
        source: io::Error::new(io::ErrorKind::TimedOut, "nothing comes, or too slowly"),
    }
}

/// How long a request that failed in passing waits the first time, at most.
const FIRST_PAUSE: Duration = Duration::from_millis(400);

/// Watches that bytes come fast enough.
#[derive(Debug)]
pub(crate) struct Pace {
    patience: Patience,
    since: Instant,
    bytes: u64,
}

impl Pace {
    pub(crate) fn new(patience: Patience) -> Self {
        Self {
            patience,
            since: Instant::now(),
            bytes: 0,
        }
    }

    /// How long the next bytes may take.
    pub(crate) fn left(&self) -> Duration {
        self.patience.window.saturating_sub(self.since.elapsed())
    }

    /// Some bytes have come: whether that is fast enough so far.
    pub(crate) fn came(&mut self, bytes: usize) -> bool {
        self.bytes += bytes as u64;
        if self.bytes >= self.patience.least {
            self.since = Instant::now();
            self.bytes = 0;
        }
        self.since.elapsed() < self.patience.window
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trickle_is_too_slow() {
        let patience = Patience {
            window: Duration::from_millis(20),
            least: 100,
            ..Patience::default()
        };
        let mut pace = Pace::new(patience);
        assert!(pace.came(100), "a whole window's bytes at once");
        std::thread::sleep(Duration::from_millis(25));
        assert_eq!(pace.left(), Duration::ZERO);
        assert!(!pace.came(1));
    }
}
