//! Retries a run if another publisher was faster.

use crate::error::PublishError;
use sreg_store::{Store, retry};

/// The maximal number of attempts against faster publishers.
pub(crate) const ATTEMPTS: u32 = 100;

/// Runs a publication, and retries it on top of the new version if another publisher was faster. `run` gets the
/// number of the attempt, from 1.
pub(crate) fn until_won<T>(
    store: &dyn Store,
    mut run: impl FnMut(u32) -> Result<T, PublishError>,
) -> Result<T, PublishError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match run(attempts) {
            Err(error @ (PublishError::Conflict(_) | PublishError::Overtaken))
                if attempts < ATTEMPTS =>
            {
                tracing::debug!(attempts, %error, "another publisher was faster: retrying on top of its version");
                retry::after_conflict(store, attempts)?;
            }
            ended => return ended,
        }
    }
}
