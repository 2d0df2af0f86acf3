//! Publishes a new version of a registry (`spec/commit.md`).

use std::fs;
use std::path::Path;

use rayon::prelude::*;
use sreg_index::hasher::Observer;
use sreg_index::index::{IndexChanges, update};
use sreg_index::map::MapError;
use sreg_model::canonical;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::node::{ImageSize, TagEntry, TagKey};
use sreg_model::settings::Settings;
use sreg_model::statement::{Claim, Image, Statement, Subject};
use sreg_model::{Document, Namespace};
use sreg_sign::{Standing, standing};

use crate::error::TreeError;
use crate::history;
use crate::source::FoldedNames;
use crate::staging::{Journal, Version, Writer};
use crate::tree::Tree;
use crate::views;

/// All lines of an index, by namespace and key.
pub type Lines = IndexChanges;

/// What a registry is to say of some subjects. Others stay as they are.
#[derive(Debug, Default)]
pub struct Edition {
    /// The images of subjects that are present.
    pub present: Vec<(Subject, Image)>,
    /// Subjects that are gone, and why.
    pub removed: Vec<(Subject, String)>,
}

/// Watches over a run that publishes.
pub trait Watch: Observer {
    /// Another run holds the lock of the output folder.
    fn waiting(&self) {}
    /// The index that was published before is loaded.
    fn loaded(&self) {}
    /// A version is committed; its views are still to be written.
    fn committed(&self, _head: &Head) {}
}

/// Finishes what a killed run began: moves `head` on to the newest version, and brings the
/// views to it. Returns that head, or nothing where nothing was published yet.
pub(crate) fn recover(
    writer: &Writer,
    observer: &dyn Observer,
) -> Result<Option<Document<Head>>, TreeError> {
    let tree = writer.tree();
    let Some(newest) = history::newest(tree)? else {
        writer.clear_journal()?;
        return Ok(None);
    };
    if standing(&newest) == Standing::Unchecked {
        return Err(TreeError::Signed(tree.root().to_owned()));
    }
    writer.put(&Place::Head, newest.bytes())?;
    if let Some(journal) = writer.journal() {
        let shown = match journal.shown {
            Some(Version { epoch, version }) => tree.head_slot(epoch, version)?,
            None => None,
        };
        views::roll_forward(
            writer,
            shown.as_ref().map(Document::body),
            newest.body(),
            observer,
        )?;
        writer.clear_journal()?;
    }
    Ok(Some(newest))
}

/// All lines of the index that `head` names.
pub(crate) fn lines(tree: &Tree, head: Option<&Head>) -> Result<Lines, TreeError> {
    let mut lines = Lines::new();
    if let Some(head) = head {
        tree.index(head)
            .walk(&mut |namespace: &Namespace, entry: TagEntry| {
                let of_namespace = lines.entry(namespace.clone()).or_default();
                of_namespace
                    .entry(entry.key.as_str().to_owned())
                    .or_default()
                    .push(entry);
                Ok::<_, MapError>(())
            })
            .map_err(|error| tree.map_error(error))?;
    }
    Ok(lines)
}

/// Publishes `edition` into the tree at `root`, which is made where it is absent. Images and
/// chains that it names are put there by the caller.
///
/// # Errors
/// When the tree cannot be read or written, a name collides with another, or the run is
/// stopped. What was published before is then still there, whole.
pub fn publish_edition(
    root: &Path,
    edition: &Edition,
    now: u64,
    watch: &dyn Watch,
) -> Result<Document<Head>, TreeError> {
    let mut writer = Writer::open(root, &Settings::default(), watch, &|| watch.waiting())?;
    let head = recover(&writer, watch)?;
    let lines = lines(writer.tree(), head.as_ref().map(Document::body))?;
    let settings = writer.tree().settings().clone();
    watch.loaded();
    publish(&mut writer, head, &lines, edition, &settings, now, watch)
}

/// Publishes `edition`, unless it changes nothing: the head that then is the newest.
///
/// The images and chains that it names are in the tree already. Up to the commit nothing that
/// readers see changes; what comes after it is finished by the next run if this one is killed.
pub(crate) fn publish(
    writer: &mut Writer,
    head: Option<Document<Head>>,
    lines: &Lines,
    edition: &Edition,
    settings: &Settings,
    now: u64,
    watch: &dyn Watch,
) -> Result<Document<Head>, TreeError> {
    check_case(lines, edition)?;
    let changes = changes(writer, lines, edition, now)?;
    let tree = writer.tree();
    let old = head.as_ref().map(|head| &head.body().index);
    let index = update(tree, &*writer, old, changes).map_err(|error| tree.map_error(error))?;
    let same_index = old == Some(&index);
    let same_settings = tree.settings() == settings;
    if let Some(head) = &head
        && same_index
        && same_settings
    {
        return Ok(head.clone());
    }
    if let Some(head) = &head
        && !same_index
        && head.body().version == canonical::MAX_INTEGER
    {
        return Err(TreeError::LastVersion(tree.root().to_owned()));
    }
    let shown = head.as_ref().filter(|_| same_settings).map(Document::body);
    writer.write_journal(&Journal::new(shown.map(|head| Version {
        epoch: head.epoch,
        version: head.version,
    })))?;
    writer.sync()?;
    let newest = match &head {
        Some(head) if same_index => head.clone(),
        _ => commit(writer, head.as_ref(), index, now)?,
    };
    if !same_settings {
        writer.replace_settings(settings)?;
    }
    watch.committed(newest.body());
    views::roll_forward(writer, shown, newest.body(), watch)?;
    writer.sync()?;
    writer.clear_journal()?;
    Ok(newest)
}

