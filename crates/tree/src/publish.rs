//! Publishes a new version of a registry (`spec/commit.md`).

mod recover;
mod signing;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use sreg_index::hasher::Observer;
use sreg_index::index::{IndexChanges, update};
use sreg_index::map::MapError;
use sreg_model::head::{Head, IndexRoot};
use sreg_model::layout::Place;
use sreg_model::node::TagEntry;
use sreg_model::settings::Settings;
use sreg_model::statement::{Image, Subject};
use sreg_model::trust::Trust;
use sreg_model::{Document, Namespace, canonical};

pub(crate) use self::recover::{Base, recover};
pub use self::signing::{Keys, days};
pub(crate) use self::signing::{Signing, signing, term_of};
pub use self::state::Provided;
use self::state::changes;
use crate::error::TreeError;
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
    /// Subjects whose statements are made anew, with what they say now.
    pub again: Vec<Subject>,
    /// Statements that publishers signed, of subjects in `present`.
    pub provided: BTreeMap<Subject, Provided>,
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
/// chains that it names are put there by the caller. In a registry with keys, `keys` sign.
///
/// # Errors
/// When the tree cannot be read or written, a name collides with another, something cannot be
/// signed as trust asks, or the run is stopped. What was published before is then still there,
/// whole.
pub fn publish_edition(
    root: &Path,
    edition: Edition,
    keys: Option<&Keys<'_>>,
    now: u64,
    watch: &dyn Watch,
) -> Result<Document<Head>, TreeError> {
    let mut writer = Writer::open(root, &Settings::default(), watch, &|| watch.waiting())?;
    let base = recover(&writer, watch)?;
    let lines = base.lines(&writer)?;
    watch.loaded();
    let signing = signing(&writer, &base, keys, &edition, &lines, now)?;
    let publication = Publication {
        settings: writer.tree().settings().clone(),
        edition,
        signing,
        now,
    };
    publish(&mut writer, &base, &lines, &publication, watch)
}

/// The subjects that an edition says nothing of.
pub(crate) fn others(lines: &Lines, edition: &Edition) -> Vec<Subject> {
    let present = edition.present.iter().map(|(subject, _)| subject);
    let removed = edition.removed.iter().map(|(subject, _)| subject);
    let stated: BTreeSet<&Subject> = present.chain(removed).collect();
    let subjects = lines.iter().flat_map(|(namespace, keys)| {
        let lines = keys.values().flatten();
        lines.filter_map(move |line| {
            Some(Subject {
                repository: views::repository(namespace, line)?,
                tag: line.key.tag(),
                arch: line.arch,
            })
        })
    });
    subjects
        .filter(|subject| !stated.contains(subject))
        .collect()
}

/// What is to be published, and who signs it.
pub(crate) struct Publication<'a> {
    pub(crate) edition: Edition,
    pub(crate) settings: Settings,
    /// Nothing in a registry without keys.
    pub(crate) signing: Option<Signing<'a>>,
    /// The time to state, in Unix seconds.
    pub(crate) now: u64,
}

/// Publishes, unless it changes nothing: the head that then is the newest.
///
/// The images and chains that the edition names are in the tree already. Up to the commit nothing
/// that readers see changes; what comes after it is finished by the next run if this one is killed.
pub(crate) fn publish(
    writer: &mut Writer,
    base: &Base,
    lines: &Lines,
    publication: &Publication<'_>,
    watch: &dyn Watch,
) -> Result<Document<Head>, TreeError> {
    let (settings, signing) = (&publication.settings, publication.signing.as_ref());
    check_case(lines, &publication.edition)?;
    let changes = changes(writer, lines, publication)?;
    let tree = writer.tree();
    let old = base.head.as_ref().map(|head| &head.body().index);
    let index = update(tree, &*writer, old, changes).map_err(|error| tree.map_error(error))?;
    let same_settings = tree.settings() == settings;
    let kept = base.head.as_ref().filter(|head| {
        let due = signing.is_some_and(|signing| signing.is_due(head, publication.now));
        head.body().index == index && !due
    });
    let trust = signing.and_then(|signing| signing.trust.as_ref());
    if let Some(head) = kept
        && same_settings
        && trust.is_none()
    {
        return Ok(head.clone());
    }
    // Signed before anything is changed.
    let next = match kept {
        Some(_) => None,
        None => Some(next_head(tree, base, index, signing, publication.now)?),
    };
    let shown = base
        .shown
        .as_ref()
        .filter(|_| same_settings)
        .map(Document::body);
    let version = shown.map(|head| Version {
        epoch: head.epoch,
        version: head.version,
    });
    writer.write_journal(&Journal::new(version).with(trust, next.as_ref()))?;
    writer.sync()?;
    let newest = commit(writer, trust, next.as_ref())?;
    let newest = newest
        .or(kept)
        .ok_or_else(|| TreeError::NoHead(writer.tree().root().to_owned()))?;
    if !same_settings {
        writer.replace_settings(settings)?;
    }
    watch.committed(newest.body());
    match views::roll_forward(writer, shown, newest.body(), watch) {
        // What they show cannot be read: a thief's head that a new epoch leaves behind, say.
        Err(TreeError::Map { .. }) if shown.is_some() => {
            views::roll_forward(writer, None, newest.body(), watch)?;
        }
        rolled => rolled?,
    }
    writer.sync()?;
    writer.clear_journal()?;
    Ok(newest.clone())
}

/// The head after the one that is there, signed where the registry has keys.
fn next_head(
    tree: &Tree,
    base: &Base,
    index: IndexRoot,
    signing: Option<&Signing<'_>>,
    now: u64,
) -> Result<Document<Head>, TreeError> {
    let issued = now.min(canonical::MAX_INTEGER);
    let before = base.head.as_ref();
    let last = |head: &&Document<Head>| head.body().version == canonical::MAX_INTEGER;
    let Some(signing) = signing else {
        if before.filter(last).is_some() {
            return Err(TreeError::LastVersion(tree.root().to_owned()));
        }
        let head = Head::unsigned(index, issued, before.map(|head| (head.body(), head.id())));
        return Document::new(head).map_err(|source| TreeError::Document {
            path: tree.path(&Place::Head),
            source,
        });
    };
    let begun = &signing.author.trust().body().head_base;
    let before = before.filter(|head| head.body().epoch == begun.epoch);
    if before.filter(last).is_some() {
        return Err(TreeError::LastVersion(tree.root().to_owned()));
    }
    let head = Head {
        epoch: begun.epoch,
        expires: Some(issued.saturating_add(signing.term)),
        previous: before.map_or(begun.id, |head| Some(head.id())),
        version: before.map_or(1, |head| head.body().version + 1),
        ..Head::unsigned(index, issued, None)
    };
    signing
        .author
        .head(head)
        .map_err(|source| signing::unsigned(tree, "the head".to_owned(), source))
}

/// Makes trust and head what readers see. Trust comes first: a head that names trust which is not
/// there yet could not be told from one of a thief.
fn commit<'a>(
    writer: &Writer,
    trust: Option<&Document<Trust>>,
    head: Option<&'a Document<Head>>,
) -> Result<Option<&'a Document<Head>>, TreeError> {
    if let Some(trust) = trust {
        writer.create(&Place::Trust(trust.body().version), trust.bytes())?;
    }
    if let Some(head) = head {
        let (epoch, version) = (head.body().epoch, head.body().version);
        writer.create(&Place::HeadSlot { epoch, version }, head.bytes())?;
        writer.replace(&Place::Head, head.bytes())?;
    }
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
