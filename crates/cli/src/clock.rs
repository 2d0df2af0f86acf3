//! The clock, read once a command.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::CommandError;

/// The time that is stated in documents: `SOURCE_DATE_EPOCH` if it is set, for reproducible registries,
/// else the clock.
pub(crate) fn stated() -> Result<u64, CommandError> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text.parse().map_err(|_| {
            CommandError::new(
                "usage",
                format!("SOURCE_DATE_EPOCH is {text:?}, expected Unix seconds"),
            )
        }),
        Err(_) => Ok(now()),
    }
}

/// The clock, in Unix seconds, whatever the environment says: what expires is held to it.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
