//! Changes of a registry with keys without new images: create, renew, re-sign, change trust.

mod trust;

use sreg_index::hasher::Observer;
use sreg_index::stamp::Stamp;
use sreg_model::layout::Place;
use sreg_model::settings::Settings;
use sreg_model::statement::{Claim, Statement, Subject};
use sreg_model::{Digest, Document, Reference, canonical};
use sreg_registry::derive::{Entries, entries};
use sreg_registry::{Registry, heads};
use sreg_sign::TrustChain;

use crate::attempts::until_won;
use crate::changeset::{Changeset, others};
use crate::commit::{self, Published};
use crate::destination::Destination;
use crate::error::PublishError;
use crate::link::LinkMode;
use crate::recover::{Base, recover};
use crate::session::Session;
use crate::signing::{Keys, signing};
use crate::version::Publication;
use crate::writer::Writer;
use sreg_registry::RegistryError;

pub use self::trust::{invalidated, takes_from_heads};

/// Returns the keys of a session, which a change requires.
fn keys<'a>(session: &Session<'a>) -> Result<&'a Keys<'a>, PublishError> {
    session.keys.ok_or(PublishError::OneKey(0))
}

impl Session<'_> {
    /// Creates a registry in which one key may sign everything; with the images of the registry `from`, if
    /// given.
    ///
    /// # Errors
    /// `HasKeys` if there is already a registry with keys; `OneKey` unless there is exactly one key;
    /// otherwise those of writing the registry.
    pub fn begin(
        &self,
        destination: &Destination,
        from: Option<&Registry>,
    ) -> Result<Published, PublishError> {
        let keys = keys(self)?;
        if keys.signers.len() != 1 {
            return Err(PublishError::OneKey(keys.signers.len()));
        }
        let settings = from.map_or_else(Settings::default, |registry| registry.settings().clone());
        let writer = destination.open(&settings, self.progress)?;
        let (mut writer, base) = self.recovered(writer)?;
        if base.trust_chain.is_none() && base.head.is_some() {
            return Err(PublishError::Published(writer.registry().root().to_owned()));
        }
        if let Some(trust_chain) = &base.trust_chain {
            return Err(PublishError::HasKeys {
                place: writer.registry().root().display().to_string(),
                registry: trust_chain.registry(),
            });
        }
        let entries = base.entries(&*writer)?;
        let mut changeset = Changeset::default();
        if let Some(from) = from {
            changeset.present = bring_all(&*writer, from, self.progress)?;
        }
        changeset.again = others(&entries, &changeset);
        self.publish_lines(&mut *writer, &base, &entries, changeset)
    }

    /// Re-signs the current version with a later expiry.
    ///
    /// # Errors
    /// `Unsigned` if the keys may not sign it; otherwise those of writing the registry.
    pub fn renew(&self, destination: &Destination) -> Result<Published, PublishError> {
        until_won(&*destination.store, |_| {
            self.sign_again(destination, &|_| false)
        })
        .map(|(published, _)| published)
    }

    /// Re-signs the statements of the subjects in `chosen` that are no longer valid. Returns the published
    /// version, and the subjects that were signed.
    ///
    /// # Errors
    /// `Unsigned` if the keys may not sign it; `NeverValid` if a statement was never valid; otherwise those
    /// of writing the registry.
    pub fn sign_again(
        &self,
        destination: &Destination,
        chosen: &dyn Fn(&Subject) -> bool,
    ) -> Result<(Published, Vec<Subject>), PublishError> {
        let (mut writer, base) = self.open_there(destination)?;
        let Some(trust_chain) = &base.trust_chain else {
            return Err(PublishError::NoKeys(writer.registry().root().to_owned()));
        };
        let entries = base.entries(&*writer)?;
        let mut changeset = Changeset::default();
        for subject in others(&entries, &changeset) {
            if !chosen(&subject) {
                continue;
            }
            match standing(writer.registry(), trust_chain, &entries, &subject)? {
                Standing::Counts => {}
                Standing::CountedOnce(_) => changeset.again.push(subject),
                // A holder of a head key has published it without the right to.
                Standing::Never => return Err(PublishError::NeverValid(subject.to_string())),
            }
        }
        let again = changeset.again.clone();
        let published = self.publish_lines(&mut *writer, &base, &entries, changeset)?;
        Ok((published, again))
    }

    /// Opens an existing registry.
    fn open_there(
        &self,
        destination: &Destination,
    ) -> Result<(Box<dyn Writer>, Base), PublishError> {
        self.recovered(destination.open_there(self.progress)?)
    }

    fn recovered(&self, writer: Box<dyn Writer>) -> Result<(Box<dyn Writer>, Base), PublishError> {
        let base = recover(&*writer, self.progress)?;
        base.check_known(writer.registry(), self.pins)?;
        Ok((writer, base))
    }

    fn publish_lines(
        &self,
        writer: &mut dyn Writer,
        base: &Base,
        entries: &Entries,
        changeset: Changeset,
    ) -> Result<Published, PublishError> {
        let signing = signing(
            writer.registry(),
            base,
            self.keys,
            &changeset,
            entries,
            self.now,
        )?;
        let publication = Publication {
            changeset,
            settings: writer.registry().settings().clone(),
            signing,
            now: self.now,
        };
        commit::publish(writer, base, entries, &publication, self.progress)
    }
}

