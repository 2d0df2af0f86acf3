//! Downloads an image without a usable digest chain: reads it from start to end, and hashes it on the way.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};

use sreg_index::Chain;
use sreg_index::chain::{CHUNK, ChainBuilder};
use sreg_index::hasher::Observer;
use sreg_model::Digest;
use sreg_store::StoreError;

use crate::fetch::error::{Fault, SourceFault};
use crate::fetch::workers::TICK;
use crate::fetch::write_gate::WriteGate;
use crate::fetch::{FetchError, Options, Source};

/// The destination of an image, and what it must be.
pub(super) struct Flat<'a> {
    pub(super) digest: Digest,
    pub(super) size: Option<u64>,
    pub(super) sources: &'a [Source],
    pub(super) options: &'a Options,
    pub(super) file: &'a Arc<File>,
}

/// The part that was read.
#[derive(Debug, Default)]
pub(super) struct Prefix {
    pub(super) builder: ChainBuilder,
    pub(super) length: u64,
}

/// The result of reading.
#[derive(Debug)]
pub(super) struct Read {
    /// The digest chain of the image, if it was found.
    pub(super) chain: Option<Chain>,
    /// The faults of sources.
    pub(super) faults: Vec<SourceFault>,
}

enum Event {
    /// The number of bytes present, and how many of them are new.
    Reached(u64, u64),
    Refused(io::Error),
    Ended(Read),
}

impl Flat<'_> {
    /// Reads the image from the first source that has it, after the existing prefix; reports progress to
    /// `each`.
    ///
    /// Does not wait for the reading thread, as in [`crate::fetch::workers`].
    pub(super) fn run(
        &self,
        prefix: Prefix,
        watch: &dyn Observer,
        each: &mut dyn FnMut(u64) -> Result<(), FetchError>,
        failed: &dyn Fn(io::Error) -> FetchError,
    ) -> Result<Read, FetchError> {
        let (sender, events) = mpsc::channel();
        let gate = Arc::new(WriteGate::default());
        let reader = Reader {
            digest: self.digest,
            size: self.size,
            sources: self.sources.to_vec(),
            options: self.options.clone(),
            file: Arc::clone(self.file),
            gate: Arc::clone(&gate),
            events: sender,
            origin: None,
            prefix,
        };
        std::thread::Builder::new()
            .name("sreg-fetch".to_owned())
            .spawn(move || reader.run())
            .map_err(failed)?;
        let ended = loop {
            if watch.is_cancelled() {
                break Err(FetchError::Interrupted);
            }
            match events.recv_timeout(TICK) {
                Ok(Event::Reached(length, new)) => {
                    if let Err(error) = each(length) {
                        break Err(error);
                    }
                    watch.advance(new);
                }
                Ok(Event::Refused(error)) => break Err(failed(error)),
                Ok(Event::Ended(read)) => break Ok(read),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    break Ok(Read {
                        chain: None,
                        faults: Vec::new(),
                    });
                }
            }
        };
        gate.close();
        ended
    }
}

/// The reading thread.
struct Reader {
    digest: Digest,
    size: Option<u64>,
    sources: Vec<Source>,
    options: Options,
    file: Arc<File>,
    gate: Arc<WriteGate>,
    events: Sender<Event>,
    prefix: Prefix,
    /// The source of the whole prefix, if it has only one.
    origin: Option<usize>,
}

/// How a request ended.
enum Ending {
    /// The end of the object or of the requested range was reached.
    End,
    Closed,
    Store(StoreError),
}

impl Reader {
    fn run(mut self) {
        let mut faults = Vec::new();
        // The prefix may be the whole image.
        let mut is_found = self.prefix.length > 0 && self.holds();
        for source in 0..self.sources.len() {
            if is_found {
                break;
            }
            match self.read(source) {
                None => return,
                Some(Ok(())) => is_found = true,
                Some(Err(fault)) => faults.push(SourceFault {
                    source_name: self.sources[source].name(),
                    fault,
                }),
            }
        }
        let chain = is_found.then(|| self.prefix.builder.finish());
        // Nobody receives it after the end of the download.
        let _ = self.events.send(Event::Ended(Read { chain, faults }));
    }

