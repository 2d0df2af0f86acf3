//! Copies a registry unchanged: the same trust, heads, statements and signatures, and the same id.

mod attached;

use std::collections::BTreeMap;
use std::path::Path;

use rayon::prelude::*;
use sreg_index::Chain;
use sreg_index::chain::sidecar_len;
use sreg_index::diff::Difference;
use sreg_index::hasher::Observer;
use sreg_index::index::{Index, diff, new_nodes};
use sreg_index::map::MapError;
use sreg_index::stamp::Stamp;
use sreg_model::attachment::Attachment;
use sreg_model::head::{Head, IndexRoot};
use sreg_model::layout::Place;
use sreg_model::node::TagEntry;
use sreg_model::statement::{Image, Subject};
use sreg_model::{Digest, Document, Namespace};
use sreg_registry::Registry;
use sreg_registry::heads::{self, HeadCursor};
use sreg_sign::TrustChain;

use crate::commit::{begin_views, show};
use crate::destination::Destination;
use crate::error::PublishError;
use crate::link::LinkMode;
use crate::progress::Progress;
use crate::recover::{Base, check_newest, create_trust, recover};
use crate::session::Session;
use crate::upload_check::{ensure_uploaded, is_uploaded};
use crate::writer::Writer;
use sreg_registry::RegistryError;

/// The number of simultaneous copies. The network is the limit, not the cores.
const AT_ONCE: usize = 16;

/// Downloads an image from a registry to a file, verified.
pub type Fetch<'a> =
    &'a (dyn Fn(&Registry, &Place, &Chain, &Path) -> Result<(), PublishError> + Sync);

/// A registry to copy.
pub struct Mirror<'a> {
    /// The source.
    pub from: &'a Registry,
    /// The folder for images from a server until they are uploaded.
    pub scratch: &'a Path,
    /// The function that downloads them.
    pub fetch: Fetch<'a>,
}

/// A running copy.
struct Copying<'a> {
    mirror: &'a Mirror<'a>,
    session: &'a Session<'a>,
}

/// The result of a copy.
#[derive(Debug, Clone)]
pub struct Mirrored {
    /// All trust versions; `None` if the registry has no keys.
    pub trust_chain: Option<TrustChain>,
    /// The newest head.
    pub head: Document<Head>,
    /// The number of copied versions.
    pub versions: usize,
    /// The number of copied images.
    pub images: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Whether an interrupted run was finished: trust, `head` or views were not those of the newest version.
    pub finished: bool,
}

/// Copies everything that the copy lacks.
///
/// # Errors
/// `Policy`, `Mismatch` or `Missing` if the source has faults; `HasKeys` or `Diverged` if the copy is another
/// registry or has versions of its own; otherwise those of reading and writing. Readers of the copy still see
/// the version before, whole.
pub fn mirror(
    destination: &Destination,
    session: &Session<'_>,
    mirror: &Mirror<'_>,
) -> Result<Mirrored, PublishError> {
    let copying = Copying { mirror, session };
    let pool = rayon::ThreadPoolBuilder::new().num_threads(AT_ONCE).build();
    match pool {
        Ok(pool) => pool.install(|| run(&copying, destination)),
        Err(_) => run(&copying, destination),
    }
}

fn run(copying: &Copying<'_>, destination: &Destination) -> Result<Mirrored, PublishError> {
    let from = copying.mirror.from;
    let source = copying.source()?;
    let newest = source.head.clone();
    let newest = newest.ok_or_else(|| RegistryError::NoHead(from.root().to_owned()))?;
    let mut writer = destination.open(from.settings(), copying.session.progress)?;
    let writer = &mut *writer;
    let base = recover(writer, copying.session.progress)?;
    check_same(writer.registry(), &source, &base)?;
    let (common, missing) = missing_heads(copying, writer.registry(), &source, &newest, &base)?;
    let published = common.as_ref().map(|head| &head.body().index);
    let mut before = published;
    for head in &missing {
        copying.copy_version(writer, before, &head.body().index)?;
        before = Some(&head.body().index);
    }
    let (images, bytes) = copying.copy_images(writer, published, &newest)?;
    writer.sync()?;
    let finished = publish(writer, copying, &source, (&base, common.as_ref()), &missing)?;
    Ok(Mirrored {
        trust_chain: source.trust_chain,
        head: newest,
        versions: missing.len(),
        images,
        bytes,
        finished,
    })
}

