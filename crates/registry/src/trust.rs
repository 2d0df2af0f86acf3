//! The trust chain of a registry (`spec/trust.md`).

use sreg_files::is_not_a_file;
use sreg_model::layout::Place;
use sreg_model::trust::{self, Trust};
use sreg_model::{Digest, Document};
use sreg_sign::TrustChain;

use crate::error::RegistryError;
use crate::registry::Registry;

/// The maximal number of trust versions that are read from a server.
const MOST_VERSIONS: u64 = 1024;

/// Returns the first trust version that is not read, because a server could have new ones without end.
pub fn most_versions(registry: &Registry) -> u64 {
    match registry.store().capabilities().folder {
        Some(_) => u64::MAX,
        None => MOST_VERSIONS + 1,
    }
}

/// Reads the document at `trust/<version>`.
///
/// # Errors
/// `Missing` if there is no such version; `Document` if it is malformed; `Read` or `Store` if it cannot be
/// read.
pub fn read_trust(registry: &Registry, version: u64) -> Result<Document<Trust>, RegistryError> {
    let place = Place::Trust(version);
    let bytes = registry.read(&place, trust::MAX_BYTES)?;
    Document::parse(bytes).map_err(|source| RegistryError::Document {
        path: registry.path(&place),
        source,
    })
}

impl Registry {
    /// Returns all trust versions, verified; `None` if the registry has no keys.
    ///
    /// # Errors
    /// `Document` if a version is malformed; `Policy` if it does not follow or is not signed as required;
    /// `Read` or `Store` if one cannot be read.
    pub fn trust_chain(&self) -> Result<Option<TrustChain>, RegistryError> {
        let mut trust_chain: Option<TrustChain> = None;
        for version in 1..most_versions(self) {
            let trust = match read_trust(self, version) {
                Err(RegistryError::Missing { .. }) => break,
                trust => trust?,
            };
            let extended = match trust_chain {
                None => TrustChain::begin(trust),
                Some(mut trust_chain) => trust_chain.extend(trust).map(|()| trust_chain),
            };
            let path = self.path(&Place::Trust(version));
            trust_chain = Some(extended.map_err(|source| RegistryError::Policy { path, source })?);
        }
        Ok(trust_chain)
    }

    /// Returns the id that the registry states in its `trust/1`, which is not verified; `None` if it has no
    /// keys or `trust/1` is malformed, which verification reports.
    ///
    /// # Errors
    /// `Read` or `Store` if `trust/1` cannot be read, because the registry may have keys.
    pub fn stated_id(&self) -> Result<Option<Digest>, RegistryError> {
        match read_trust(self, 1) {
            Ok(trust) => Ok(Some(trust.id())),
            Err(RegistryError::Missing { .. } | RegistryError::Document { .. }) => Ok(None),
            // Verification reports something else than a file.
            Err(RegistryError::Read { source, .. }) if is_not_a_file(&source) => Ok(None),
            Err(error) => Err(error),
        }
    }
}