    /// Continues from one source, or restarts if the prefix was wrong. Returns `None` if the download has
    /// ended.
    fn read(&mut self, source: usize) -> Option<Result<(), Fault>> {
        let (mut stumbles, mut is_whole) = (0, false);
        self.origin = (self.prefix.length == 0).then_some(source);
        loop {
            let before = self.prefix.length;
            let ended = self.request(source, is_whole);
            if self.prefix.length > before {
                stumbles = 0;
            }
            let error = match ended {
                Ending::Closed => return None,
                Ending::End if self.prefix.length > self.most() => {
                    let most = self.most();
                    self.begin_anew(source);
                    return Some(Err(Fault::Long(most)));
                }
                Ending::End if self.size.is_some_and(|size| self.prefix.length < size) => None,
                Ending::End if self.holds() => return Some(Ok(())),
                Ending::End if self.origin == Some(source) => {
                    let found = self.prefix.builder.clone().finish().digest();
                    self.begin_anew(source);
                    return Some(Err(Fault::Digest(found)));
                }
                // The prefix, from another source or run, may be wrong.
                Ending::End => {
                    self.begin_anew(source);
                    continue;
                }
                Ending::Store(StoreError::NoRanges(_)) if !is_whole => {
                    is_whole = true;
                    continue;
                }
                // Without a known size, only the digest shows completeness.
                Ending::Store(_) if self.size.is_none() && self.holds() => return Some(Ok(())),
                Ending::Store(error) => Some(error),
            };
            stumbles += 1;
            let is_transient = error.as_ref().is_none_or(StoreError::is_transient);
            if !is_transient || stumbles >= self.options.retry.attempts {
                return Some(Err(
                    error.map_or(Fault::Short(self.prefix.length), Fault::of)
                ));
            }
            tracing::debug!(
                source = self.sources[source].name(),
                failures = stumbles,
                error = error
                    .as_ref()
                    .map_or_else(|| "ends early".to_owned(), StoreError::explain),
                "retrying the source",
            );
            if !self.pause(stumbles) {
                return None;
            }
        }
    }

    /// Requests the missing bytes.
    fn request(&mut self, source: usize, is_whole: bool) -> Ending {
        // For an image of unknown size, one extra byte shows that it is too large.
        let end = self.size.unwrap_or(self.options.most.saturating_add(1));
        let skipped = if is_whole { self.prefix.length } else { 0 };
        let range = self.prefix.length - skipped..end;
        if range.is_empty() {
            return Ending::End;
        }
        let Source { store, key } = self.sources[source].clone();
        let (mut skip, mut buffer) = (skipped, Vec::with_capacity(CHUNK));
        let mut is_closed = false;
        let mut sink = |part: &[u8]| {
            let over = usize::try_from(skip).map_or(part.len(), |skip| skip.min(part.len()));
            skip -= over as u64;
            let mut part = &part[over..];
            while !part.is_empty() {
                let left = end - self.prefix.length - buffer.len() as u64;
                let room =
                    usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK - buffer.len()));
                if room == 0 {
                    return Ok(());
                }
                let (now, later) = part.split_at(room.min(part.len()));
                buffer.extend_from_slice(now);
                part = later;
                if buffer.len() == CHUNK {
                    is_closed = !self.write(&buffer);
                    buffer.clear();
                }
                if is_closed || self.gate.is_closed() {
                    is_closed = true;
                    return Err(io::ErrorKind::Interrupted.into());
                }
            }
            Ok(())
        };
        let ended = store.read_range(&key, range, &mut sink);
        if is_closed || !self.write(&buffer) {
            return Ending::Closed;
        }
        match ended {
            Ok(()) => Ending::End,
            Err(error) => Ending::Store(error),
        }
    }

    /// Appends bytes to the prefix. Returns whether the download continues.
    fn write(&mut self, bytes: &[u8]) -> bool {
        let Some(_pass) = self.gate.enter() else {
            return false;
        };
        if bytes.is_empty() {
            return true;
        }
        if let Err(error) = self.file.write_all_at(bytes, self.prefix.length) {
            let _ = self.events.send(Event::Refused(error));
            return false;
        }
        self.prefix.builder.update(bytes);
        self.prefix.length += bytes.len() as u64;
        let reached = Event::Reached(self.prefix.length, bytes.len() as u64);
        self.events.send(reached).is_ok()
    }

    fn begin_anew(&mut self, source: usize) {
        self.prefix = Prefix::default();
        self.origin = Some(source);
        let _ = self.events.send(Event::Reached(0, 0));
    }

    fn holds(&self) -> bool {
        self.size.is_none_or(|size| size == self.prefix.length)
            && self.prefix.builder.clone().finish().digest() == self.digest
    }

    fn most(&self) -> u64 {
        self.size.unwrap_or(self.options.most)
    }

    /// Waits before a retry. Returns whether the download continues.
    fn pause(&self, stumbles: u32) -> bool {
        let mut left = self.options.retry.backoff(stumbles);
        while !left.is_zero() && !self.gate.is_closed() {
            let step = left.min(TICK);
            std::thread::sleep(step);
            left -= step;
        }
        !self.gate.is_closed()
    }
}
