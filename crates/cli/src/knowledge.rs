//! What is known of registries: by this user, by a lock file, by an argument.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use sreg_client::{Memory, Record, StateError};
use sreg_model::head::TrustVersion;
use sreg_model::lock::{self, HeadVersion, Known, Lock, StatementVersion};
use sreg_model::statement::Subject;
use sreg_model::{Digest, Document};
use sreg_registry::verify::{Evidence, Seen};

use crate::args::Knowing;
use crate::output::Output;
use crate::problem::Problem;
use crate::{config, files};

/// The lock file that is read where none is named.
pub(crate) const LOCK: &str = "sreg.lock";

/// What is known of the registry at a place.
#[derive(Debug, Default)]
pub(crate) struct Expected {
    /// By whom: each is about the same registry.
    pub(crate) known: Vec<Known>,
    /// The newest statements that were seen of it.
    pub(crate) statements: BTreeMap<Subject, StatementVersion>,
    /// Whether the user's own memory knows it, or is to know it from now on.
    pub(crate) is_remembered: bool,
    /// Whether there is a lock file, which lists every registry that is to be known.
    pub(crate) has_lock: bool,
    /// What the lock file lists of it.
    pub(crate) locked: Option<Known>,
    record: Option<Record>,
}

impl Expected {
    /// Whether the user's own memory has seen it before.
    pub(crate) fn was_seen(&self) -> bool {
        self.record.is_some()
    }

    /// What the user's own memory has seen of it.
    pub(crate) fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// Whether anybody knows the registry.
    pub(crate) fn is_known(&self) -> bool {
        !self.known.is_empty()
    }
}

/// What the user knows.
pub(crate) fn memory() -> Result<Memory, Problem> {
    let folder = config::state_file("registries").ok_or_else(|| {
        Problem::new(
            "config",
            "there is no home folder to remember registries in",
        )
        .with_hint("set HOME or XDG_STATE_HOME")
    })?;
    Ok(Memory::new(folder))
}

/// How a place is remembered: a URL without its last slash; a folder by its full path, and by the one
/// that was given, which links may lead elsewhere next time.
pub(crate) fn places(target: &str) -> BTreeSet<String> {
    if crate::target::is_remote(target) {
        return BTreeSet::from([target.trim_end_matches('/').to_owned()]);
    }
    let path = Path::new(target);
    // Without a slash at its end.
    let given = std::path::absolute(path).ok();
    let given = given.map(|path| path.components().collect::<PathBuf>());
    let full = path.canonicalize().ok();
    let paths = given.into_iter().chain(full);
    paths.map(|path| path.display().to_string()).collect()
}

/// What the user knows, as far as it can be read.
struct Reading {
    /// Nothing where there is no home folder: then nothing is known.
    memory: Option<Memory>,
    /// Whether it may be unreadable: the registry is named by an argument or a lock file.
    may_be_denied: bool,
}

impl Reading {
    fn at(&self, place: &str) -> Result<Vec<Record>, Problem> {
        let records = self.memory.as_ref().map(|memory| memory.at(place));
        self.unless_denied(records)
    }

    fn find(&self, registry: &Digest) -> Result<Option<Record>, Problem> {
        let record = self.memory.as_ref().map(|memory| memory.find(registry));
        self.unless_denied(record)
    }

    fn unless_denied<T: Default>(&self, read: Option<Result<T, StateError>>) -> Result<T, Problem> {
        match read {
            None => Ok(T::default()),
            Some(Err(error)) if error.is_denied() => match self.may_be_denied {
                true => Ok(T::default()),
                false => Err(Problem::from(error).with_hint(
                    "what is known of registries is kept there; name the registry with --trust ID or a lock file, or set XDG_STATE_HOME to a folder of yours",
                )),
            },
            Some(read) => Ok(read?),
        }
    }
}

/// What is known of the registry at `place`, which says that it is `found`: what the arguments say,
/// what the user has seen of it, and what a lock file lists.
///
/// Where another registry was seen at that place, that one is expected.
pub(crate) fn expected(
    knowing: &Knowing,
    places: &BTreeSet<String>,
    found: Option<Digest>,
) -> Result<Expected, Problem> {
    let lock = read_lock(knowing.lock.as_deref())?;
    let memory = Reading {
        memory: config::state_file("registries").map(Memory::new),
        may_be_denied: knowing.trust.is_some() || lock.is_some(),
    };
    let (id, is_remembered) = match (knowing.trust, found) {
        (Some(id), _) => (Some(id), true),
        (None, found) => {
            let mut seen_here = Vec::new();
            for place in places {
                seen_here.extend(memory.at(place)?);
            }
            let here = |id: &Digest| seen_here.iter().any(|record| record.registry() == *id);
            match (found, seen_here.first()) {
                // Its own users may have seen it elsewhere.
                (Some(found), None) => (Some(found), memory.find(&found)?.is_some()),
                (Some(found), Some(_)) if here(&found) => (Some(found), true),
                (_, Some(other)) => (Some(other.registry()), true),
                (None, None) => (None, false),
            }
        }
    };
    let has_lock = lock.is_some();
    let lock = lock.unwrap_or_default();
    let Some(id) = id else {
        return Ok(Expected {
            has_lock,
            ..Expected::default()
        });
    };
    let record = memory.find(&id)?;
    let mut known: Vec<Known> = record.iter().map(Record::known).collect();
    let locked = lock.find(&id).cloned();
    known.extend(locked.clone());
    if knowing.trust.is_some() && known.is_empty() {
        known.push(Known::registry(id));
    }
    Ok(Expected {
        known,
        statements: record
            .as_ref()
            .map(|record| record.statements().clone())
            .unwrap_or_default(),
        is_remembered,
        has_lock,
        locked,
        record,
    })
}

