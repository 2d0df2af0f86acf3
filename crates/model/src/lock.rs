//! What a reader knows of registries beforehand (`spec/lock.md`).

use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::canonical::MAX_INTEGER;
use crate::document::{Body, DocumentError};
use crate::head::TrustVersion;

/// The longest lock file, in bytes.
pub const MAX_BYTES: usize = 1 << 20;

/// The lock file: the registries that its reader knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Ascending by their ids, none twice.
    pub registries: Vec<Pin>,
    /// Always `sreg-lock-v1`.
    #[serde(rename = "type")]
    pub kind: LockType,
}

/// A pin: a registry that is known, and the newest that was seen of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// The newest head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<HeadVersion>,
    /// The registry's id.
    pub id: Digest,
    /// The newest version of trust.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<TrustVersion>,
}

/// The older name of [`Pin`], which `tree` still uses.
pub type Known = Pin;

/// A version of the head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HeadVersion {
    /// Its epoch.
    pub epoch: u64,
    /// Its id.
    pub id: Digest,
    /// Its version, from 1.
    pub version: u64,
}

/// A statement about a subject, by its place in the trust chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatementVersion {
    /// Its epoch.
    pub epoch: u64,
    /// Its id.
    pub id: Digest,
    /// Its number, from 1.
    pub seq: u64,
    /// The epoch and version of the head under which it was seen.
    pub head: (u64, u64),
}

/// The only value of a lock file's `type`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum LockType {
    /// `sreg-lock-v1`.
    #[default]
    #[serde(rename = "sreg-lock-v1")]
    V1,
}

impl Pin {
    /// Returns the pin of a registry of which nothing was seen yet.
    #[must_use]
    pub fn registry(id: Digest) -> Self {
        Self {
            head: None,
            id,
            trust: None,
        }
    }

    fn check(&self) -> Result<(), DocumentError> {
        let wrong = |field, what: &str| Err(DocumentError::field(field, what));
        if let Some(trust) = &self.trust {
            if trust.version == 0 || trust.version > MAX_INTEGER {
                return wrong("trust", "version is not from 1 to 2^53-1");
            }
            if trust.version == 1 && trust.id != self.id {
                return wrong("trust", "version 1 has another id than the registry");
            }
        }
        match &self.head {
            Some(head) if head.version == 0 || head.version.max(head.epoch) > MAX_INTEGER => {
                wrong("head", "version is not from 1 to 2^53-1, or epoch over it")
            }
            _ => Ok(()),
        }
    }
}

impl Lock {
    /// Returns the pin of a registry; `None` if the file does not list it.
    #[must_use]
    pub fn find(&self, registry: &Digest) -> Option<&Pin> {
        self.registries.iter().find(|pin| pin.id == *registry)
    }

    /// Lists a pin, and removes the one that was listed of its registry.
    pub fn put(&mut self, pin: Pin) {
        self.registries.retain(|other| other.id != pin.id);
        self.registries.push(pin);
        self.registries.sort_by_key(|pin| pin.id);
    }
}

impl Body for Lock {
    const MAX_BYTES: usize = MAX_BYTES;

    fn check(&self) -> Result<(), DocumentError> {
        if !self
            .registries
            .is_sorted_by(|left, right| left.id < right.id)
        {
            return Err(DocumentError::field(
                "registries",
                "they do not ascend by their ids",
            ));
        }
        self.registries.iter().try_for_each(Pin::check)
    }

    fn is_signed(&self) -> bool {
        false
    }
}
