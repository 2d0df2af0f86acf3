//! The keys that sign a version, and the trust that it is made under.

use std::collections::BTreeSet;

use sreg_model::head::Head;
use sreg_model::statement::Statement;
use sreg_model::trust::scope::Scope;
use sreg_model::trust::{ListedKey, Trust};
use sreg_model::{Document, Namespace};
use sreg_registry::Registry;
use sreg_registry::derive::Entries;
use sreg_sign::amend::{self, Amendment, Term, only_key};
use sreg_sign::policy::{PolicyError, check_fresh};
use sreg_sign::{Author, AuthorError, Purpose, Signer, TrustChain, sign};

use crate::changeset::Changeset;
use crate::error::PublishError;
use crate::error::Unsigned;
use crate::recover::Base;
use sreg_registry::RegistryError;

/// Converts days to seconds.
#[must_use]
pub const fn days(days: u64) -> u64 {
    days.saturating_mul(86_400)
}

/// The default lifetime of a head, in seconds.
const HEAD_TERM: u64 = days(400);
/// The default lifetime of a trust document, in seconds.
pub(crate) const TRUST_TERM: u64 = days(5 * 365);

/// The available keys, and what they may be used for.
pub struct Keys<'a> {
    /// The signers.
    pub signers: &'a [Box<dyn Signer>],
    /// The comment in trust on the only key of a new registry.
    pub comment: Option<String>,
    /// 128 random bits, for the id of a new registry.
    pub nonce: [u8; 16],
    /// Whether to give a registry without keys this key.
    pub may_begin: bool,
    /// The lifetime of the head in seconds; `None` for that of the previous head.
    pub head_term: Option<u64>,
    /// Whether to renew head and trust, even if they expire late.
    pub renew: bool,
}

/// The signer of a version.
pub struct Signing<'a> {
    /// Signs under the trust that is valid once the version is published.
    pub author: Author<'a>,
    /// A trust version that is published with the head.
    pub trust: Option<Document<Trust>>,
    /// The lifetime of the head, in seconds.
    pub term: u64,
    /// Whether to renew the head in any case.
    pub renew: bool,
}

impl Signing<'_> {
    /// Returns whether a statement may follow another. It may not follow one that was never valid, which a
    /// holder of only a head key published. Statements from before the registry's first key may be followed.
    pub(crate) fn may_follow(&self, previous: &Document<Statement>) -> bool {
        let begins = self
            .trust
            .as_ref()
            .is_some_and(|trust| trust.body().version == 1);
        match previous.body().registry {
            None => begins,
            Some(_) => self.author.trust_chain().counted_once(previous),
        }
    }

    /// Returns whether a new head is needed even without changes: `head` has no keys, is not valid under
    /// trust, or expires soon.
    pub(crate) fn is_due(&self, head: &Document<Head>, now: u64) -> bool {
        let body = head.body();
        let Some(expires) = body.expires else {
            return true;
        };
        let third = expires.saturating_sub(body.issued) / 3;
        self.renew
            || expires.saturating_sub(now) < third
            || self.author.trust_chain().check_newest_head(head).is_err()
    }
}

/// Returns the signer of `changeset`; `None` for a registry that remains without keys. A key that does
/// everything gets the delegations that the changeset needs.
///
/// # Errors
/// `Signed` if the registry has keys and none is given; `NoKeys` if it has none and may not get one; `OneKey`
/// if its first key is not alone; `Policy` if trust has expired; `Amend` or `Author` if trust cannot be
/// changed.
pub fn signing<'a>(
    registry: &Registry,
    base: &Base,
    keys: Option<&Keys<'a>>,
    changeset: &Changeset,
    entries: &Entries,
    now: u64,
) -> Result<Option<Signing<'a>>, PublishError> {
    let root = || registry.root().to_owned();
    let (keys, trust_chain) = match (keys, &base.trust_chain) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(PublishError::Signed(root())),
        (Some(keys), None) if !keys.may_begin => return Err(PublishError::NoKeys(root())),
        (Some(keys), None) => {
            let mut scopes = namespaces(changeset);
            scopes.extend(entries.keys().cloned());
            let trust = begin(base, keys, scopes, now)?;
            let trust_chain = TrustChain::begin(trust.clone())
                .map_err(|source| author_error("trust", source.into()))?;
            return Ok(Some(Signing {
                author: Author::new(trust_chain, keys.signers),
                trust: Some(trust),
                term: keys.head_term.unwrap_or(HEAD_TERM),
                renew: keys.renew,
            }));
        }
        (Some(keys), Some(trust_chain)) => (keys, trust_chain),
    };
    let mut trust_chain = trust_chain.clone();
    let trust = amended(&trust_chain, keys, changeset, now)?;
    if let Some(trust) = &trust {
        trust_chain
            .extend(trust.clone())
            .map_err(|source| author_error("trust", source.into()))?;
    }
    let newest = trust_chain.newest().body();
    check_fresh(Purpose::Trust, Some(newest.expires), now).map_err(|source| {
        RegistryError::Policy {
            path: registry.path(&sreg_model::layout::Place::Trust(newest.version)),
            source,
        }
    })?;
    Ok(Some(Signing {
        author: Author::new(trust_chain, keys.signers),
        trust,
        term: keys
            .head_term
            .unwrap_or_else(|| term_of(base.head.as_ref())),
        renew: keys.renew,
    }))
}

