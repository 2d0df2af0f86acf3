//! The threads that download and check chunks, and the thread that controls them.
//!
//! Threads are not joined: one that waits for a server is left behind when the download ends, and its bytes
//! are dropped. This lets a download end at once when cancelled.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use sreg_index::Chain;
use sreg_index::hasher::Observer;

use crate::fetch::chunks::Chunks;
use crate::fetch::error::{Fault, SourceFault};
use crate::fetch::request::Stop;
use crate::fetch::scheduler::{Job, Next, Scheduler, Stumbles};
use crate::fetch::write_gate::WriteGate;
use crate::fetch::{FetchError, Options, Source};

/// The maximal interval of checks for cancellation.
pub(super) const TICK: Duration = Duration::from_millis(100);

/// The destination of valid chunks.
#[derive(Debug)]
pub(super) enum Output {
    /// Their place in a file, one after the other: waiting for the kernel's lock of a file spins, which takes
    /// time from hashing.
    File(Mutex<Arc<File>>),
    /// The controlling thread, in any order, but none from [`WorkerPool::set_limit`] on.
    Hand,
}

/// A valid chunk.
pub(super) struct Held {
    pub(super) chunk: usize,
    pub(super) length: usize,
    /// Its bytes, unless they were written.
    pub(super) bytes: Vec<u8>,
}

pub(super) type Event = Result<Held, io::Error>;

/// The threads of one download, and their shared state.
#[derive(Debug)]
pub(super) struct WorkerPool {
    pub(super) chain: Arc<Chain>,
    pub(super) sources: Vec<Source>,
    options: Options,
    pub(super) output: Output,
    /// The bytes received so far, from all sources.
    pub(super) received: AtomicU64,
    plan: Mutex<Scheduler>,
    /// Signals a change of the plan.
    changed: Condvar,
    pub(super) gate: WriteGate,
}

impl WorkerPool {
    pub(super) fn new(
        chain: &Arc<Chain>,
        sources: &[Source],
        options: &Options,
        done: Chunks,
        output: Output,
    ) -> Arc<Self> {
        Arc::new(Self {
            chain: Arc::clone(chain),
            plan: Mutex::new(Scheduler::new(done, sources, options)),
            sources: sources.to_vec(),
            options: options.clone(),
            output,
            received: AtomicU64::new(0),
            changed: Condvar::new(),
            gate: WriteGate::default(),
        })
    }

    /// Downloads all missing chunks, and passes each valid one to `each`. Returns whether all are complete;
    /// if not, no source is left.
    ///
    /// After it returns, no thread writes anything.
    pub(super) fn run(
        self: &Arc<Self>,
        watch: &dyn Observer,
        each: &mut dyn FnMut(Held) -> Result<(), FetchError>,
        failed: &dyn Fn(io::Error) -> FetchError,
    ) -> Result<bool, FetchError> {
        let (sender, events) = mpsc::channel();
        let left = self.plan().left();
        for _ in 0..self.options.workers().min(left) {
            let (crew, sender) = (Arc::clone(self), sender.clone());
            std::thread::Builder::new()
                .name("sreg-fetch".to_owned())
                .spawn(move || crew.work(&sender))
                .map_err(failed)?;
        }
        drop(sender);
        let ended = self.watch_over(&events, left, watch, each, failed);
        self.close();
        ended
    }

    fn watch_over(
        &self,
        events: &Receiver<Event>,
        mut left: usize,
        watch: &dyn Observer,
        each: &mut dyn FnMut(Held) -> Result<(), FetchError>,
        failed: &dyn Fn(io::Error) -> FetchError,
    ) -> Result<bool, FetchError> {
        while left > 0 {
            if watch.is_cancelled() {
                return Err(FetchError::Interrupted);
            }
            match events.recv_timeout(TICK) {
                Ok(event) => {
                    let held = event.map_err(failed)?;
                    let length = held.length as u64;
                    each(held)?;
                    watch.advance(length);
                    left -= 1;
                }
                Err(RecvTimeoutError::Timeout) if !self.plan().is_exhausted() => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Returns the complete chunks.
    pub(super) fn done(&self) -> Chunks {
        self.plan().done().clone()
    }

    /// Returns the faults of sources.
    pub(super) fn take_faults(&self) -> Vec<SourceFault> {
        self.plan().take_faults()
    }

    /// Allows the `ahead` chunks after the first `taken`.
    pub(super) fn set_limit(&self, taken: usize, ahead: usize) {
        self.plan().set_limit(taken + ahead, ahead);
        self.changed.notify_all();
    }

    fn close(&self) {
        self.gate.close();
        // Under the lock, so that no thread misses it.
        drop(self.plan());
        self.changed.notify_all();
    }

    pub(super) fn plan(&self) -> MutexGuard<'_, Scheduler> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait<'a>(&self, plan: MutexGuard<'a, Scheduler>) -> MutexGuard<'a, Scheduler> {
        self.changed
            .wait(plan)
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a thread.
    fn work(&self, events: &Sender<Event>) {
        let (mut stumbles, mut buffer) = (Stumbles::default(), Vec::new());
        while let Some(claim) = self.claim() {
            let job = &claim.job;
            let ended = self.read(job, &mut buffer, events);
            let mut plan = self.plan();
            plan.give_back(job);
            let pause = match ended {
                Ok(()) => None,
                Err(Stop::Closed) => return,
                Err(Stop::Wrong(chunk)) => {
                    plan.bad_chunk(job.source, chunk, Fault::Chunk(chunk));
                    None
                }
                Err(Stop::Short(chunk, at)) => {
                    plan.bad_chunk(job.source, chunk, Fault::Short(at));
                    None
                }
                Err(Stop::Store(error)) => {
                    let received = self.received.load(Ordering::Relaxed);
                    plan.on_error(job, &mut stumbles, received, error, &self.options)
                }
            };
            drop(plan);
            self.changed.notify_all();
            if let Some(pause) = pause {
                self.pause(pause, job.source);
            }
        }
    }

    /// Waits for a job.
    fn claim(&self) -> Option<Claim<'_>> {
        let mut plan = self.plan();
        loop {
            if self.gate.is_closed() {
                return None;
            }
            match plan.next() {
                Next::Do(job) => return Some(Claim { crew: self, job }),
                Next::Wait => plan = self.wait(plan),
                Next::Go => return None,
            }
        }
    }

    /// Waits for a source to recover, unless it is given up meanwhile.
    fn pause(&self, pause: Duration, source: usize) {
        let until = Instant::now() + pause;
        let mut plan = self.plan();
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.gate.is_closed() || !plan.asks(source) {
                return;
            }
            let waited = self.changed.wait_timeout(plan, left);
            plan = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A job of a worker, which is returned even if a store panics.
struct Claim<'a> {
    crew: &'a WorkerPool,
    job: Job,
}

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.crew.plan().give_back(&self.job);
            self.crew.changed.notify_all();
        }
    }
}
