//! Verifies a published registry, or one reference in it: all faults, not only the first
//! (`spec/layout.md`, `spec/index.md`, `spec/commit.md`).

mod content;
mod earlier;
mod files;
mod heads;
mod keys;
mod look_again;
mod nodes;
mod views;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use serde::Serialize;
use sreg_index::hasher::{IoMode, Observer};
use sreg_model::fault::Code;

pub use sreg_model::fault::Class;
use sreg_model::head::Head;
use sreg_model::layout::{FoldedRepository, Place};
use sreg_model::lock::{Pin, StatementVersion};
use sreg_model::statement::{Statement, Subject};
use sreg_model::trust::Trust;
use sreg_model::{Digest, Document, Reference, Repository};

use self::keys::Keys;
use self::look_again::look_again;
use crate::error::{RegistryError, explain};
use crate::journal;
use crate::registry::Registry;

/// How closely blobs are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobCheck {
    /// Not at all.
    None,
    /// That they are there, and their size.
    Head,
    /// Every byte.
    Full,
}

/// What to look at.
#[derive(Debug, Clone)]
pub struct Options {
    /// How closely blobs are looked at.
    pub blobs: BlobCheck,
    /// Whether to hash blobs that no version names, in a folder.
    pub strays: bool,
    /// How they are read.
    pub io: IoMode,
    /// The clock, read once, in Unix seconds.
    pub now: u64,
    /// What is known of the registry that the registry should be; each has the same id. Nothing, where
    /// any registry will do.
    pub known: Vec<Pin>,
    /// Whether the head that is given is one that somebody has chosen by its id: it may be an old one, and
    /// have expired.
    pub pinned: bool,
    /// The newest statements that were seen of that registry.
    pub statements: BTreeMap<Subject, StatementVersion>,
}

impl Options {
    /// Any registry will do, at any time.
    #[must_use]
    pub fn new(blobs: BlobCheck, io: IoMode) -> Self {
        Self {
            blobs,
            strays: blobs == BlobCheck::Full,
            io,
            now: 0,
            known: Vec::new(),
            pinned: false,
            statements: BTreeMap::new(),
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The word in `spec/cli.md`.
    pub code: &'static str,
    /// What kind of fault it is.
    pub class: Class,
    /// The path in the registry.
    pub path: String,
    /// The reference that it concerns, where there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// What is wrong, for people.
    pub message: String,
}

impl Fault {
    /// Returns whether the fault is one of a trust document or a head.
    fn is_of_root(&self) -> bool {
        matches!(
            Place::parse(&self.path),
            Some(Place::Head | Place::HeadSlot { .. } | Place::Trust(_))
        )
    }
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Heads.
    pub heads: u64,
    /// Nodes of all indexes.
    pub nodes: u64,
    /// Lines of the newest index, removals included.
    pub tags: u64,
    /// Statements, old ones included.
    pub statements: u64,
    /// Chain sidecars.
    pub chains: u64,
    /// Images in the registry.
    pub blobs: u64,
    /// Bytes of images that were read.
    pub bytes: u64,
    /// Images that are kept elsewhere, which were not looked at.
    pub blobs_elsewhere: u64,
    /// Views.
    pub views: u64,
}

/// What a verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// How much was looked at.
    pub checked: Checked,
    /// What is wrong, by path.
    pub faults: Vec<Fault>,
    /// What is odd, but in nobody's way: files of others, leftovers of interrupted runs.
    pub warnings: Vec<Fault>,
    /// What was seen of a registry with keys; nothing, where its trust or its head is at fault.
    pub seen: Option<Seen>,
    /// The newest head, whatever is at fault with it.
    pub head: Option<Document<Head>>,
    /// The statements of the reference that was looked at alone, one for each architecture.
    pub statements: Vec<Document<Statement>>,
    /// Documents that stand in the place of others that were seen before.
    pub forks: Vec<Evidence>,
}

/// What a verification saw of a registry with keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The registry's id.
    pub registry: Digest,
    /// The newest trust.
    pub trust: Document<Trust>,
    /// The newest head.
    pub head: Document<Head>,
    /// The statement of the reference that was verified alone, one for each architecture.
    pub statements: Vec<Document<Statement>>,
}

