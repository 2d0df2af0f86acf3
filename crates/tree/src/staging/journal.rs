//! The journal: a note that views are still to be written.

use serde::{Deserialize, Serialize};
use sreg_model::canonical;
use sreg_model::layout::JOURNAL;

use crate::tree::{Tree, is_absent, read_capped};

/// Views that are still to be written: the journal of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Journal {
    /// The version of the head that the views show; absent where all are to be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shown: Option<Version>,
    r#type: JournalType,
}

/// A head's epoch and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Version {
    pub(crate) epoch: u64,
    pub(crate) version: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum JournalType {
    #[serde(rename = "sreg-journal-v1")]
    V1,
}

impl Journal {
    pub(crate) fn new(shown: Option<Version>) -> Self {
        Self {
            shown,
            r#type: JournalType::V1,
        }
    }
}

/// The journal in a tree that nobody may be writing.
pub(crate) fn journal(tree: &Tree) -> Option<Journal> {
    match read_capped(&tree.root().join(JOURNAL), 4096) {
        Err(error) if is_absent(&error) => None,
        bytes => {
            let bytes = bytes.unwrap_or_default();
            let line = bytes.strip_suffix(b"\n").unwrap_or_default();
            Some(canonical::from_slice(line).unwrap_or_else(|_| Journal::new(None)))
        }
    }
}
