//! Whether a store keeps the conditions of writes.

use crate::{Precondition, PutOutcome, Served, Store, StoreError, Version};

/// Whether a store has objects under keys that end with a slash. A small object is written under
/// `staging/`, and removed.
///
/// # Errors
/// When the store cannot be read or written.
pub fn supports_trailing_slash(store: &dyn Store) -> Result<bool, StoreError> {
    let key = probe_key() + "/";
    store.write(&key, b"folder", &Precondition::Any, SERVED)?;
    let found = store.read(&key, 16)?;
    store.remove(&key)?;
    Ok(store.supports_trailing_slash() && found.is_some_and(|found| found.bytes == b"folder"))
}

/// Writes a small object in parts under `staging/`, and removes it. Returns how parts are verified on their
/// way, for people; `None` if the store knows no parts.
///
/// # Errors
/// When the store cannot be written, or takes no parts.
pub fn probe_parts(store: &dyn Store) -> Result<Option<String>, StoreError> {
    let key = probe_key();
    let found = store.probe_parts(&key)?;
    if found.is_some() {
        store.remove(&key)?;
    }
    Ok(found)
}

const SERVED: Served = Served {
    content_type: "text/plain",
    cache_control: "no-store",
};

fn probe_key() -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.as_nanos());
    format!("staging/probe-{}-{now}", std::process::id())
}

/// Whether a store refuses to write where a condition does not hold. Many that speak like S3 do not
/// look at conditions. A small object is written under `staging/`, and removed.
///
/// # Errors
/// When the store cannot be read or written.
pub fn supports_conditional_writes(store: &dyn Store) -> Result<bool, StoreError> {
    let key = probe_key();
    let write =
        |bytes: &[u8], condition: &Precondition| store.write(&key, bytes, condition, SERVED);
    write(b"first", &Precondition::Any)?;
    let another = Precondition::Is(Version("\"00000000000000000000000000000000\"".to_owned()));
    let refuses = || {
        Ok(
            write(b"second", &Precondition::Absent)? == PutOutcome::PreconditionFailed
                && write(b"third", &another)? == PutOutcome::PreconditionFailed,
        )
    };
    let refuses = match refuses() {
        // It says so itself.
        Err(StoreError::Unconditional(_)) => false,
        refuses => refuses?,
    };
    let stands = store
        .read(&key, 16)?
        .is_some_and(|found| found.bytes == b"first");
    store.remove(&key)?;
    Ok(refuses && stands)
}
