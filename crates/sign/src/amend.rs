//! Makes the first version of trust, and the next one (`spec/trust.md`).

use sreg_model::fault::Code;
use std::collections::BTreeSet;

use sreg_model::document::{Body as _, DocumentError};
use sreg_model::trust::scope::Scope;
use sreg_model::trust::{Delegation, HeadBase, KeyState, ListedKey, Role, Roles, Trust, TrustType};
use sreg_model::{Digest, Fingerprint, Key};

use crate::error::SignatureError;
use crate::key::check_key;
use crate::policy;
use crate::trust_chain::TrustChain;

/// Why trust cannot be changed so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AmendError {
    /// A key that trust does not list where it is looked for.
    #[error("{key} is not among the keys of {place}")]
    NoKey {
        /// The key.
        key: Fingerprint,
        /// Where it is not.
        place: String,
    },
    /// Nothing is delegated there.
    #[error("trust delegates nothing to {0}")]
    NoScope(Scope),
    /// A role would be left without the keys that it asks for.
    #[error("{place} asks for {threshold} of its keys, and {left} would be left")]
    TooFew {
        /// The role or delegation.
        place: Grant,
        /// How many must sign.
        threshold: u64,
        /// How many keys it would have.
        left: u64,
    },
    /// A key that may sign nothing more cannot be given more to sign.
    #[error("{key} is {}, and signs nothing more", format!("{state:?}").to_lowercase())]
    NotActive {
        /// The key.
        key: Fingerprint,
        /// Its state.
        state: KeyState,
    },
    /// A key whose signatures nobody accepts.
    #[error("the key cannot be used")]
    Weak(#[from] SignatureError),
    /// The next version is out of bounds.
    #[error("the next version is not valid")]
    Document(#[from] DocumentError),
}

impl AmendError {
    /// The error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::NoKey { .. } | Self::NoScope(_) => Code::NotInTrust,
            Self::TooFew { .. } | Self::NotActive { .. } | Self::Document(_) => Code::TrustChange,
            Self::Weak(_) => Code::SigningKey,
        }
    }
}

/// What keys are given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grant {
    /// To sign trust.
    Root,
    /// To sign heads.
    Head,
    /// To publish below a scope.
    Scope(Scope),
}

impl std::fmt::Display for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Root => f.write_str("the role root"),
            Self::Head => f.write_str("the role head"),
            Self::Scope(scope) => write!(f, "the delegation of {scope}"),
        }
    }
}

/// How long a document is to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Term {
    /// When it is made, in Unix seconds.
    pub issued: u64,
    /// When it ceases to hold, in Unix seconds.
    pub expires: u64,
}

/// The first version of trust, in which one key does everything. `nonce` is random, so that no two
/// registries have one id; `last` is the last head of a registry that had no keys, and its version.
///
/// # Errors
/// When the key is too weak, or a field is out of bounds.
pub fn first(
    key: ListedKey,
    scopes: impl IntoIterator<Item = Scope>,
    nonce: [u8; 16],
    last: Option<(Digest, u64)>,
    term: Term,
) -> Result<Trust, AmendError> {
    check_key(&key.key)?;
    let keys = vec![key.key.fingerprint()];
    let role = || Role {
        keys: keys.clone(),
        threshold: 1,
    };
    let trust = Trust {
        delegations: Vec::new(),
        expires: term.expires,
        head_base: HeadBase {
            epoch: 1,
            id: last.map(|(id, _)| id),
            version: last.map(|(_, version)| version),
        },
        issued: term.issued,
        keys: vec![key],
        nonce: Some(nonce.iter().map(|byte| format!("{byte:02x}")).collect()),
        previous: None,
        registry: None,
        roles: Roles {
            head: role(),
            root: role(),
        },
        kind: TrustType::V1,
        version: 1,
    };
    let mut amendment = Amendment {
        trust,
        before: None,
    };
    for scope in scopes {
        amendment.put_delegation(scope, keys.clone(), 1, 1);
    }
    amendment.finish()
}

