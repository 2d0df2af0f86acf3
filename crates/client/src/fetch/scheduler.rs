//! Distributes chunks and sources among the workers of a download.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use sreg_store::StoreError;

use crate::fetch::chunks::Chunks;
use crate::fetch::error::{Fault, SourceFault};
use crate::fetch::{Options, Source};

/// The number of chunks in a request.
const SEGMENT: usize = 16;
/// How often a chunk may be wrong before its source is given up.
const STRIKES: u32 = 2;
/// The multiple of the retry limit for a source that sends bytes, but no complete chunk.
const MOST_STUMBLES: u32 = 4;

/// The complete chunks, and the work of each worker.
#[derive(Debug)]
pub(super) struct Scheduler {
    done: Chunks,
    /// The chunks that are neither complete nor assigned.
    free: Chunks,
    /// No chunk before this one is free.
    lowest: usize,
    /// Chunks from here on may not be downloaded yet.
    limit: usize,
    /// The number of chunks in a request.
    segment: usize,
    workers: usize,
    names: Vec<String>,
    /// The current source; earlier ones are never used again.
    source: usize,
    faults: Vec<SourceFault>,
    /// How often each chunk was wrong from this source.
    strikes: HashMap<usize, u32>,
    /// The number of chunks from this source.
    arrived: usize,
    /// This source has no range requests: one worker reads it from the start.
    is_whole: bool,
    is_being_read: bool,
}

/// Chunks assigned to one worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) source: usize,
    pub(super) chunks: Range<usize>,
    /// Whether these are all chunks, including complete ones, because the source has no range requests.
    pub(super) is_whole: bool,
}

/// The next task of a worker.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Do(Job),
    /// Work may appear later.
    Wait,
    /// All chunks are complete, or no source is left.
    Go,
}

/// The transient failures of a worker.
#[derive(Debug, Default)]
pub(super) struct Stumbles {
    source: usize,
    arrived: usize,
    received: u64,
    /// Failures since a chunk arrived from its source, at any worker.
    count: u32,
    /// Failures since the minimal number of bytes arrived.
    idle: u32,
}

impl Scheduler {
    pub(super) fn new(done: Chunks, sources: &[Source], options: &Options) -> Self {
        Self {
            free: done.others(),
            lowest: 0,
            limit: done.length(),
            segment: SEGMENT,
            done,
            workers: options.workers(),
            names: sources.iter().map(Source::name).collect(),
            source: 0,
            faults: Vec::new(),
            strikes: HashMap::new(),
            arrived: 0,
            is_whole: false,
            is_being_read: false,
        }
    }

    pub(super) fn done(&self) -> &Chunks {
        &self.done
    }

    /// Allows chunks before `limit`, which is `ahead` chunks after all that are taken.
    pub(super) fn set_limit(&mut self, limit: usize, ahead: usize) {
        self.limit = limit.min(self.done.length());
        self.segment = (ahead / (2 * self.workers)).clamp(1, SEGMENT);
    }

    /// Returns whether a chunk may be downloaded yet.
    pub(super) fn allows(&self, chunk: usize) -> bool {
        chunk < self.limit
    }

    /// Returns the number of missing chunks.
    pub(super) fn left(&self) -> usize {
        self.done.length() - self.done.count()
    }

    /// Returns whether chunks are missing and no source is left.
    pub(super) fn is_exhausted(&self) -> bool {
        self.left() > 0 && self.source >= self.names.len()
    }

    /// Returns whether a source is the current one.
    pub(super) fn asks(&self, source: usize) -> bool {
        self.source == source
    }

    pub(super) fn take_faults(&mut self) -> Vec<SourceFault> {
        std::mem::take(&mut self.faults)
    }

