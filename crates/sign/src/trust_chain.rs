//! The trust chain of a registry, and the checks of its heads and statements (`spec/trust.md`,
//! `spec/head.md`).

use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::lock::Pin;
use sreg_model::statement::Statement;
use sreg_model::trust::scope::Scope;
use sreg_model::trust::{HeadBase, KeyState, Trust};
use sreg_model::{Digest, Document, Fingerprint};

use crate::namespace::Purpose;
use crate::policy::{self, PolicyError};

/// The trust documents from the first to the newest, each verified by the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustChain {
    first: Document<Trust>,
    later: Vec<Document<Trust>>,
}

impl TrustChain {
    /// Starts a trust chain with version 1. The caller compares the registry's id.
    ///
    /// # Errors
    /// If it is not version 1, or does not meet its own threshold (TRUST-16, TRUST-17, TRUST-26).
    pub fn begin(first: Document<Trust>) -> Result<Self, PolicyError> {
        check_version(&first, 1)?;
        policy::check_first(&first)?;
        Ok(Self {
            first,
            later: Vec::new(),
        })
    }

    /// Appends the version after the newest.
    ///
    /// # Errors
    /// If it does not follow, or does not meet both thresholds (TRUST-15 to TRUST-18, TRUST-26).
    pub fn extend(&mut self, next: Document<Trust>) -> Result<(), PolicyError> {
        check_version(&next, self.newest().body().version + 1)?;
        policy::check_next(self.newest(), &next)?;
        self.later.push(next);
        Ok(())
    }

    /// Returns the registry's id.
    #[must_use]
    pub fn registry(&self) -> Digest {
        self.first.id()
    }

    /// Returns the newest version.
    #[must_use]
    pub fn newest(&self) -> &Document<Trust> {
        self.later.last().unwrap_or(&self.first)
    }

    /// Returns a version by its number, from 1.
    #[must_use]
    pub fn version(&self, version: u64) -> Option<&Document<Trust>> {
        match usize::try_from(version).ok()?.checked_sub(1)? {
            0 => Some(&self.first),
            after => self.later.get(after - 1),
        }
    }

    /// Returns the base of an epoch of heads, or `None` if no trust document began the epoch.
    #[must_use]
    pub fn base(&self, epoch: u64) -> Option<&HeadBase> {
        let versions = self.later.iter().rev().chain([&self.first]);
        versions
            .map(|trust| &trust.body().head_base)
            .find(|base| base.epoch == epoch)
    }

    /// Returns whether a head is left behind by the epoch after its own.
    #[must_use]
    pub fn is_abandoned(&self, epoch: u64, version: u64) -> bool {
        epoch
            .checked_add(1)
            .and_then(|next| self.base(next))
            .is_some_and(|base| base.version.is_none_or(|last| version > last))
    }

    /// Checks that the newest head belongs to this registry and to the current epoch, names a trust
    /// document of this chain, and is signed as the newest trust document requires. Does not check
    /// expiry.
    ///
    /// # Errors
    /// The first check that fails.
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

    /// Checks a head that `later` follows: it is signed as the trust document that it names requires,
    /// and that document is not later than the one of `later`.
    ///
    /// # Errors
    /// The first check that fails.
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

    /// Checks a head by the trust document that it names: its registry, its epoch and its signatures. A
    /// later trust document may require other keys.
    ///
    /// # Errors
    /// The first check that fails.
    pub fn check_head_in_its_time(&self, head: &Document<Head>) -> Result<(), PolicyError> {
        policy::check_registry(self.registry(), head.body().registry)?;
        let trust = self.trust_of(head.body())?;
        let (found, expected) = (head.body().epoch, trust.body().head_base.epoch);
        if found != expected {
            return Err(PolicyError::HeadEpoch { found, expected });
        }
        policy::check_head(trust, head)
    }

    /// Returns the trust document under which a head was made (HEAD-15).
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

    /// Checks a statement that the newest index names, and returns the valid keys that signed it.
    ///
    /// # Errors
    /// As [`policy::check_statement`].
    pub fn check_statement(
        &self,
        statement: &Document<Statement>,
    ) -> Result<Vec<Fingerprint>, PolicyError> {
        policy::check_statement(self.newest(), statement)
    }

    /// Returns whether a statement was valid under some version of the trust document, even if it is not
    /// valid now.
    #[must_use]
    pub fn counted_once(&self, statement: &Document<Statement>) -> bool {
        let versions = self.later.iter().rev().chain([&self.first]);
        let mut versions = versions.map(|trust| policy::check_statement(trust, statement));
        versions.any(|counts| counts.is_ok())
    }

    /// Returns whether some version of the trust document revoked a key.
    #[must_use]
    pub fn was_revoked(&self, key: &Fingerprint) -> bool {
        let mut versions = self.later.iter().chain([&self.first]);
        versions.any(|trust| trust.body().state(key) == Some(KeyState::Revoked))
    }

    /// Returns the highest epoch of `scope` in any version, and of other scopes that decided about the
    /// same names.
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

    /// Checks a statement that has a successor: it belongs to this registry or to none, and its
    /// signatures verify. Its keys may have been removed since.
    ///
    /// # Errors
    /// If it belongs to another registry, or a signature is wrong.
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

    /// Checks the registry against its pin (TRUST-21, TRUST-22).
    ///
    /// # Errors
    /// If it is another registry, or its trust chain is older than the pin or differs from it.
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

/// Returns the slot of the pinned head, or `None` if no head is pinned or a later epoch has left it
/// behind.
#[must_use]
pub fn seen_slot(known: &Pin, trust_chain: &TrustChain) -> Option<Place> {
    let seen = known.head?;
    let (epoch, version) = (seen.epoch, seen.version);
    (!trust_chain.is_abandoned(epoch, version)).then_some(Place::HeadSlot { epoch, version })
}

/// Checks the document in the slot of the pinned head against that head (TRUST-23).
///
/// # Errors
/// [`PolicyError::Fork`] if it is another document.
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

/// Checks the newest head against the pinned one (TRUST-23). [`check_seen_slot`] checks the slot of the
/// pinned one.
///
/// # Errors
/// If it is older, or another head of the same epoch and version.
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
