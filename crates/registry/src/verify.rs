//! Verifies a published registry, or one reference in it, and reports all faults (`spec/layout.md`,
//! `spec/index.md`, `spec/commit.md`).

mod content;
mod copies;
mod earlier;
mod files;
mod heads;
mod keys;
mod look_again;
mod nodes;
mod report;
mod views;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock};

use sreg_index::hasher::{IoMode, Observer};
use sreg_model::fault::Code;
use sreg_model::head::Head;
use sreg_model::layout::{FoldedRepository, Place};
use sreg_model::lock::{Pin, StatementVersion};
use sreg_model::statement::{Statement, Subject};
use sreg_model::{Document, Reference, Repository};

use self::keys::Keys;
use self::look_again::look_again;
use crate::error::{RegistryError, explain};
use crate::journal;
use crate::registry::Registry;

pub use report::{Checked, Evidence, Fault, Report, Seen};
pub use sreg_model::fault::Class;

/// How thoroughly to check blobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlobCheck {
    /// Do not check blobs.
    None,
    /// Check that they exist and have the right size.
    Head,
    /// Check every byte.
    Full,
}

/// Options of a verification.
#[derive(Debug, Clone)]
pub struct Options {
    /// How thoroughly to check blobs.
    pub blobs: BlobCheck,
    /// Whether to hash blobs in a folder that no version names.
    pub strays: bool,
    /// How to read blobs.
    pub io: IoMode,
    /// The time at which expiry is checked, in Unix seconds.
    pub now: u64,
    /// The pins of the expected registry, all with the same id. Empty if any registry is accepted.
    pub known: Vec<Pin>,
    /// Whether the given head was selected by its id: it may be an old one and may have expired.
    pub pinned: bool,
    /// The newest statements of that registry that were seen.
    pub statements: BTreeMap<Subject, StatementVersion>,
}

impl Options {
    /// Returns options that accept any registry at any time.
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

/// Verifies all of a registry. If another run writes to it meanwhile, verifies it again, because a reader
/// sees files of two versions during a commit.
///
/// # Errors
/// Only if there is no registry (`NotARegistry` and errors of opening it) or the observer cancels
/// (`Cancelled`); all else is in the report.
pub fn verify_registry(
    registry: &Registry,
    options: &Options,
    observer: &dyn Observer,
) -> Result<Report, RegistryError> {
    look_again(registry, observer, || {
        verify_once(registry, options, observer)
    })
}

/// Verifies a registry once, without other writers.
///
/// # Errors
/// `Cancelled` if the observer cancels.
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

/// Verifies one reference: everything from the head to the bytes.
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

/// Verifies what a download needs: the path from the newest head, or `head`, to the statements of a
/// reference. Does not check views, older heads or images.
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
        // What an invalid head names must not be used, and may be missing.
        return run.finish(&heads);
    }
    let walked = run.path_to(&heads, reference);
    run.hold_to_seen_lines(&heads, reference);
    run.statements(&walked);
    run.finish(&heads)
}

/// Returns whether an unfinished run exists.
fn is_interrupted(registry: &Registry) -> bool {
    match journal::journal(registry) {
        Ok(journal) => journal.is_some_and(|journal| !journal.is_done(registry)),
        // A host need not serve the journal.
        Err(_) => false,
    }
}

/// One verification.
struct Run<'a> {
    registry: &'a Registry,
    options: &'a Options,
    observer: &'a dyn Observer,
    /// A run was interrupted: the next one rewrites the views.
    interrupted: bool,
    /// Checks only what a reader needs; anything of it that cannot be read is a fault.
    is_reader: bool,
    keys: Keys,
    faults: Mutex<Vec<Fault>>,
    warnings: Mutex<Vec<Fault>>,
    /// The paths that belong to some head.
    expected: Mutex<HashSet<String>>,
    /// The names of repositories in the newest index, by their lower case; built on demand.
    spellings: OnceLock<HashMap<FoldedRepository, Repository>>,
    /// The newest statements, if only one reference is verified.
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
                (&left.path, left.code.word(), &left.reference).cmp(&(
                    &right.path,
                    right.code.word(),
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
            // With a fault of trust or head, or another registry, there is no state to pin.
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
            code,
            class: code.class(),
            path: path.to_string(),
            reference,
            message: message.into(),
        };
        unlocked(&self.faults).push(fault);
    }

    fn warn(&self, code: Code, path: impl ToString, message: impl Into<String>) {
        let fault = Fault {
            code,
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