/// Refuses to overwrite another registry.
fn check_same(registry: &Registry, source: &Base, base: &Base) -> Result<(), PublishError> {
    let (Some(theirs), ours) = (&base.trust_chain, &source.trust_chain) else {
        return Ok(());
    };
    match ours {
        Some(ours) if ours.registry() == theirs.registry() => Ok(()),
        _ => Err(PublishError::HasKeys {
            place: registry.root().display().to_string(),
            registry: theirs.registry(),
        }),
    }
}

/// The newest common head, if any, and the heads that the copy lacks, oldest first.
type Heads = (Option<Document<Head>>, Vec<Document<Head>>);

/// Returns the heads to copy. The copy may have more than the newest common head only if an epoch of the
/// source dropped it.
fn missing_heads(
    copying: &Copying<'_>,
    copy: &Registry,
    source: &Base,
    newest: &Document<Head>,
    base: &Base,
) -> Result<Heads, PublishError> {
    let is_left_behind = base.head.as_ref().is_some_and(|head| {
        let (epoch, version) = (head.body().epoch, head.body().version);
        let trust_chain = source.trust_chain.as_ref();
        trust_chain.is_some_and(|trust_chain| trust_chain.is_abandoned(epoch, version))
    });
    let last = base.head.as_ref().map(Document::id);
    let mut missing = Vec::new();
    let mut next = Some(newest.clone());
    while let Some(head) = next {
        let (epoch, version) = (head.body().epoch, head.body().version);
        let is_common = Some(head.id()) == last
            || (is_left_behind
                && matches!(copy.head_slot(epoch, version), Ok(Some(found)) if found.id() == head.id()));
        if is_common {
            missing.reverse();
            return Ok((Some(head), missing));
        }
        next = heads::before(
            copying.mirror.from,
            head.body(),
            source.trust_chain.as_ref(),
        )?;
        missing.push(head);
    }
    // Without common trust and head, the copy is another registry, not an earlier epoch.
    let is_other = base.trust_chain.is_none() || !is_left_behind;
    match &base.head {
        Some(head) if is_other => Err(PublishError::Diverged {
            version: head.body().version,
            newest: newest.body().version,
        }),
        _ => {
            missing.reverse();
            Ok((None, missing))
        }
    }
}

/// Publishes what was copied, and finishes an interrupted run. Returns whether there was one.
fn publish(
    writer: &mut dyn Writer,
    copying: &Copying<'_>,
    source: &Base,
    (base, common): (&Base, Option<&Document<Head>>),
    missing: &[Document<Head>],
) -> Result<bool, PublishError> {
    let trust_chain = source.trust_chain.as_ref();
    let known =
        |trust_chain: Option<&TrustChain>| trust_chain.map_or(0, |all| all.newest().body().version);
    let (have, newest_trust) = (known(base.trust_chain.as_ref()), known(trust_chain));
    let Some(newest) = missing.last().or(common) else {
        return Ok(false);
    };
    let is_new = !missing.is_empty() || have < newest_trust;
    if is_new {
        begin_views(writer, base)?;
    }
    // Slots precede the trust that validates them: readers reach them from the head before.
    let mut before = common;
    for head in missing {
        let (epoch, version) = (head.body().epoch, head.body().version);
        let slot = Place::HeadSlot { epoch, version };
        let found = writer.registry().slot(&slot)?;
        let before_it = before.filter(|_| version > 1);
        let invalid = found
            .as_deref()
            .filter(|found| heads::following(trust_chain, before_it, &slot, found).is_none());
        writer.create(&slot, head.bytes(), invalid)?;
        before = Some(head);
    }
    for version in have + 1..=newest_trust {
        let trust = trust_chain.and_then(|trust_chain| trust_chain.version(version));
        let trust =
            trust.ok_or_else(|| PublishError::NoKeys(copying.mirror.from.root().to_owned()))?;
        create_trust(writer, trust)?;
    }
    writer.advance(HeadCursor {
        trust_chain,
        head: newest,
    })?;
    // A killed run may have left views unwritten, and no other run may follow (COM-30).
    let is_shown = base.views_at.as_ref().map(Document::id) == Some(newest.id());
    if is_new || !is_shown {
        copying.session.progress.committed(newest.body());
        let views_at = base.views_before(newest);
        show(
            writer,
            source.trust_chain.clone(),
            views_at,
            newest,
            copying.session.progress,
        )?;
    }
    Ok(missing.is_empty() && (is_new || !is_shown))
}