fn commit(
    writer: &Writer,
    previous: Option<&Document<Head>>,
    index: sreg_model::head::IndexRoot,
    now: u64,
) -> Result<Document<Head>, TreeError> {
    let head = Head::unsigned(index, now, previous.map(|head| (head.body(), head.id())));
    let slot = Place::HeadSlot {
        epoch: head.epoch,
        version: head.version,
    };
    let head = Document::new(head).map_err(|source| TreeError::Document {
        path: writer.tree().path(&slot),
        source,
    })?;
    writer.create(&slot, head.bytes())?;
    writer.replace(&Place::Head, head.bytes())?;
    Ok(head)
}

/// A name that is new may not differ from another by case alone.
fn check_case(lines: &Lines, edition: &Edition) -> Result<(), TreeError> {
    let mut new = FoldedNames::default();
    for (subject, _) in &edition.present {
        let reference = format!("{}:{}", subject.repository, subject.tag);
        new.insert(&reference)
            .map_err(|other| TreeError::CaseCollision(other, reference))?;
    }
    // What is published does not collide with itself, and most namespaces with nothing new.
    for (namespace, keys) in lines
        .iter()
        .filter(|(namespace, _)| new.has_folded(namespace.as_str()))
    {
        for key in keys.keys() {
            let reference = format!("{namespace}/{key}");
            if let Some(other) = new.collision(&reference) {
                return Err(TreeError::CaseCollision(reference, other.clone()));
            }
        }
    }
    Ok(())
}

/// Writes a statement for every subject that changes, and gives the lines that name them.
fn changes(
    writer: &Writer,
    lines: &Lines,
    edition: &Edition,
    now: u64,
) -> Result<IndexChanges, TreeError> {
    let present = edition
        .present
        .par_iter()
        .map(|(subject, image)| (subject, Claim::Present(image.clone())));
    let removed = edition.removed.par_iter().map(|(subject, reason)| {
        (
            subject,
            Claim::Removed {
                reason: reason.clone(),
            },
        )
    });
    let entries = present
        .chain(removed)
        .map(|(subject, claim)| state(writer, lines, subject, claim, now))
        .collect::<Result<Vec<_>, _>>()?;
    let mut changes = IndexChanges::new();
    for (namespace, entry) in entries.into_iter().flatten() {
        let key = entry.key.as_str().to_owned();
        let published = lines.get(&namespace).and_then(|keys| keys.get(&key));
        let of_namespace = changes.entry(namespace).or_default();
        let of_key = of_namespace
            .entry(key)
            .or_insert_with(|| published.cloned().unwrap_or_default());
        of_key.retain(|line| line.arch != entry.arch);
        of_key
            .iter()
            .try_for_each(|line| check_stated(writer.tree(), line))?;
        of_key.push(entry);
        of_key.sort_by_key(|line| line.arch);
    }
    Ok(changes)
}

/// Refuses to publish on top of a line whose statement is lost: the next version would have the
/// same hole, and views could not be written.
fn check_stated(tree: &Tree, line: &TagEntry) -> Result<(), TreeError> {
    let place = Place::Statement(line.statement);
    match fs::metadata(tree.path(&place)) {
        Ok(_) => Ok(()),
        Err(error) => Err(TreeError::read_place(tree.root(), &place)(error)),
    }
}

/// States `claim` about `subject`, unless the line that is there says it already.
fn state(
    writer: &Writer,
    lines: &Lines,
    subject: &Subject,
    claim: Claim,
    now: u64,
) -> Result<Option<(Namespace, TagEntry)>, TreeError> {
    let key = TagKey::new(subject.repository.name(), &subject.tag);
    let namespace = subject.repository.namespace().clone();
    let line = lines
        .get(&namespace)
        .and_then(|keys| keys.get(key.as_str()))
        .and_then(|lines| lines.iter().find(|line| line.arch == subject.arch));
    let image = match &claim {
        Claim::Present(image) => Some(ImageSize {
            digest: image.digest,
            size: image.size,
        }),
        Claim::Removed { .. } => None,
    };
    if let Some(line) = line.filter(|line| line.image == image) {
        check_stated(writer.tree(), line)?;
        return Ok(None);
    }
    let previous = line
        .map(|line| writer.tree().statement(&line.statement))
        .transpose()?;
    let statement = Statement {
        subject: subject.clone(),
        registry: None,
        epoch: 0,
        seq: previous
            .as_ref()
            .map_or(1, |previous| previous.body().seq + 1),
        previous: previous.as_ref().map(Document::id),
        issued: now.min(canonical::MAX_INTEGER),
        expires: None,
        claim,
    };
    let statement = Document::new(statement).map_err(|source| TreeError::Document {
        path: writer.tree().root().to_owned(),
        source,
    })?;
    writer.put(&Place::Statement(statement.id()), statement.bytes())?;
    Ok(Some((
        namespace,
        TagEntry {
            arch: subject.arch,
            image,
            key,
            statement: statement.id(),
        },
    )))
}
