//! The clock of the machine, and the time that documents state.

use sreg_model::fault::Code;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::CommandError;

/// Returns the time to state in documents: `SOURCE_DATE_EPOCH` for reproducible registries, otherwise the
/// clock.
pub(crate) fn stated() -> Result<u64, CommandError> {
    match std::env::var("SOURCE_DATE_EPOCH") {
        Ok(text) => text.parse().map_err(|_| {
            CommandError::new(
                Code::Usage,
                format!("SOURCE_DATE_EPOCH is {text:?}, expected Unix seconds"),
            )
        }),
        Err(_) => Ok(now()),
    }
}

/// Returns the clock in Unix seconds. Expiry is checked against it, whatever `SOURCE_DATE_EPOCH` is.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
