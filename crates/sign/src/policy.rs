//! Checks which keys may sign what (`spec/trust.md`). Thresholds are counted only here.

use sreg_model::fault::Code;
use std::collections::BTreeSet;

use sreg_model::document::Body;
use sreg_model::head::Head;
use sreg_model::statement::Statement;
use sreg_model::trust::{Delegation, HeadBase, KeyState, Trust};
use sreg_model::{Digest, Document, Fingerprint};

use crate::error::SignatureError;
use crate::namespace::Purpose;
use crate::signature;

/// Why a document is not trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A signature of the document is malformed or wrong.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Too few valid keys have signed.
    #[error("{signed} of {threshold} required signatures by {who}; its keys are {}", list(.keys))]
    Threshold {
        /// The kind of the document.
        purpose: Purpose,
        /// The role or delegation.
        who: String,
        /// The number of different valid keys that have signed.
        signed: u64,
        /// The threshold.
        threshold: u64,
        /// The valid keys.
        keys: Vec<Fingerprint>,
    },
    /// No delegation covers the repository.
    #[error("no key may sign {0}: the trust document has no delegation for it or its namespace")]
    NotDelegated(String),
    /// The document belongs to another registry, or to none.
    #[error("it belongs to {}, expected the registry {expected}", of_registry(.found))]
    Registry {
        /// The registry of the document.
        found: Option<Digest>,
        /// The expected registry.
        expected: Digest,
    },
    /// The trust document does not follow the one before.
    #[error("{0}")]
    Order(String),
    /// The epoch of the statement is over that of its delegation.
    #[error("its epoch is {found}, expected {expected} for its name")]
    Epoch {
        /// The statement's.
        found: u64,
        /// The delegation's.
        expected: u64,
    },
    /// The document has another version than its path.
    #[error("it is version {found}, expected version {expected}")]
    Version {
        /// The version in the document.
        found: u64,
        /// The version in its path.
        expected: u64,
    },
    /// The head has another epoch than the newest trust document.
    #[error("its epoch of heads is {found}, expected {expected}")]
    HeadEpoch {
        /// The head's.
        found: u64,
        /// The epoch of the trust document.
        expected: u64,
    },
    /// The head names a trust document that the registry does not have.
    #[error("{0}")]
    HeadTrust(String),
    /// The document is older than the pinned one.
    #[error("{0}")]
    RolledBack(String),
    /// The document differs from the pinned one of the same version.
    #[error("{0}")]
    Fork(String),
    /// The registry has no keys, but the pinned one has.
    #[error(
        "it has no keys, but the registry {0} has: its signatures were stripped, or another registry replaced it"
    )]
    Unsigned(Digest),
    /// The document is expired.
    #[error("it expired on {}", date(*.at))]
    Expired {
        /// The kind of the document.
        purpose: Purpose,
        /// The time of expiry, in Unix seconds.
        at: u64,
    },
}

impl PolicyError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Signature(error) => error.code(),
            Self::Threshold { purpose, .. } => match purpose {
                Purpose::Trust => Code::UntrustedTrust,
                Purpose::Head => Code::UntrustedHead,
                Purpose::Image => Code::UntrustedStatement,
            },
            Self::NotDelegated(_) | Self::Epoch { .. } => Code::UntrustedStatement,
            Self::Registry { .. } => Code::OtherRegistry,
            Self::Order(_) => Code::TrustOrder,
            Self::Version { .. } => Code::DocumentMismatch,
            Self::HeadEpoch { .. } => Code::HeadEpoch,
            Self::HeadTrust(_) => Code::HeadTrust,
            Self::RolledBack(_) => Code::RolledBack,
            Self::Fork(_) => Code::Fork,
            Self::Unsigned(_) => Code::Unsigned,
            Self::Expired { purpose, .. } => match purpose {
                Purpose::Trust => Code::ExpiredTrust,
                Purpose::Head => Code::ExpiredHead,
                Purpose::Image => Code::ExpiredStatement,
            },
        }
    }
}

/// Formats a time for people: RFC 3339, in UTC.
fn date(at: u64) -> String {
    let moment = i64::try_from(at).ok().map(jiff::Timestamp::from_second);
    match moment {
        Some(Ok(moment)) => moment.to_string(),
        _ => format!("second {at}"),
    }
}

fn of_registry(found: &Option<Digest>) -> String {
    match found {
        Some(id) => format!("the registry {id}"),
        None => "no registry with keys".to_owned(),
    }
}

fn list(keys: &[Fingerprint]) -> String {
    let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
    keys.join(", ")
}

/// Returns the id of the registry to which a trust document belongs.
#[must_use]
pub fn registry(trust: &Document<Trust>) -> Digest {
    trust.body().registry.unwrap_or_else(|| trust.id())
}

