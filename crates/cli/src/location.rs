//! Registries at folders and URLs, and the configuration for reaching them.

use sreg_model::fault::Code;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sreg_publish::Destination;
use sreg_registry::{Registry, RegistryError};
use sreg_store::{Addresses, RetryPolicy, Store, StoreConfig, Timeouts};

use crate::args::Global;
use crate::error::CommandError;
use crate::{config, environment, stop};

/// The number of simultaneous requests to a store. The network is the limit, not the cores.
const AT_ONCE: usize = 16;

/// Set once, before any command runs.
static CONFIG: OnceLock<StoreConfig> = OnceLock::new();

/// Sets the configuration for servers from the arguments and the environment.
pub(crate) fn configure(global: &Global) -> Result<(), CommandError> {
    let mut retry = RetryPolicy {
        interrupt: stop::interrupt(),
        ..RetryPolicy::default()
    };
    if let Some(retries) = global.retries {
        retry = retry.with_retries(retries);
    }
    let mut timeouts = Timeouts::default();
    if let Some(seconds) = global.timeout {
        timeouts.window = Duration::from_secs(seconds);
        // The minimal rate does not depend on the window.
        timeouts.min_bytes_per_window = seconds.saturating_mul(1 << 10);
        timeouts.connect = timeouts.connect.min(timeouts.window);
    }
    let token = match std::env::var("SREG_TOKEN") {
        Ok(token) => Some(token).filter(|token| !token.is_empty()),
        Err(std::env::VarError::NotPresent) => None,
        Err(_) => return Err(CommandError::new(Code::Config, "SREG_TOKEN is not UTF-8")),
    };
    // Set by an earlier call only in tests.
    let _ = CONFIG.set(StoreConfig {
        timeouts,
        retry,
        token,
        options: environment::bucket_options(),
        credentials: environment::credentials(),
        proxies: environment::proxies(),
        addresses: match global.allow_private {
            true => Addresses::Any,
            false => Addresses::OfUser,
        },
    });
    Ok(())
}

/// Returns the configuration for servers.
pub(crate) fn config() -> StoreConfig {
    CONFIG.get().cloned().unwrap_or_default()
}

/// Returns the store at a place.
pub(crate) fn store(place: &Path) -> Result<Arc<dyn Store>, RegistryError> {
    Ok(sreg_store::open(&place.to_string_lossy(), &self::config())?)
}

/// Opens the registry at a place.
pub(crate) fn registry(place: &Path) -> Result<Registry, RegistryError> {
    Registry::in_store(store(place)?)
}

/// Returns the destination for publishing at a place.
pub(crate) fn destination(place: &Path) -> Result<Destination, RegistryError> {
    Ok(Destination {
        uploads: config::cache_file("uploads"),
        at_once: AT_ONCE,
        ..Destination::in_store(store(place)?)
    })
}
