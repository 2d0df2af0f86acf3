//! The trust document: which keys may sign what in a registry (`spec/trust.md`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::canonical::MAX_INTEGER;
use crate::digest::Digest;
use crate::document::{Body, DocumentError};
use crate::key::{Fingerprint, Key};
use crate::reference::Repository;
use crate::trust::scope::Scope;

pub mod scope;

/// The `type` field of a trust document.
pub const TYPE: &str = "sreg-trust-v1";
/// The longest trust document with its signatures, in bytes.
pub const MAX_BYTES: usize = 1 << 20;
/// The hex digits of a nonce: 128 bits.
const NONCE_DIGITS: usize = 32;

/// One version of the trust document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trust {
    /// The delegations, ascending by scope.
    pub delegations: Vec<Delegation>,
    /// The time from which it is expired, in Unix seconds.
    pub expires: u64,
    /// The base of the current epoch of heads.
    pub head_base: HeadBase,
    /// The time at which it was made, in Unix seconds.
    pub issued: u64,
    /// Every key that the document names, ascending by fingerprint text.
    pub keys: Vec<ListedKey>,
    /// 128 random bits in hex, so that no two registries have one id; in version 1 only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// The id of the version before; absent in version 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// The registry's id, which is the id of version 1; absent in that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub registry: Option<Digest>,
    /// The keys that sign trust documents and heads.
    pub roles: Roles,
    /// Always [`TYPE`].
    #[serde(rename = "type")]
    pub kind: TrustType,
    /// Counts the versions, from 1.
    pub version: u64,
}

/// The keys that may publish below a namespace, or in one repository.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delegation {
    /// The epoch of new statements, from 1; raised when the names get other publishers.
    pub epoch: u64,
    /// Ascending, unique.
    pub keys: Vec<Fingerprint>,
    /// The names.
    pub scope: Scope,
    /// The number of keys that must sign a statement.
    pub threshold: u64,
}

/// The two roles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// Signs heads: often a key of CI.
    pub head: Role,
    /// Signs trust documents: offline keys.
    pub root: Role,
}

/// Keys, and how many of them must sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// Ascending, unique.
    pub keys: Vec<Fingerprint>,
    /// From 1 to the number of keys.
    pub threshold: u64,
}

/// The base of an epoch of heads.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadBase {
    /// The epoch, from 1.
    pub epoch: u64,
    /// The id of the last valid head of the epoch before, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Digest>,
    /// Its version; present if and only if `id` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// A key and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListedKey {
    /// The owner, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// The public key.
    pub key: Key,
    /// Its state.
    pub state: KeyState,
}

/// The state of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyState {
    /// It signs.
    Active,
    /// Its signatures stay valid, and it signs nothing new.
    Retired,
    /// None of its signatures is valid.
    Revoked,
}

/// The only value of a trust document's `type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrustType {
    /// [`TYPE`].
    #[serde(rename = "sreg-trust-v1")]
    V1,
}

impl Trust {
    /// Returns the state of a key, if the document lists it.
    #[must_use]
    pub fn state(&self, key: &Fingerprint) -> Option<KeyState> {
        self.keys
            .binary_search_by_key(key, |listed| listed.key.fingerprint())
            .ok()
            .map(|at| self.keys[at].state)
    }

    /// Returns the delegation that decides about a repository: its own, or otherwise that of its
    /// namespace (TRUST-11).
    #[must_use]
    pub fn delegation(&self, repository: &Repository) -> Option<&Delegation> {
        self.delegation_of(&Scope::Repository(repository.clone()))
            .or_else(|| self.delegation_of(&Scope::Namespace(repository.namespace().clone())))
    }

    /// Returns the delegation of exactly these names.
    #[must_use]
    pub fn delegation_of(&self, scope: &Scope) -> Option<&Delegation> {
        self.delegations
            .binary_search_by(|delegation| delegation.scope.cmp(scope))
            .ok()
            .map(|at| &self.delegations[at])
    }

    /// Checks the order of the keys, and returns their states.
    fn states(&self) -> Result<BTreeMap<Fingerprint, KeyState>, DocumentError> {
        let mut states = BTreeMap::new();
        for listed in &self.keys {
            let fingerprint = listed.key.fingerprint();
            if states
                .last_key_value()
                .is_some_and(|(last, _)| *last >= fingerprint)
            {
                return Err(DocumentError::field(
                    "keys",
                    "they do not ascend by their fingerprints",
                ));
            }
            if let Some(comment) = &listed.comment {
                crate::document::check_text("comment", comment)?;
            }
            states.insert(fingerprint, listed.state);
        }
        Ok(states)
    }
}

