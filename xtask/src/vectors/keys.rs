//! Keys as trust documents have them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

pub(super) fn fingerprint(key: &str) -> String {
    let blob = STANDARD.decode(&key["ssh-ed25519 ".len()..]);
    let hash = Sha256::digest(blob.unwrap_or_default());
    format!("SHA256:{}", STANDARD_NO_PAD.encode(hash))
}

/// Keys in the order of their fingerprints.
pub(super) fn sorted_keys(keys: impl Iterator<Item = String>) -> Vec<String> {
    let mut keys: Vec<String> = keys.collect();
    keys.sort_by_key(|key| fingerprint(key));
    keys
}

/// A role of keys that are in the order of their fingerprints.
pub(super) fn role_of(keys: &[String], threshold: u64) -> Value {
    let keys: Vec<String> = keys.iter().map(|key| fingerprint(key)).collect();
    json!({"keys": keys, "threshold": threshold})
}
