//! Publishes one image: checked before a byte leaves, and again where it arrived (`spec/commit.md`).

use std::path::Path;

use sreg_image::Image as ImageFile;
use sreg_index::Chain;
use sreg_index::hasher::{self, IoMode};
use sreg_index::map::MapError;
use sreg_index::stamp::Stamp;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::lock::Known;
use sreg_model::media_type::ImageFormat;
use sreg_model::statement::{Image, Subject};
use sreg_model::{Arch, Digest, Document, Repository, Tag};

use crate::error::TreeError;
use crate::publish::{
    Base, Destination, Edition, Keys, Lines, Prepared, Provided, Publication, Watch, arrived,
    carry_out, prepare, recover, signing, until_won,
};
use crate::source::FoldedNames;
use crate::tree::Tree;
use crate::views;
use crate::writer::{Deferred, Writer};

/// An image that is to be published.
pub struct Push<'a> {
    /// The file.
    pub image: &'a Path,
    /// Under which name.
    pub repository: Repository,
    /// Under which tag.
    pub tag: Tag,
    /// The architecture, where the image does not say its own.
    pub arch: Option<Arch>,
    /// Whether the tag never moves again.
    pub frozen: bool,
    /// The statement that its publisher signed, where there is one.
    pub statement: Option<Provided>,
    /// Who signs, in a registry with keys.
    pub keys: Option<&'a Keys<'a>>,
    /// What is known of the registry, if it is known.
    pub known: &'a [Known],
    /// How the image is read.
    pub io: IoMode,
    /// The time to state, in Unix seconds.
    pub now: u64,
    /// Who watches over the run.
    pub watch: &'a dyn Watch,
}

/// What came of it.
#[derive(Debug)]
pub struct Pushed {
    /// What was published.
    pub subject: Subject,
    /// The image's digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// The newest head.
    pub head: Document<Head>,
    /// Whether the image's bytes were sent; they were there already, where not.
    pub sent: bool,
    /// Whether there is a new version; all of it was published already, where not.
    pub changed: bool,
}

/// Publishes an image.
///
/// # Errors
/// When the image is malformed, the keys may not sign what is to be said of it, the tag may not move,
/// or the registry cannot be read or written. What was published before is then still there, whole.
pub fn push(destination: &Destination, push: &Push<'_>) -> Result<Pushed, TreeError> {
    let (subject, format) = push.subject()?;
    // A mistyped place is told before the image is read; a folder is locked after that.
    Tree::in_store(destination.store.clone())?;
    let metadata = std::fs::metadata(push.image).map_err(TreeError::read(push.image))?;
    let stamp = Stamp::of(&metadata);
    push.watch.expect(stamp.size.saturating_mul(2));
    let hashed = hasher::hash(push.image, push.io, push.watch)?;
    let image = Image {
        digest: hashed.chain.digest(),
        size: hashed.chain.size(),
        chain: hashed.chain.sidecar_digest(),
        format,
        frozen: push.frozen,
        urls: Vec::new(),
    };
    let mut sent = None;
    let mut writer = destination.open_there(push.watch)?;
    let run = || {
        let (base, prepared, puts) = push.prepare(&*writer, &subject, &image)?;
        let changed = !prepared.is_nothing(writer.tree());
        if sent.is_none() {
            sent = Some(bring(&*writer, &subject, push, &stamp, &hashed.chain)?);
        }
        puts.write(&*writer)?;
        let head = carry_out(&mut *writer, &base, &prepared, push.watch)?;
        Ok(Pushed {
            subject: subject.clone(),
            digest: image.digest,
            size: image.size,
            head,
            sent: sent.unwrap_or(false),
            changed,
        })
    };
    destination.at_once(|| until_won(push.watch, run))
}

