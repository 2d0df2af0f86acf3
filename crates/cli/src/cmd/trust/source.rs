//! Reads trust from a registry, a URL, or a file.

use sreg_model::fault::Code;
use std::path::Path;

use sreg_client::known::ExpectedRegistry;
use sreg_client::location::Location;
use sreg_model::document::Body;
use sreg_model::trust::Trust;
use sreg_model::{Digest, Document};
use sreg_registry::Signed;
use sreg_sign::Purpose;
use sreg_sign::policy;

use crate::args::Knowing;
use crate::error::{CommandError, no_keys_hint};
use crate::{files, known, location};

/// Trust, as read from a target.
pub(crate) enum Found {
    /// All trust versions and the newest head, each verified.
    Registry(Box<Signed>),
    /// A registry without keys.
    NoKeys(String),
    /// A trust document in a file: its signatures are valid, but no chain shows that their keys have the
    /// right.
    Alone(Box<Document<Trust>>),
}

impl Found {
    /// Returns the newest trust version.
    pub(super) fn trust(&self) -> Result<&Document<Trust>, CommandError> {
        match self {
            Self::Registry(found) => Ok(found.trust_chain.newest()),
            Self::Alone(trust) => Ok(trust),
            Self::NoKeys(target) => Err(no_keys(target)),
        }
    }

    /// Returns the registry's id.
    pub(super) fn registry(&self) -> Result<Digest, CommandError> {
        Ok(policy::registry(self.trust()?))
    }
}

fn no_keys(target: &str) -> CommandError {
    CommandError::new(
        Code::NoKeys,
        format!("{target} has no keys: its publishers cannot be verified"),
    )
    .with_hint(no_keys_hint(target))
}

/// Reads trust from a target, and checks it against the pins of the registry.
///
/// # Errors
/// `other-registry`, `rolled-back` or `fork` if the registry does not match its pins.
pub(crate) fn read_held(
    target: &str,
    knowing: &Knowing,
) -> Result<(Found, ExpectedRegistry), CommandError> {
    let path = Path::new(target);
    let pins = known::pins(knowing);
    let expect = |id| pins.expect(&Location::new(target), id);
    if path.is_file() {
        let trust = document(path)?;
        let expected = expect(Some(policy::registry(&trust)))?;
        return Ok((Found::Alone(Box::new(trust)), expected));
    }
    let registry = location::registry(path)?;
    let Some(found) = registry.signed(&location::config().retry.interrupt)? else {
        let expected = expect(None)?;
        registry.check_pins(None, None, expected.pins())?;
        return Ok((Found::NoKeys(target.to_owned()), expected));
    };
    let expected = expect(Some(found.trust_chain.registry()))?;
    registry.check_pins(Some(&found.trust_chain), Some(&found.head), expected.pins())?;
    Ok((Found::Registry(Box::new(found)), expected))
}

/// Returns the id of the registry at a URL from its first trust document, without verification; `None` if
/// there is none.
pub(crate) fn registry_at(url: &str) -> Result<Option<Digest>, CommandError> {
    Ok(location::registry(Path::new(url))?.stated_id()?)
}

/// Reads a trust document from a file.
pub(super) fn document(path: &Path) -> Result<Document<Trust>, CommandError> {
    let wrong = |code, what: String| CommandError::new(code, format!("{}: {what}", path.display()));
    let bytes = files::read_capped(path, Trust::MAX_BYTES)?;
    let trust = Document::<Trust>::parse(bytes)
        .map_err(|error| wrong(error.code(), sreg_registry::explain(&error)))?;
    policy::signers(&trust, Purpose::Trust)
        .map_err(|error| wrong(error.code(), sreg_registry::explain(&error)))?;
    Ok(trust)
}
