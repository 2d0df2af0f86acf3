//! A store in memory, behind a network that loses, repeats and delays.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use sreg_model::layout::Place;
use sreg_model::settings::Settings;
use sreg_model::{Digest, Host};
use sreg_store::{
    Capabilities, Copied, Memory, Object, Precondition, PutOutcome, Served, Sink, Store,
    StoreError, Upload,
};

use sreg_tests::seed::Seed;

use super::checks;
use super::turns::Turns;

/// What all publishers share.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) seed: u64,
    memory: Arc<Memory>,
    turns: Turns,
    /// What `head` was before, as a cache may still say.
    old_head: Mutex<Option<Object>>,
    /// What somebody without a key has put there.
    junk: Mutex<Vec<Vec<u8>>>,
    /// What the last write of each key replaced, and whose it was.
    replaced: Mutex<HashMap<String, Replaced>>,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            memory: Arc::new(Memory::default()),
            turns: Turns::new(seed),
            old_head: Mutex::default(),
            junk: Mutex::default(),
            replaced: Mutex::default(),
        }
    }

    pub(crate) fn begin(&self, publishers: u64) {
        self.turns.begin(publishers);
    }

    pub(crate) fn end(&self) {
        self.turns.begin(0);
    }

    /// Lets others go on for a while.
    pub(crate) fn wait(&self, number: u64) {
        self.turns.wait(number, |_| ());
    }

    /// Writes what nobody should.
    pub(crate) fn spoil(&self, key: &str, junk: &[u8], condition: &Precondition) {
        self.junk.lock().unwrap().push(junk.to_vec());
        let served = Served {
            content_type: "application/octet-stream",
            cache_control: "no-store",
        };
        self.memory.write(key, junk, condition, served).unwrap();
    }

    /// Whether somebody without a key has put it there, wherever it belongs.
    pub(crate) fn is_junk(&self, bytes: &[u8]) -> bool {
        self.junk.lock().unwrap().iter().any(|junk| junk == bytes)
    }

    /// Puts back what stood at a key before it was written the last time, by a writer that did not live to
    /// look once more.
    pub(crate) fn put_back(&self, key: &str) {
        let mut replaced = self.replaced.lock().unwrap();
        let replaced = replaced
            .remove(key)
            .unwrap_or_else(|| panic!("seed {}: {key} was written once", self.seed));
        let ended = replaced.ends.load(Ordering::Relaxed) > replaced.ends_before;
        assert!(
            ended,
            "seed {}: {key} is old, and its writer lives",
            self.seed
        );
        let served = self.memory.served(key).unwrap();
        self.memory
            .write(key, &replaced.bytes, &Precondition::Any, served)
            .unwrap();
    }

    /// Says for which host the registry is that is to be made.
    pub(crate) fn prepare(&self, host: Option<Host>) {
        let mut settings = Settings::default();
        settings.host = host;
        let (place, bytes) = (Place::Settings, settings.encode());
        let how = place.kind().served;
        let written = self
            .memory
            .write(&place.to_string(), &bytes, &Precondition::Absent, how);
        assert_eq!(written.unwrap(), PutOutcome::Stored);
    }

    /// Whether somebody is about to publish trust.
    pub(crate) fn has_begun_trust(&self) -> bool {
        let journal = self.memory.read("staging/journal", usize::MAX).unwrap();
        journal.is_some_and(|journal| String::from_utf8_lossy(&journal.bytes).contains("\"trust\""))
    }

    /// The store without its network.
    pub(crate) fn calm(&self) -> Arc<dyn Store> {
        self.memory.clone()
    }

    pub(crate) fn leave_at_the_end(self: &Arc<Self>, number: u64) -> Leaving {
        Leaving(self.clone(), number)
    }

    /// After each write that readers see, all that they can reach is there.
    fn look(&self, key: &str) {
        if matches!(
            Place::parse(key),
            Some(Place::Head | Place::HeadSlot { .. })
        ) {
            checks::head_is_whole(self);
        }
    }
}