/// Verifies all signatures of a document, and returns the different keys that made them.
///
/// # Errors
/// [`PolicyError::Signature`] if one is malformed, has another purpose, or does not verify.
pub fn signers<T: Body>(
    document: &Document<T>,
    purpose: Purpose,
) -> Result<BTreeSet<Fingerprint>, PolicyError> {
    let signatures = signature::parse_all(document.signatures())?;
    let mut signers = BTreeSet::new();
    for signature in signatures {
        signature.verify(purpose, document.line())?;
        signers.insert(signature.key().fingerprint());
    }
    Ok(signers)
}

/// Fails if fewer than `threshold` of `keys` signed.
fn meet(
    purpose: Purpose,
    who: impl FnOnce() -> String,
    signers: &BTreeSet<Fingerprint>,
    keys: impl Iterator<Item = Fingerprint>,
    threshold: u64,
) -> Result<(), PolicyError> {
    let keys: BTreeSet<Fingerprint> = keys.collect();
    let signed = keys.intersection(signers).count() as u64;
    if signed >= threshold {
        return Ok(());
    }
    Err(PolicyError::Threshold {
        purpose,
        who: who(),
        signed,
        threshold,
        keys: keys.into_iter().collect(),
    })
}

fn meet_root(trust: &Trust, signers: &BTreeSet<Fingerprint>) -> Result<(), PolicyError> {
    let role = &trust.roles.root;
    let who = || format!("the role root of trust version {}", trust.version);
    meet(
        Purpose::Trust,
        who,
        signers,
        role.keys.iter().copied(),
        role.threshold,
    )
}

/// Checks that version 1 of the trust document is signed by its own root keys. The caller compares the
/// registry's id.
///
/// # Errors
/// If it is not version 1, or its own threshold is not met (TRUST-16, TRUST-17).
pub fn check_first(trust: &Document<Trust>) -> Result<(), PolicyError> {
    let body = trust.body();
    if body.version != 1 || body.head_base.epoch != 1 {
        return Err(PolicyError::Order(format!(
            "version {} with heads of epoch {} is not a first version",
            body.version, body.head_base.epoch
        )));
    }
    meet_root(body, &signers(trust, Purpose::Trust)?)
}

/// Checks a later version of the trust document by an older, trusted one. If `next` is the next version,
/// checks their order, too, and otherwise only the signatures of both.
///
/// # Errors
/// If it belongs to another registry, does not follow, or a threshold is not met (TRUST-15 to TRUST-18).
pub fn check_next(trusted: &Document<Trust>, next: &Document<Trust>) -> Result<(), PolicyError> {
    let (old, new) = (trusted.body(), next.body());
    // Version 1 comes after nothing, so a later one names its registry.
    check_registry(registry(trusted), next.body().registry)?;
    let out_of_order = |what: String| Err(PolicyError::Order(what));
    if new.version <= old.version {
        return out_of_order(format!(
            "version {} does not follow version {}",
            new.version, old.version
        ));
    }
    if new.version == old.version + 1 && new.previous != Some(trusted.id()) {
        return out_of_order(format!(
            "it does not name {} as the version before",
            trusted.id()
        ));
    }
    check_epochs(old, new)?;
    let signers = signers(next, Purpose::Trust)?;
    meet_root(old, &signers)?;
    meet_root(new, &signers)
}

/// Checks that epochs never fall, and that one version begins at most one epoch of heads.
fn check_epochs(old: &Trust, new: &Trust) -> Result<(), PolicyError> {
    let steps = new.version - old.version;
    let (before, after): (&HeadBase, &HeadBase) = (&old.head_base, &new.head_base);
    let rise = after.epoch.checked_sub(before.epoch);
    if rise.is_none_or(|rise| rise > steps) || (rise == Some(0) && before != after) {
        return Err(PolicyError::Order(format!(
            "its heads begin at epoch {}, those of version {} at {}",
            after.epoch, old.version, before.epoch
        )));
    }
    for delegation in &new.delegations {
        let before = old.delegation_of(&delegation.scope);
        if let Some(before) = before.filter(|before| before.epoch > delegation.epoch) {
            return Err(PolicyError::Order(format!(
                "the epoch of {} falls from {} to {}",
                delegation.scope, before.epoch, delegation.epoch
            )));
        }
    }
    Ok(())
}

