//! All versions of trust of a registry, and what they say of its heads and statements
//! (`spec/trust.md`, `spec/head.md`).

use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::lock::Pin;
use sreg_model::statement::Statement;
use sreg_model::trust::scope::Scope;
use sreg_model::trust::{HeadBase, KeyState, Trust};
use sreg_model::{Digest, Document, Fingerprint};

use crate::namespace::Purpose;
use crate::policy::{self, PolicyError};

/// The versions of trust from the first to the newest, each verified by the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustChain {
    first: Document<Trust>,
    later: Vec<Document<Trust>>,
}

impl TrustChain {
    /// Begins with version 1. Whether it is the right registry's is for whoever knows the id to
    /// say.
    ///
    /// # Errors
    /// When it is not version 1, or not signed as it asks itself (TRUST-16, TRUST-17, TRUST-26).
    pub fn begin(first: Document<Trust>) -> Result<Self, PolicyError> {
        check_version(&first, 1)?;
        policy::check_first(&first)?;
        Ok(Self {
            first,
            later: Vec::new(),
        })
    }

    /// Goes on with the version after the newest.
    ///
    /// # Errors
    /// When it does not follow, or is not signed as both ask (TRUST-15 to TRUST-18, TRUST-26).
    pub fn extend(&mut self, next: Document<Trust>) -> Result<(), PolicyError> {
        check_version(&next, self.newest().body().version + 1)?;
        policy::check_next(self.newest(), &next)?;
        self.later.push(next);
        Ok(())
    }

    /// The registry's id.
    #[must_use]
    pub fn registry(&self) -> Digest {
        self.first.id()
    }

    /// The newest version.
    #[must_use]
    pub fn newest(&self) -> &Document<Trust> {
        self.later.last().unwrap_or(&self.first)
    }

    /// A version by its number, from 1.
    #[must_use]
    pub fn version(&self, version: u64) -> Option<&Document<Trust>> {
        match usize::try_from(version).ok()?.checked_sub(1)? {
            0 => Some(&self.first),
            after => self.later.get(after - 1),
        }
    }

    /// Where an epoch of heads begins; nothing of an epoch that trust did not begin.
    #[must_use]
    pub fn base(&self, epoch: u64) -> Option<&HeadBase> {
        let versions = self.later.iter().rev().chain([&self.first]);
        versions
            .map(|trust| &trust.body().head_base)
            .find(|base| base.epoch == epoch)
    }

    /// Whether a head is left behind by the epoch after its own.
    #[must_use]
    pub fn is_abandoned(&self, epoch: u64, version: u64) -> bool {
        epoch
            .checked_add(1)
            .and_then(|next| self.base(next))
            .is_some_and(|base| base.version.is_none_or(|last| version > last))
    }

    /// Checks the newest head: it is of this registry and of the epoch that trust is at, was made
    /// under trust of this trust chain, and is signed as the newest trust asks. Whether it is fresh is
    /// looked at elsewhere.
    ///
    /// # Errors
    /// For the first of these that does not hold.
    pub fn check_newest_head(&self, head: &Document<Head>) -> Result<(), PolicyError> {
        policy::check_registry(self.registry(), head.body().registry)?;
        let expected = self.newest().body().head_base.epoch;
        if head.body().epoch != expected {
            return Err(PolicyError::HeadEpoch {
                found: head.body().epoch,
                expected,
            });
        }
        self.trust_of(head.body())?;
        policy::check_head(self.newest(), head)
    }

    /// Checks a head that `later` follows: it is signed as the trust asks under which it was made,
    /// which is none after that of `later`.
    ///
    /// # Errors
    /// For the first of these that does not hold.
    pub fn check_earlier_head(
        &self,
        head: &Document<Head>,
        later: &Head,
    ) -> Result<(), PolicyError> {
        policy::check_registry(self.registry(), head.body().registry)?;
        let trust = self.trust_of(head.body())?;
        let version = |trust: &Document<Trust>| trust.body().version;
        if later
            .trust
            .is_some_and(|later| later.version < version(trust))
        {
            return Err(PolicyError::HeadTrust(format!(
                "it was made under trust version {}, but the head after it under an earlier one",
                version(trust)
            )));
        }
        policy::check_head(trust, head)
    }

    /// Checks a head by the trust that it names: it is of this registry and of the epoch that this trust
    /// is at, and signed as it asks. Later trust may ask for other keys.
    ///
    /// # Errors
    /// For the first of these that does not hold.
    pub fn check_head_in_its_time(&self, head: &Document<Head>) -> Result<(), PolicyError> {
        policy::check_registry(self.registry(), head.body().registry)?;
        let trust = self.trust_of(head.body())?;
        let (found, expected) = (head.body().epoch, trust.body().head_base.epoch);
        if found != expected {
            return Err(PolicyError::HeadEpoch { found, expected });
        }
        policy::check_head(trust, head)
    }

    /// The trust that a head was made under (HEAD-15).
    fn trust_of(&self, head: &Head) -> Result<&Document<Trust>, PolicyError> {
        let named = head.trust.map_or(0, |trust| trust.version);
        let Some(trust) = self.version(named) else {
            return Err(PolicyError::HeadTrust(format!(
                "it was made under trust version {named}, but the newest is version {}",
                self.newest().body().version
            )));
        };
        if head.trust.is_some_and(|named| named.id == trust.id()) {
            Ok(trust)
        } else {
            Err(PolicyError::HeadTrust(format!(
                "it was made under another trust version {named} than {}",
                trust.id()
            )))
        }
    }