/// The key that alone does everything in a registry, if there is one: who holds it is asked nothing
/// more.
#[must_use]
pub fn only_key(trust: &Trust) -> Option<Fingerprint> {
    match (&trust.roles.root.keys[..], &trust.roles.head.keys[..]) {
        ([root], [head]) if root == head => Some(*root),
        _ => None,
    }
}

/// The next version of trust, as it is being made.
#[derive(Debug, Clone)]
pub struct Amendment {
    trust: Trust,
    /// The versions before; none of the first.
    before: Option<TrustChain>,
}

impl Amendment {
    /// Begins with all that the current version says.
    #[must_use]
    pub fn of(trust_chain: &TrustChain, term: Term) -> Self {
        let current = trust_chain.newest();
        let trust = Trust {
            expires: term.expires,
            issued: term.issued,
            nonce: None,
            previous: Some(current.id()),
            registry: Some(policy::registry(current)),
            version: current.body().version.saturating_add(1),
            ..current.body().clone()
        };
        Self {
            trust,
            before: Some(trust_chain.clone()),
        }
    }

    /// Gives a key something to sign, and with `threshold` says how many must sign that from now
    /// on.
    ///
    /// # Errors
    /// When the key is too weak or no longer active, or nothing is delegated there.
    pub fn add_key(
        &mut self,
        key: ListedKey,
        grant: &Grant,
        threshold: Option<u64>,
    ) -> Result<(), AmendError> {
        let fingerprint = self.list(key)?;
        let (keys, asked) = self.granted(grant)?;
        if let Err(at) = keys.binary_search(&fingerprint) {
            keys.insert(at, fingerprint);
        }
        *asked = threshold.unwrap_or(*asked);
        Ok(())
    }

    /// Takes something from a key; without a grant, everything.
    ///
    /// # Errors
    /// When the key does not have it, or a role would be left with too few.
    pub fn remove_key(
        &mut self,
        key: &Fingerprint,
        grant: Option<&Grant>,
    ) -> Result<(), AmendError> {
        let grants = match grant {
            Some(grant) => vec![grant.clone()],
            None => self.grants_of(key),
        };
        if grants.is_empty() {
            return Err(no_key(key, "trust"));
        }
        for grant in grants {
            let (keys, asked) = self.granted(&grant)?;
            let at = keys
                .binary_search(key)
                .map_err(|_| no_key(key, &grant.to_string()))?;
            keys.remove(at);
            let left = keys.len() as u64;
            if left < *asked {
                let threshold = *asked;
                match &grant {
                    // With its last key a delegation goes.
                    Grant::Scope(scope) if left == 0 => {
                        self.trust.delegations.retain(|other| other.scope != *scope);
                    }
                    _ => {
                        return Err(AmendError::TooFew {
                            place: grant,
                            threshold,
                            left,
                        });
                    }
                }
            }
        }
        Ok(())
    }

    /// Says who may publish below a scope from now on. Where nobody who could before still can,
    /// the names change hands: their epoch is raised.
    ///
    /// # Errors
    /// When a key is too weak or no longer active.
    pub fn delegate(
        &mut self,
        scope: &Scope,
        keys: impl IntoIterator<Item = ListedKey>,
        threshold: u64,
    ) -> Result<(), AmendError> {
        let mut fingerprints = BTreeSet::new();
        for key in keys {
            fingerprints.insert(self.list(key)?);
        }
        let decided = self.trust.delegation_of(scope).or_else(|| match scope {
            Scope::Repository(repository) => self.trust.delegation(repository),
            Scope::Namespace(_) => None,
        });
        let stays =
            decided.is_some_and(|before| before.keys.iter().any(|key| fingerprints.contains(key)));
        let highest = self.highest_epoch(scope);
        let epoch = match highest {
            0 => 1,
            highest => highest + u64::from(!stays),
        };
        let keys = fingerprints.into_iter().collect();
        self.put_delegation(scope.clone(), keys, threshold, epoch);
        Ok(())
    }

