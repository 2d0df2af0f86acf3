//! The next version of trust, and the head that goes with it.

use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::node::TagEntry;
use sreg_model::settings::Settings;
use sreg_model::statement::Subject;
use sreg_model::trust::Trust;
use sreg_model::{Digest, Document};
use sreg_sign::policy::{self, PolicyError};
use sreg_sign::{Author, Series};

use super::Change;
use crate::error::TreeError;
use crate::history::Line;
use crate::publish::{
    self, Base, Destination, Edition, Publication, Signing, check_newest, recover_any,
};
use crate::tree::Tree;
use crate::views;

impl Change<'_> {
    /// Publishes a version of trust that is fully signed, and a head with it where heads could count no
    /// longer: the newest head, and what others have published meanwhile that a new epoch leaves behind.
    /// `judged` are the head by which what is lost was judged, and what that is.
    ///
    /// # Errors
    /// When it does not follow the newest version, more would be lost than was judged, a head is needed
    /// that the keys may not sign, or the tree cannot be written.
    pub fn publish_trust(
        &self,
        destination: &Destination,
        trust: &Document<Trust>,
        judged: (Digest, &[Subject]),
    ) -> Result<(Document<Head>, Vec<Subject>), TreeError> {
        publish::until_won(self.watch, || {
            self.publish_trust_once(destination, trust, judged)
        })
    }

    fn publish_trust_once(
        &self,
        destination: &Destination,
        trust: &Document<Trust>,
        judged: (Digest, &[Subject]),
    ) -> Result<(Document<Head>, Vec<Subject>), TreeError> {
        Tree::in_store(destination.store.clone())?;
        let mut writer = destination.open(&Settings::default(), self.watch)?;
        let writer = &mut *writer;
        // A newest head that does not count is what a new epoch is begun for.
        let base = recover_any(writer, self.watch)?;
        base.check_known(writer.tree(), self.known)?;
        let Some(old) = base.series.clone() else {
            return Err(TreeError::NoKeys(writer.tree().root().to_owned()));
        };
        let mut series = old.clone();
        let path = writer.tree().path(&Place::Trust(trust.body().version));
        let followed = series.extend(trust.clone());
        followed.map_err(|source| match source {
            PolicyError::Version { .. } => TreeError::Meanwhile {
                path,
                what: "another version of trust was published".to_owned(),
            },
            source => TreeError::Policy { path, source },
        })?;
        let newest = base.head.clone();
        let base = match begins_epoch(&old, trust) {
            true => base_of_epoch(writer.tree(), base, trust.body())?,
            false => {
                if let Some(newest) = &newest {
                    check_newest(writer.tree(), Some(&old), newest)?;
                }
                base
            }
        };
        if newest.as_ref().map(Document::id) != Some(judged.0) {
            check_judged(writer.tree(), &old, trust, newest.as_ref(), &base, judged.1)?;
        }
        let lines = base.lines(writer)?;
        let signing = Signing {
            term: self
                .keys
                .head_term
                .unwrap_or_else(|| publish::term_of(base.head.as_ref())),
            author: Author::new(series, self.keys.signers),
            trust: Some(trust.clone()),
            renew: takes_from_heads(old.newest().body(), trust.body()),
        };
        let publication = Publication {
            edition: Edition::default(),
            settings: writer.tree().settings().clone(),
            signing: Some(signing),
            now: self.now,
        };
        let head = publish::publish(writer, &base, &lines, &publication, self.watch)?;
        let left = match (begins_epoch(&old, trust), newest) {
            (true, Some(newest)) => published_since(writer.tree(), &old, &newest)?,
            _ => Vec::new(),
        };
        Ok((head, left))
    }
}

/// Whether a version of trust begins an epoch of heads.
fn begins_epoch(before: &Series, trust: &Document<Trust>) -> bool {
    trust.body().head_base.epoch > before.newest().body().head_base.epoch
}

/// Whether there may be heads that count under `before` and not under `after`. Then a head goes with it,
/// so that its slot decides which heads were published before it and which were not (COM-24).
#[must_use]
pub fn takes_from_heads(before: &Trust, after: &Trust) -> bool {
    let (old, new) = (&before.roles.head, &after.roles.head);
    before.head_base != after.head_base
        || new.threshold > old.threshold
        || !old.keys.iter().all(|key| new.keys.contains(key))
}

