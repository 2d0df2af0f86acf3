//! Retries of failed requests: the one loop, and the one policy, of all stores (`spec/cli.md`, CLI-60).
//!
//! Whether an error is transient is decided where its status is known ([`StoreError::is_transient`]).

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::{Sink, Store, StoreError};

/// The number of attempts of a request, and the waits between them.
#[derive(Debug, Clone)]
pub struct RetryPolicy {
    /// The maximal number of attempts of one request, the first included.
    pub attempts: u32,
    /// The longest wait before the first retry. It doubles with each further one.
    pub first_backoff: Duration,
    /// The longest wait before any retry.
    pub max_backoff: Duration,
    /// Ends waits and requests.
    pub interrupt: Interrupt,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_backoff: Duration::from_millis(400),
            max_backoff: Duration::from_secs(10),
            interrupt: Interrupt::default(),
        }
    }
}

impl RetryPolicy {
    /// Returns a policy that sends a request once, and never waits.
    #[must_use]
    pub fn never() -> Self {
        Self {
            attempts: 1,
            first_backoff: Duration::ZERO,
            max_backoff: Duration::ZERO,
            interrupt: Interrupt::default(),
        }
    }

    /// Returns the same policy with so many retries after the first attempt.
    #[must_use]
    pub fn with_retries(self, retries: u32) -> Self {
        Self {
            attempts: retries.saturating_add(1),
            ..self
        }
    }

    /// Runs `attempt` until it succeeds, fails permanently, or all attempts are used.
    ///
    /// # Errors
    /// The error of the last attempt; [`StoreError::Cancelled`] if the interrupt is set.
    pub fn run<T>(
        &self,
        what: &str,
        mut attempt: impl FnMut() -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut retry = 0;
        loop {
            self.interrupt.check()?;
            match attempt() {
                Err(error) if error.is_transient() && retry + 1 < self.attempts => {
                    retry += 1;
                    self.wait(retry, what, &error)?;
                }
                ended => return ended,
            }
        }
    }

    /// Returns how long to wait before a retry, counted from 1: exponential, with jitter.
    #[must_use]
    pub fn backoff(&self, retry: u32) -> Duration {
        let doubled = self.first_backoff * (1 << retry.saturating_sub(1).min(10));
        jitter(doubled.min(self.max_backoff))
    }

    /// Waits before a retry.
    ///
    /// # Errors
    /// [`StoreError::Cancelled`] if the interrupt is set before or meanwhile.
    pub fn wait(&self, retry: u32, what: &str, error: &StoreError) -> Result<(), StoreError> {
        let backoff = self.backoff(retry);
        tracing::debug!(
            retry,
            attempts = self.attempts,
            backoff_ms = u64::try_from(backoff.as_millis()).unwrap_or(u64::MAX),
            error = %error.explain(),
            "retrying {what}",
        );
        self.interrupt.sleep(backoff)
    }
}

/// Returns a time between half of `longest` and all of it, another one each time, so that clients do not
/// all come back at one moment.
fn jitter(longest: Duration) -> Duration {
    let scatter = RandomState::new().build_hasher().finish() % 1024;
    longest / 2 + longest * u32::try_from(scatter).unwrap_or(0) / 2048
}

/// Tells stores to stop: ends waits and requests within a tenth of a second. Clones share one flag.
#[derive(Debug, Clone, Default)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// The interval at which the flag is checked.
    const TICK: Duration = Duration::from_millis(25);

    /// Creates an interrupt that is set whenever `flag` is.
    #[must_use]
    pub fn of(flag: Arc<AtomicBool>) -> Self {
        Self(flag)
    }

    /// Returns whether it is set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Fails if it is set.
    ///
    /// # Errors
    /// [`StoreError::Cancelled`].
    pub fn check(&self) -> Result<(), StoreError> {
        match self.is_set() {
            true => Err(StoreError::Cancelled),
            false => Ok(()),
        }
    }

    /// Blocks for some time.
    ///
    /// # Errors
    /// [`StoreError::Cancelled`] if it is set before or meanwhile.
    pub fn sleep(&self, time: Duration) -> Result<(), StoreError> {
        let until = Instant::now() + time;
        loop {
            self.check()?;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            std::thread::sleep(left.min(Self::TICK));
        }
    }

    /// Completes once it is set.
    pub(crate) async fn wait(&self) {
        while !self.is_set() {
            tokio::time::sleep(Self::TICK).await;
        }
    }
}

