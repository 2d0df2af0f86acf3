//! The bounds within which an image's content is read.

use std::io;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Limits on the amount of an image that is read, and on the cost of reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The maximal size of all texts of an image (labels, recipe and scripts), in bytes.
    pub text: u64,
    /// The maximal number of inodes of a squashfs.
    pub inodes: u32,
    /// The maximal size of the compressed tables of a squashfs, in bytes.
    pub tables: u64,
    /// The largest squashfs that is inflated from gzip into a temporary file, in bytes.
    pub inflated: u64,
    /// The address space of the process that reads, in bytes.
    pub memory: u64,
    /// The processor time of the process that reads, in seconds.
    pub processor: u64,
    /// The maximal run time of the process that reads.
    pub time: Duration,
}

impl Default for Limits {
    /// Returns the default limits: 1 MiB of text, 500,000 inodes, 64 MiB of tables, 4 GiB inflated, 512
    /// MiB of memory, 20 seconds of processor time and 30 seconds in all.
    fn default() -> Self {
        Self {
            text: 1 << 20,
            inodes: 500_000,
            tables: 64 << 20,
            inflated: 4 << 30,
            memory: 512 << 20,
            processor: 20,
            time: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Limits the calling process irrevocably: memory, processor time, the size of the files that it
    /// writes, and no core file. The system ends a process that exceeds these limits.
    ///
    /// # Errors
    /// If the system refuses a limit.
    pub fn bind_this_process(&self) -> io::Result<()> {
        bind(Resource::Core, 0, 0)?;
        bind(Resource::Fsize, self.inflated, self.inflated)?;
        bind(Resource::As, self.memory, self.memory)?;
        // The first limit ends the process with a signal that names it, the second kills.
        bind(
            Resource::Cpu,
            self.processor,
            self.processor.saturating_add(1),
        )
    }
}

/// Lowers a limit. Keeps a limit that is already lower, because raising it may not be permitted.
fn bind(resource: Resource, current: u64, maximum: u64) -> io::Result<()> {
    let before = getrlimit(resource);
    let lower = |limit: Option<u64>, to: u64| Some(limit.map_or(to, |limit| limit.min(to)));
    setrlimit(
        resource,
        Rlimit {
            current: lower(before.current, current),
            maximum: lower(before.maximum, maximum),
        },
    )?;
    Ok(())
}
