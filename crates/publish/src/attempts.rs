//! Repeats a run that another publisher was faster than.

use sreg_registry::RegistryError;
use sreg_store::{Store, retry};

/// How often a run begins anew that somebody else was faster than.
pub(crate) const ATTEMPTS: u32 = 100;

/// Runs what publishes to `store`, and again from what is published then, where somebody else was faster.
pub(crate) fn until_won<T>(
    store: &dyn Store,
    mut run: impl FnMut() -> Result<T, RegistryError>,
) -> Result<T, RegistryError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match run() {
            Err(error @ (RegistryError::Conflict(_) | RegistryError::Overtaken))
                if attempts < ATTEMPTS =>
            {
                tracing::debug!(attempts, %error, "another publisher was faster: retrying on top of its version");
                retry::after_conflict(store, attempts)?;
            }
            ended => return ended,
        }
    }
}