/// Leaves the turns, also where its thread panics.
pub(crate) struct Leaving(Arc<World>, u64);

impl Drop for Leaving {
    fn drop(&mut self) {
        self.0.turns.leave(self.1);
    }
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Well,
    /// It is lost on its way.
    Lost,
    /// It arrives, and its answer is lost.
    Unanswered,
    /// It is refused, and nothing lands, as S3 says 409 now and then.
    Refused,
    /// The publisher dies before it.
    DeathBefore,
    /// The publisher dies once it has arrived.
    DeathAfter,
    /// A cache answers.
    Stale,
}

fn fate(random: &mut Seed) -> Fate {
    match random.below(1000) {
        0..15 => Fate::Lost,
        15..30 => Fate::Unanswered,
        30..40 => Fate::Unanswered,
        40..50 => Fate::Refused,
        50..53 => Fate::DeathBefore,
        53..56 => Fate::DeathAfter,
        56..100 => Fate::Stale,
        _ => Fate::Well,
    }
}

/// What a write replaced, and how often its writer had died or given up before it.
#[derive(Debug)]
struct Replaced {
    bytes: Vec<u8>,
    ends: Arc<AtomicU64>,
    ends_before: u64,
}

/// The store as one publisher sees it.
#[derive(Debug)]
pub(crate) struct Client {
    world: Arc<World>,
    number: u64,
    crashed: AtomicBool,
    /// How often it has died, or given up.
    ends: Arc<AtomicU64>,
}

impl Client {
    pub(crate) fn new(world: Arc<World>, number: u64) -> Self {
        Self {
            world,
            number,
            crashed: AtomicBool::new(false),
            ends: Arc::default(),
        }
    }

    pub(crate) fn has_crashed(&self) -> bool {
        self.crashed.load(Ordering::Relaxed)
    }

    fn lost(key: &str) -> StoreError {
        StoreError::Unreachable {
            name: key.to_owned(),
            source: std::io::ErrorKind::ConnectionReset.into(),
        }
    }

    /// What happens to the next call; an error where it does not arrive.
    fn next(&self, key: &str) -> Result<Fate, StoreError> {
        if self.has_crashed() {
            return Err(StoreError::Cancelled);
        }
        match self.world.turns.wait(self.number, fate) {
            Fate::Lost => Err(Self::lost(key)),
            Fate::DeathBefore => Err(self.die()),
            fate => Ok(fate),
        }
    }

    fn die(&self) -> StoreError {
        self.crashed.store(true, Ordering::Relaxed);
        self.ends.fetch_add(1, Ordering::Relaxed);
        StoreError::Cancelled
    }

    fn read_with<T>(
        &self,
        key: &str,
        read: impl Fn(&Memory) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.patiently(|| match self.next(key)? {
            Fate::Unanswered => Err(Self::lost(key)),
            Fate::DeathAfter => Err(self.die()),
            _ => read(&self.world.memory),
        })
    }

    /// As the stores do: what failed in passing is sent again, some times.
    fn patiently<T>(&self, run: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut left = 2;
        loop {
            match run() {
                Err(error) if error.is_transient() && left > 0 => left -= 1,
                Err(error) => {
                    self.ends.fetch_add(1, Ordering::Relaxed);
                    return Err(error);
                }
                done => return done,
            }
        }
    }

    /// Notes what stood at a key before this publisher wrote there.
    fn note(&self, key: &str, before: &Object) {
        let what = Replaced {
            bytes: before.bytes.clone(),
            ends: self.ends.clone(),
            ends_before: self.ends.load(Ordering::Relaxed),
        };
        let mut replaced = self.world.replaced.lock().unwrap();
        replaced.insert(key.to_owned(), what);
    }

