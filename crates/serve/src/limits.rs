//! Limits of connections and open files, from the limits of the process.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The files that the process itself needs: its streams, the folder, the poll.
const OWN: u64 = 32;
/// The maximal number of requests that wait for a disk. Each has an open file meanwhile.
pub(crate) const LOOKS: u8 = 16;
/// The maximal number of connections. With a slow client on each, bodies take about 1 GiB.
const MOST_CONNECTIONS: u64 = 16_384;
/// The limit that is requested if there is none.
const UNLIMITED: u64 = 1 << 20;

/// The maximal numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) connections: usize,
    pub(crate) files: usize,
}

impl Limits {
    /// Raises the limit of open files to its maximum, and divides it.
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

    /// Divides a limit of open files. Each connection is a file, and each running response of more than
    /// a piece is another one. Further connections wait.
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
