//! How much goes on at once: as many connections and open files as the process may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the process itself needs: its streams, the folder, the poll.
const OWN: u64 = 32;
/// How many requests may wait for a disk at once; each has a file open meanwhile.
pub(crate) const LOOKS: u8 = 16;
/// With a slow client on each, bodies take about 1 GiB.
const MOST_CONNECTIONS: u64 = 16_384;
/// What is tried where there is no limit.
const UNLIMITED: u64 = 1 << 20;

/// How many there may be at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    pub(crate) files: usize,
}

impl Limits {
    /// Raises the limit of open files as far as it goes, and shares it out.
    pub(crate) fn raise() -> Self {
        let limit = getrlimit(Resource::Nofile);
        let raised = Rlimit {
            current: limit.maximum.or(Some(UNLIMITED)),
            maximum: limit.maximum,
        };
        let current = match setrlimit(Resource::Nofile, raised) {
            Ok(()) => raised.current,
            Err(_) => limit.current,
        };
        Self::of(current.unwrap_or(UNLIMITED))
    }

    /// Each connection is a file, and each running response of more than a piece another one. Who
    /// comes when there are as many waits.
    fn of(limit: u64) -> Self {
        let files = (limit / 4).clamp(4, MOST_CONNECTIONS);
        let connections = limit.saturating_sub(files + OWN + u64::from(LOOKS));
        let fits = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            connections: fits(connections.clamp(4, MOST_CONNECTIONS)),
            files: fits(files),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LOOKS, Limits, OWN};

    #[test]
    fn all_fit_into_the_limit() {
        for limit in [256, 1024, 20_000, 1 << 20] {
            let Limits { connections, files } = Limits::of(limit);
            let taken = connections as u64 + files as u64 + OWN + u64::from(LOOKS);
            assert!(taken <= limit, "{limit}");
        }
        assert!(Limits::of(20_000).connections >= 10_000);
    }
}