/// A document that proves a fork.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Where it stood.
    pub place: Place,
    /// Its file.
    pub bytes: Vec<u8>,
}

/// Verifies all of a registry. Where it is written to meanwhile, what was found is looked at again:
/// a reader who is overtaken by a commit sees files of two versions.
///
/// # Errors
/// Only when there is no registry to look at, or the observer asks to stop; all else is in the
/// report.
pub fn verify_registry(
    registry: &Registry,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Report, RegistryError> {
    look_again(registry, observer, || {
        verify_once(registry, options, observer)
    })
}

/// One look at a registry that nobody else writes to.
///
/// # Errors
/// `Cancelled` if the observer asks to stop.
pub fn verify_once(
    registry: &Registry,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Report, RegistryError> {
    let mut run = Run::new(registry, options, observer);
    run.interrupted = is_interrupted(registry);
    let chain = run.heads();
    let walked = run.nodes(&chain);
    let are_apart = run.check_case(&walked);
    let read_in_full = run.tags(&chain, &walked, are_apart) && walked.whole && are_apart;
    run.earlier_statements(&walked);
    if are_apart {
        run.repositories(&chain, &walked);
    }
    run.blobs(&walked);
    run.files(&chain, read_in_full);
    run.finish(&chain)
}

/// Verifies one reference of a registry: everything on the way from the head to the bytes.
///
/// # Errors
/// As [`verify_registry`].
pub fn verify_reference(
    registry: &Registry,
    reference: &Reference,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Report, RegistryError> {
    let look = || reference_once(registry, reference, options, observer);
    look_again(registry, observer, look)
}

fn reference_once(
    registry: &Registry,
    reference: &Reference,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Report, RegistryError> {
    let mut run = Run::new(registry, options, observer);
    run.statements = Some(Mutex::default());
    run.interrupted = is_interrupted(registry);
    let chain = run.heads();
    let walked = run.path_to(&chain, reference);
    run.hold_to_seen_lines(&chain, reference);
    let are_apart = run.check_case(&walked);
    run.tags(&chain, &walked, are_apart);
    run.blobs(&walked);
    run.finish(&chain)
}

/// Verifies what a reader needs who is about to fetch an image: the way from the newest head, or
/// `head`, to the statements of a reference. No view, no older head and no image is looked at.
///
/// # Errors
/// As [`verify_registry`].
pub fn resolve(
    registry: &Registry,
    reference: &Reference,
    head: Option<&Document<Head>>,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Report, RegistryError> {
    let mut run = Run::new(registry, options, observer);
    run.statements = Some(Mutex::default());
    run.is_reader = true;
    let heads = run.newest_head(head);
    if !unlocked(&run.faults).is_empty() {
        // What it leads to is not to be used, and may not be there.
        return run.finish(&heads);
    }
    let walked = run.path_to(&heads, reference);
    run.hold_to_seen_lines(&heads, reference);
    run.statements(&walked);
    run.finish(&heads)
}

/// Whether a run has begun what is not finished.
fn is_interrupted(registry: &Registry) -> bool {
    match journal::journal(registry) {
        Ok(journal) => journal.is_some_and(|journal| !journal.is_done(registry)),
        // A host need not serve it.
        Err(_) => false,
    }
}

/// One verification.
struct Run<'a> {
    registry: &'a Registry,
    options: &'a Options,
    observer: &'a dyn Observer,
    /// A run was interrupted, and the next one will write the views anew.
    interrupted: bool,
    /// Only what a reader needs is looked at: what it needs and cannot have is a fault.
    is_reader: bool,
    keys: Keys,
    faults: Mutex<Vec<Fault>>,
    warnings: Mutex<Vec<Fault>>,
    /// The paths that belong to some head.
    expected: Mutex<HashSet<String>>,
    /// How repositories are spelt in the newest index, by their lower case; made when it is asked for.
    spellings: OnceLock<HashMap<FoldedRepository, Repository>>,
    /// The newest statements, where one reference is verified alone.
    statements: Option<Mutex<Vec<Document<Statement>>>>,
    forks: Mutex<Vec<Evidence>>,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    heads: AtomicU64,
    nodes: AtomicU64,
    tags: AtomicU64,
    statements: AtomicU64,
    chains: AtomicU64,
    blobs: AtomicU64,
    bytes: AtomicU64,
    blobs_elsewhere: AtomicU64,
    views: AtomicU64,
}

fn count(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

fn unlocked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn into_inner<T>(mutex: Mutex<T>) -> T {
    mutex
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The heads of a registry, newest first.
type Heads = Vec<Document<Head>>;

impl<'a> Run<'a> {
    fn new(registry: &'a Registry, options: &'a Options, observer: &'a dyn Observer) -> Self {
        let mut run = Self {
            registry,
            options,
            observer,
            interrupted: false,
            is_reader: false,
            keys: Keys::None,
            faults: Mutex::default(),
            warnings: Mutex::default(),
            expected: Mutex::default(),
            spellings: OnceLock::new(),
            statements: None,
            forks: Mutex::default(),
            counts: Counts::default(),
        };
        run.expect(&Place::Settings);
        run.expect(&Place::Head);
        run.read_keys();
        run
    }

    fn finish(self, heads: &Heads) -> Result<Report, RegistryError> {
        if self.observer.is_cancelled() {
            return Err(RegistryError::Cancelled);
        }
        let sorted = |faults: Mutex<Vec<Fault>>| {
            let mut faults = into_inner(faults);
            faults.sort_by(|left, right| {
                (&left.path, left.code, &left.reference).cmp(&(
                    &right.path,
                    right.code,
                    &right.reference,
                ))
            });
            faults.dedup();
            faults
        };
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counts = &self.counts;
        let checked = Checked {
            heads: get(&counts.heads),
            nodes: get(&counts.nodes),
            tags: get(&counts.tags),
            statements: get(&counts.statements),
            chains: get(&counts.chains),
            blobs: get(&counts.blobs),
            bytes: get(&counts.bytes),
            blobs_elsewhere: get(&counts.blobs_elsewhere),
            views: get(&counts.views),
        };
        let faults = sorted(self.faults);
        let statements = self.statements.map(into_inner).unwrap_or_default();
        let seen = match (&self.keys, heads.first()) {
            // A fault of trust or head, or that this is another registry: nothing was seen.
            (Keys::Known(trust_chain), Some(head)) if !faults.iter().any(Fault::is_of_root) => {
                Some(Seen {
                    registry: trust_chain.registry(),
                    trust: trust_chain.newest().clone(),
                    head: head.clone(),
                    statements: statements.clone(),
                })
            }
            _ => None,
        };
        Ok(Report {
            checked,
            faults,
            warnings: sorted(self.warnings),
            seen,
            head: heads.first().cloned(),
            statements,
            forks: into_inner(self.forks),
        })
    }

    fn fault(&self, code: Code, path: impl ToString, message: impl Into<String>) {
        self.fault_of(code, path, None, message);
    }

    fn fault_of(
        &self,
        code: Code,
        path: impl ToString,
        reference: Option<String>,
        message: impl Into<String>,
    ) {
        let fault = Fault {
            code: code.word(),
            class: code.class(),
            path: path.to_string(),
            reference,
            message: message.into(),
        };
        unlocked(&self.faults).push(fault);
    }

    fn warn(&self, code: Code, path: impl ToString, message: impl Into<String>) {
        let fault = Fault {
            code: code.word(),
            class: code.class(),
            path: path.to_string(),
            reference: None,
            message: message.into(),
        };
        unlocked(&self.warnings).push(fault);
    }

    /// Reports an error about the file at `place`.
    fn error(&self, place: &Place, reference: Option<String>, error: &RegistryError) {
        if matches!(error, RegistryError::Cancelled) {
            return;
        }
        self.fault_of(error.code(), place, reference, explain(error));
    }

    /// Reports a folder, a pipe, a device or a link where a file should be.
    fn not_a_file(&self, path: impl ToString, reference: Option<String>) {
        let message = "not a regular file";
        self.fault_of(Code::NotAFile, path, reference, message);
    }

    fn expect(&self, place: &Place) {
        unlocked(&self.expected).insert(place.to_string());
    }
}