/// What is published, up to the head that a new epoch begins after.
fn base_of_epoch(tree: &Tree, base: Base, trust: &Trust) -> Result<Base, TreeError> {
    let begun = &trust.head_base;
    let epoch = begun.epoch - 1;
    let newest = base.head.as_ref().map(|head| head.body().epoch);
    let Some(version) = begun.version.filter(|_| newest == Some(epoch)) else {
        return Ok(base);
    };
    let slot = Place::HeadSlot { epoch, version };
    // TRUST-20: else all that is published would be lost.
    match tree.head_slot(epoch, version)? {
        Some(head) if Some(head.id()) == begun.id => Ok(Base {
            head: Some(head),
            ..base
        }),
        _ => Err(TreeError::Mismatch {
            path: tree.path(&slot),
            what: "the new epoch is to begin after another head of that version".to_owned(),
        }),
    }
}

/// Somebody has published since it was judged what is lost: refuses, where that is more now.
fn check_judged(
    tree: &Tree,
    series: &Series,
    trust: &Document<Trust>,
    newest: Option<&Document<Head>>,
    base: &Base,
    judged: &[Subject],
) -> Result<(), TreeError> {
    let kept = base.head.as_ref().map(Document::body);
    let mut now_lost = lost(tree, series, trust.body(), kept)?;
    if let (Some(newest), Some(kept)) = (newest, kept)
        && newest.body() != kept
    {
        now_lost.extend(left_behind(tree, newest.body(), kept).unwrap_or_default());
    }
    match now_lost.iter().find(|subject| !judged.contains(subject)) {
        None => Ok(()),
        Some(subject) => Err(TreeError::Meanwhile {
            path: tree.path(&Place::Head),
            what: format!("{subject} was published, which would be lost, too"),
        }),
    }
}

/// What was published behind `newest` while a new epoch was begun that leaves it behind.
fn published_since(
    tree: &Tree,
    series: &Series,
    newest: &Document<Head>,
) -> Result<Vec<Subject>, TreeError> {
    let line = Line {
        series: Some(series),
        head: newest,
    };
    let end = line.end(tree)?;
    // What a thief has published may be unreadable; it is left behind in any case.
    Ok(left_behind(tree, end.head.body(), newest.body()).unwrap_or_default())
}

/// The subjects of `head`, removed ones too, whose statements count under the newest trust, and would
/// not under `next`.
///
/// # Errors
/// When the tree cannot be read, or `next` does not follow.
pub fn lost(
    tree: &Tree,
    series: &Series,
    next: &Trust,
    head: Option<&Head>,
) -> Result<Vec<Subject>, TreeError> {
    let next = Document::new(next.clone()).map_err(|source| TreeError::Document {
        path: tree.path(&Place::Trust(next.version)),
        source,
    })?;
    let lines = publish::lines(tree, head)?;
    let mut lost = Vec::new();
    for line in lines.values().flat_map(|keys| keys.values()).flatten() {
        let statement = tree.statement(&line.statement)?;
        let counted = series.check_statement(&statement).is_ok();
        if counted && policy::check_statement(&next, &statement).is_err() {
            lost.push(statement.body().subject.clone());
        }
    }
    Ok(lost)
}

/// The references that a new epoch of heads drops, or takes back to an older image: those of the newest
/// head that are others in the head that the epoch begins after.
///
/// # Errors
/// When an index cannot be read.
pub fn left_behind(
    tree: &Tree,
    newest: &Head,
    begins_after: &Head,
) -> Result<Vec<Subject>, TreeError> {
    let (newest, kept) = (
        publish::lines(tree, Some(newest))?,
        publish::lines(tree, Some(begins_after))?,
    );
    let mut left = Vec::new();
    for (namespace, keys) in &newest {
        for (key, lines) in keys {
            let stay = kept.get(namespace).and_then(|keys| keys.get(key));
            let stays = |line: &&TagEntry| !stay.is_some_and(|lines| lines.contains(line));
            for line in lines.iter().filter(stays) {
                if let Some(repository) = views::repository(namespace, line) {
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
