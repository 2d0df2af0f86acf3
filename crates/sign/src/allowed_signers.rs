//! Derives the list of keys that `ssh-keygen -Y verify` reads from the trust document (`spec/trust.md`,
//! TRUST-19; ssh-keygen(1), ALLOWED SIGNERS).

use std::collections::BTreeMap;
use std::fmt;

use sreg_model::trust::{KeyState, Trust};
use sreg_model::{Fingerprint, Key};

use crate::namespace::Purpose;

/// One key that may sign something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedSigner {
    /// `root`, `head`, or the scope of a delegation: an exact name, never a pattern.
    pub principal: String,
    /// The purpose for which it may sign.
    pub purpose: Purpose,
    /// The key.
    pub key: Key,
}

/// A line of the list, without its LF.
impl fmt::Display for AllowedSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            principal,
            purpose,
            key,
        } = self;
        write!(f, "{principal} namespaces=\"{purpose}\" {key}")
    }
}

/// Returns each key that may sign: `root` trust documents, `head` heads, and each scope the statements
/// of its delegation. The list cannot express thresholds.
#[must_use]
pub fn signers_of(trust: &Trust) -> Vec<AllowedSigner> {
    let keys: BTreeMap<Fingerprint, &Key> = trust
        .keys
        .iter()
        .filter(|listed| listed.state != KeyState::Revoked)
        .map(|listed| (listed.key.fingerprint(), &listed.key))
        .collect();
    let mut signers = Vec::new();
    let mut add = |principal: &str, purpose: Purpose, named: &[Fingerprint]| {
        let found = named.iter().filter_map(|key| keys.get(key));
        signers.extend(found.map(|key| AllowedSigner {
            principal: principal.to_owned(),
            purpose,
            key: (*key).clone(),
        }));
    };
    add("root", Purpose::Trust, &trust.roles.root.keys);
    add("head", Purpose::Head, &trust.roles.head.keys);
    for delegation in &trust.delegations {
        let scope = delegation.scope.to_string();
        add(&scope, Purpose::Image, &delegation.keys);
    }
    signers
}

/// Returns the list as `ssh-keygen` reads it.
#[must_use]
pub fn allowed_signers(trust: &Trust) -> String {
    let lines = signers_of(trust).into_iter().map(|one| format!("{one}\n"));
    lines.collect()
}