/// The least bytes of one attempt that count as progress, after which the count of attempts restarts.
const PROGRESS: u64 = 64 << 10;

/// Reads a range like [`Store::read_range`]. After a transient error it continues after the received
/// bytes, under the store's retry policy.
///
/// # Errors
/// As [`Store::read_range`].
pub fn read_range(
    store: &dyn Store,
    key: &str,
    range: Range<u64>,
    sink: Sink<'_>,
) -> Result<(), StoreError> {
    let policy = store.retry_policy();
    let (mut at, mut retry) = (range.start, 0);
    loop {
        policy.interrupt.check()?;
        let before = at;
        let ended = store.read_range(key, at..range.end, &mut |part| {
            sink(part)?;
            at += part.len() as u64;
            Ok(())
        });
        if at - before >= PROGRESS {
            retry = 0;
        }
        match ended {
            Err(error) if error.is_transient() && retry + 1 < policy.attempts => {
                retry += 1;
                policy.wait(retry, key, &error)?;
            }
            ended => return ended,
        }
    }
}

/// Waits for a random moment after another publisher was faster, `times` times in a row, so that not all
/// retry at once. Publishing takes others no longer than a second, which is the longest wait.
///
/// # Errors
/// `Cancelled` if the run is to stop.
pub fn after_conflict(store: &dyn Store, times: u32) -> Result<(), StoreError> {
    let policy = store.retry_policy();
    policy
        .interrupt
        .sleep(policy.backoff(times).min(MAX_CONFLICT_WAIT))
}

/// The longest wait after another publisher was faster.
const MAX_CONFLICT_WAIT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn status(status: u16) -> StoreError {
        StoreError::Status {
            name: "object".to_owned(),
            status,
            detail: None,
        }
    }

    fn quick(retries: u32) -> RetryPolicy {
        RetryPolicy::never().with_retries(retries)
    }

    /// Returns how often a request is sent that always fails with this error.
    fn attempts(error: impl Fn() -> StoreError) -> u32 {
        let mut count = 0;
        let ended = quick(3).run("object", || {
            count += 1;
            Err::<(), _>(error())
        });
        assert!(ended.is_err());
        count
    }

    // spec: CLI-60
    #[test]
    fn what_is_transient_is_tried_again_and_nothing_else() {
        for code in [408, 425, 429, 500, 502, 503, 504, 520, 599] {
            assert_eq!(attempts(|| status(code)), 4, "{code}");
        }
        for code in [300, 400, 403, 404, 405, 409, 412, 416, 501, 505, 507, 511] {
            assert_eq!(attempts(|| status(code)), 1, "{code}");
        }
        assert_eq!(
            attempts(|| StoreError::unreachable("object", "it is gone")),
            4
        );
        assert_eq!(attempts(|| StoreError::Cancelled), 1);
    }

    #[test]
    fn the_backoff_doubles_up_to_a_limit_and_scatters() {
        let policy = RetryPolicy::default();
        for (retry, longest) in [(1, 400), (2, 800), (3, 1600), (6, 10_000), (60, 10_000)] {
            let longest = Duration::from_millis(longest);
            let all: Vec<_> = (0..50).map(|_| policy.backoff(retry)).collect();
            assert!(all.iter().all(|one| (longest / 2..=longest).contains(one)));
            assert!(all.iter().any(|one| *one != all[0]), "all at one moment");
        }
    }

    #[test]
    fn an_interrupt_ends_a_wait_and_all_attempts() {
        let flag = Arc::new(AtomicBool::new(false));
        let policy = RetryPolicy {
            first_backoff: Duration::from_hours(1),
            max_backoff: Duration::from_hours(1),
            interrupt: Interrupt::of(flag.clone()),
            ..RetryPolicy::default()
        };
        let mut count = 0;
        let ended = policy.run("object", || {
            count += 1;
            flag.store(true, Ordering::Relaxed);
            Err::<(), _>(status(503))
        });
        assert!(matches!(ended, Err(StoreError::Cancelled)));
        assert_eq!(count, 1);
        let ended = policy.run("object", || Ok(()));
        assert!(matches!(ended, Err(StoreError::Cancelled)));
    }
}
