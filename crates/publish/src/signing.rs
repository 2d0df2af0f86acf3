//! Who signs a version: the keys at hand, and the trust that it is made under.

use std::collections::BTreeSet;

use sreg_model::head::Head;
use sreg_model::statement::Statement;
use sreg_model::trust::scope::Scope;
use sreg_model::trust::{ListedKey, Trust};
use sreg_model::{Document, Namespace};
use sreg_registry::derive::Lines;
use sreg_registry::{Registry, RegistryError, Unsigned};
use sreg_sign::amend::{self, Amendment, Term, only_key};
use sreg_sign::policy::{PolicyError, check_fresh};
use sreg_sign::{Author, AuthorError, Purpose, Signer, TrustChain, sign};

use crate::changeset::Changeset;
use crate::recover::Base;

/// Some days in seconds.
#[must_use]
pub const fn days(days: u64) -> u64 {
    days.saturating_mul(86_400)
}

/// How long a head holds where nobody says otherwise.
const HEAD_TERM: u64 = days(400);
/// How long trust holds where nobody says otherwise.
pub(crate) const TRUST_TERM: u64 = days(5 * 365);

/// The keys at hand, and what may be done with them.
pub struct Keys<'a> {
    /// What signs.
    pub signers: &'a [Box<dyn Signer>],
    /// What trust says of the only key of a new registry.
    pub comment: Option<String>,
    /// 128 random bits, for the id of a new registry.
    pub nonce: [u8; 16],
    /// Whether a registry without keys is to be given this one.
    pub may_begin: bool,
    /// How long the head is to hold, in seconds; absent: as long as the one before.
    pub head_term: Option<u64>,
    /// Whether head and trust are renewed, however long they still hold.
    pub renew: bool,
}

/// Who signs a version.
pub struct Signing<'a> {
    /// Under the trust that holds once the version is published.
    pub author: Author<'a>,
    /// A version of trust that is published together with the head.
    pub trust: Option<Document<Trust>>,
    /// How long the head is to hold, in seconds.
    pub term: u64,
    /// Whether the head is renewed in any case.
    pub renew: bool,
}

impl Signing<'_> {
    /// Whether a statement may follow another: not on one that never counted, which somebody has
    /// published who could sign heads alone. Where the registry gets its first key, none has one.
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

    /// Whether there is to be a head after `head` though nothing else changes: it has no keys, or is
    /// not what trust asks for, or little of its time is left.
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

/// Who signs `changeset`; nothing in a registry without keys that is to stay so. Where one key does
/// everything, it gives itself what the changeset needs.
///
/// # Errors
/// When there are keys and none is at hand, or the other way round, or they cannot sign.
pub fn signing<'a>(
    registry: &Registry,
    base: &Base,
    keys: Option<&Keys<'a>>,
    changeset: &Changeset,
    lines: &Lines,
    now: u64,
) -> Result<Option<Signing<'a>>, RegistryError> {
    let root = || registry.root().to_owned();
    let (keys, trust_chain) = match (keys, &base.trust_chain) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Err(RegistryError::Signed(root())),
        (Some(keys), None) if !keys.may_begin => return Err(RegistryError::NoKeys(root())),
        (Some(keys), None) => {
            let mut scopes = namespaces(changeset);
            scopes.extend(lines.keys().cloned());
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

/// How long the next head holds: as long as the one before.
pub(crate) fn term_of(head: Option<&Document<Head>>) -> u64 {
    head.and_then(|head| Some(head.body().expires?.saturating_sub(head.body().issued)))
        .filter(|term| *term > 0)
        .unwrap_or(HEAD_TERM)
}

/// The first trust of a registry, in which one key does everything.
fn begin(
    base: &Base,
    keys: &Keys<'_>,
    scopes: BTreeSet<Namespace>,
    now: u64,
) -> Result<Document<Trust>, RegistryError> {
    let [signer] = keys.signers else {
        return Err(RegistryError::OneKey(keys.signers.len()));
    };
    let key: ListedKey = amend::listed(signer.key().clone(), keys.comment.clone());
    let last = base
        .head
        .as_ref()
        .map(|head| (head.id(), head.body().version));
    let scopes = scopes.into_iter().map(Scope::Namespace);
    let trust = amend::first(key, scopes, keys.nonce, last, trust_term(now, TRUST_TERM))
        .map_err(RegistryError::Amend)?;
    signed(trust, keys)
}

/// The next version of trust, where one key does everything and something is missing: a namespace is
/// new, or little time is left.
fn amended(
    trust_chain: &TrustChain,
    keys: &Keys<'_>,
    changeset: &Changeset,
    now: u64,
) -> Result<Option<Document<Trust>>, RegistryError> {
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
            .map_err(RegistryError::Amend)?;
    }
    signed(amendment.finish().map_err(RegistryError::Amend)?, keys).map(Some)
}

/// The namespaces that an changeset states something about.
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

/// The scopes that an changeset needs and trust does not delegate.
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

fn signed(trust: Trust, keys: &Keys<'_>) -> Result<Document<Trust>, RegistryError> {
    let roots = &trust.roles.root.keys.clone();
    let signers = keys.signers.iter().map(AsRef::as_ref);
    let signers =
        signers.filter(|signer: &&dyn Signer| roots.contains(&signer.key().fingerprint()));
    let document = Document::new(trust).map_err(|source| author_error("trust", source.into()))?;
    sign(document, Purpose::Trust, signers).map_err(|source| author_error("trust", source))
}

pub(crate) fn author_error(what: &str, source: AuthorError) -> RegistryError {
    RegistryError::Author {
        what: what.to_owned(),
        source: Box::new(source),
    }
}

/// Why something could not be signed: apart, where the keys at hand are not those that trust asks for.
pub(crate) fn unsigned(registry: &Registry, what: String, source: AuthorError) -> RegistryError {
    let source = Box::new(source);
    match *source {
        AuthorError::Policy(PolicyError::Threshold { .. } | PolicyError::NotDelegated(_)) => {
            RegistryError::Unsigned {
                registry: registry.root().to_owned(),
                refused: vec![Unsigned { what, source }],
            }
        }
        _ => RegistryError::Author { what, source },
    }
}
