//! How long a server is waited for.

use std::time::{Duration, Instant};

use crate::StoreError;

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
                    std::thread::sleep(Self::pause(again));
                }
                ended => return ended,
            }
        }
    }

    /// How long to wait before a request is sent for the `again`-th time again, from 1: twice as long
    /// each time, and not all clients at one moment.
    pub(crate) fn pause(again: u32) -> Duration {
        let longest = 200u64 << again.min(6);
        // The clock's last digits scatter well enough.
        let scatter = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |now| u64::from(now.subsec_nanos()) / 1000);
        Duration::from_millis(longest / 2 + scatter % (longest / 2))
    }
}

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
