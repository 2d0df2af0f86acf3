//! Probes of stores: keys that end with a slash, uploads in parts, conditional writes.

use crate::{Precondition, PutOutcome, Served, Store, StoreError, Version};

/// Returns whether a store supports keys that end with a slash. Writes a small object under `staging/`,
/// and removes it.
///
/// # Errors
/// If the store cannot be read or written.
pub fn supports_trailing_slash(store: &dyn Store) -> Result<bool, StoreError> {
    let key = probe_key() + "/";
    store.write(&key, b"folder", &Precondition::Any, SERVED)?;
    let found = store.read(&key, 16)?;
    store.remove(&key)?;
    Ok(store.capabilities().trailing_slash && found.is_some_and(|found| found.bytes == b"folder"))
}

/// Writes a small object in parts under `staging/`, and removes it. Returns a text for people that
/// states how parts are verified during the upload, or `None` if the store has no parts.
///
/// # Errors
/// If the store cannot be written, or refuses parts.
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

/// Returns whether a store supports conditional writes. Many S3-compatible servers ignore the
/// conditions. Writes a small object under `staging/`, and removes it.
///
/// # Errors
/// If the store cannot be read or written.
pub fn supports_conditional_writes(store: &dyn Store) -> Result<bool, StoreError> {
    let key = probe_key();
    let write =
        |bytes: &[u8], condition: &Precondition| store.write(&key, bytes, condition, SERVED);
    write(b"first", &Precondition::Any)?;
    let another = Precondition::Is(Version::of_tag("\"00000000000000000000000000000000\""));
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
