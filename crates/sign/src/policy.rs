//! Who may sign what (`spec/trust.md`). The one place that counts thresholds.

use sreg_model::fault::Code;
use std::collections::BTreeSet;

use sreg_model::document::Body;
use sreg_model::head::Head;
use sreg_model::statement::Statement;
use sreg_model::trust::{HeadBase, KeyState, Trust};
use sreg_model::{Digest, Document, Fingerprint};

use crate::error::SignatureError;
use crate::namespace::Purpose;
use crate::signature;

/// Why a document is not to be trusted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyError {
    /// A signature behind the document is malformed or wrong.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// Too few of the keys that count have signed.
    #[error("{signed} of the {threshold} signatures that {who} asks for are there; its keys are {}", list(.keys))]
    Threshold {
        /// What the document is.
        purpose: Purpose,
        /// The role or delegation.
        who: String,
        /// How many different keys that count have signed.
        signed: u64,
        /// How many are needed.
        threshold: u64,
        /// The keys that count.
        keys: Vec<Fingerprint>,
    },
    /// No delegation is about the repository.
    #[error("no key may sign {0}: trust delegates neither it nor its namespace")]
    NotDelegated(String),
    /// The document is of another registry, or of none.
    #[error("it is of {}, expected the registry {expected}", of_registry(.found))]
    Registry {
        /// Whose it is.
        found: Option<Digest>,
        /// Whose it should be.
        expected: Digest,
    },
    /// A trust document that does not follow the one before.
    #[error("{0}")]
    Order(String),
    /// The epoch of a statement is ahead of its delegation.
    #[error("its epoch is {found}, but trust is at {expected} for its name")]
    Epoch {
        /// The statement's.
        found: u64,
        /// The delegation's.
        expected: u64,
    },
    /// A document in the place of another version.
    #[error("it is version {found}, expected version {expected}")]
    Version {
        /// The version that it says.
        found: u64,
        /// The version of its place.
        expected: u64,
    },
    /// A head of another epoch than the newest trust's.
    #[error("it is of epoch {found}, but trust is at epoch {expected} of heads")]
    HeadEpoch {
        /// The head's.
        found: u64,
        /// That of trust.
        expected: u64,
    },
    /// A head that was made under trust that the registry does not have.
    #[error("{0}")]
    HeadTrust(String),
    /// Older than what was seen before.
    #[error("{0}")]
    RolledBack(String),
    /// Another document in the place of one that was seen before.
    #[error("{0}")]
    Fork(String),
    /// A registry without keys in the place of one with keys.
    #[error(
        "it has no keys, but the registry {0} has: its signatures were stripped, or another registry took its place"
    )]
    Unsigned(Digest),
    /// It holds no longer.
    #[error("it expired on {}", date(*.at))]
    Expired {
        /// What the document is.
        purpose: Purpose,
        /// From when it holds no longer, in Unix seconds.
        at: u64,
    },
}

impl PolicyError {
    /// The error's word in `spec/cli.md`.
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

/// A moment for people: RFC 3339, in UTC.
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

/// The id of the registry that a trust document is of.
#[must_use]
pub fn registry(trust: &Document<Trust>) -> Digest {
    trust.body().registry.unwrap_or_else(|| trust.id())
}

/// The different keys that signed a document. All signatures behind it are verified.
///
/// # Errors
/// When one of them is malformed, was made for something else, or does not verify.
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

/// Refuses where fewer than `threshold` of `keys` signed.
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

/// Checks version 1 of trust: it is signed by its own root keys. That it is the right registry's
/// is for whoever knows the id to say.
///
/// # Errors
/// When it is not version 1, or its own threshold is not met (TRUST-16, TRUST-17).
pub fn check_first(trust: &Document<Trust>) -> Result<(), PolicyError> {
    let body = trust.body();
    if body.version != 1 || body.head_base.epoch != 1 {
        return Err(PolicyError::Order(format!(
            "version {} with heads of epoch {} begins no registry",
            body.version, body.head_base.epoch
        )));
    }
    meet_root(body, &signers(trust, Purpose::Trust)?)
}

/// Checks a later version of trust by an older one that is trusted. Where `next` follows right
/// after, their order too; else only the signatures of both.
///
/// # Errors
/// When it is of another registry, does not follow, or either threshold is not met (TRUST-15 to
/// TRUST-18).
pub fn check_next(trusted: &Document<Trust>, next: &Document<Trust>) -> Result<(), PolicyError> {
    let (old, new) = (trusted.body(), next.body());
    // Version 1 comes after nothing, so a later one names its registry.
    check_registry(registry(trusted), next.body().registry)?;
    let out_of_order = |what: String| Err(PolicyError::Order(what));
    if new.version <= old.version {
        return out_of_order(format!(
            "version {} does not come after version {}",
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

/// Epochs never fall, and one step begins at most one epoch of heads.
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

/// Checks that a head is of this registry and signed as the role `head` asks (TRUST-14). Its
/// place in the trust chain and its freshness are looked at elsewhere.
///
/// # Errors
/// When it is of another registry, or too few keys of the role signed it.
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

/// Checks that a statement is of this registry, and signed as its delegation asks (TRUST-11,
/// TRUST-12): the different keys that count and signed it.
///
/// # Errors
/// When it is of another registry, nothing is delegated, its epoch is ahead, or too few keys that
/// are not revoked signed it.
pub fn check_statement(
    trust: &Document<Trust>,
    statement: &Document<Statement>,
) -> Result<Vec<Fingerprint>, PolicyError> {
    check_signed_statement(trust, statement, |state| state != KeyState::Revoked)
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

/// Whether a statement is by as many keys as its delegation asks for, of those that are not revoked:
/// by the keys that its signatures name, which are not verified. For whoever verified them when it was
/// published.
#[must_use]
pub fn is_by_counting_keys(trust: &Trust, statement: &Document<Statement>) -> bool {
    let Some(delegation) = trust.delegation(&statement.body().subject.repository) else {
        return false;
    };
    let Ok(signatures) = signature::parse_all(statement.signatures()) else {
        return false;
    };
    let keys: BTreeSet<Fingerprint> = signatures
        .iter()
        .map(|signature| signature.key().fingerprint())
        .filter(|key| delegation.keys.contains(key))
        .filter(|key| {
            trust
                .state(key)
                .is_some_and(|state| state != KeyState::Revoked)
        })
        .collect();
    statement.body().registry.is_some()
        && statement.body().epoch <= delegation.epoch
        && keys.len() as u64 >= delegation.threshold
}

fn check_signed_statement(
    trust: &Document<Trust>,
    statement: &Document<Statement>,
    counts: impl Fn(KeyState) -> bool,
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
    let counting = || {
        delegation
            .keys
            .iter()
            .copied()
            .filter(|key| trust.body().state(key).is_some_and(&counts))
    };
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

/// Refuses what is of another registry.
pub(crate) fn check_registry(expected: Digest, found: Option<Digest>) -> Result<(), PolicyError> {
    if found == Some(expected) {
        Ok(())
    } else {
        Err(PolicyError::Registry { found, expected })
    }
}

/// Refuses what holds no longer. `now` is a clock that is read once at the start, in Unix
/// seconds.
///
/// # Errors
/// [`PolicyError::Expired`].
pub fn check_fresh(purpose: Purpose, expires: Option<u64>, now: u64) -> Result<(), PolicyError> {
    match expires {
        Some(at) if at <= now => Err(PolicyError::Expired { purpose, at }),
        _ => Ok(()),
    }
}
