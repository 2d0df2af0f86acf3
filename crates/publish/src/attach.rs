//! Attaches a file to a published image: another tool's signature, an SBOM (`spec/statement.md`).

use std::path::Path;

use sreg_index::hasher::{self, IoMode};
use sreg_index::stamp::Stamp;
use sreg_model::attachment::{self, Attachment};
use sreg_model::layout::Place;
use sreg_model::node::TagEntry;
use sreg_model::statement::Subject;
use sreg_model::{Arch, Reference};
use sreg_registry::Registry;

use crate::attempts::until_won;
use crate::changeset::Changeset;
use crate::commit::Published;
use crate::destination::Destination;
use crate::error::PublishError;
use crate::link::LinkMode;
use crate::recover::Base;
use crate::session::Session;
use crate::upload_check::ensure_uploaded;

/// A file to attach.
pub struct Attach<'a> {
    /// The file.
    pub file: &'a Path,
    /// Its media type.
    pub media: String,
    /// The name to publish it under.
    pub name: String,
    /// The annotations of its manifest, as `<key>=<value>`, by key.
    pub annotations: Vec<String>,
    /// The image: a tag, optionally with its digest.
    pub reference: Reference,
    /// The image's architecture, if the tag has several.
    pub arch: Option<Arch>,
    /// How to read the file.
    pub io: IoMode,
}

/// The result of an attachment.
#[derive(Debug)]
pub struct Attached {
    /// The image's subject.
    pub subject: Subject,
    /// The attachment.
    pub attachment: Attachment,
    /// The published version.
    pub published: Published,
}

/// Publishes the next statement for an image, which lists the file as attached.
///
/// # Errors
/// `NotOneImage` if the reference names no image or several; `NoLongerValid` if the image's statement is no
/// longer valid; `Attachment` or `NoRoom` if the file cannot be described; `Signed` or `Unsigned` if the keys
/// may not sign; otherwise those of reading or writing the registry. What was published before remains whole.
pub fn attach(
    destination: &Destination,
    session: &Session<'_>,
    attach: &Attach<'_>,
) -> Result<Attached, PublishError> {
    let progress = session.progress;
    // Report a mistyped place before the file is read.
    let destination = &destination.opened()?;
    let metadata = std::fs::metadata(attach.file).map_err(PublishError::read(attach.file))?;
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
    attachment::check(std::slice::from_ref(&attachment)).map_err(PublishError::Attachment)?;
    let mut writer = destination.open_there(progress)?;
    let run = |attempt| {
        let base = session.base(&*writer, attempt)?;
        let subject = attach.subject(writer.registry(), &base)?;
        let changeset = Changeset {
            attached: vec![(subject.clone(), attachment.clone())],
            ..Changeset::default()
        };
        let place = Place::blob(&subject.repository, attachment.digest);
        let stated = (&subject, changeset);
        let published = session.publish(&mut *writer, &base, stated, |writer| {
            // Never a link: such files are rewritten in place more often than images.
            let whole = (&stamp, &chain);
            ensure_uploaded(
                writer,
                &place,
                attach.file,
                whole,
                (LinkMode::Copy, false),
                progress,
            )
            .map(drop)
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
    /// Returns the one subject that the reference names.
    fn subject(&self, registry: &Registry, base: &Base) -> Result<Subject, PublishError> {
        let entries = match &base.head {
            Some(head) => registry.entries(head.body(), &self.reference)?,
            None => Vec::new(),
        };
        let present: Vec<&TagEntry> = entries
            .iter()
            .filter(|entry| entry.image.is_some())
            .collect();
        let is_meant = |entry: &&&TagEntry| self.arch.is_none_or(|arch| arch == entry.arch);
        let found: Vec<&TagEntry> = present.iter().filter(is_meant).copied().collect();
        match found[..] {
            [entry] => Ok(Subject {
                repository: self.reference.repository().clone(),
                tag: entry.key.tag(),
                arch: entry.arch,
            }),
            _ => Err(PublishError::NotOneImage {
                reference: self.reference.to_string(),
                archs: present.iter().map(|entry| entry.arch).collect(),
            }),
        }
    }
}
