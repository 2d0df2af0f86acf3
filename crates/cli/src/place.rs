//! Where registries are: folders and URLs, and with what they are reached.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use sreg_store::{Access, Patience, Store};
use sreg_tree::publish::Destination;
use sreg_tree::{Tree, TreeError};

use crate::args::Global;
use crate::config;
use crate::problem::Problem;

/// How many requests go to a store at once: it is the network that is waited for.
const AT_ONCE: usize = 16;

/// Set once, before any command runs.
static ACCESS: OnceLock<Access> = OnceLock::new();

/// Takes what the arguments and the environment say of servers.
pub(crate) fn configure(global: &Global) -> Result<(), Problem> {
    let mut patience = Patience::default();
    if let Some(retries) = global.retries {
        patience.retries = retries;
    }
    if let Some(seconds) = global.timeout {
        patience.window = Duration::from_secs(seconds);
        // The same rate, whatever the window.
        patience.least = seconds.saturating_mul(1 << 10);
        patience.connect = patience.connect.min(patience.window);
    }
    let token = match std::env::var("SREG_TOKEN") {
        Ok(token) => Some(token).filter(|token| !token.is_empty()),
        Err(std::env::VarError::NotPresent) => None,
        Err(_) => return Err(Problem::new("config", "SREG_TOKEN is not text")),
    };
    // Set by an earlier call only in tests.
    let _ = ACCESS.set(Access {
        patience,
        token,
        options: Vec::new(),
    });
    Ok(())
}

/// With what servers are reached.
pub(crate) fn access() -> Access {
    ACCESS.get().cloned().unwrap_or_default()
}

/// With what a server is reached that somebody else than the user names, or another one than `root`:
/// without the token, which is that of the server which the user names.
pub(crate) fn access_beside(root: &str, url: &str) -> Access {
    let mut access = access();
    if origin(root) != origin(url) {
        access.token = None;
    }
    access
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
    let store = sreg_store::open(&place, &access_beside(&root, &place))?;
    Tree::in_store(store)
}

/// The store at a place.
pub(crate) fn store(place: &Path) -> Result<Arc<dyn Store>, TreeError> {
    Ok(sreg_store::open(&place.to_string_lossy(), &access())?)
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