    /// What a key signed holds, and it signs nothing new.
    ///
    /// # Errors
    /// When trust does not list it, or it has a role.
    pub fn retire(&mut self, key: &Fingerprint) -> Result<(), AmendError> {
        self.set_state(key, KeyState::Retired)
    }

    /// Nothing that a key signed holds. It loses its roles, and what it could publish begins a new
    /// epoch.
    ///
    /// # Errors
    /// When trust does not list it, or a role would be left with too few keys.
    pub fn revoke(&mut self, key: &Fingerprint) -> Result<(), AmendError> {
        if self.grants_of(key).is_empty() {
            return Err(no_key(key, "trust"));
        }
        for grant in [Grant::Root, Grant::Head] {
            if self.granted(&grant)?.0.contains(key) {
                self.remove_key(key, Some(&grant))?;
            }
        }
        for delegation in &mut self.trust.delegations {
            if delegation.keys.contains(key) {
                delegation.epoch += 1;
            }
        }
        if self.grants_of(key).is_empty() {
            // Nothing that it signed is looked at any more.
            return Ok(());
        }
        self.set_state(key, KeyState::Revoked)
    }

    /// Puts one key in the place of another, which is retired.
    ///
    /// # Errors
    /// When trust does not list the old one, or the new one is too weak or no longer active.
    pub fn rotate(&mut self, from: &Fingerprint, to: ListedKey) -> Result<(), AmendError> {
        let grants = self.grants_of(from);
        if grants.is_empty() {
            return Err(no_key(from, "trust"));
        }
        for grant in grants {
            self.add_key(to.clone(), &grant, None)?;
            if !matches!(grant, Grant::Scope(_)) {
                self.remove_key(from, Some(&grant))?;
            }
        }
        match self.grants_of(from).is_empty() {
            true => Ok(()),
            false => self.retire(from),
        }
    }

    /// Begins a new epoch of heads, after the head `id` of `version`, which is the last that counts
    /// of the current one.
    pub fn begin_epoch(&mut self, id: Digest, version: u64) {
        // What was published since then is numbered anew: it must not look like a second history.
        for delegation in &mut self.trust.delegations {
            delegation.epoch += 1;
        }
        self.trust.head_base = HeadBase {
            epoch: self.trust.head_base.epoch + 1,
            id: Some(id),
            version: Some(version),
        };
    }

    /// The version as it is now.
    ///
    /// # Errors
    /// When a threshold cannot be met, or the document is out of bounds.
    pub fn finish(mut self) -> Result<Trust, AmendError> {
        let named: BTreeSet<Fingerprint> = self
            .trust
            .delegations
            .iter()
            .flat_map(|delegation| &delegation.keys)
            .chain(&self.trust.roles.root.keys)
            .chain(&self.trust.roles.head.keys)
            .copied()
            .collect();
        self.trust
            .keys
            .retain(|listed| named.contains(&listed.key.fingerprint()));
        // Where another scope decides from now on, its epoch is none below theirs (STM-20).
        for at in 0..self.trust.delegations.len() {
            let highest = self.highest_epoch(&self.trust.delegations[at].scope);
            let delegation = &mut self.trust.delegations[at];
            delegation.epoch = delegation.epoch.max(highest);
        }
        let grants = self.trust.delegations.iter().map(|delegation| {
            let grant = Grant::Scope(delegation.scope.clone());
            (grant, delegation.keys.len() as u64, delegation.threshold)
        });
        let roles = &self.trust.roles;
        let roles = [(Grant::Root, &roles.root), (Grant::Head, &roles.head)]
            .map(|(grant, role)| (grant, role.keys.len() as u64, role.threshold));
        for (place, left, threshold) in grants.chain(roles) {
            if left < threshold {
                return Err(AmendError::TooFew {
                    place,
                    threshold,
                    left,
                });
            }
        }
        self.trust.check()?;
        Ok(self.trust)
    }

    fn highest_epoch(&self, scope: &Scope) -> u64 {
        let before = self.before.as_ref();
        before.map_or(0, |trust_chain| trust_chain.highest_epoch(scope))
    }

