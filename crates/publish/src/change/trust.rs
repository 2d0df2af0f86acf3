//! Publishes the next trust version, and the head that goes with it.

use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::node::TagEntry;
use sreg_model::statement::Subject;
use sreg_model::trust::Trust;
use sreg_model::{Digest, Document};
use sreg_registry::heads::HeadCursor;
use sreg_registry::{Registry, derive};
use sreg_sign::policy::{self, PolicyError};
use sreg_sign::{Author, TrustChain};

use crate::attempts::until_won;
use crate::changeset::Changeset;
use crate::commit::{self, Published};
use crate::destination::Destination;
use crate::error::PublishError;
use crate::recover::{Base, check_newest, recover_any};
use crate::session::Session;
use crate::signing::{Signing, term_of};
use crate::version::Publication;
use sreg_registry::RegistryError;

impl Session<'_> {
    /// Publishes a fully signed trust version, and a head with it if heads could become invalid. Returns the
    /// published version, and the references that others have published meanwhile and that a new epoch drops.
    /// `judged` is the head against which losses were computed, and the number of them.
    ///
    /// # Errors
    /// `Policy` if it does not follow the newest version; `Meanwhile` if another version was published or
    /// more statements would become invalid; `Unsigned` if a head is needed that the keys may not sign; otherwise those of
    /// writing the registry.
    pub fn publish_trust(
        &self,
        destination: &Destination,
        trust: &Document<Trust>,
        judged: (Digest, &[Subject]),
    ) -> Result<(Published, Vec<Subject>), PublishError> {
        until_won(&*destination.store, |_| {
            self.publish_trust_once(destination, trust, judged)
        })
    }

    fn publish_trust_once(
        &self,
        destination: &Destination,
        trust: &Document<Trust>,
        judged: (Digest, &[Subject]),
    ) -> Result<(Published, Vec<Subject>), PublishError> {
        let keys = super::keys(self)?;
        let mut writer = destination.open_there(self.progress)?;
        let writer = &mut *writer;
        // A new epoch exists to drop an invalid newest head.
        let base = recover_any(writer, self.progress)?;
        base.check_known(writer.registry(), self.pins)?;
        let Some(old) = base.trust_chain.clone() else {
            return Err(PublishError::NoKeys(writer.registry().root().to_owned()));
        };
        let mut trust_chain = old.clone();
        let path = writer.registry().path(&Place::Trust(trust.body().version));
        let followed = trust_chain.extend(trust.clone());
        followed.map_err(|source| match source {
            PolicyError::Version { .. } => PublishError::Meanwhile {
                path,
                what: "another trust version was published".to_owned(),
            },
            source => RegistryError::Policy { path, source }.into(),
        })?;
        let nothing = || RegistryError::NoHead(writer.registry().root().to_owned());
        let newest = base.head.clone().ok_or_else(nothing)?;
        if !begins_epoch(&old, trust) {
            check_newest(writer.registry(), Some(&old), &newest)?;
        }
        if newest.id() != judged.0 {
            check_judged(writer.registry(), &old, trust, &newest, judged.1)?;
        }
        let base = Base {
            head: Some(kept(writer.registry(), &old, trust, &newest)?),
            ..base
        };
        let entries = base.entries(writer)?;
        let signing = Signing {
            term: keys
                .head_term
                .unwrap_or_else(|| term_of(base.head.as_ref())),
            author: Author::new(trust_chain, keys.signers),
            trust: Some(trust.clone()),
            renew: takes_from_heads(old.newest().body(), trust.body()),
        };
        let publication = Publication {
            changeset: Changeset::default(),
            settings: writer.registry().settings().clone(),
            signing: Some(signing),
            now: self.now,
        };
        let published = commit::publish(writer, &base, &entries, &publication, self.progress)?;
        let left = match begins_epoch(&old, trust) {
            true => published_since(writer.registry(), &old, &newest)?,
            false => Vec::new(),
        };
        Ok((published, left))
    }
}

/// Returns whether a trust version begins an epoch of heads.
fn begins_epoch(before: &TrustChain, trust: &Document<Trust>) -> bool {
    trust.body().head_base.epoch > before.newest().body().head_base.epoch
}

/// Returns whether heads could be valid under `before` but not under `after`. If so, a head goes with the
/// trust version, so that its slot decides which heads were published before it (COM-24).
#[must_use]
pub fn takes_from_heads(before: &Trust, after: &Trust) -> bool {
    let (old, new) = (&before.roles.head, &after.roles.head);
    before.head_base != after.head_base
        || new.threshold > old.threshold
        || !old.keys.iter().all(|key| new.keys.contains(key))
}

