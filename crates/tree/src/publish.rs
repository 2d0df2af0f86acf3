//! Publishes a new version of a registry (`spec/commit.md`).

mod arrival;
mod commit;
mod publisher;
mod recover;
mod signing;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sreg_index::hasher::Observer;
use sreg_index::index::{IndexChanges, update};
use sreg_index::map::MapError;
use sreg_model::attachment::Attachment;
use sreg_model::head::{Head, IndexRoot};
use sreg_model::layout::Place;
use sreg_model::node::TagEntry;
use sreg_model::settings::Settings;
use sreg_model::statement::{Image, Subject};
use sreg_model::trust::Trust;
use sreg_model::{Document, Namespace, canonical};
use sreg_store::{Local, Store};

pub(crate) use self::arrival::{arrived, bring_file};
pub(crate) use self::commit::{begin_views, carry_out, show};
pub use self::publisher::Publisher;
pub(crate) use self::recover::{Base, check_newest, create_trust, recover, recover_any};
pub use self::signing::{Keys, days};
pub(crate) use self::signing::{Signing, signing, term_of};
pub use self::state::Provided;
use self::state::changes;
use crate::error::TreeError;
use crate::shared::StoreWriter;
use crate::source::FoldedNames;
use crate::staging::FolderWriter;

use crate::tree::Tree;
use crate::views;
use crate::writer::{Nodes, Puts, Writer};

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
    /// What is attached to the images of subjects, which stay as they are else.
    pub attached: Vec<(Subject, Attachment)>,
    /// Statements that publishers signed, of subjects in `present`.
    pub provided: BTreeMap<Subject, Provided>,
}

/// Watches over a run that publishes.
pub trait Watch: Observer {
    /// Another run holds the lock of the output folder.
    fn waiting(&self) {}
    /// Something happened that the user should know, and that is no error.
    fn note(&self, _text: &str) {}
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

/// Where a registry is kept that is published to.
#[derive(Debug, Clone)]
pub struct Destination {
    /// The folder, the bucket.
    pub store: Arc<dyn Store>,
    /// Where it is noted what has arrived of an upload, so that a later run goes on; nothing: it
    /// begins anew.
    pub uploads: Option<PathBuf>,
    /// How many requests go to a store at once.
    pub at_once: usize,
}

impl Destination {
    /// A folder.
    #[must_use]
    pub fn folder(root: &Path) -> Self {
        Self {
            store: Arc::new(Local::new(root)),
            uploads: None,
            at_once: 1,
        }
    }

    /// Runs what waits for a store, with as many requests at once as may be.
    pub(crate) fn at_once<T: Send>(
        &self,
        run: impl FnOnce() -> Result<T, TreeError> + Send,
    ) -> Result<T, TreeError> {
        if self.at_once <= 1 || self.store.folder().is_some() {
            return run();
        }
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(self.at_once)
            .build();
        match pool {
            Ok(pool) => pool.install(run),
            // The system has no more threads: one after the other, then.
            Err(_) => run(),
        }
    }

    /// A writer of the tree that is there: a mistyped place is none.
    pub(crate) fn open_there(&self, watch: &dyn Watch) -> Result<Box<dyn Writer>, TreeError> {
        let tree = Tree::in_store(self.store.clone())?;
        match self.store.folder() {
            Some(_) => self.open(tree.settings(), watch),
            None => Ok(Box::new(StoreWriter::of(tree, self.uploads.as_deref())?)),
        }
    }