    /// Checks a statement that the newest index names: the keys that count and signed it.
    ///
    /// # Errors
    /// As [`policy::check_statement`].
    pub fn check_statement(
        &self,
        statement: &Document<Statement>,
    ) -> Result<Vec<Fingerprint>, PolicyError> {
        policy::check_statement(self.newest(), statement)
    }

    /// Whether some version of trust counted a statement: it was published by those who might, though
    /// they may no longer.
    #[must_use]
    pub fn counted_once(&self, statement: &Document<Statement>) -> bool {
        let versions = self.later.iter().rev().chain([&self.first]);
        let mut versions = versions.map(|trust| policy::check_statement(trust, statement));
        versions.any(|counts| counts.is_ok())
    }

    /// Whether some version of trust revoked a key.
    #[must_use]
    pub fn was_revoked(&self, key: &Fingerprint) -> bool {
        let mut versions = self.later.iter().chain([&self.first]);
        versions.any(|trust| trust.body().state(key) == Some(KeyState::Revoked))
    }

    /// The highest epoch that names had in any version: of `scope` itself, and of scopes that decided
    /// about the same names before or after it.
    #[must_use]
    pub fn highest_epoch(&self, scope: &Scope) -> u64 {
        let overlaps = |other: &Scope| match (scope, other) {
            (Scope::Repository(of), Scope::Namespace(namespace))
            | (Scope::Namespace(namespace), Scope::Repository(of)) => of.namespace() == namespace,
            (one, other) => one == other,
        };
        let versions = self.later.iter().chain([&self.first]);
        let delegations = versions.flat_map(|trust| &trust.body().delegations);
        let epochs = delegations.filter(|delegation| overlaps(&delegation.scope));
        epochs.map(|delegation| delegation.epoch).max().unwrap_or(0)
    }

    /// Checks a statement that another has followed: it is of this registry, if of any, and its
    /// signatures verify. Its keys may have left trust since.
    ///
    /// # Errors
    /// When it is of another registry, or a signature is wrong.
    pub fn check_earlier_statement(
        &self,
        statement: &Document<Statement>,
    ) -> Result<(), PolicyError> {
        if let Some(found) = statement.body().registry {
            policy::check_registry(self.registry(), Some(found))?;
            policy::signers(statement, Purpose::Image)?;
        }
        Ok(())
    }

    /// Holds the registry to what is known of it (TRUST-21, TRUST-22).
    ///
    /// # Errors
    /// When it is another registry, or its trust is older or another than was seen.
    pub fn check_known(&self, known: &Pin) -> Result<(), PolicyError> {
        policy::check_registry(known.id, Some(self.registry()))?;
        let Some(seen) = known.trust else {
            return Ok(());
        };
        match self.version(seen.version) {
            Some(trust) if trust.id() == seen.id => Ok(()),
            Some(trust) => Err(PolicyError::Fork(format!(
                "version {} of trust is {}, but {} was seen before",
                seen.version,
                trust.id(),
                seen.id
            ))),
            None => Err(PolicyError::RolledBack(format!(
                "the newest trust is version {}, but version {} was seen before",
                self.newest().body().version,
                seen.version
            ))),
        }
    }
}

/// The slot in which the head still stands that was seen before; nothing, where none was seen, or a
/// later epoch has left it behind.
#[must_use]
pub fn seen_slot(known: &Pin, trust_chain: &TrustChain) -> Option<Place> {
    let seen = known.head?;
    let (epoch, version) = (seen.epoch, seen.version);
    (!trust_chain.is_abandoned(epoch, version)).then_some(Place::HeadSlot { epoch, version })
}

/// Holds what stands in the slot of a head that was seen before to that head (TRUST-23).
///
/// # Errors
/// When it is another document.
pub fn check_seen_slot(known: &Pin, found: &Document<Head>) -> Result<(), PolicyError> {
    match known.head {
        Some(seen) if seen.id != found.id() => Err(PolicyError::Fork(format!(
            "version {} of epoch {} is {}, but {} was seen before",
            seen.version,
            seen.epoch,
            found.id(),
            seen.id
        ))),
        _ => Ok(()),
    }
}

/// Holds the newest head to the one that was seen before (TRUST-23). What stands in the slot of
/// that one is for [`check_seen_slot`].
///
/// # Errors
/// When it is older, or another one of the same epoch and version.
pub fn check_known_head(known: &Pin, head: &Document<Head>) -> Result<(), PolicyError> {
    let Some(seen) = known.head else {
        return Ok(());
    };
    let found = (head.body().epoch, head.body().version);
    if found < (seen.epoch, seen.version) {
        return Err(PolicyError::RolledBack(format!(
            "the newest head is version {} of epoch {}, but version {} of epoch {} was seen before",
            found.1, found.0, seen.version, seen.epoch
        )));
    }
    if found == (seen.epoch, seen.version) && head.id() != seen.id {
        return Err(PolicyError::Fork(format!(
            "version {} of epoch {} is {}, but {} was seen before",
            found.1,
            found.0,
            head.id(),
            seen.id
        )));
    }
    Ok(())
}

fn check_version(trust: &Document<Trust>, expected: u64) -> Result<(), PolicyError> {
    match trust.body().version {
        found if found == expected => Ok(()),
        found => Err(PolicyError::Version { found, expected }),
    }
}