/// Returns the lifetime of the next head: that of the previous one.
pub(crate) fn term_of(head: Option<&Document<Head>>) -> u64 {
    head.and_then(|head| Some(head.body().expires?.saturating_sub(head.body().issued)))
        .filter(|term| *term > 0)
        .unwrap_or(HEAD_TERM)
}

/// Makes the first trust document of a registry, in which one key does everything.
fn begin(
    base: &Base,
    keys: &Keys<'_>,
    scopes: BTreeSet<Namespace>,
    now: u64,
) -> Result<Document<Trust>, PublishError> {
    let [signer] = keys.signers else {
        return Err(PublishError::OneKey(keys.signers.len()));
    };
    let key: ListedKey = amend::listed(signer.key().clone(), keys.comment.clone());
    let last = base
        .head
        .as_ref()
        .map(|head| (head.id(), head.body().version));
    let scopes = scopes.into_iter().map(Scope::Namespace);
    let trust = amend::first(key, scopes, keys.nonce, last, trust_term(now, TRUST_TERM))
        .map_err(PublishError::Amend)?;
    signed(trust, keys)
}

/// Makes the next trust version, if one key does everything and a namespace is new or trust expires soon.
fn amended(
    trust_chain: &TrustChain,
    keys: &Keys<'_>,
    changeset: &Changeset,
    now: u64,
) -> Result<Option<Document<Trust>>, PublishError> {
    let newest = trust_chain.newest();
    let trust = newest.body();
    let prints = keys.signers.iter().map(|signer| signer.key().fingerprint());
    let roots = prints.filter(|print| trust.roles.root.keys.contains(print));
    let may_amend = roots.count() as u64 >= trust.roles.root.threshold;
    let only = only_key(trust).and_then(|only| {
        keys.signers
            .iter()
            .find(|signer| signer.key().fingerprint() == only)
    });
    let lasts = trust.expires.saturating_sub(trust.issued);
    let is_due = trust.expires.saturating_sub(now) < lasts / 3;
    let renew = (keys.renew && may_amend) || (is_due && only.is_some());
    let missing: Vec<Scope> = match only {
        Some(_) => edition_scopes(changeset, trust),
        None => Vec::new(),
    };
    if missing.is_empty() && !renew {
        return Ok(None);
    }
    let term = match renew {
        true => trust_term(now, lasts),
        false => Term {
            issued: now,
            expires: trust.expires,
        },
    };
    let mut amendment = Amendment::of(trust_chain, term);
    for scope in missing {
        let key = only.map(|signer| amend::listed(signer.key().clone(), None));
        amendment
            .delegate(&scope, key, 1)
            .map_err(PublishError::Amend)?;
    }
    signed(amendment.finish().map_err(PublishError::Amend)?, keys).map(Some)
}

/// Returns the namespaces that a changeset changes.
fn namespaces(changeset: &Changeset) -> BTreeSet<Namespace> {
    let present = changeset.present.iter().map(|(subject, _)| subject);
    let removed = changeset.removed.iter().map(|(subject, _)| subject);
    let attached = changeset.attached.iter().map(|(subject, _)| subject);
    present
        .chain(removed)
        .chain(attached)
        .chain(&changeset.again)
        .map(|subject| subject.repository.namespace().clone())
        .collect()
}

/// Returns the scopes that a changeset needs and trust does not delegate.
fn edition_scopes(changeset: &Changeset, trust: &Trust) -> Vec<Scope> {
    namespaces(changeset)
        .into_iter()
        .map(Scope::Namespace)
        .filter(|scope| trust.delegation_of(scope).is_none())
        .collect()
}

fn trust_term(now: u64, lasts: u64) -> Term {
    Term {
        issued: now,
        expires: now.saturating_add(lasts),
    }
}

fn signed(trust: Trust, keys: &Keys<'_>) -> Result<Document<Trust>, PublishError> {
    let roots = &trust.roles.root.keys.clone();
    let signers = keys.signers.iter().map(AsRef::as_ref);
    let signers =
        signers.filter(|signer: &&dyn Signer| roots.contains(&signer.key().fingerprint()));
    let document = Document::new(trust).map_err(|source| author_error("trust", source.into()))?;
    sign(document, Purpose::Trust, signers).map_err(|source| author_error("trust", source))
}

pub(crate) fn author_error(what: &str, source: AuthorError) -> PublishError {
    PublishError::Author {
        what: what.to_owned(),
        source: Box::new(source),
    }
}

/// Returns the error for a failed signature; `Unsigned` if the given keys are not those that trust requires.
pub(crate) fn unsigned(registry: &Registry, what: String, source: AuthorError) -> PublishError {
    let source = Box::new(source);
    match *source {
        AuthorError::Policy(PolicyError::Threshold { .. } | PolicyError::NotDelegated(_)) => {
            PublishError::Unsigned {
                registry: registry.root().to_owned(),
                refused: vec![Unsigned { what, source }],
            }
        }
        _ => PublishError::Author { what, source },
    }
}