/// Returns the head whose index remains published: the newest, or the one that a new epoch begins after.
fn kept(
    registry: &Registry,
    trust_chain: &TrustChain,
    trust: &Document<Trust>,
    newest: &Document<Head>,
) -> Result<Document<Head>, RegistryError> {
    let begun = &trust.body().head_base;
    let epoch = newest.body().epoch;
    let follows = begins_epoch(trust_chain, trust) && begun.epoch == epoch + 1;
    let Some(version) = begun.version.filter(|_| follows) else {
        return Ok(newest.clone());
    };
    // TRUST-20: otherwise all published images would be lost.
    let slot = Place::HeadSlot { epoch, version };
    match registry.head_slot(epoch, version)? {
        Some(head) if Some(head.id()) == begun.id => Ok(head),
        None => Err(registry.missing(&slot)),
        Some(_) => Err(RegistryError::Mismatch {
            path: registry.path(&slot),
            what: "the new epoch must follow another head of that version".to_owned(),
        }),
    }
}

/// Refuses the change if a publication since the computation of losses adds to them.
fn check_judged(
    registry: &Registry,
    trust_chain: &TrustChain,
    trust: &Document<Trust>,
    newest: &Document<Head>,
    judged: &[Subject],
) -> Result<(), PublishError> {
    let invalid = invalidated(registry, trust_chain, trust, newest)?;
    match invalid.iter().find(|subject| !judged.contains(subject)) {
        None => Ok(()),
        Some(subject) => Err(PublishError::Meanwhile {
            path: registry.path(&Place::Head),
            what: format!("{subject} was published and would become invalid too"),
        }),
    }
}

/// Returns what was published after `newest` and is dropped by a new epoch.
fn published_since(
    registry: &Registry,
    trust_chain: &TrustChain,
    newest: &Document<Head>,
) -> Result<Vec<Subject>, PublishError> {
    let line = HeadCursor {
        trust_chain: Some(trust_chain),
        head: newest,
    };
    let end = line.end(registry)?;
    // A thief's head may be unreadable; it is dropped in any case.
    Ok(left_behind(registry, end.head.body(), newest.body()).unwrap_or_default())
}

/// Returns what a trust version makes the `newest` head lose: subjects, including removed ones, whose
/// statements become invalid, and those that a new epoch drops or reverts to an older image.
///
/// # Errors
/// `Mismatch` if the epoch must begin after another head than trust states; otherwise those of reading the
/// registry.
pub fn invalidated(
    registry: &Registry,
    trust_chain: &TrustChain,
    trust: &Document<Trust>,
    newest: &Document<Head>,
) -> Result<Vec<Subject>, PublishError> {
    let kept = kept(registry, trust_chain, trust, newest)?;
    let entries = derive::entries(registry, Some(kept.body()))?;
    let mut invalid = Vec::new();
    for line in entries.values().flat_map(|keys| keys.values()).flatten() {
        let statement = registry.statement(&line.statement)?;
        let counted = trust_chain.check_statement(&statement).is_ok();
        if counted && policy::check_statement(trust, &statement).is_err() {
            invalid.push(statement.body().subject.clone());
        }
    }
    if kept.id() != newest.id() {
        // A thief's head may be unreadable; it is dropped in any case.
        invalid.extend(left_behind(registry, newest.body(), kept.body()).unwrap_or_default());
    }
    Ok(invalid)
}

/// Returns the references that a new epoch drops or reverts: those that differ between the newest head and
/// the head that the epoch begins after.
fn left_behind(
    registry: &Registry,
    newest: &Head,
    begins_after: &Head,
) -> Result<Vec<Subject>, PublishError> {
    let (newest, kept) = (
        derive::entries(registry, Some(newest))?,
        derive::entries(registry, Some(begins_after))?,
    );
    let mut left = Vec::new();
    for (namespace, keys) in &newest {
        for (key, entries) in keys {
            let stay = kept.get(namespace).and_then(|keys| keys.get(key));
            let stays = |line: &&TagEntry| !stay.is_some_and(|entries| entries.contains(line));
            for line in entries.iter().filter(stays) {
                if let Some(repository) = derive::repository(namespace, line) {
                    left.push(Subject {
                        repository,
                        tag: line.key.tag(),
                        arch: line.arch,
                    });
                }
            }
        }
    }
    Ok(left)
}
