//! The statements of a version: new ones, unchanged ones, and those that publishers provide.

use std::collections::HashSet;

use rayon::prelude::*;
use sreg_index::index::IndexChanges;
use sreg_model::attachment::{self, Attachment};
use sreg_model::layout::Place;
use sreg_model::node::{ImageSize, TagEntry, TagKey};
use sreg_model::statement::{Claim, Statement, Subject};
use sreg_model::{Digest, Document, Namespace, canonical, document};
use sreg_registry::Registry;
use sreg_registry::derive::Entries;
use sreg_sign::policy;

use crate::changeset::{Changeset, Provided};
use crate::error::PublishError;
use crate::signing::{Signing, unsigned};
use crate::writer::Puts;
use sreg_registry::RegistryError;

/// The wanted statement of a subject.
enum Wanted<'a> {
    /// This claim, unless it is already published; with the publisher's own statement, if any.
    Claim(Claim, Option<&'a Provided>),
    /// The current claim, re-signed.
    Again,
    /// The current claim with this attachment.
    With(&'a Attachment),
}

/// Writes a statement for every subject that changes, and returns their entries.
pub(crate) fn changes(
    registry: &Registry,
    puts: &dyn Puts,
    published: &Entries,
    changeset: &Changeset,
    signing: Option<&Signing<'_>>,
    now: u64,
) -> Result<IndexChanges, PublishError> {
    let states = States {
        registry,
        puts,
        published,
        signing,
        now,
    };
    let present = changeset.present.par_iter().map(|(subject, image)| {
        let provided = changeset.provided.get(subject);
        (
            subject,
            Wanted::Claim(Claim::Present(image.clone()), provided),
        )
    });
    let removed = changeset.removed.par_iter().map(|(subject, reason)| {
        let reason = reason.clone();
        (subject, Wanted::Claim(Claim::Removed { reason }, None))
    });
    let again = changeset
        .again
        .par_iter()
        .map(|subject| (subject, Wanted::Again));
    let attached = changeset.attached.par_iter();
    let attached = attached.map(|(subject, attachment)| (subject, Wanted::With(attachment)));
    let stated: Vec<Result<Option<(Namespace, TagEntry)>, PublishError>> = present
        .chain(removed)
        .chain(again)
        .chain(attached)
        .map(|(subject, wanted)| states.state(subject, wanted))
        .collect();
    let entries = all_or_every_refusal(registry, stated)?;
    // Their statements may not be written yet.
    let new: HashSet<Digest> = entries
        .iter()
        .flatten()
        .map(|(_, entry)| entry.statement)
        .collect();
    let mut changes = IndexChanges::new();
    for (namespace, entry) in entries.into_iter().flatten() {
        let key = entry.key.as_str().to_owned();
        let published = published.get(&namespace).and_then(|keys| keys.get(&key));
        let of_namespace = changes.entry(namespace).or_default();
        let of_key = of_namespace
            .entry(key)
            .or_insert_with(|| published.cloned().unwrap_or_default());
        of_key.retain(|other| other.arch != entry.arch);
        let mut others = of_key
            .iter()
            .filter(|other| !new.contains(&other.statement));
        others.try_for_each(|other| check_stated(registry, other))?;
        of_key.push(entry);
        of_key.sort_by_key(|other| other.arch);
    }
    Ok(changes)
}

/// Returns all results. If keys are missing for some, returns all refusals at once.
fn all_or_every_refusal<T>(
    registry: &Registry,
    results: Vec<Result<T, PublishError>>,
) -> Result<Vec<T>, PublishError> {
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(one) => found.push(one),
            Err(PublishError::Unsigned { refused: more, .. }) => refused.extend(more),
            Err(error) => return Err(error),
        }
    }
    match refused.is_empty() {
        true => Ok(found),
        false => Err(PublishError::Unsigned {
            registry: registry.root().to_owned(),
            refused,
        }),
    }
}

/// Refuses to publish on top of an entry whose statement is lost: the next version would lack it too, and its
/// views could not be written.
fn check_stated(registry: &Registry, entry: &TagEntry) -> Result<(), RegistryError> {
    let place = Place::Statement(entry.statement);
    registry.size(&place).map(|_| ())
}

/// The context for making statements.
struct States<'a> {
    registry: &'a Registry,
    puts: &'a dyn Puts,
    published: &'a Entries,
    signing: Option<&'a Signing<'a>>,
    now: u64,
}

