//! The options of a program: this library reads no environment, no home folder, no clock and no terminal.

use std::fmt;
use std::path::PathBuf;

use sreg_model::Arch;
use sreg_store::StoreConfig;

use crate::known::{Confirm, NeverConfirm, Pins};
use crate::warning::Warning;

/// The version of a registry to use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Version {
    /// The newest one.
    #[default]
    Newest,
    /// The one in the lock file. Its head may have expired.
    Locked,
    /// The one that was seen last, from only the known registries and the cache. Its head may have expired.
    Offline,
}

/// Options for resolving references and pulling images.
#[derive(Clone)]
pub struct PullOptions<'a> {
    /// The sources of pins.
    pub pins: Pins,
    /// How to reach stores, retry failed requests, and interrupt them.
    pub store: StoreConfig,
    /// The time at which expiry is checked, in Unix seconds.
    pub now: u64,
    /// The architecture of this machine; `None` if it has no name.
    pub machine: Option<Arch>,
    /// The architecture to pull; `None` for this machine's, otherwise the only one.
    pub arch: Option<Arch>,
    /// Whether to fail unless the registry is known and everything in it is signed.
    pub require_signed: bool,
    /// The version of the registry to use.
    pub version: Version,
    /// Copies of the registry, or of the file at a URL.
    pub mirrors: Vec<String>,
    /// The number of simultaneous requests.
    pub connections: usize,
    /// The folder of cached images.
    pub cache: Option<PathBuf>,
    /// Whether to neither read nor write the cache.
    pub bypass_cache: bool,
    /// Answers whether to trust a registry that was not seen before.
    pub confirm: &'a dyn Confirm,
    /// Receives warnings immediately.
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
    /// Omits the callbacks.
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
