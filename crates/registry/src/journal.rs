//! The journal: the work that remains once a run has begun to change what readers see.

use serde::{Deserialize, Serialize};
use sreg_model::document::{self, Body};
use sreg_model::head::Head;
use sreg_model::layout::{JOURNAL, Place};
use sreg_model::trust::{self, Trust};
use sreg_model::{Digest, Document};
use sreg_store::StoreError;

use crate::error::RegistryError;
use crate::registry::Registry;

/// The unfinished work of a run: views to write, and trust to publish. Contains signed documents, so that any
/// run can finish it without a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Journal {
    /// The head that the views show; absent if all views must be written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub views_at: Option<Noted>,
    /// The head that is published together with `trust`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// The version of trust that is published, after the slot of the head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trust: Option<String>,
    /// The version of the format.
    pub r#type: JournalType,
}

/// A head in a journal, named by its id, which nobody knows before the head exists. A version alone could be
/// noted in advance and would be believed once it is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Noted {
    /// The epoch.
    pub epoch: u64,
    /// The id of the head.
    pub id: Digest,
    /// The version in its epoch.
    pub version: u64,
}

impl Noted {
    /// Returns the name of a head.
    #[must_use]
    pub fn of(head: &Document<Head>) -> Self {
        let Version { epoch, version } = Version::of(head.body());
        Self {
            epoch,
            id: head.id(),
            version,
        }
    }

    /// Returns the epoch and version.
    #[must_use]
    pub fn version(&self) -> Version {
        Version {
            epoch: self.epoch,
            version: self.version,
        }
    }

    /// Returns the head, if its slot contains it.
    ///
    /// # Errors
    /// `Read` or `Store` if the slot cannot be read.
    pub fn find(&self, registry: &Registry) -> Result<Option<Document<Head>>, RegistryError> {
        match registry.head_slot(self.epoch, self.version) {
            Ok(found) => Ok(found.filter(|head| head.id() == self.id)),
            Err(RegistryError::Document { .. } | RegistryError::Mismatch { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// A head's epoch and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The epoch.
    pub epoch: u64,
    /// The version in its epoch.
    pub version: u64,
}

impl Version {
    /// Returns the epoch and version of a head.
    #[must_use]
    pub fn of(head: &Head) -> Self {
        Self {
            epoch: head.epoch,
            version: head.version,
        }
    }
}

/// The version of a journal's format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum JournalType {
    /// Version 1.
    #[serde(rename = "sreg-journal-v1")]
    V1,
}

/// Parses a document in a journal.
pub fn parse<T: Body>(text: Option<&str>) -> Option<Document<T>> {
    Document::parse(text?.as_bytes().to_vec()).ok()
}

impl Journal {
    /// Returns a journal that notes only which head the views show.
    #[must_use]
    pub fn new(views_at: Option<Noted>) -> Self {
        Self {
            views_at,
            head: None,
            trust: None,
            r#type: JournalType::V1,
        }
    }

    /// Parses a journal; a malformed one counts as empty.
    pub fn parse(bytes: &[u8]) -> Self {
        serde_json::from_slice(bytes).unwrap_or_else(|_| Self::new(None))
    }

    /// Returns the journal's bytes. It is not a canonical document, because its strings contain line breaks.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Returns whether no work is left. In a store with several writers, a finished journal remains.
    pub fn is_done(&self, registry: &Registry) -> bool {
        let newest = registry.head().ok().as_ref().map(Noted::of);
        self.trust.is_none() && newest.is_some() && self.views_at == newest
    }

    /// Returns the places of the journal's documents, once they are published.
    pub fn places(&self) -> Vec<Place> {
        let trust = parse::<Trust>(self.trust.as_deref());
        let head = parse::<Head>(self.head.as_deref());
        let trust = trust.map(|trust| Place::Trust(trust.body().version));
        let head = head.map(|head| Place::HeadSlot {
            epoch: head.body().epoch,
            version: head.body().version,
        });
        trust.into_iter().chain(head).collect()
    }

    /// Adds trust, and the head that goes with it.
    pub fn with(mut self, trust: Option<&Document<Trust>>, head: Option<&Document<Head>>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        self.trust = trust.map(|trust| text(trust.bytes()));
        self.head = trust.and(head).map(|head| text(head.bytes()));
        self
    }
}

/// The maximal size of a journal, in bytes: each LF of a document takes two.
pub const MAX_JOURNAL: usize = 2 * (trust::MAX_BYTES + document::MAX_BYTES);

/// Reads the journal of a registry. An invalid journal, or something else than a file in a folder, counts as
/// an empty one, so that all views are rewritten.
///
/// # Errors
/// `Store` if a server does not return it: it may state that trust is about to be published.
pub fn journal(registry: &Registry) -> Result<Option<Journal>, RegistryError> {
    match registry.store().read(JOURNAL, MAX_JOURNAL) {
        Ok(None) => Ok(None),
        Ok(Some(found)) => Ok(Some(Journal::parse(&found.bytes))),
        Err(StoreError::Io { .. }) => Ok(Some(Journal::new(None))),
        Err(error) => Err(error.into()),
    }
}
