//! What a program hands over: this library reads no environment, no home folder, no clock and no terminal.

use std::fmt;
use std::path::PathBuf;

use sreg_model::Arch;
use sreg_store::StoreConfig;

use crate::known::{Confirm, NeverConfirm, Pins};
use crate::warning::Warning;

/// Which version of a registry is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Version {
    /// The newest one.
    #[default]
    Newest,
    /// The one that the lock file lists. Its head may have expired.
    Locked,
    /// The one that was seen last, by the known registries and the cache alone. Its head may have expired.
    Offline,
}

/// How references are resolved and images are pulled.
#[derive(Clone)]
pub struct PullOptions<'a> {
    /// Where it is looked up which registry to expect.
    pub pins: Pins,
    /// How stores are reached, how failed requests are retried, and what interrupts them.
    pub store: StoreConfig,
    /// The clock, in Unix seconds: what has expired by then is refused.
    pub now: u64,
    /// The architecture of this machine; `None` if it has no name.
    pub machine: Option<Arch>,
    /// The architecture to pull; `None` for this machine's, otherwise the only one.
    pub arch: Option<Arch>,
    /// Whether to fail unless the registry is known and everything in it is signed.
    pub require_signed: bool,
    /// Which version of the registry is asked.
    pub version: Version,
    /// Copies of the registry, or of the file at a URL.
    pub mirrors: Vec<String>,
    /// How many requests go at once.
    pub connections: usize,
    /// The folder in which images are kept.
    pub cache: Option<PathBuf>,
    /// Whether images are downloaded even if the cache has them, and not added to it.
    pub bypass_cache: bool,
    /// Answers whether a registry is to be trusted that is seen for the first time.
    pub confirm: &'a dyn Confirm,
    /// Is told at once what the user should know.
    pub warn: &'a dyn Fn(Warning),
}

impl PullOptions<'_> {
    /// Returns options that trust only registries which `pins` list, at the time `now` in Unix seconds. Warnings
    /// are dropped.
    #[must_use]
    pub fn new(pins: Pins, now: u64) -> Self {
        Self {
            pins,
            store: StoreConfig::default(),
            now,
            machine: None,
            arch: None,
            require_signed: false,
            version: Version::default(),
            mirrors: Vec::new(),
            connections: 4,
            cache: None,
            bypass_cache: false,
            confirm: &NeverConfirm,
            warn: &drop::<Warning>,
        }
    }
}

impl fmt::Debug for PullOptions<'_> {
    /// Without the callbacks.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PullOptions")
            .field("pins", &self.pins)
            .field("store", &self.store)
            .field("now", &self.now)
            .field("machine", &self.machine)
            .field("arch", &self.arch)
            .field("require_signed", &self.require_signed)
            .field("version", &self.version)
            .field("mirrors", &self.mirrors)
            .field("connections", &self.connections)
            .field("cache", &self.cache)
            .field("bypass_cache", &self.bypass_cache)
            .finish_non_exhaustive()
    }
}
