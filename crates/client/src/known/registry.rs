//! One known registry (`spec/trust.md`, TRUST-21 to TRUST-25).

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use sreg_model::document::Body;
use sreg_model::head::{Head, TrustVersion};
use sreg_model::lock::{HeadVersion, Pin, StatementVersion};
use sreg_model::statement::{Statement, Subject};
use sreg_model::trust::Trust;
use sreg_model::{Arch, Digest, Document, Repository, Tag};

/// A known registry, and its newest documents that were seen, like a line of ssh's `known_hosts`. No entry is
/// ever replaced by an older one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownRegistry {
    registry: Digest,
    places: BTreeSet<String>,
    trust: Option<Document<Trust>>,
    head: Option<Document<Head>>,
    statements: BTreeMap<Subject, StatementVersion>,
}

impl KnownRegistry {
    /// Returns a registry without documents.
    #[must_use]
    pub fn new(registry: Digest) -> Self {
        Self {
            registry,
            places: BTreeSet::new(),
            trust: None,
            head: None,
            statements: BTreeMap::new(),
        }
    }

    /// Returns the registry's id.
    #[must_use]
    pub fn registry(&self) -> Digest {
        self.registry
    }

    /// Returns the places where it was seen: URLs, and full paths of folders.
    #[must_use]
    pub fn places(&self) -> &BTreeSet<String> {
        &self.places
    }

    /// Returns the newest trust document that was seen.
    #[must_use]
    pub fn trust(&self) -> Option<&Document<Trust>> {
        self.trust.as_ref()
    }

    /// Returns the newest head that was seen.
    #[must_use]
    pub fn head(&self) -> Option<&Document<Head>> {
        self.head.as_ref()
    }

    /// Returns the newest statements that were seen.
    #[must_use]
    pub fn statements(&self) -> &BTreeMap<Subject, StatementVersion> {
        &self.statements
    }

    /// Returns its pin, as a lock file lists it.
    #[must_use]
    pub fn pin(&self) -> Pin {
        Pin {
            head: self.head.as_ref().map(|head| HeadVersion {
                epoch: head.body().epoch,
                id: head.id(),
                version: head.body().version,
            }),
            id: self.registry,
            trust: self.trust.as_ref().map(|trust| TrustVersion {
                id: trust.id(),
                version: trust.body().version,
            }),
        }
    }

    /// Removes a place that now has another registry.
    pub fn remove_place(&mut self, place: &str) {
        self.places.remove(place);
    }

    /// Records a place where it was seen.
    pub fn record_place(&mut self, place: &str) {
        self.places.insert(place.to_owned());
    }

    /// Records a verified trust document, unless a newer one was seen.
    pub fn record_trust(&mut self, trust: &Document<Trust>) {
        let version = |trust: &Document<Trust>| trust.body().version;
        if self
            .trust
            .as_ref()
            .is_none_or(|seen| version(seen) < version(trust))
        {
            self.trust = Some(trust.clone());
        }
    }

    /// Records a verified head, unless a newer one was seen.
    pub fn record_head(&mut self, head: &Document<Head>) {
        let order = |head: &Document<Head>| (head.body().epoch, head.body().version);
        if self
            .head
            .as_ref()
            .is_none_or(|seen| order(seen) < order(head))
        {
            self.head = Some(head.clone());
        }
    }

    /// Records a statement that was verified under `head`, unless a newer one was seen.
    pub fn record_statement(&mut self, statement: &Document<Statement>, head: &Head) {
        let body = statement.body();
        let found = StatementVersion {
            epoch: body.epoch,
            id: statement.id(),
            seq: body.seq,
            head: (head.epoch, head.version),
        };
        let seen = self.statements.entry(body.subject.clone()).or_insert(found);
        // Under a later epoch of heads it may be older, because the earlier head was dropped.
        if (seen.head.0, seen.epoch, seen.seq) < (found.head.0, found.epoch, found.seq) {
            *seen = found;
        }
    }

    /// Returns the bytes of its file.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let fields = Fields {
            head: self.head.as_ref().map(|head| text(head.bytes())),
            places: self.places.clone(),
            registry: self.registry,
            statements: self
                .statements
                .iter()
                .map(|(subject, seen)| SeenStatement {
                    name: subject.repository.clone(),
                    tag: subject.tag.clone(),
                    arch: subject.arch,
                    seen: *seen,
                })
                .collect(),
            trust: self.trust.as_ref().map(|trust| text(trust.bytes())),
            kind: RecordType::V1,
        };
        let mut bytes = serde_json::to_vec_pretty(&fields).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    /// Parses the result of [`KnownRegistry::encode`].
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let fields: Fields = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        Ok(Self {
            registry: fields.registry,
            places: fields.places,
            trust: fields.trust.map(document).transpose()?,
            head: fields.head.map(document).transpose()?,
            statements: fields
                .statements
                .into_iter()
                .map(|one| {
                    let subject = Subject {
                        repository: one.name,
                        tag: one.tag,
                        arch: one.arch,
                    };
                    (subject, one.seen)
                })
                .collect(),
        })
    }
}

fn document<T: Body>(text: String) -> Result<Document<T>, String> {
    Document::parse(text.into_bytes()).map_err(|error| error.to_string())
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    head: Option<String>,
    places: BTreeSet<String>,
    registry: Digest,
    statements: Vec<SeenStatement>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trust: Option<String>,
    #[serde(rename = "type")]
    kind: RecordType,
}

#[derive(Serialize, Deserialize)]
struct SeenStatement {
    name: Repository,
    tag: Tag,
    arch: Arch,
    #[serde(flatten)]
    seen: StatementVersion,
}

#[derive(Serialize, Deserialize)]
enum RecordType {
    #[serde(rename = "sreg-known-v1")]
    V1,
}