    fn copy_once(
        &self,
        from: &str,
        key: &str,
        digest: &Digest,
        served: Served,
    ) -> Result<(), StoreError> {
        let fate = self.next(key)?;
        let memory = &self.world.memory;
        let before = memory.read(key, usize::MAX)?;
        memory.copy(from, key, digest, served)?;
        if let Some(before) = &before {
            self.note(key, before);
        }
        match fate {
            Fate::Unanswered => Err(Self::lost(key)),
            Fate::DeathAfter => Err(self.die()),
            _ => Ok(()),
        }
    }

    fn write_once(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &Precondition,
        served: Served,
    ) -> Result<PutOutcome, StoreError> {
        let fate = self.next(key)?;
        if fate == Fate::Refused && *condition != Precondition::Any {
            return Ok(PutOutcome::PreconditionFailed);
        }
        let memory = &self.world.memory;
        let before = memory.read(key, usize::MAX)?;
        let line = checks::line_before(&self.world, key, before.as_ref());
        let written = memory.write(key, bytes, condition, served)?;
        if written == PutOutcome::Stored {
            checks::may_be_written(&self.world, key, before.as_ref(), bytes, &line);
            if let Some(before) = &before {
                self.note(key, before);
            }
            if key == "head" {
                *self.world.old_head.lock().unwrap() = before;
            }
            self.world.look(key);
        }
        match fate {
            Fate::Unanswered => Err(Self::lost(key)),
            Fate::DeathAfter => Err(self.die()),
            _ => Ok(written),
        }
    }
}

impl Store for Client {
    fn name(&self) -> &str {
        self.world.memory.name()
    }

    fn capabilities(&self) -> Capabilities<'_> {
        self.world.memory.capabilities()
    }

    fn read(&self, key: &str, max_bytes: usize) -> Result<Option<Object>, StoreError> {
        let world = &self.world;
        self.patiently(|| match self.next(key)? {
            Fate::Unanswered => Err(Self::lost(key)),
            Fate::DeathAfter => Err(self.die()),
            Fate::Stale if key == "head" => {
                let old = world.old_head.lock().unwrap().clone();
                old.map_or_else(|| world.memory.read(key, max_bytes), |old| Ok(Some(old)))
            }
            _ => world.memory.read(key, max_bytes),
        })
    }

    fn size(&self, key: &str) -> Result<Option<u64>, StoreError> {
        self.read_with(key, |memory| memory.size(key))
    }

    fn read_range(&self, key: &str, range: Range<u64>, sink: Sink<'_>) -> Result<(), StoreError> {
        match self.next(key)? {
            Fate::Unanswered => Err(Self::lost(key)),
            Fate::DeathAfter => Err(self.die()),
            _ => self.world.memory.read_range(key, range, sink),
        }
    }

    fn write(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &Precondition,
        served: Served,
    ) -> Result<PutOutcome, StoreError> {
        self.patiently(|| self.write_once(key, bytes, condition, served))
    }

    fn upload(&self, key: &str, upload: &Upload<'_>) -> Result<(), StoreError> {
        let bytes = std::fs::read(upload.file).unwrap();
        self.write(key, &bytes, &Precondition::Any, upload.served)
            .map(|_| ())
    }

    fn copy(
        &self,
        from: &str,
        key: &str,
        digest: &Digest,
        served: Served,
    ) -> Result<(), StoreError> {
        self.patiently(|| self.copy_once(from, key, digest, served))
    }

    fn copied(&self, key: &str) -> Result<Option<Copied>, StoreError> {
        self.read_with(key, |memory| memory.copied(key))
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        let view = match key.ends_with('/') {
            true => format!("{key}index.html"),
            false => key.to_owned(),
        };
        assert!(
            Place::parse(&view).is_some_and(|place| place.kind().is_view()),
            "seed {}: {key} is removed",
            self.world.seed
        );
        self.read_with(key, |memory| memory.remove(key))
    }
}