/// Remembers what was seen of a registry. A place is that of one registry, the last that was said to
/// be there.
pub(crate) fn remember(places: &BTreeSet<String>, seen: &Seen) -> Result<(), Problem> {
    let memory = memory()?;
    memory.update(&seen.registry, |record| {
        places.iter().for_each(|place| record.see_at(place));
        record.see_trust(&seen.trust);
        record.see_head(&seen.head);
        for statement in &seen.statements {
            record.see_statement(statement, seen.head.body());
        }
    })?;
    for place in places {
        for other in memory.at(place)? {
            if other.registry() != seen.registry {
                memory.update(&other.registry(), |record| record.leave(place))?;
            }
        }
    }
    Ok(())
}

/// Keeps both sides of a fork, and says where.
pub(crate) fn keep_evidence(
    expected: &Expected,
    forks: &[Evidence],
    output: &Output,
) -> Result<(), Problem> {
    let (Some(known), false) = (expected.known.first(), forks.is_empty()) else {
        return Ok(());
    };
    let memory = memory()?;
    let mut kept = Vec::new();
    for fork in forks {
        let name = fork.place.to_string().replace('/', "-");
        kept.push(memory.keep_evidence(&known.id, &name, &fork.bytes)?);
    }
    if let Some(record) = &expected.record {
        for (name, bytes) in [
            ("seen-head", record.head().map(Document::bytes)),
            ("seen-trust", record.trust().map(Document::bytes)),
        ] {
            if let Some(bytes) = bytes {
                kept.push(memory.keep_evidence(&known.id, name, bytes)?);
            }
        }
    }
    let kept: Vec<String> = kept.iter().map(|path| path.display().to_string()).collect();
    output.note(&format!(
        "a signer has signed two histories of this registry; the documents that prove it are kept in {}",
        kept.join(", ")
    ));
    Ok(())
}

/// The lock file that is named, or `./sreg.lock` where there is one.
fn read_lock(named: Option<&Path>) -> Result<Option<Lock>, Problem> {
    let path = named.map_or_else(|| PathBuf::from(LOCK), Path::to_owned);
    let bytes = match sreg_files::read_capped(&path, lock::MAX_BYTES) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {
            return Ok(None);
        }
        Ok(bytes) if bytes.len() <= lock::MAX_BYTES => bytes,
        Ok(_) => return Err(wrong(&path, "it is longer than 1 MiB")),
        Err(error) => return Err(wrong(&path, &error.to_string())),
    };
    let lock = Document::<Lock>::parse(bytes).map_err(|error| {
        Problem::new(
            error.code(),
            format!("{}: {}", path.display(), sreg_registry::explain(&error)),
        )
    })?;
    Ok(Some(lock.body().clone()))
}

fn wrong(path: &Path, what: &str) -> Problem {
    Problem::new(
        "unreadable",
        format!("{} cannot be read: {what}", path.display()),
    )
}

/// Lists a registry in a lock file, with what was seen of it; nothing that is listed becomes older.
pub(crate) fn write_lock(path: &Path, seen: &Record) -> Result<(), Problem> {
    let write = || {
        let mut lock = match path.exists() {
            true => read_lock(Some(path))?.unwrap_or_default(),
            false => Lock::default(),
        };
        let mut known = seen.known();
        if let Some(listed) = lock.find(&known.id) {
            let order = |head: &HeadVersion| (head.epoch, head.version);
            known.head = known.head.into_iter().chain(listed.head).max_by_key(order);
            let version = |trust: &TrustVersion| trust.version;
            known.trust = known
                .trust
                .into_iter()
                .chain(listed.trust)
                .max_by_key(version);
        }
        lock.put(known);
        let document = Document::new(lock)
            .map_err(|error| Problem::new(error.code(), sreg_registry::explain(&error)))?;
        files::write_whole(path, document.bytes())
    };
    // Of two processes, the second adds to what the first has written.
    memory()?.alone(write)?
}
