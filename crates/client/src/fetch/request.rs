//! One request of a worker: checks the chunks of a job as they arrive.

use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::sync::mpsc::Sender;

use sreg_index::chain::CHUNK;
use sreg_store::StoreError;

use crate::fetch::scheduler::Job;
use crate::fetch::workers::{Event, Held, Output, WorkerPool};

/// Why a worker stops a job.
pub(super) enum Stop {
    Closed,
    Wrong(usize),
    Short(usize, u64),
    Store(StoreError),
}

impl WorkerPool {
    /// Downloads the chunks of a job, in order.
    pub(super) fn read(
        &self,
        job: &Job,
        buffer: &mut Vec<u8>,
        events: &Sender<Event>,
    ) -> Result<(), Stop> {
        let source = &self.sources[job.source];
        let (start, _) = self.chain.range(job.chunks.start);
        let (last, length) = self.chain.range(job.chunks.end - 1);
        let range = start..last + length as u64;
        let (mut chunk, mut stop) = (job.chunks.start, None);
        buffer.clear();
        let mut sink = |mut part: &[u8]| {
            self.received
                .fetch_add(part.len() as u64, Ordering::Relaxed);
            while !part.is_empty() && job.chunks.contains(&chunk) {
                if self.gate.is_closed() {
                    stop = Some(Stop::Closed);
                    return Err(io::ErrorKind::Interrupted.into());
                }
                let (_, length) = self.chain.range(chunk);
                let (now, later) = part.split_at((length - buffer.len()).min(part.len()));
                buffer.reserve_exact(CHUNK.saturating_sub(buffer.len()));
                buffer.extend_from_slice(now);
                part = later;
                if buffer.len() == length {
                    if let Err(why) = self.check(job, chunk, buffer, events) {
                        // If a source is read as a whole, later chunks may be valid.
                        let ends = !(job.is_whole && matches!(why, Stop::Wrong(_)));
                        stop.get_or_insert(why);
                        if ends {
                            return Err(io::ErrorKind::Interrupted.into());
                        }
                    }
                    buffer.clear();
                    chunk += 1;
                }
            }
            Ok(())
        };
        let ended = source.store.read_range(&source.key, range, &mut sink);
        // The empty last chunk of an image of whole MiB is already complete.
        let missing = job.chunks.contains(&chunk) && self.chain.range(chunk).1 > 0;
        match (stop, ended) {
            (Some(stop), _) => Err(stop),
            (None, Err(error)) => Err(Stop::Store(error)),
            (None, Ok(())) if missing => {
                let (offset, _) = self.chain.range(chunk);
                Err(Stop::Short(chunk, offset + buffer.len() as u64))
            }
            (None, Ok(())) => Ok(()),
        }
    }

    /// Checks a chunk in this thread's own memory, and passes it on if it is valid.
    fn check(
        &self,
        job: &Job,
        chunk: usize,
        buffer: &mut Vec<u8>,
        events: &Sender<Event>,
    ) -> Result<(), Stop> {
        let (offset, length) = self.chain.range(chunk);
        if job.is_whole && self.plan().done().contains(chunk) {
            return Ok(());
        }
        if !self.chain.holds(chunk, buffer) {
            return Err(Stop::Wrong(chunk));
        }
        let mut plan = self.plan();
        while !plan.allows(chunk) && !self.gate.is_closed() {
            plan = self.wait(plan);
        }
        drop(plan);
        let file = match &self.output {
            Output::File(file) => Some(file.lock().unwrap_or_else(PoisonError::into_inner)),
            Output::Hand => None,
        };
        let Some(_pass) = self.gate.enter() else {
            return Err(Stop::Closed);
        };
        if let Some(file) = file
            && let Err(error) = file.write_all_at(buffer, offset)
        {
            let _ = events.send(Err(error));
            return Err(Stop::Closed);
        }
        if self.plan().finish(job.source, chunk) {
            let bytes = match self.output {
                Output::File(_) => Vec::new(),
                Output::Hand => std::mem::take(buffer),
            };
            // Nobody receives it after the end of the download.
            let _ = events.send(Ok(Held {
                chunk,
                length,
                bytes,
            }));
        }
        Ok(())
    }
}