/// Links or copies every image of another registry. Returns the changeset that publishes them.
fn bring_all(
    writer: &dyn Writer,
    from: &Registry,
    observer: &dyn Observer,
) -> Result<Vec<(Subject, sreg_model::statement::Image)>, PublishError> {
    let trust_chain = from.trust_chain()?;
    let head = heads::newest(from, trust_chain.as_ref())?;
    let entries = entries(from, head.as_ref().map(Document::body))?;
    let mut present = Vec::new();
    for entry in entries.values().flat_map(|keys| keys.values()).flatten() {
        let statement = from.statement(&entry.statement)?;
        let Some(image) = statement.body().image() else {
            continue;
        };
        let subject = statement.body().subject.clone();
        let mut digests = vec![image.chain];
        if from.settings().blob_url.is_none() {
            digests.push(image.digest);
        }
        digests.extend(image.attached.iter().map(|attachment| attachment.digest));
        for digest in digests {
            let place = Place::blob(&subject.repository, digest);
            let file = from.path(&place);
            let metadata =
                std::fs::metadata(&file).map_err(RegistryError::read_place(from.root(), &place))?;
            let stamp = Stamp::of(&metadata);
            writer.put_file(&place, &file, &stamp, LinkMode::Auto, observer)?;
        }
        let image = sreg_model::statement::Image {
            frozen: false,
            ..image.clone()
        };
        present.push((subject, image));
    }
    Ok(present)
}

/// The validity of a subject's newest statement.
enum Standing {
    Counts,
    /// It was valid under an earlier trust version.
    CountedOnce(Option<Digest>),
    Never,
}

fn standing(
    registry: &Registry,
    trust_chain: &TrustChain,
    entries: &Entries,
    subject: &Subject,
) -> Result<Standing, PublishError> {
    let key = sreg_model::node::TagKey::new(subject.repository.name(), &subject.tag);
    let entries = entries.get(subject.repository.namespace());
    let entries = entries.and_then(|keys| keys.get(key.as_str()));
    let entry = entries.and_then(|entries| entries.iter().find(|entry| entry.arch == subject.arch));
    match entry {
        Some(entry) => {
            let statement = registry.statement(&entry.statement)?;
            Ok(match trust_chain.check_statement(&statement) {
                Ok(_) => Standing::Counts,
                Err(_) if trust_chain.counted_once(&statement) => {
                    Standing::CountedOnce(entry.image.map(|image| image.digest))
                }
                Err(_) => Standing::Never,
            })
        }
        None => Ok(Standing::Counts),
    }
}

