//! What several targets ask of an input.

use std::collections::BTreeMap;

use sreg_model::document::Body;
use sreg_model::head::Head;
use sreg_model::statement::Statement;
use sreg_model::trust::{KeyState, Trust};
use sreg_model::{Digest, Document, Fingerprint, canonical};

/// A document that is accepted encodes to its first line, which alone makes its id, and is of one
/// kind only.
pub fn document<T: Body>(bytes: &[u8]) -> Option<Document<T>> {
    let document = Document::<T>::parse(bytes.to_vec()).ok()?;
    assert_eq!(document.bytes(), bytes);
    assert_eq!(canonical::to_line(document.body()), document.line());
    assert_eq!(document.id(), Digest::of(document.line()));
    assert!(document.body().is_signed() || document.line() == bytes);
    let kinds = [
        is::<Statement>(bytes),
        is::<Head>(bytes),
        is::<Trust>(bytes),
    ];
    assert_eq!(kinds.iter().filter(|is| **is).count(), 1);
    Some(document)
}

fn is<T: Body>(bytes: &[u8]) -> bool {
    Document::<T>::parse(bytes.to_vec()).is_ok()
}

/// The trust document that an input is, or the one that it is nearly: a mutation hardly ever keeps
/// fingerprints in order and the names of keys right, and what comes after the parser is to be
/// reached too.
pub fn trust(bytes: &[u8]) -> Option<Document<Trust>> {
    document(bytes).or_else(|| repaired(bytes))
}

fn repaired(bytes: &[u8]) -> Option<Document<Trust>> {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    let (line, signatures) = bytes.split_at(end.map_or(bytes.len(), |end| end + 1));
    let mut trust: Trust = serde_json::from_slice(line).ok()?;
    trust.keys.sort_by_key(|listed| listed.key.fingerprint());
    trust.keys.dedup_by_key(|listed| listed.key.fingerprint());
    let states: BTreeMap<_, _> = trust
        .keys
        .iter()
        .map(|listed| (listed.key.fingerprint(), listed.state))
        .collect();
    let roles = &mut trust.roles;
    for role in [&mut roles.root, &mut roles.head] {
        repair(&mut role.keys, &mut role.threshold, &states, true);
    }
    for delegation in &mut trust.delegations {
        let (keys, threshold) = (&mut delegation.keys, &mut delegation.threshold);
        repair(keys, threshold, &states, false);
    }
    trust
        .delegations
        .sort_by(|left, right| left.scope.cmp(&right.scope));
    trust
        .delegations
        .dedup_by(|left, right| left.scope == right.scope);
    let trust = Document::new(trust).ok()?;
    trust.with_signatures(signatures).ok()
}

/// Keeps the keys that are listed, in order, or takes all: a key that was changed has another
/// fingerprint.
fn repair(
    keys: &mut Vec<Fingerprint>,
    threshold: &mut u64,
    states: &BTreeMap<Fingerprint, KeyState>,
    active: bool,
) {
    let fits = |key: &Fingerprint| {
        states
            .get(key)
            .is_some_and(|state| !active || *state == KeyState::Active)
    };
    keys.retain(fits);
    if keys.is_empty() {
        keys.extend(states.keys().copied().filter(fits));
    }
    keys.sort();
    keys.dedup();
    *threshold = (*threshold).clamp(1, keys.len().max(1) as u64);
}