/// Checks that a head belongs to this registry and is signed as the role `head` requires (TRUST-14).
/// Does not check its place in the chain of heads and its expiry.
///
/// # Errors
/// If it belongs to another registry, or too few keys of the role signed it.
pub fn check_head(trust: &Document<Trust>, head: &Document<Head>) -> Result<(), PolicyError> {
    check_registry(registry(trust), head.body().registry)?;
    let role = &trust.body().roles.head;
    let who = || format!("the role head of trust version {}", trust.body().version);
    meet(
        Purpose::Head,
        who,
        &signers(head, Purpose::Head)?,
        role.keys.iter().copied(),
        role.threshold,
    )
}

/// Checks that a statement belongs to this registry, and is signed as its delegation requires (TRUST-11,
/// TRUST-12). Returns the different valid keys that signed it.
///
/// # Errors
/// If it belongs to another registry, no delegation covers it, its epoch is over the delegation's, or
/// too few keys that are not revoked signed it.
pub fn check_statement(
    trust: &Document<Trust>,
    statement: &Document<Statement>,
) -> Result<Vec<Fingerprint>, PolicyError> {
    check_signed_statement(trust, statement, is_not_revoked)
}

/// Checks that a statement may be published now: by active keys alone, in the epoch of its
/// delegation (TRUST-13).
///
/// # Errors
/// As [`check_statement`].
pub fn check_new_statement(
    trust: &Document<Trust>,
    statement: &Document<Statement>,
) -> Result<Vec<Fingerprint>, PolicyError> {
    let signers = check_signed_statement(trust, statement, |state| state == KeyState::Active)?;
    let repository = &statement.body().subject.repository;
    match trust.body().delegation(repository) {
        Some(delegation) if delegation.epoch != statement.body().epoch => Err(PolicyError::Epoch {
            found: statement.body().epoch,
            expected: delegation.epoch,
        }),
        _ => Ok(signers),
    }
}

/// Returns whether a statement meets the threshold of its delegation with keys that are not revoked.
/// Does not verify the signatures: the caller verified them when the statement was published.
#[must_use]
pub fn is_by_counting_keys(trust: &Trust, statement: &Document<Statement>) -> bool {
    let Some(delegation) = trust.delegation(&statement.body().subject.repository) else {
        return false;
    };
    let Ok(signatures) = signature::parse_all(statement.signatures()) else {
        return false;
    };
    let signers = signatures.iter().map(|one| one.key().fingerprint());
    let signers: BTreeSet<Fingerprint> = signers.collect();
    let keys = keys_in_state(trust, delegation, is_not_revoked).filter(|key| signers.contains(key));
    statement.body().registry.is_some()
        && statement.body().epoch <= delegation.epoch
        && keys.count() as u64 >= delegation.threshold
}

/// A retired key still counts for what it signed (TRUST-12).
fn is_not_revoked(state: KeyState) -> bool {
    state != KeyState::Revoked
}

/// Returns the keys of a delegation that count.
fn keys_in_state<'a>(
    trust: &'a Trust,
    delegation: &'a Delegation,
    counts: fn(KeyState) -> bool,
) -> impl Iterator<Item = Fingerprint> + 'a {
    let keys = delegation.keys.iter().copied();
    keys.filter(move |key| trust.state(key).is_some_and(counts))
}

fn check_signed_statement(
    trust: &Document<Trust>,
    statement: &Document<Statement>,
    counts: fn(KeyState) -> bool,
) -> Result<Vec<Fingerprint>, PolicyError> {
    check_registry(registry(trust), statement.body().registry)?;
    let repository = &statement.body().subject.repository;
    let Some(delegation) = trust.body().delegation(repository) else {
        return Err(PolicyError::NotDelegated(repository.to_string()));
    };
    if statement.body().epoch > delegation.epoch {
        return Err(PolicyError::Epoch {
            found: statement.body().epoch,
            expected: delegation.epoch,
        });
    }
    let counting = || keys_in_state(trust.body(), delegation, counts);
    let signers = signers(statement, Purpose::Image)?;
    let who = || format!("the delegation of {}", delegation.scope);
    meet(
        Purpose::Image,
        who,
        &signers,
        counting(),
        delegation.threshold,
    )?;
    Ok(counting().filter(|key| signers.contains(key)).collect())
}

/// Fails if the document belongs to another registry.
pub(crate) fn check_registry(expected: Digest, found: Option<Digest>) -> Result<(), PolicyError> {
    if found == Some(expected) {
        Ok(())
    } else {
        Err(PolicyError::Registry { found, expected })
    }
}

/// Fails if a document is expired. `now` is a clock that is read once at the start, in Unix seconds.
///
/// # Errors
/// [`PolicyError::Expired`].
pub fn check_fresh(purpose: Purpose, expires: Option<u64>, now: u64) -> Result<(), PolicyError> {
    match expires {
        Some(at) if at <= now => Err(PolicyError::Expired { purpose, at }),
        _ => Ok(()),
    }
}