impl Push<'_> {
    /// What the image is to be published as, and its format: its headers are sound, and agree.
    fn subject(&self) -> Result<(Subject, ImageFormat), TreeError> {
        let file = ImageFile::open(self.image).map_err(|error| {
            TreeError::Source(vec![crate::source::SourceFault::new(
                error.code(),
                self.image,
                crate::explain(&error),
            )])
        })?;
        let arch = match (self.arch, file.arch()) {
            (Some(named), Arch::Unknown) => named,
            (Some(named), header) if named != header => {
                let what = format!("--arch says {named}, but its header says {header}");
                let fault = crate::source::SourceFault::new("arch-mismatch", self.image, what);
                return Err(TreeError::Source(vec![fault]));
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

    /// Makes and signs the next version, as far as that can be done without writing.
    fn prepare(
        &self,
        writer: &dyn Writer,
        subject: &Subject,
        image: &Image,
    ) -> Result<(Base, Prepared, Deferred), TreeError> {
        let base = recover(writer, self.watch)?;
        let tree = writer.tree();
        base.check_known(tree, self.known)?;
        let lines = lines_of(tree, base.head.as_ref().map(Document::body), subject)?;
        let mut edition = Edition {
            present: vec![(subject.clone(), image.clone())],
            ..Edition::default()
        };
        if let Some(statement) = &self.statement {
            edition.provided.insert(subject.clone(), statement.clone());
        }
        let signing = signing(tree, &base, self.keys, &edition, &lines, self.now)?;
        let publication = Publication {
            edition,
            settings: tree.settings().clone(),
            signing,
            now: self.now,
        };
        let puts = Deferred::default();
        let prepared = prepare(tree, &puts, &base, &lines, &publication)?;
        Ok((base, prepared, puts))
    }
}

/// The lines of a subject's namespace. Where that is new, no other may differ from it by case alone.
fn lines_of(tree: &Tree, head: Option<&Head>, subject: &Subject) -> Result<Lines, TreeError> {
    let mut lines = Lines::new();
    let Some(head) = head else {
        return Ok(lines);
    };
    let (index, namespace) = (tree.index(head), subject.repository.namespace());
    let found = views::lines_of_namespace(tree, index, namespace)?;
    if found.is_empty() {
        let mut names = FoldedNames::default();
        // Alone it collides with nothing.
        let _ = names.insert(namespace.as_str());
        let mut other = None;
        let found = index.namespaces(&mut |entry| {
            if names.collision(entry.namespace.as_str()).is_some() {
                other = Some(entry.namespace.to_string());
            }
            Ok::<_, MapError>(())
        });
        found.map_err(|error| tree.map_error(error))?;
        return match other {
            Some(other) => Err(TreeError::CaseCollision(other, namespace.to_string())),
            None => Ok(lines),
        };
    }
    let keys = lines.entry(namespace.clone()).or_default();
    for line in found {
        keys.entry(line.key.as_str().to_owned())
            .or_default()
            .push(line);
    }
    Ok(lines)
}

/// Brings an image and its chain into the tree, and checks that they arrived: whether the image was
/// sent.
fn bring(
    writer: &dyn Writer,
    subject: &Subject,
    push: &Push<'_>,
    stamp: &Stamp,
    chain: &Chain,
) -> Result<bool, TreeError> {
    let tree = writer.tree();
    let place = Place::blob(&subject.repository, chain.sidecar_digest());
    // What is there is read, which costs less than to send it.
    let is_there = tree.read(&place, chain.sidecar().len());
    match is_there {
        Ok(found) if found == chain.sidecar() => {}
        Ok(_) | Err(TreeError::Missing { .. }) => writer.put(&place, chain.sidecar())?,
        Err(error) => return Err(error),
    }
    if tree.settings().blob_url.is_some() {
        return Ok(false);
    }
    let place = Place::blob(&subject.repository, chain.digest());
    if arrived(tree, &place, chain)? {
        push.watch.advance(stamp.size);
        return Ok(false);
    }
    writer.put_image(&place, push.image, stamp, push.watch)?;
    match arrived(tree, &place, chain)? {
        true => Ok(true),
        false => Err(TreeError::Mismatch {
            path: tree.path(&place),
            what: "what has arrived there is not what was sent".to_owned(),
        }),
    }
}
