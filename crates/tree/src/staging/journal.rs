//! The journal: what a run has still to do once it has begun to change what readers see.

use serde::{Deserialize, Serialize};
use sreg_model::head::Head;
use sreg_model::layout::JOURNAL;
use sreg_model::trust::{self, Trust};
use sreg_model::{Document, document};

use crate::tree::{Tree, is_absent, read_capped};

/// What a run has begun: views that are still to be written, and trust that is to be published.
/// Documents stand in it with their signatures, so that any run can finish it without a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Journal {
    /// The version of the head that the views show; absent where all are to be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shown: Option<Version>,
    /// The head that is published together with `trust`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) head: Option<String>,
    /// The version of trust that is published, before the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trust: Option<String>,
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
            head: None,
            trust: None,
            r#type: JournalType::V1,
        }
    }

    /// As it is written; it is no document, and its strings hold lines.
    pub(crate) fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// The same with trust, and the head that goes with it.
    pub(crate) fn with(
        mut self,
        trust: Option<&Document<Trust>>,
        head: Option<&Document<Head>>,
    ) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.trust = trust.map(|trust| text(trust.bytes()));
        self.head = trust.and(head).map(|head| text(head.bytes()));
        self
    }
}

/// The longest journal, in bytes: each LF of a document takes two.
const MAX_BYTES: usize = 2 * (trust::MAX_BYTES + document::MAX_BYTES);

/// The journal in a tree that nobody may be writing.
pub(crate) fn journal(tree: &Tree) -> Option<Journal> {
    match read_capped(&tree.root().join(JOURNAL), MAX_BYTES) {
        Err(error) if is_absent(&error) => None,
        bytes => {
            let journal = serde_json::from_slice(&bytes.unwrap_or_default());
            Some(journal.unwrap_or_else(|_| Journal::new(None)))
        }
    }
}