/// Why a node cannot be copied.
enum NodeError {
    Map(MapError),
    Copy(PublishError),
}

impl From<MapError> for NodeError {
    fn from(error: MapError) -> Self {
        Self::Map(error)
    }
}

impl From<PublishError> for NodeError {
    fn from(error: PublishError) -> Self {
        Self::Copy(error)
    }
}

impl Copying<'_> {
    /// Returns the source, checked against its keys and pins.
    fn source(&self) -> Result<Base, PublishError> {
        let base = Base::read(self.mirror.from)?;
        if let Some(head) = &base.head {
            check_newest(self.mirror.from, base.trust_chain.as_ref(), head)?;
        }
        base.check_known(self.mirror.from, self.session.pins)?;
        Ok(base)
    }

    /// Copies the nodes and statements that one version has and the previous one lacks.
    fn copy_version(
        &self,
        writer: &dyn Writer,
        before: Option<&IndexRoot>,
        index: &IndexRoot,
    ) -> Result<(), PublishError> {
        let from = self.mirror.from;
        let lines = self.changed_lines(before, index)?;
        lines.par_iter().try_for_each(|entry| {
            self.check_cancelled()?;
            let statement = from.statement(&entry.statement)?;
            writer.put(&Place::Statement(entry.statement), statement.bytes())
        })?;
        let copied = new_nodes(from, before, index, &|id, bytes| {
            self.check_cancelled()?;
            Ok::<_, NodeError>(writer.put(&Place::Node(*id), bytes)?)
        });
        copied.map_err(|error| match error {
            NodeError::Map(error) => from.map_error(error).into(),
            NodeError::Copy(error) => error,
        })
    }

    /// Returns the entries of an index that differ from the previous one.
    fn changed_lines(
        &self,
        before: Option<&IndexRoot>,
        index: &IndexRoot,
    ) -> Result<Vec<TagEntry>, PublishError> {
        let mut lines = Vec::new();
        diff(
            before.map(|root| Index::new(self.mirror.from, root)),
            Some(Index::new(self.mirror.from, index)),
            &mut |_: &Namespace, difference: Difference<TagEntry>| {
                lines.extend(difference.right);
                Ok::<_, MapError>(())
            },
        )
        .map_err(|error| self.mirror.from.map_error(error))?;
        Ok(lines)
    }

    /// Returns the error for a faulty file of the source.
    fn wrong(&self, place: &Place, what: String) -> PublishError {
        let path = self.mirror.from.path(place);
        RegistryError::Mismatch { path, what }.into()
    }

    fn check_cancelled(&self) -> Result<(), PublishError> {
        match self.session.progress.is_cancelled() {
            true => Err(RegistryError::Cancelled.into()),
            false => Ok(()),
        }
    }

    /// Copies the images, with digest chains and attachments, that the newest version has and the copy's
    /// lacks; those of the copy's version are already stored (COM-8).
    fn copy_images(
        &self,
        writer: &dyn Writer,
        before: Option<&IndexRoot>,
        head: &Document<Head>,
    ) -> Result<(usize, u64), PublishError> {
        let mut images: Vec<(Subject, Image)> = Vec::new();
        let mut attached: BTreeMap<Place, Attachment> = BTreeMap::new();
        let lines = self.changed_lines(before, &head.body().index)?;
        for entry in lines.iter().filter(|entry| entry.image.is_some()) {
            let statement = self.mirror.from.statement(&entry.statement)?;
            if let Some(image) = statement.body().image() {
                let subject = &statement.body().subject;
                for attachment in &image.attached {
                    let place = Place::blob(&subject.repository, attachment.digest);
                    attached.insert(place, attachment.clone());
                }
                images.push((subject.clone(), image.clone()));
            }
        }
        attached
            .par_iter()
            .try_for_each(|(place, attachment)| self.copy_attachment(writer, place, attachment))?;
        images.sort_by(|left, right| {
            (&left.0.repository, left.1.digest).cmp(&(&right.0.repository, right.1.digest))
        });
        images.dedup_by(|left, right| {
            (&left.0.repository, left.1.digest) == (&right.0.repository, right.1.digest)
        });
        let registry = writer.registry();
        let missing = images.into_par_iter().map(|(subject, image)| {
            self.check_cancelled()?;
            let chain = self.copy_chain(writer, &subject, &image)?;
            let place = Place::blob(&subject.repository, image.digest);
            let is_there = match registry.size(&place) {
                Ok(size) => size == image.size && is_uploaded(registry, &place, &chain)?,
                Err(RegistryError::Missing { .. }) => registry.settings().blob_url.is_some(),
                Err(error) => return Err(error.into()),
            };
            Ok((!is_there).then_some((place, image, chain)))
        });
        let missing = missing.collect::<Result<Vec<_>, PublishError>>()?;
        let missing: Vec<_> = missing.into_iter().flatten().collect();
        let bytes = missing.iter().map(|(_, image, _)| image.size).sum();
        self.session.progress.expect(bytes);
        // One after the other, because each is uploaded in parallel parts.
        for (place, image, chain) in &missing {
            self.copy_image(writer, place, image, chain)?;
        }
        Ok((missing.len(), bytes))
    }

    fn copy_chain(
        &self,
        writer: &dyn Writer,
        subject: &Subject,
        image: &Image,
    ) -> Result<Chain, PublishError> {
        let place = Place::blob(&subject.repository, image.chain);
        let most = usize::try_from(sidecar_len(image.size)).unwrap_or(usize::MAX - 1);
        let sidecar = self.mirror.from.read(&place, most)?;
        let wrong = |what: String| self.wrong(&place, what);
        let found = Digest::of(&sidecar);
        if found != image.chain {
            return Err(wrong(format!("digest is {found}")));
        }
        writer.put(&place, &sidecar)?;
        Chain::parse(sidecar, image.size, &image.digest).map_err(|error| wrong(error.to_string()))
    }

    fn copy_image(
        &self,
        writer: &dyn Writer,
        place: &Place,
        image: &Image,
        chain: &Chain,
    ) -> Result<(), PublishError> {
        let scratch = self.mirror.scratch.join(image.digest.hex());
        let file = match self.mirror.from.store().capabilities().folder {
            Some(_) => self.mirror.from.path(place),
            None => scratch.clone(),
        };
        if self.mirror.from.store().capabilities().folder.is_none() {
            (self.mirror.fetch)(self.mirror.from, place, chain, &file)?;
        } else {
            let mode = sreg_index::hasher::IoMode::Auto;
            let quiet = Quiet(self.session.progress);
            let broken = sreg_index::hasher::verify(&file, chain, mode, &quiet)?;
            if !broken.is_empty() {
                let what = "bytes do not match the digest";
                return Err(self.wrong(place, what.to_owned()));
            }
        }
        let metadata = std::fs::metadata(&file).map_err(PublishError::read(&file))?;
        let stamp = Stamp::of(&metadata);
        let whole = (&stamp, chain);
        ensure_uploaded(
            writer,
            place,
            &file,
            whole,
            (LinkMode::Auto, false),
            self.session.progress,
        )?;
        if self.mirror.from.store().capabilities().folder.is_none() {
            std::fs::remove_file(&scratch).map_err(PublishError::write(&scratch))?;
        }
        Ok(())
    }
}

/// Forwards only cancellation, because verification must not count as progress.
struct Quiet<'a>(&'a dyn Progress);

impl Observer for Quiet<'_> {
    fn advance(&self, _: u64) {}

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}