/// Checks that the threshold can be met, and that the keys are listed and in order.
fn check_keys(
    field: &'static str,
    keys: &[Fingerprint],
    threshold: u64,
    states: &BTreeMap<Fingerprint, KeyState>,
) -> Result<(), DocumentError> {
    if !keys.is_sorted_by(|left, right| left < right) {
        return Err(DocumentError::field(field, "its keys do not ascend"));
    }
    if let Some(unknown) = keys.iter().find(|key| !states.contains_key(key)) {
        return Err(DocumentError::field(
            field,
            format!("{unknown} is not in keys"),
        ));
    }
    if threshold == 0 || threshold > keys.len() as u64 {
        return Err(DocumentError::field(
            field,
            format!(
                "threshold {threshold} is not from 1 to its {} keys",
                keys.len()
            ),
        ));
    }
    Ok(())
}

impl Role {
    fn check(
        &self,
        field: &'static str,
        states: &BTreeMap<Fingerprint, KeyState>,
    ) -> Result<(), DocumentError> {
        check_keys(field, &self.keys, self.threshold, states)?;
        // Old statements outlive their keys; heads and trust are always made anew.
        match self
            .keys
            .iter()
            .find(|key| states.get(key) != Some(&KeyState::Active))
        {
            None => Ok(()),
            Some(key) => Err(DocumentError::field(field, format!("{key} is not active"))),
        }
    }
}

impl HeadBase {
    fn check(&self) -> Result<(), DocumentError> {
        let wrong = |what: &str| Err(DocumentError::field("head_base", what));
        if self.epoch == 0 || self.epoch > MAX_INTEGER {
            return wrong("epoch is not from 1 to 2^53-1");
        }
        if self.id.is_some() != self.version.is_some() {
            return wrong("id and version stand together or not at all");
        }
        if self
            .version
            .is_some_and(|version| version == 0 || version > MAX_INTEGER)
        {
            return wrong("version is not from 1 to 2^53-1");
        }
        Ok(())
    }
}

impl Body for Trust {
    const MAX_BYTES: usize = MAX_BYTES;

    fn check(&self) -> Result<(), DocumentError> {
        if self.version == 0 || self.version > MAX_INTEGER {
            return Err(DocumentError::field(
                "version",
                format!("{} is not from 1 to 2^53-1", self.version),
            ));
        }
        let first = self.version == 1;
        if first != self.previous.is_none() || first != self.registry.is_none() {
            return Err(DocumentError::field(
                "previous",
                "previous and registry are absent exactly in version 1",
            ));
        }
        let is_hex = |nonce: &String| {
            nonce.len() == NONCE_DIGITS
                && nonce
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        if first != self.nonce.is_some() || !self.nonce.as_ref().is_none_or(is_hex) {
            return Err(DocumentError::field(
                "nonce",
                "32 lower-case hexadecimal digits stand in version 1 and in no other",
            ));
        }
        for (field, value) in [("issued", self.issued), ("expires", self.expires)] {
            if value > MAX_INTEGER {
                return Err(DocumentError::field(
                    field,
                    format!("{value} is over 2^53-1"),
                ));
            }
        }
        self.head_base.check()?;
        let states = self.states()?;
        self.roles.root.check("root", &states)?;
        self.roles.head.check("head", &states)?;
        let ascend = |left: &Delegation, right: &Delegation| left.scope < right.scope;
        if !self.delegations.is_sorted_by(ascend) {
            return Err(DocumentError::field(
                "delegations",
                "they do not ascend by their scopes",
            ));
        }
        for delegation in &self.delegations {
            if delegation.epoch == 0 || delegation.epoch > MAX_INTEGER {
                return Err(DocumentError::field(
                    "delegations",
                    format!("epoch {} is not from 1 to 2^53-1", delegation.epoch),
                ));
            }
            check_keys(
                "delegations",
                &delegation.keys,
                delegation.threshold,
                &states,
            )?;
        }
        Ok(())
    }

    /// Returns `true`: a trust document always has keys.
    fn is_signed(&self) -> bool {
        true
    }
}