    pub(super) fn next(&mut self) -> Next {
        if self.left() == 0 || self.is_exhausted() {
            return Next::Go;
        }
        let source = self.source;
        if self.is_whole {
            if self.is_being_read {
                return Next::Wait;
            }
            self.is_being_read = true;
            return Next::Do(Job {
                source,
                chunks: 0..self.done.length(),
                is_whole: true,
            });
        }
        let Some(start) = self.free.next(self.lowest) else {
            return Next::Wait;
        };
        // The limit moves by single chunks, which do not get requests of their own.
        if start + self.segment > self.limit && self.limit < self.done.length() {
            return Next::Wait;
        }
        // Towards the end, the remaining chunks are divided among the workers.
        let most = (self.left() / (2 * self.workers)).clamp(1, self.segment);
        let mut end = start;
        while end < self.limit && end - start < most && self.free.contains(end) {
            self.free.remove(end);
            end += 1;
        }
        self.lowest = end;
        Next::Do(Job {
            source,
            chunks: start..end,
            is_whole: false,
        })
    }

    /// Frees the missing chunks of a job that a worker stopped.
    pub(super) fn give_back(&mut self, job: &Job) {
        if job.source != self.source {
            // Giving up the source has freed all of it.
            return;
        }
        if job.is_whole {
            self.is_being_read = false;
            return;
        }
        for chunk in job.chunks.clone() {
            if !self.done.contains(chunk) {
                self.free.insert(chunk);
                self.lowest = self.lowest.min(chunk);
            }
        }
    }

    /// Marks a chunk complete. Returns whether it was missing.
    pub(super) fn finish(&mut self, source: usize, chunk: usize) -> bool {
        self.free.remove(chunk);
        let new = self.done.insert(chunk);
        if new && source == self.source {
            self.arrived += 1;
        }
        new
    }

    /// Counts a wrong or incomplete chunk; gives up its source the second time.
    pub(super) fn bad_chunk(&mut self, source: usize, chunk: usize, fault: Fault) {
        if source != self.source {
            return;
        }
        let strikes = self.strikes.entry(chunk).or_default();
        *strikes += 1;
        if *strikes >= STRIKES {
            self.leave(source, fault);
        }
    }

    /// Counts a failure of a source after `received` bytes in all. Returns the pause before a retry; `None`
    /// if the source is given up.
    pub(super) fn on_error(
        &mut self,
        job: &Job,
        stumbles: &mut Stumbles,
        received: u64,
        error: StoreError,
        options: &Options,
    ) -> Option<Duration> {
        let source = job.source;
        if source != self.source {
            return None;
        }
        if matches!(error, StoreError::NoRanges(_)) && !job.is_whole {
            self.is_whole = true;
            return None;
        }
        let again = source == stumbles.source && self.arrived == stumbles.arrived;
        // A chunk takes long on a slow connection, and a server that rejects one of many workers is still
        // useful.
        let is_idle = again && received - stumbles.received < options.min_bytes_per_window;
        *stumbles = Stumbles {
            source,
            arrived: self.arrived,
            received,
            count: if again { stumbles.count + 1 } else { 1 },
            idle: if is_idle { stumbles.idle + 1 } else { 1 },
        };
        let attempts = options.retry.attempts;
        let is_bad = stumbles.idle >= attempts || stumbles.count > MOST_STUMBLES * attempts;
        if !error.is_transient() || is_bad {
            self.leave(source, Fault::of(error));
            return None;
        }
        let backoff = options.retry.backoff(stumbles.count);
        tracing::debug!(
            source = self.names[source],
            failures = stumbles.count,
            error = %error.explain(),
            "retrying the source",
        );
        Some(backoff)
    }

