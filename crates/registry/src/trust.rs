//! The trust chain of a registry (`spec/trust.md`).

use sreg_files::is_not_a_file;
use sreg_model::layout::Place;
use sreg_model::trust::{self, Trust};
use sreg_model::{Digest, Document};
use sreg_sign::Series;

use crate::error::TreeError;
use crate::tree::Tree;

/// How many versions of trust are read from a server.
const MOST_VERSIONS: u64 = 1024;

/// The version of trust that is not looked for: a server may have new ones for ever.
pub fn most_versions(tree: &Tree) -> u64 {
    match tree.store().folder() {
        Some(_) => u64::MAX,
        None => MOST_VERSIONS + 1,
    }
}

/// The document at `trust/<version>`.
///
/// # Errors
/// `Missing` if there is no such version; `Document` if it is malformed; `Read` or `Store` if it cannot be
/// read.
pub fn read_trust(tree: &Tree, version: u64) -> Result<Document<Trust>, TreeError> {
    let place = Place::Trust(version);
    let bytes = tree.read(&place, trust::MAX_BYTES)?;
    Document::parse(bytes).map_err(|source| TreeError::Document {
        path: tree.path(&place),
        source,
    })
}

impl Tree {
    /// Every version of trust, verified; nothing where the registry has no keys.
    ///
    /// # Errors
    /// When a version is malformed, does not follow, or is not signed as it should be.
    pub fn trust_chain(&self) -> Result<Option<Series>, TreeError> {
        let mut series: Option<Series> = None;
        for version in 1..most_versions(self) {
            let trust = match read_trust(self, version) {
                Err(TreeError::Missing { .. }) => break,
                trust => trust?,
            };
            let extended = match series {
                None => Series::begin(trust),
                Some(mut series) => series.extend(trust).map(|()| series),
            };
            let path = self.path(&Place::Trust(version));
            series = Some(extended.map_err(|source| TreeError::Policy { path, source })?);
        }
        Ok(series)
    }

    /// Returns the id of the registry that the tree says it is, by its `trust/1`, which is not verified;
    /// `None` if it has no keys, or if that is malformed: whoever verifies it says so.
    ///
    /// # Errors
    /// When `trust/1` cannot be read: that is no registry without keys.
    pub fn registry(&self) -> Result<Option<Digest>, TreeError> {
        match read_trust(self, 1) {
            Ok(trust) => Ok(Some(trust.id())),
            Err(TreeError::Missing { .. } | TreeError::Document { .. }) => Ok(None),
            // What is no file is told by whoever verifies it, too.
            Err(TreeError::Read { source, .. }) if is_not_a_file(&source) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
