//! Whether a store keeps the conditions of writes.

use crate::{If, Served, Store, StoreError, Version, Written};

/// Whether a store refuses to write where a condition does not hold. Many that speak like S3 do not
/// look at conditions. A small object is written under `staging/`, and removed.
///
/// # Errors
/// When the store cannot be read or written.
pub fn keeps_conditions(store: &dyn Store) -> Result<bool, StoreError> {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.as_nanos());
    let key = format!("staging/probe-{}-{now}", std::process::id());
    let served = Served {
        content_type: "text/plain",
        cache_control: "no-store",
    };
    let write = |bytes: &[u8], condition: &If| store.write(&key, bytes, condition, served);
    write(b"first", &If::Any)?;
    let another = If::Is(Version("\"00000000000000000000000000000000\"".to_owned()));
    let refuses = write(b"second", &If::Absent)? == Written::Refused
        && write(b"third", &another)? == Written::Refused;
    let stands = store
        .read(&key, 16)?
        .is_some_and(|found| found.bytes == b"first");
    store.remove(&key)?;
    Ok(refuses && stands)
}