impl States<'_> {
    /// Makes the wanted statement of `subject`, unless the existing entry already matches.
    fn state(
        &self,
        subject: &Subject,
        wanted: Wanted<'_>,
    ) -> Result<Option<(Namespace, TagEntry)>, PublishError> {
        let registry = self.registry;
        let entry = self.entry(subject);
        let is_claim = matches!(wanted, Wanted::Claim(..));
        if let (Wanted::With(_), Some(entry)) = (&wanted, entry) {
            self.check_counts(subject, entry)?;
        }
        let said = |entry: &TagEntry| {
            Ok::<_, PublishError>(registry.statement(&entry.statement)?.body().claim.clone())
        };
        let (mut claim, mut provided, is_new) = match (wanted, entry) {
            (Wanted::Claim(claim, provided), _) => (claim, provided, false),
            (Wanted::Again | Wanted::With(_), None) => return Ok(None),
            (Wanted::Again, Some(entry)) => (said(entry)?, None, true),
            (Wanted::With(attachment), Some(entry)) => {
                let before = said(entry)?;
                let claim = with(before.clone(), attachment)?;
                let is_new = claim != before;
                (claim, None, is_new)
            }
        };
        // A published statement is not new.
        provided = provided.filter(|provided| {
            entry.is_none_or(|entry| entry.statement != provided.statement.id())
        });
        let image = size_of(&claim);
        let same = entry.filter(|entry| entry.image == image);
        if let Some(entry) = same {
            check_stated(registry, entry)?;
            if !is_new && !self.is_restated(entry, provided)? {
                return Ok(None);
            }
            if is_claim && provided.is_none() {
                // Other fields remain: frozen, URLs and attachments.
                claim = said(entry)?;
            }
        }
        let previous = entry
            .map(|entry| registry.statement(&entry.statement))
            .transpose()?;
        if let Some(previous) = &previous
            && same.is_none()
            && previous.body().image().is_some_and(|image| image.frozen)
        {
            return Err(PublishError::Frozen(subject.to_string()));
        }
        if let (Some(signing), Some(previous)) = (self.signing, &previous)
            && !signing.may_follow(previous)
        {
            return Err(PublishError::NeverValid(subject.to_string()));
        }
        let statement = match provided {
            Some(provided) => self.check_provided(provided, subject, &claim, previous.as_ref())?,
            None => self.make(subject, claim, previous.as_ref())?,
        };
        if let Some(previous) = previous
            && previous.body().epoch > statement.body().epoch
        {
            return Err(RegistryError::Mismatch {
                path: registry.path(&Place::Statement(previous.id())),
                what: format!(
                    "is of epoch {}, but trust is at epoch {} for its name: no statement can follow it",
                    previous.body().epoch,
                    statement.body().epoch
                ),
            }.into());
        }
        self.puts
            .put(&Place::Statement(statement.id()), statement.bytes())?;
        let entry = TagEntry {
            arch: subject.arch,
            image,
            key: TagKey::new(subject.repository.name(), &subject.tag),
            statement: statement.id(),
        };
        Ok(Some((subject.repository.namespace().clone(), entry)))
    }

    fn entry(&self, subject: &Subject) -> Option<&TagEntry> {
        let key = TagKey::new(subject.repository.name(), &subject.tag);
        let keys = self.published.get(subject.repository.namespace())?;
        let entries = keys.get(key.as_str())?;
        entries.iter().find(|entry| entry.arch == subject.arch)
    }

    /// Refuses an attachment to an invalid statement, which would be re-signed unseen.
    fn check_counts(&self, subject: &Subject, entry: &TagEntry) -> Result<(), PublishError> {
        let Some(signing) = self.signing else {
            return Ok(());
        };
        let current = self.registry.statement(&entry.statement)?;
        match policy::is_by_counting_keys(signing.author.trust().body(), &current) {
            true => Ok(()),
            false => Err(PublishError::NoLongerValid(subject.to_string())),
        }
    }

    /// Returns whether a matching entry needs a new statement: its statement is no longer valid, or the
    /// publisher provides a later one.
    fn is_restated(
        &self,
        entry: &TagEntry,
        provided: Option<&Provided>,
    ) -> Result<bool, PublishError> {
        let Some(signing) = self.signing else {
            return Ok(false);
        };
        let current = self.registry.statement(&entry.statement)?;
        let is_later =
            |provided: &Provided| provided.statement.body().previous == Some(current.id());
        Ok(provided.is_some_and(is_later)
            || !policy::is_by_counting_keys(signing.author.trust().body(), &current))
    }

    fn make(
        &self,
        subject: &Subject,
        claim: Claim,
        previous: Option<&Document<Statement>>,
    ) -> Result<Document<Statement>, PublishError> {
        let statement = Statement {
            subject: subject.clone(),
            registry: None,
            epoch: 0,
            seq: previous.map_or(1, |previous| previous.body().seq + 1),
            previous: previous.map(Document::id),
            issued: self.now.min(canonical::MAX_INTEGER),
            expires: None,
            claim,
        };
        match self.signing {
            Some(signing) => signing
                .author
                .statement(statement)
                .map_err(|source| unsigned(self.registry, subject.to_string(), source)),
            None => Document::new(statement).map_err(|source| {
                RegistryError::Document {
                    path: self.registry.root().to_owned(),
                    source,
                }
                .into()
            }),
        }
    }

    /// Checks a publisher's statement: it must contain the wanted claim, follow the previous one, and be
    /// publishable now.
    fn check_provided(
        &self,
        provided: &Provided,
        subject: &Subject,
        claim: &Claim,
        previous: Option<&Document<Statement>>,
    ) -> Result<Document<Statement>, PublishError> {
        let path = provided.path.clone();
        let body = provided.statement.body();
        let mismatch = |what: String| {
            Err(PublishError::from(RegistryError::Mismatch {
                path: path.clone(),
                what,
            }))
        };
        if body.subject != *subject {
            return mismatch(format!(
                "is for {}, but the image beside it is {subject}",
                body.subject
            ));
        }
        let content = |claim: &Claim| match claim {
            Claim::Present(image) => Some((image.digest, image.size, image.chain, image.format)),
            Claim::Removed { .. } => None,
        };
        if content(&body.claim) != content(claim) {
            return mismatch("is for another image than the one beside it".to_owned());
        }
        for attachment in body.image().iter().flat_map(|image| &image.attached) {
            let place = Place::blob(&subject.repository, attachment.digest);
            let size = self.registry.size(&place)?;
            if size != attachment.size {
                return mismatch(format!(
                    "states {} with {} bytes, but the image has {size}",
                    attachment.digest, attachment.size
                ));
            }
        }
        let seq = previous.map_or(1, |previous| previous.body().seq + 1);
        if body.seq != seq || body.previous != previous.map(Document::id) {
            return mismatch(format!(
                "is number {} for {subject}, expected number {seq}",
                body.seq
            ));
        }
        let Some(signing) = self.signing else {
            return mismatch("is signed, but the registry has no keys".to_owned());
        };
        policy::check_new_statement(signing.author.trust(), &provided.statement)
            .map_err(|source| RegistryError::Policy { path, source })?;
        Ok(provided.statement.clone())
    }
}

