//! Stores that are at fault in a way that a test says, and who watches.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::{fmt, io};

use sreg_client::fetch::{Options, Source, Wanted};
use sreg_index::Chain;
use sreg_index::chain::ChainBuilder;
use sreg_index::hasher::Observer;
use sreg_model::Digest;
use sreg_store::{
    Capabilities, Memory, Object, Precondition, PutOutcome, RetryPolicy, Scheme, Served, Sink,
    Store, StoreError, Upload,
};

pub(crate) const MIB: u64 = 1 << 20;
pub(crate) const KEY: &str = "blobs/image";

/// Bytes in which no two chunks are alike.
pub(crate) fn image(size: u64) -> Vec<u8> {
    let size = usize::try_from(size).unwrap();
    let pattern: Vec<u8> = (0..=250).collect();
    let mut bytes = pattern.repeat(size / pattern.len() + 1);
    bytes.truncate(size);
    for (number, piece) in bytes.chunks_mut(4096).enumerate() {
        let number = number.to_le_bytes();
        let taken = piece.len().min(number.len());
        piece[..taken].copy_from_slice(&number[..taken]);
    }
    bytes
}

pub(crate) fn chain(bytes: &[u8]) -> Arc<Chain> {
    let mut builder = ChainBuilder::default();
    builder.update(bytes);
    Arc::new(builder.finish())
}

pub(crate) fn wanted(bytes: &[u8]) -> Wanted {
    Wanted::of(chain(bytes))
}

pub(crate) fn flat(bytes: &[u8]) -> Wanted {
    Wanted {
        digest: Digest::of(bytes),
        size: Some(bytes.len() as u64),
        chain: None,
    }
}

/// A chain that ends in the image's digest and is otherwise wrong.
pub(crate) fn wrong_chain(bytes: &[u8]) -> Arc<Chain> {
    let mut sidecar = chain(bytes).sidecar().to_vec();
    sidecar[3] ^= 1;
    Arc::new(Chain::parse(sidecar, bytes.len() as u64, &Digest::of(bytes)).unwrap())
}

/// No waiting in tests.
pub(crate) fn options() -> Options {
    Options {
        retry: RetryPolicy::never().with_retries(3),
        ..Options::default()
    }
}

/// What a store does with one request.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Act {
    Good,
    /// Changes the byte at this place of the image.
    Flip(u64),
    /// Gives so many bytes, and then an error that may pass.
    BreakAfter(u64, io::ErrorKind),
    /// The image ends here.
    EndAt(u64),
    /// More than was asked for.
    TooMuch,
    Status(u16),
    NoRanges,
}

type Rule = dyn Fn(usize, &Range<u64>) -> Act + Send + Sync;

/// A store that does what a rule says of each request, by its number from 0 and its range.
pub(crate) struct Faulty {
    name: String,
    memory: Memory,
    rule: Box<Rule>,
    log: Mutex<Vec<Range<u64>>>,
}

impl Faulty {
    pub(crate) fn new(
        name: &str,
        bytes: &[u8],
        rule: impl Fn(usize, &Range<u64>) -> Act + Send + Sync + 'static,
    ) -> Arc<Self> {
        let memory = Memory::default();
        let served = Served {
            content_type: "",
            cache_control: "",
        };
        memory
            .write(KEY, bytes, &Precondition::Any, served)
            .unwrap();
        Arc::new(Self {
            name: name.to_owned(),
            memory,
            rule: Box::new(rule),
            log: Mutex::default(),
        })
    }

    pub(crate) fn good(bytes: &[u8]) -> Arc<Self> {
        Self::new("good", bytes, |_, _| Act::Good)
    }

    pub(crate) fn source(self: &Arc<Self>) -> Source {
        Source {
            store: Arc::<Self>::clone(self),
            key: KEY.to_owned(),
        }
    }

    /// The ranges that were asked for so far.
    pub(crate) fn log(&self) -> Vec<Range<u64>> {
        self.log.lock().unwrap().clone()
    }
}

impl fmt::Debug for Faulty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl Store for Faulty {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities<'_> {
        Capabilities::of(Scheme::Memory)
    }

    fn read(&self, key: &str, max_bytes: usize) -> Result<Option<Object>, StoreError> {
        self.memory.read(key, max_bytes)
    }

    fn size(&self, key: &str) -> Result<Option<u64>, StoreError> {
        self.memory.size(key)
    }

    fn read_range(&self, key: &str, range: Range<u64>, sink: Sink<'_>) -> Result<(), StoreError> {
        let number = {
            let mut log = self.log.lock().unwrap();
            log.push(range.clone());
            log.len() - 1
        };
        let lost = |kind: io::ErrorKind| StoreError::Unreachable {
            name: self.name.clone(),
            source: kind.into(),
        };
        let mut at = range.start;
        // In small pieces, as a network gives them.
        let mut pieces = |range: Range<u64>, flipped: Option<u64>| {
            self.memory.read_range(key, range, &mut |bytes| {
                for piece in bytes.chunks(100_003) {
                    let mut piece = piece.to_vec();
                    let end = at + piece.len() as u64;
                    if let Some(place) = flipped.filter(|place| (at..end).contains(place)) {
                        piece[usize::try_from(place - at).unwrap()] ^= 0x40;
                    }
                    at = end;
                    sink(&piece)?;
                }
                Ok(())
            })
        };
        match (self.rule)(number, &range) {
            Act::Good => pieces(range, None),
            Act::Flip(place) => pieces(range, Some(place)),
            Act::EndAt(end) => pieces(range.start.min(end)..range.end.min(end), None),
            Act::BreakAfter(bytes, kind) => {
                pieces(range.start..range.end.min(range.start + bytes), None)?;
                Err(lost(kind))
            }
            Act::TooMuch => {
                pieces(range.start..range.end + 3 * MIB, None)?;
                sink(&[0x55; 5000]).map_err(|_| lost(io::ErrorKind::Other))
            }
            Act::Status(status) => Err(StoreError::Status {
                name: self.name.clone(),
                status,
                detail: None,
            }),
            Act::NoRanges if range.start > 0 => Err(StoreError::NoRanges(self.name.clone())),
            Act::NoRanges => pieces(range, None),
        }
    }

    fn write(
        &self,
        _: &str,
        _: &[u8],
        _: &Precondition,
        _: Served,
    ) -> Result<PutOutcome, StoreError> {
        unreachable!()
    }

    fn upload(&self, _: &str, _: &Upload<'_>) -> Result<(), StoreError> {
        unreachable!()
    }

    fn remove(&self, _: &str) -> Result<(), StoreError> {
        unreachable!()
    }
}

/// Stops a fetch when it has come so far, and remembers what it was told.
#[derive(Debug)]
pub(crate) struct Until {
    max_bytes: u64,
    pub(crate) done: AtomicU64,
    pub(crate) expected: Mutex<Vec<u64>>,
}

impl Until {
    pub(crate) fn new(max_bytes: u64) -> Self {
        Self {
            max_bytes,
            done: AtomicU64::new(0),
            expected: Mutex::default(),
        }
    }

    pub(crate) fn the_end() -> Self {
        Self::new(u64::MAX)
    }
}

impl Observer for Until {
    fn expect(&self, bytes: u64) {
        self.expected.lock().unwrap().push(bytes);
    }

    fn advance(&self, bytes: u64) {
        self.done.fetch_add(bytes, Ordering::SeqCst);
    }

    fn is_cancelled(&self) -> bool {
        self.done.load(Ordering::SeqCst) >= self.max_bytes
    }
}