    /// A writer of the tree that is there, or of a new one with `settings`.
    pub(crate) fn open(
        &self,
        settings: &Settings,
        watch: &dyn Watch,
    ) -> Result<Box<dyn Writer>, TreeError> {
        Ok(match self.store.folder() {
            Some(folder) => Box::new(FolderWriter::open(folder, settings, watch)?),
            None => Box::new(StoreWriter::open(
                &self.store,
                settings,
                self.uploads.as_deref(),
            )?),
        })
    }
}

/// How often a run begins anew that somebody else was faster than.
const ATTEMPTS: u32 = 100;

/// Runs what publishes to `store`, and again from what is published then, where somebody else was faster.
pub(crate) fn until_won<T>(
    store: &dyn Store,
    mut run: impl FnMut() -> Result<T, TreeError>,
) -> Result<T, TreeError> {
    let mut attempts = 0;
    loop {
        attempts += 1;
        match run() {
            Err(error @ (TreeError::Conflict(_) | TreeError::Overtaken)) if attempts < ATTEMPTS => {
                tracing::debug!(attempts, %error, "somebody else has published: starting again");
                after_others(store, attempts)?;
            }
            ended => return ended,
        }
    }
}

/// Waits a moment after somebody else was faster, so often in a row, so that not all try again at once.
pub(crate) fn after_others(store: &dyn Store, times: u32) -> Result<(), TreeError> {
    let policy = store.retry_policy();
    let backoff = policy.backoff(times).min(MOST_WAIT);
    Ok(policy.interrupt.sleep(backoff)?)
}

/// The longest wait after somebody else has published: it takes them no longer.
const MOST_WAIT: std::time::Duration = std::time::Duration::from_secs(1);

/// Publishes `edition` into a tree, which is made where it is absent. Images and chains that it
/// names are put there by the caller. In a registry with keys, `keys` sign.
///
/// # Errors
/// When the tree cannot be read or written, a name collides with another, something cannot be
/// signed as trust asks, or the run is stopped. What was published before is then still there,
/// whole.
pub fn publish_edition(
    destination: &Destination,
    edition: Edition,
    keys: Option<&Keys<'_>>,
    now: u64,
    watch: &dyn Watch,
) -> Result<Document<Head>, TreeError> {
    let mut writer = destination.open(&Settings::default(), watch)?;
    let writer = &mut *writer;
    let base = recover(writer, watch)?;
    let lines = base.lines(writer)?;
    watch.loaded();
    let signing = signing(writer.tree(), &base, keys, &edition, &lines, now)?;
    let publication = Publication {
        settings: writer.tree().settings().clone(),
        edition,
        signing,
        now,
    };
    publish(writer, &base, &lines, &publication, watch)
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

/// A version that is made and signed, and not published yet.
pub(crate) struct Prepared {
    trust: Option<Document<Trust>>,
    /// The next head; nothing where the newest one stays.
    next: Option<Document<Head>>,
    settings: Settings,
    /// How many tags the next head has otherwise.
    changed: usize,
}

impl Prepared {
    /// Whether there is nothing to publish.
    pub(crate) fn is_nothing(&self, tree: &Tree) -> bool {
        self.next.is_none() && self.trust.is_none() && *tree.settings() == self.settings
    }
}

/// Makes and signs a version. Statements and nodes go to `puts`; nothing that readers see changes.
///
/// # Errors
/// When it may not be published.
pub(crate) fn prepare(
    tree: &Tree,
    puts: &dyn Puts,
    base: &Base,
    lines: &Lines,
    publication: &Publication<'_>,
) -> Result<Prepared, TreeError> {
    let signing = publication.signing.as_ref();
    check_case(lines, &publication.edition)?;
    let changes = changes(tree, puts, lines, publication)?;
    let changed = changes.values().map(|keys| keys.len()).sum();
    let old = base.head.as_ref().map(|head| &head.body().index);
    let index = update(tree, &Nodes(puts), old, changes).map_err(|error| tree.map_error(error))?;
    let kept = base.head.as_ref().filter(|head| {
        let due = signing.is_some_and(|signing| signing.is_due(head, publication.now));
        head.body().index == index && !due
    });
    let next = match kept {
        Some(_) => None,
        None => Some(next_head(tree, base, index, signing, publication.now)?),
    };
    Ok(Prepared {
        trust: signing.and_then(|signing| signing.trust.clone()),
        next,
        settings: publication.settings.clone(),
        changed,
    })
}

/// Publishes, unless it changes nothing: the head that then is the newest.
///
/// The images and chains that the edition names are in the tree already.
pub(crate) fn publish(
    writer: &mut dyn Writer,
    base: &Base,
    lines: &Lines,
    publication: &Publication<'_>,
    watch: &dyn Watch,
) -> Result<Document<Head>, TreeError> {
    let prepared = prepare(writer.tree(), writer, base, lines, publication)?;
    carry_out(writer, base, &prepared, watch)
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
