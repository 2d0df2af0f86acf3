//! Publishes one image: checks it before the upload, and checks the upload (`spec/commit.md`).

use std::path::Path;

use sreg_image::Image as ImageFile;
use sreg_index::Chain;
use sreg_index::hasher::{self, IoMode};
use sreg_index::stamp::Stamp;
use sreg_model::fault::Code;
use sreg_model::layout::Place;
use sreg_model::media_type::ImageFormat;
use sreg_model::statement::{Image, Subject};
use sreg_model::{Arch, Digest, Repository, Tag};

use crate::attempts::until_won;
use crate::changeset::{Changeset, Provided};
use crate::commit::Published;
use crate::destination::Destination;
use crate::error::PublishError;
use crate::link::LinkMode;
use crate::progress::Progress;
use crate::session::Session;
use crate::upload_check::ensure_uploaded;
use crate::writer::Writer;

/// An image to publish.
pub struct Push<'a> {
    /// The file.
    pub image: &'a Path,
    /// The repository.
    pub repository: Repository,
    /// The tag.
    pub tag: Tag,
    /// The architecture, if the image does not state one.
    pub arch: Option<Arch>,
    /// Whether the tag is frozen.
    pub frozen: bool,
    /// The statement signed by its publisher, if any.
    pub statement: Option<Provided>,
    /// How to read the image.
    pub io: IoMode,
}

/// The result of a push.
#[derive(Debug)]
pub struct Pushed {
    /// The published subject or version.
    pub subject: Subject,
    /// The image's digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The published subject or version.
    pub published: Published,
    /// Whether the image's bytes were uploaded; `false` if they were already stored.
    pub sent: bool,
}

/// A hashed image, ready to publish.
pub struct Prepared<'a> {
    push: &'a Push<'a>,
    subject: Subject,
    image: Image,
    /// The file as it was when it was hashed.
    stamp: Stamp,
    chain: Chain,
}

/// Publishes an image: [`prepare`], then [`publish`].
///
/// # Errors
/// `Source` if the image is invalid; `Signed` or `Unsigned` if the keys may not sign; `Frozen` if the tag may
/// not move; otherwise those of reading and writing. What was published before remains whole.
pub fn push(
    destination: &Destination,
    session: &Session<'_>,
    push: &Push<'_>,
) -> Result<Pushed, PublishError> {
    push.subject()?;
    // A mistyped location is reported before the image is read; a folder is locked after that.
    let destination = &destination.opened()?;
    let prepared = prepare(push, session.progress)?;
    publish(destination, session, &prepared)
}

/// Hashes an image.
///
/// # Errors
/// `Source` if the image is malformed or of another architecture; `Read` or `Hash` if it cannot be read or changes;
/// `Cancelled` if the observer asks to stop.
pub fn prepare<'a>(
    push: &'a Push<'a>,
    progress: &dyn Progress,
) -> Result<Prepared<'a>, PublishError> {
    let metadata = std::fs::metadata(push.image).map_err(PublishError::read(push.image))?;
    let stamp = Stamp::of(&metadata);
    progress.expect(stamp.size.saturating_mul(2));
    let hashed = hasher::hash(push.image, push.io, progress)?;
    prepare_hashed(push, stamp, hashed.chain)
}

/// Prepares an image that was hashed already, such as while it arrived. The file must be as `stamp` states until it
/// is published.
///
/// # Errors
/// `Source` if the image is malformed or of another architecture.
pub fn prepare_hashed<'a>(
    push: &'a Push<'a>,
    stamp: Stamp,
    chain: Chain,
) -> Result<Prepared<'a>, PublishError> {
    let (subject, format) = push.subject()?;
    let image = Image {
        digest: chain.digest(),
        size: chain.size(),
        chain: chain.sidecar_digest(),
        format,
        frozen: push.frozen,
        urls: Vec::new(),
        attached: Vec::new(),
    };
    Ok(Prepared {
        push,
        subject,
        image,
        stamp,
        chain,
    })
}

/// Publishes a prepared image.
///
/// # Errors
/// `NotARegistry` if there is no registry; `Frozen` if the tag must not move; `Signed` or `Unsigned` if the keys may
/// not sign the statement; otherwise those of reading or writing the registry. What was published before is then
/// still there, whole.
pub fn publish(
    destination: &Destination,
    session: &Session<'_>,
    prepared: &Prepared<'_>,
) -> Result<Pushed, PublishError> {
    let (progress, push) = (session.progress, prepared.push);
    let (subject, image) = (&prepared.subject, &prepared.image);
    let mut sent = None;
    let mut writer = destination.open_there(progress)?;
    let run = |attempt| {
        let base = session.base(&*writer, attempt)?;
        let stated = (subject, push.changeset(subject, image));
        let published = session.publish(&mut *writer, &base, stated, |writer| {
            if sent.is_none() {
                let whole = (&prepared.stamp, &prepared.chain);
                sent = Some(bring(writer, subject, push.image, whole, progress)?);
            }
            Ok(())
        })?;
        Ok(Pushed {
            subject: subject.clone(),
            digest: image.digest,
            size: image.size,
            published,
            sent: sent.unwrap_or(false),
        })
    };
    destination.at_once(|| until_won(&*destination.store, run))
}

impl Push<'_> {
    /// Returns the subject and format of the image, whose headers must be sound and agree.
    fn subject(&self) -> Result<(Subject, ImageFormat), PublishError> {
        let file = ImageFile::open(self.image).map_err(|error| {
            PublishError::Source(vec![crate::SourceFault::new(
                error.code(),
                self.image,
                sreg_registry::explain(&error),
            )])
        })?;
        let arch = match (self.arch, file.arch()) {
            (Some(named), Arch::Unknown) => named,
            (Some(named), header) if named != header => {
                let what = format!("--arch says {named}, but its header says {header}");
                let fault = crate::SourceFault::new(Code::ArchMismatch, self.image, what);
                return Err(PublishError::Source(vec![fault]));
            }
            (_, header) => header,
        };
        let subject = Subject {
            repository: self.repository.clone(),
            tag: self.tag.clone(),
            arch,
        };
        Ok((subject, file.format()))
    }

    fn changeset(&self, subject: &Subject, image: &Image) -> Changeset {
        let mut changeset = Changeset {
            present: vec![(subject.clone(), image.clone())],
            ..Changeset::default()
        };
        if let Some(statement) = &self.statement {
            changeset
                .provided
                .insert(subject.clone(), statement.clone());
        }
        changeset
    }
}

/// Uploads an image and its digest chain, and checks the upload. Returns whether the image was uploaded.
fn bring(
    writer: &dyn Writer,
    subject: &Subject,
    image: &Path,
    (stamp, chain): (&Stamp, &Chain),
    progress: &dyn Progress,
) -> Result<bool, PublishError> {
    let registry = writer.registry();
    let place = Place::blob(&subject.repository, chain.sidecar_digest());
    // A digest chain is written before its image: if it was absent, the image is absent or incomplete.
    let is_absent = writer.put_if_absent(&place, chain.sidecar())?;
    if registry.settings().blob_url.is_some() {
        return Ok(false);
    }
    let place = Place::blob(&subject.repository, chain.digest());
    let (whole, how) = ((stamp, chain), (LinkMode::Auto, is_absent));
    ensure_uploaded(writer, &place, image, whole, how, progress)
}