/// Returns the next statement for a subject, unsigned. Keeps the attachments of the same image.
///
/// # Errors
/// `Frozen` if the tag is frozen; otherwise those of reading the registry.
pub fn next_statement(
    registry: &Registry,
    trust_chain: &TrustChain,
    subject: &Subject,
    mut claim: Claim,
    now: u64,
) -> Result<Statement, PublishError> {
    let head = heads::newest(registry, Some(trust_chain))?;
    if let Some(head) = &head {
        let path = registry.path(&Place::Head);
        let checked = trust_chain.check_newest_head(head);
        checked.map_err(|source| RegistryError::Policy { path, source })?;
    }
    let tag = subject.tag.clone();
    let reference = Reference::tagged(subject.repository.clone(), tag);
    let entries = match &head {
        Some(head) => registry.entries(head.body(), &reference)?,
        None => Vec::new(),
    };
    let entry = entries.iter().find(|entry| entry.arch == subject.arch);
    let previous = entry
        .map(|entry| registry.statement(&entry.statement))
        .transpose()?;
    if let Some(before) = &previous
        && !trust_chain.counted_once(before)
    {
        return Err(PublishError::NeverValid(subject.to_string()));
    }
    let before = previous.as_ref().and_then(|before| before.body().image());
    if let Some(before) = before
        && before.frozen
    {
        return Err(PublishError::Frozen(subject.to_string()));
    }
    if let (Some(before), Claim::Present(image)) = (before, &mut claim)
        && before.digest == image.digest
    {
        image.attached.clone_from(&before.attached);
    }
    Ok(Statement {
        subject: subject.clone(),
        registry: None,
        epoch: 0,
        seq: previous.as_ref().map_or(1, |before| before.body().seq + 1),
        previous: previous.as_ref().map(Document::id),
        issued: now.min(canonical::MAX_INTEGER),
        expires: None,
        claim,
    })
}

/// Returns whether a subject is below a namespace or a reference, as in `sreg ls`; an empty name contains
/// all.
#[must_use]
pub fn is_below(subject: &Subject, below: &str) -> bool {
    let reference = format!("{}:{}", subject.repository, subject.tag);
    reference
        .strip_prefix(below.trim_end_matches('/'))
        .is_some_and(|rest| below.is_empty() || rest.is_empty() || rest.starts_with(['/', ':']))
}

/// Returns the keys that validly signed the newest statement of an entry.
///
/// # Errors
/// `Policy` if the statement is not valid; otherwise those of reading it.
pub fn signers(
    registry: &Registry,
    trust_chain: &TrustChain,
    entry: &sreg_model::node::TagEntry,
) -> Result<Vec<sreg_model::Fingerprint>, RegistryError> {
    let statement = registry.statement(&entry.statement)?;
    trust_chain
        .check_statement(&statement)
        .map_err(|source| RegistryError::Policy {
            path: registry.path(&Place::Statement(entry.statement)),
            source,
        })
}

/// Returns the subjects below a name, as in `sreg ls`, whose statements are no longer valid, each with its
/// image.
///
/// # Errors
/// `NothingBelow` if nothing is published below the name; `NeverValid` if a statement was never validly
/// signed; otherwise those of reading the registry.
pub fn to_sign_again(
    registry: &Registry,
    below: &str,
) -> Result<Vec<(Subject, Option<Digest>)>, PublishError> {
    let trust_chain = registry.trust_chain()?;
    let trust_chain =
        trust_chain.ok_or_else(|| PublishError::NoKeys(registry.root().to_owned()))?;
    let head = heads::newest(registry, Some(&trust_chain))?;
    let entries = entries(registry, head.as_ref().map(Document::body))?;
    let (mut found, mut any) = (Vec::new(), below.is_empty());
    for subject in others(&entries, &Changeset::default()) {
        if !is_below(&subject, below) {
            continue;
        }
        any = true;
        match standing(registry, &trust_chain, &entries, &subject)? {
            Standing::Counts => {}
            Standing::CountedOnce(digest) => found.push((subject, digest)),
            Standing::Never => return Err(PublishError::NeverValid(subject.to_string())),
        }
    }
    match any {
        true => Ok(found),
        false => Err(PublishError::NothingBelow(below.to_owned())),
    }
}
