//! The list of keys that `ssh-keygen -Y verify` takes, out of trust (`spec/trust.md`, TRUST-19;
//! ssh-keygen(1), ALLOWED SIGNERS).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sreg_model::trust::{KeyState, Trust};
use sreg_model::{Fingerprint, Key};

use crate::namespace::Purpose;

/// A line for each key that may sign something: `root` trust, `head` heads, and each scope the
/// statements of its delegation. Exact names, no patterns. Thresholds are beyond what the list
/// can say.
#[must_use]
pub fn allowed_signers(trust: &Trust) -> String {
    let keys: BTreeMap<Fingerprint, &Key> = trust
        .keys
        .iter()
        .filter(|listed| listed.state != KeyState::Revoked)
        .map(|listed| (listed.key.fingerprint(), &listed.key))
        .collect();
    let mut text = String::new();
    let mut add = |principal: &str, purpose: Purpose, named: &[Fingerprint]| {
        for key in named.iter().filter_map(|key| keys.get(key)) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{principal} namespaces=\"{purpose}\" {key}");
        }
    };
    add("root", Purpose::Trust, &trust.roles.root.keys);
    add("head", Purpose::Head, &trust.roles.head.keys);
    for delegation in &trust.delegations {
        let scope = delegation.scope.to_string();
        add(&scope, Purpose::Image, &delegation.keys);
    }
    text
}