/// Returns the claim with an attachment, which replaces an earlier one of the same file.
fn with(mut claim: Claim, attachment: &Attachment) -> Result<Claim, PublishError> {
    if let Claim::Present(image) = &mut claim {
        let before = image.attached.iter_mut();
        match before.into_iter().find(|one| one.is_same(attachment)) {
            Some(one) => *one = attachment.clone(),
            None => image.attached.push(attachment.clone()),
        }
        attachment::check(&image.attached).map_err(PublishError::Attachment)?;
        check_room(&image.attached)?;
    }
    Ok(claim)
}

/// The maximal size of all attachment descriptions in a statement, in bytes: half of it, which leaves space
/// for signatures and other fields.
const MOST_SAID: usize = document::MAX_BYTES / 2;

fn check_room(attached: &[Attachment]) -> Result<(), PublishError> {
    let said = attached
        .iter()
        .map(|one| canonical::to_line(one).len())
        .sum();
    match said <= MOST_SAID {
        true => Ok(()),
        false => Err(PublishError::NoRoom(said, MOST_SAID)),
    }
}

fn size_of(claim: &Claim) -> Option<ImageSize> {
    match claim {
        Claim::Present(image) => Some(ImageSize {
            digest: image.digest,
            size: image.size,
        }),
        Claim::Removed { .. } => None,
    }
}
