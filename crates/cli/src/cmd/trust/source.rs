//! Where trust is read from: a tree, or a file.

use std::path::Path;

use sreg_model::document::Body as _;
use sreg_model::head::Head;
use sreg_model::trust::Trust;
use sreg_model::{Digest, Document};
use sreg_sign::{Purpose, Series, policy};
use sreg_tree::{Tree, TreeError, history};

use crate::problem::Problem;

/// What is read of a registry.
pub(super) enum Found {
    /// All versions of trust, and the newest head, each verified.
    Registry {
        series: Box<Series>,
        head: Box<Document<Head>>,
    },
    /// A registry without keys.
    NoKeys(String),
    /// A trust document on its own: its signatures verify, whoever made them.
    Alone(Box<Document<Trust>>),
}

impl Found {
    /// The newest version of trust.
    pub(super) fn trust(&self) -> Result<&Document<Trust>, Problem> {
        match self {
            Self::Registry { series, .. } => Ok(series.newest()),
            Self::Alone(trust) => Ok(trust),
            Self::NoKeys(target) => Err(no_keys(target)),
        }
    }

    /// The registry's id.
    pub(super) fn registry(&self) -> Result<Digest, Problem> {
        Ok(policy::registry(self.trust()?))
    }
}

fn no_keys(target: &str) -> Problem {
    Problem::new(
        "no-keys",
        format!("{target} has no keys: nobody can say who published in it"),
    )
    .with_hint(format!(
        "give it a key with: sreg index IMAGES --out {target} --key KEY"
    ))
}

/// Reads what a target says of trust.
pub(super) fn read(target: &str) -> Result<Found, Problem> {
    let path = Path::new(target);
    if path.is_file() {
        return Ok(Found::Alone(Box::new(document(path)?)));
    }
    let tree = Tree::open(path)?;
    let Some(series) = history::series(&tree)? else {
        return Ok(Found::NoKeys(target.to_owned()));
    };
    let head = history::newest(&tree, Some(&series))?;
    let head = head.ok_or_else(|| TreeError::NoHead(path.to_owned()))?;
    series
        .check_newest_head(&head)
        .map_err(|source| TreeError::Policy {
            path: tree.path(&sreg_model::layout::Place::Head),
            source,
        })?;
    Ok(Found::Registry {
        series: Box::new(series),
        head: Box::new(head),
    })
}

/// A trust document in a file.
pub(super) fn document(path: &Path) -> Result<Document<Trust>, Problem> {
    let wrong = |code, what: String| Problem::new(code, format!("{}: {what}", path.display()));
    let size = std::fs::metadata(path).map_or(0, |found| found.len());
    if size > Trust::MAX_BYTES as u64 {
        return Err(wrong("document-too-large", format!("it has {size} bytes")));
    }
    let bytes = std::fs::read(path).map_err(|error| wrong("unreadable", error.to_string()))?;
    let trust = Document::<Trust>::parse(bytes)
        .map_err(|error| wrong(error.code(), sreg_tree::explain(&error)))?;
    policy::signers(&trust, Purpose::Trust)
        .map_err(|error| wrong(error.code(), sreg_tree::explain(&error)))?;
    Ok(trust)
}
