//! Attaches a file to an image that is published: a signature of others, an SBOM (`spec/statement.md`).

use std::path::Path;

use sreg_index::hasher::{self, IoMode};
use sreg_index::stamp::Stamp;
use sreg_model::attachment::{self, Attachment};
use sreg_model::layout::Place;
use sreg_model::node::TagEntry;
use sreg_model::statement::Subject;
use sreg_model::{Arch, Reference};
use sreg_registry::{Registry, RegistryError};

use crate::attempts::until_won;
use crate::changeset::Changeset;
use crate::commit::Published;
use crate::destination::Destination;
use crate::link::LinkMode;
use crate::recover::Base;
use crate::session::Session;
use crate::upload_check::ensure_uploaded;

/// A file that is to be attached.
pub struct Attach<'a> {
    /// The file.
    pub file: &'a Path,
    /// Its media type.
    pub media: String,
    /// The name that it is to have.
    pub name: String,
    /// What its manifest is annotated with, as `<key>=<value>`, by key.
    pub annotations: Vec<String>,
    /// To which image: by its tag, perhaps with its digest.
    pub reference: Reference,
    /// For which architecture that is, where there are several.
    pub arch: Option<Arch>,
    /// How the file is read.
    pub io: IoMode,
}

/// What came of it.
#[derive(Debug)]
pub struct Attached {
    /// To what it was attached.
    pub subject: Subject,
    /// What was attached.
    pub attachment: Attachment,
    /// What was published.
    pub published: Published,
}

/// Publishes the next statement about an image, with which the file belongs to it.
///
/// # Errors
/// When there is no such image or several, the file cannot be described so, the keys may not sign, or the
/// registry cannot be read or written. What was published before is then still there, whole.
pub fn attach(
    destination: &Destination,
    session: &Session<'_>,
    attach: &Attach<'_>,
) -> Result<Attached, RegistryError> {
    let progress = session.progress;
    // A mistyped place is told before the file is read.
    let destination = &destination.opened()?;
    let metadata = std::fs::metadata(attach.file).map_err(RegistryError::read(attach.file))?;
    let stamp = Stamp::of(&metadata);
    progress.expect(stamp.size.saturating_mul(2));
    let chain = hasher::hash(attach.file, attach.io, progress)?.chain;
    let attachment = Attachment {
        annotations: (!attach.annotations.is_empty()).then(|| attach.annotations.clone()),
        digest: chain.digest(),
        media: attach.media.clone(),
        name: attach.name.clone(),
        size: chain.size(),
    };
    attachment::check(std::slice::from_ref(&attachment)).map_err(RegistryError::Attachment)?;
    let mut writer = destination.open_there(progress)?;
    let run = || {
        let base = session.base(&*writer)?;
        let subject = attach.subject(writer.registry(), &base)?;
        let changeset = Changeset {
            attached: vec![(subject.clone(), attachment.clone())],
            ..Changeset::default()
        };
        let place = Place::blob(&subject.repository, attachment.digest);
        let stated = (&subject, changeset);
        let published = session.publish(&mut *writer, &base, stated, |writer| {
            // No link: such files are rewritten in place more often than images.
            let whole = (&stamp, &chain);
            ensure_uploaded(writer, &place, attach.file, whole, LinkMode::Copy, progress).map(drop)
        })?;
        Ok(Attached {
            subject,
            attachment: attachment.clone(),
            published,
        })
    };
    destination.at_once(|| until_won(&*destination.store, run))
}

impl Attach<'_> {
    /// The one subject that the reference names.
    fn subject(&self, registry: &Registry, base: &Base) -> Result<Subject, RegistryError> {
        let lines = match &base.head {
            Some(head) => registry.lines(head.body(), &self.reference)?,
            None => Vec::new(),
        };
        let present: Vec<&TagEntry> = lines.iter().filter(|line| line.image.is_some()).collect();
        let is_meant = |line: &&&TagEntry| self.arch.is_none_or(|arch| arch == line.arch);
        let found: Vec<&TagEntry> = present.iter().filter(is_meant).copied().collect();
        match found[..] {
            [line] => Ok(Subject {
                repository: self.reference.repository().clone(),
                tag: line.key.tag(),
                arch: line.arch,
            }),
            _ => Err(RegistryError::NotOneImage {
                reference: self.reference.to_string(),
                archs: present.iter().map(|line| line.arch).collect(),
            }),
        }
    }
}
