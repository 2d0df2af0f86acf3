//! Where registries are: folders and URLs, and with what they are reached.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sreg_publish::Destination;
use sreg_registry::{Tree, TreeError};
use sreg_store::{Addresses, Http, RetryPolicy, Store, StoreConfig, StoreError, Timeouts};

use crate::args::Global;
use crate::problem::Problem;
use crate::{config, stop};

/// How many requests go to a store at once: it is the network that is waited for.
const AT_ONCE: usize = 16;

/// Set once, before any command runs.
static CONFIG: OnceLock<StoreConfig> = OnceLock::new();

/// Takes what the arguments and the environment say of servers.
pub(crate) fn configure(global: &Global) -> Result<(), Problem> {
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
        // The same rate, whatever the window.
        timeouts.min_bytes_per_window = seconds.saturating_mul(1 << 10);
        timeouts.connect = timeouts.connect.min(timeouts.window);
    }
    let token = match std::env::var("SREG_TOKEN") {
        Ok(token) => Some(token).filter(|token| !token.is_empty()),
        Err(std::env::VarError::NotPresent) => None,
        Err(_) => return Err(Problem::new("config", "SREG_TOKEN is not text")),
    };
    // Set by an earlier call only in tests.
    let _ = CONFIG.set(StoreConfig {
        timeouts,
        retry,
        token,
        options: Vec::new(),
        addresses: match global.allow_private {
            true => Addresses::Any,
            false => Addresses::OfUser,
        },
    });
    Ok(())
}

/// With what servers are reached.
pub(crate) fn config() -> StoreConfig {
    CONFIG.get().cloned().unwrap_or_default()
}

/// With what a server is reached that somebody else than the user names, or another one than `root`:
/// without the token, which is that of the server which the user names.
pub(crate) fn config_beside(root: &str, url: &str) -> StoreConfig {
    let mut config = config();
    if origin(root) != origin(url) {
        config.token = None;
    }
    config
}

/// A file at a URL that the registry in `store`, or a publisher, names: at an address of a private network
/// only where the registry is at one, too (CLI-64).
pub(crate) fn file_beside(store: &dyn Store, url: &str) -> Result<Http, StoreError> {
    let mut config = config_beside(store.name(), url);
    if !store.is_private() && config.addresses != Addresses::Any {
        config.addresses = Addresses::Public;
    }
    Http::file(url, &config)
}

/// A URL's scheme, host and port (RFC 6454).
fn origin(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    Some(format!("{scheme}://{authority}").to_ascii_lowercase())
}

/// The tree at another place of the registry at `root`.
pub(crate) fn tree_beside(root: &Path, place: &Path) -> Result<Tree, TreeError> {
    let (root, place) = (root.to_string_lossy(), place.to_string_lossy());
    let store = sreg_store::open(&place, &config_beside(&root, &place))?;
    Tree::in_store(store)
}

/// The store at a place.
pub(crate) fn store(place: &Path) -> Result<Arc<dyn Store>, TreeError> {
    Ok(sreg_store::open(&place.to_string_lossy(), &self::config())?)
}

/// The tree at a place.
pub(crate) fn tree(place: &Path) -> Result<Tree, TreeError> {
    Tree::in_store(store(place)?)
}

/// A place that is to be published to.
pub(crate) fn destination(place: &Path) -> Result<Destination, TreeError> {
    Ok(Destination {
        store: store(place)?,
        uploads: config::cache_file("uploads"),
        at_once: AT_ONCE,
    })
}
