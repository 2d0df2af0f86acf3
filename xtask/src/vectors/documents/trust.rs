//! `spec/trust.md`: the document. Who may sign what is another area's.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::example::ISSUED;
use super::super::{Case, oracle};

/// The public half of a key of Ed25519, by its 32 bytes: `seed` again and again. No document
/// alone says whether it is a point of the curve.
pub(super) fn key(seed: u8) -> String {
    let mut blob = Vec::new();
    for field in [&b"ssh-ed25519"[..], &[seed; 32][..]] {
        blob.extend_from_slice(&u32::try_from(field.len()).unwrap_or(0).to_be_bytes());
        blob.extend_from_slice(field);
    }
    format!("ssh-ed25519 {}", STANDARD.encode(blob))
}

pub(in crate::vectors) fn fingerprint(key: &str) -> String {
    let blob = STANDARD.decode(&key["ssh-ed25519 ".len()..]);
    let hash = Sha256::digest(blob.unwrap_or_default());
    format!("SHA256:{}", STANDARD_NO_PAD.encode(hash))
}

/// Keys in the order of their fingerprints.
pub(in crate::vectors) fn sorted_keys(keys: impl Iterator<Item = String>) -> Vec<String> {
    let mut keys: Vec<String> = keys.collect();
    keys.sort_by_key(|key| fingerprint(key));
    keys
}

pub(super) fn role(keys: &[&String], threshold: u64) -> Value {
    let keys: Vec<String> = keys.iter().map(|key| (*key).clone()).collect();
    role_of(&keys, threshold)
}

/// A role of keys that are in the order of their fingerprints.
pub(in crate::vectors) fn role_of(keys: &[String], threshold: u64) -> Value {
    let keys: Vec<String> = keys.iter().map(|key| fingerprint(key)).collect();
    json!({"keys": keys, "threshold": threshold})
}

fn delegation(scope: &str, keys: &[&String], threshold: u64) -> Value {
    let mut delegation = role(keys, threshold);
    delegation["scope"] = json!(scope);
    delegation["epoch"] = json!(1);
    delegation
}

/// Version 1 with one key that does everything: the page's example.
pub(super) fn first() -> Value {
    let key = &key(1);
    json!({
        "delegations": [delegation("lab", &[key], 1)],
        "expires": ISSUED + 157_680_000,
        "head_base": {"epoch": 1},
        "issued": ISSUED,
        "keys": [{"key": key, "state": "active"}],
        "nonce": "000102030405060708090a0b0c0d0e0f",
        "roles": {"head": role(&[key], 1), "root": role(&[key], 1)},
        "type": "sreg-trust-v1",
        "version": 1,
    })
}

/// Version 2: three keys, two of which are needed for trust, and names of several hands.
pub(super) fn second() -> Value {
    let registry = oracle::digest(line(&first()));
    let all = sorted_keys([1, 2, 3, 4].into_iter().map(key));
    let [a, b, c, d] = &all[..] else {
        return Value::Null;
    };
    json!({
        "delegations": [
            delegation("lab", &[a, b, d], 2),
            delegation("lab/tool", &[c], 1),
            delegation("physics", &[a, c], 1),
        ],
        "expires": ISSUED + 157_680_060,
        "head_base": {"epoch": 2, "id": oracle::digest("a head"), "version": 7},
        "issued": ISSUED + 60,
        "keys": [
            {"key": a, "state": "active"},
            {"comment": "Ada, the lab's offline key", "key": b, "state": "active"},
            {"key": c, "state": "retired"},
            {"key": d, "state": "revoked"},
        ],
        "previous": registry,
        "registry": registry,
        "roles": {"head": role(&[a], 1), "root": role(&[a, b], 2)},
        "type": "sreg-trust-v1",
        "version": 2,
    })
}

pub(super) fn line(value: &Value) -> String {
    format!("{value}\n")
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, ids, note, value) in [
        (
            "one-key",
            "TRUST-1 TRUST-2 TRUST-8",
            "one key that does everything",
            first(),
        ),
        (
            "several-hands",
            "TRUST-2 TRUST-3 TRUST-4 TRUST-5 TRUST-7 TRUST-9",
            "thresholds, states, a repository of its own, and a new epoch of heads",
            second(),
        ),
        (
            "nothing-delegated",
            "TRUST-2",
            "a registry in which nobody may publish yet",
            with(first(), "/delegations", json!([])),
        ),
    ] {
        let text = line(&value);
        let scopes: Vec<Value> = value["delegations"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|delegation| delegation["scope"].clone())
            .collect();
        let states: Vec<Value> = value["keys"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|key| key["state"].clone())
            .collect();
        cases.push(Case::valid(
            "trust",
            name,
            ids,
            note,
            text.clone(),
            json!({
                "id": oracle::digest(&text),
                "version": value["version"],
                "epoch": value["head_base"]["epoch"],
                "scopes": scopes,
                "states": states,
            }),
        ));
    }
    cases
}

/// `value` with what stands at a pointer replaced, or added.
pub(super) fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    let (above, name) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    if let Some(Value::Object(fields)) = value.pointer_mut(above) {
        fields.insert(name.to_owned(), new);
    } else if let Some(old) = value.pointer_mut(pointer) {
        *old = new;
    }
    value
}

/// `value` without what stands at a pointer.
pub(super) fn without(mut value: Value, pointer: &str) -> Value {
    let (above, name) = pointer.rsplit_once('/').unwrap_or(("", pointer));
    if let Some(Value::Object(fields)) = value.pointer_mut(above) {
        fields.remove(name);
    }
    value
}