    /// Switches to the next source.
    fn leave(&mut self, source: usize, fault: Fault) {
        tracing::info!(source = self.names[source], %fault, "giving up on the source");
        self.faults.push(SourceFault {
            source_name: self.names[source].clone(),
            fault,
        });
        self.source += 1;
        self.strikes.clear();
        self.arrived = 0;
        self.is_whole = false;
        self.is_being_read = false;
        // Chunks that the failed source may still send are reassigned.
        self.free = self.done.others();
        self.lowest = 0;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sreg_store::Memory;

    use super::*;

    fn plan(chunks: usize) -> Scheduler {
        let source = Source {
            store: Arc::new(Memory::default()),
            key: "key".to_owned(),
        };
        let sources = [source.clone(), source];
        Scheduler::new(Chunks::none(chunks), &sources, &Options::default())
    }

    fn job(plan: &mut Scheduler) -> Job {
        match plan.next() {
            Next::Do(job) => job,
            other => panic!("{other:?}"),
        }
    }

    fn lost() -> StoreError {
        StoreError::Unreachable {
            name: "source".to_owned(),
            source: std::io::ErrorKind::TimedOut.into(),
        }
    }

    /// How often a worker fails until its source is left, where others get `bytes` meanwhile.
    fn failures(bytes: u64) -> u32 {
        let (mut plan, options) = (plan(100), Options::default());
        let job = job(&mut plan);
        let mut stumbles = Stumbles::default();
        (1..1000)
            .find(|count| {
                let received = bytes * u64::from(*count);
                let pause = plan.on_error(&job, &mut stumbles, received, lost(), &options);
                pause.is_none()
            })
            .unwrap()
    }

    #[test]
    fn a_source_is_left_sooner_if_it_gives_nothing() {
        assert_eq!(failures(0), 5);
        assert_eq!(failures(1000), 5);
        assert_eq!(failures(100_000), 21);
    }

    #[test]
    fn a_source_that_gives_chunks_is_not_left() {
        let (mut plan, options) = (plan(100), Options::default());
        let job = job(&mut plan);
        let mut stumbles = Stumbles::default();
        for chunk in 0..50 {
            plan.finish(0, chunk);
            let pause = plan.on_error(&job, &mut stumbles, 0, lost(), &options);
            assert!(pause.is_some());
        }
    }

    #[test]
    fn what_a_source_that_was_left_still_owes_is_free() {
        let mut plan = plan(40);
        let (first, second) = (job(&mut plan), job(&mut plan));
        assert_eq!((first.chunks.clone(), second.chunks.clone()), (0..5, 5..10));
        plan.bad_chunk(0, 1, Fault::Chunk(1));
        plan.give_back(&first);
        assert_eq!(job(&mut plan).chunks, 0..5, "the same source, once more");
        plan.bad_chunk(0, 1, Fault::Chunk(1));
        plan.finish(0, 6);
        plan.give_back(&second);
        // What others have of the next source is theirs.
        let third = job(&mut plan);
        assert_eq!((third.source, third.chunks.clone()), (1, 0..4));
        plan.give_back(&first);
        plan.bad_chunk(0, 2, Fault::Chunk(2));
        assert_eq!(job(&mut plan).chunks, 4..6);
        assert_eq!(job(&mut plan).chunks, 7..11);
    }

    #[test]
    fn a_source_without_ranges_is_read_by_one() {
        let (mut plan, options) = (plan(40), Options::default());
        let (first, second) = (job(&mut plan), job(&mut plan));
        let mut stumbles = Stumbles::default();
        for job in [&second, &first] {
            let none = StoreError::NoRanges("source".to_owned());
            plan.give_back(job);
            plan.on_error(job, &mut stumbles, 0, none, &options);
        }
        let whole = job(&mut plan);
        assert!(whole.is_whole && whole.source == 0 && whole.chunks == (0..40));
        assert_eq!(plan.next(), Next::Wait);
        plan.give_back(&whole);
        assert_eq!(job(&mut plan), whole);
    }

    #[test]
    fn no_chunk_before_its_time() {
        let mut plan = plan(100);
        plan.set_limit(48, 48);
        let taken: Vec<_> = (0..8).map(|_| job(&mut plan).chunks).collect();
        assert_eq!(taken.last(), Some(&(42..48)));
        assert_eq!(plan.next(), Next::Wait);
        plan.set_limit(49, 48);
        assert_eq!(plan.next(), Next::Wait, "not one by one");
        plan.set_limit(54, 48);
        assert_eq!(job(&mut plan).chunks, 48..54);
        plan.set_limit(200, 48);
        assert_eq!(job(&mut plan).chunks, 54..60);
    }
}