    /// Whether it says nothing but what the version before said, only for longer.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.before.as_ref().is_some_and(|trust_chain| {
            let before = trust_chain.newest().body();
            before.roles == self.trust.roles
                && before.delegations == self.trust.delegations
                && before.keys == self.trust.keys
                && before.head_base == self.trust.head_base
        })
    }

    /// Lists a key, unless it is; an active one.
    fn list(&mut self, key: ListedKey) -> Result<Fingerprint, AmendError> {
        check_key(&key.key)?;
        let fingerprint = key.key.fingerprint();
        // Also where no version lists it any more: who revoked it meant it for good.
        if self
            .before
            .as_ref()
            .is_some_and(|trust_chain| trust_chain.was_revoked(&fingerprint))
        {
            return Err(AmendError::NotActive {
                key: fingerprint,
                state: KeyState::Revoked,
            });
        }
        let position = |listed: &ListedKey| listed.key.fingerprint().cmp(&fingerprint);
        match self.trust.keys.binary_search_by(position) {
            Err(at) => self.trust.keys.insert(at, key),
            Ok(at) if self.trust.keys[at].state != KeyState::Active => {
                return Err(AmendError::NotActive {
                    key: fingerprint,
                    state: self.trust.keys[at].state,
                });
            }
            Ok(at) if key.comment.is_some() => self.trust.keys[at].comment = key.comment,
            Ok(_) => {}
        }
        Ok(fingerprint)
    }

    fn granted(&mut self, grant: &Grant) -> Result<(&mut Vec<Fingerprint>, &mut u64), AmendError> {
        match grant {
            Grant::Root => {
                let role = &mut self.trust.roles.root;
                Ok((&mut role.keys, &mut role.threshold))
            }
            Grant::Head => {
                let role = &mut self.trust.roles.head;
                Ok((&mut role.keys, &mut role.threshold))
            }
            Grant::Scope(scope) => self
                .trust
                .delegations
                .iter_mut()
                .find(|delegation| delegation.scope == *scope)
                .map(|delegation| (&mut delegation.keys, &mut delegation.threshold))
                .ok_or_else(|| AmendError::NoScope(scope.clone())),
        }
    }

    fn grants_of(&self, key: &Fingerprint) -> Vec<Grant> {
        let roles = &self.trust.roles;
        let mut grants = Vec::new();
        if roles.root.keys.contains(key) {
            grants.push(Grant::Root);
        }
        if roles.head.keys.contains(key) {
            grants.push(Grant::Head);
        }
        let scopes = self.trust.delegations.iter();
        let scopes = scopes.filter(|delegation| delegation.keys.contains(key));
        grants.extend(scopes.map(|delegation| Grant::Scope(delegation.scope.clone())));
        grants
    }

    fn set_state(&mut self, key: &Fingerprint, state: KeyState) -> Result<(), AmendError> {
        let listed = self
            .trust
            .keys
            .iter_mut()
            .find(|listed| listed.key.fingerprint() == *key)
            .ok_or_else(|| no_key(key, "trust"))?;
        listed.state = state;
        Ok(())
    }

    fn put_delegation(
        &mut self,
        scope: Scope,
        mut keys: Vec<Fingerprint>,
        threshold: u64,
        epoch: u64,
    ) {
        keys.sort();
        keys.dedup();
        let delegation = Delegation {
            epoch,
            keys,
            scope,
            threshold,
        };
        let delegations = &mut self.trust.delegations;
        match delegations.binary_search_by(|other| other.scope.cmp(&delegation.scope)) {
            Ok(at) => delegations[at] = delegation,
            Err(at) => delegations.insert(at, delegation),
        }
    }
}

fn no_key(key: &Fingerprint, place: &str) -> AmendError {
    AmendError::NoKey {
        key: *key,
        place: place.to_owned(),
    }
}

/// A key as trust lists it, with the comment of its `.pub` file.
#[must_use]
pub fn listed(key: Key, comment: Option<String>) -> ListedKey {
    ListedKey {
        comment,
        key,
        state: KeyState::Active,
    }
}
