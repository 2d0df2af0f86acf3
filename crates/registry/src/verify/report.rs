//! The result of a verification: what was checked, and what is wrong.

use serde::Serialize;
use sreg_model::fault::{Class, Code};
use sreg_model::head::Head;
use sreg_model::layout::{Phase, Place};
use sreg_model::statement::Statement;
use sreg_model::trust::Trust;
use sreg_model::{Digest, Document};

/// A fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The code, whose word is in `spec/cli.md`.
    pub code: Code,
    /// The class of the fault.
    pub class: Class,
    /// The path in the registry.
    pub path: String,
    /// The reference that it concerns, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The message.
    pub message: String,
}

impl Fault {
    /// Returns whether the fault concerns a trust document or a head.
    pub(super) fn is_of_root(&self) -> bool {
        Place::parse(&self.path)
            .is_some_and(|place| matches!(place.kind().phase, Phase::Commit | Phase::Head))
    }
}

/// Counts of what was checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// Heads.
    pub heads: u64,
    /// Nodes of all indexes.
    pub nodes: u64,
    /// Entries of the newest index, removals included.
    pub tags: u64,
    /// Statements, old ones included.
    pub statements: u64,
    /// Chain sidecars.
    pub chains: u64,
    /// Images in the registry.
    pub blobs: u64,
    /// Bytes of images that were read.
    pub bytes: u64,
    /// Images on other servers, which were not checked.
    pub blobs_elsewhere: u64,
    /// Views.
    pub views: u64,
}

/// The result of a verification.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Counts of what was checked.
    pub checked: Checked,
    /// Faults, by path.
    pub faults: Vec<Fault>,
    /// Harmless observations: foreign files, remains of interrupted runs.
    pub warnings: Vec<Fault>,
    /// The state of a registry with keys; `None` if its trust or head has a fault.
    pub seen: Option<Seen>,
    /// The newest head, even if it has a fault.
    pub head: Option<Document<Head>>,
    /// The statements of the verified reference, one for each architecture.
    pub statements: Vec<Document<Statement>>,
    /// Documents that replace others that were seen before.
    pub forks: Vec<Evidence>,
}

impl Report {
    /// Adds a fault, or a warning, if nobody has confirmed the registry: `has_keys` if it states an id,
    /// `is_known` if pins say which registry to expect.
    pub fn check_confirmed(&mut self, has_keys: bool, is_known: bool, require_signed: bool) {
        let fault = |code: Code, message: &str| Fault {
            code,
            class: code.class(),
            path: Place::Trust(1).to_string(),
            reference: None,
            message: message.to_owned(),
        };
        let is_of_trust =
            |fault: &Fault| matches!(Place::parse(&fault.path), Some(Place::Trust(_)));
        // A fault of trust makes this check meaningless.
        if self.faults.iter().any(is_of_trust) {
            return;
        }
        match (has_keys, is_known) {
            (true, false) if require_signed => self.faults.push(fault(
                Code::UntrustedRegistry,
                "unknown registry: its id was never confirmed",
            )),
            (true, false) => self.warnings.push(fault(
                Code::NotPinned,
                "unknown registry: its signatures are valid, but its id was never confirmed",
            )),
            (false, false) if require_signed => {
                self.faults
                    .push(fault(Code::Unsigned, "the registry is unsigned"));
            }
            _ => {}
        }
    }
}

/// The state of a registry with keys, for its pin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The registry's id.
    pub registry: Digest,
    /// The newest trust.
    pub trust: Document<Trust>,
    /// The newest head.
    pub head: Document<Head>,
    /// The statements of the verified reference, one for each architecture.
    pub statements: Vec<Document<Statement>>,
}

/// A document that proves a fork.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// Its place.
    pub place: Place,
    /// Its bytes.
    pub bytes: Vec<u8>,
}
