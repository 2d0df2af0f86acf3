//! Reads trust from a registry, a URL, or a file.

use std::path::Path;
use std::time::Duration;

use sreg_client::known::ExpectedRegistry;
use sreg_client::location::{Location, is_remote};
use sreg_model::document::Body;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::trust::Trust;
use sreg_model::{Digest, Document};
use sreg_registry::{RegistryError, heads};
use sreg_sign::policy::{self, PolicyError};
use sreg_sign::{Purpose, TrustChain, check_known_head, check_seen_slot, seen_slot};

use crate::args::Knowing;
use crate::error::{CommandError, no_keys_hint};
use crate::{exit, files, known, location};

/// Trust, as read from a target.
pub(crate) enum Found {
    /// All trust versions and the newest head, each verified.
    Registry {
        trust_chain: Box<TrustChain>,
        head: Box<Document<Head>>,
    },
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
            Self::Registry { trust_chain, .. } => Ok(trust_chain.newest()),
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
        "no-keys",
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
    let found = read(target)?;
    let (pins, location) = (known::pins(knowing), Location::new(target));
    let Found::Registry { trust_chain, head } = &found else {
        let id = found.trust().map(policy::registry).ok();
        let expected = pins.expect(&location, id)?;
        if let (Some(known), Found::NoKeys(_)) = (expected.pins().first(), &found) {
            return Err(PolicyError::Unsigned(known.id).into());
        }
        return Ok((found, expected));
    };
    let expected = pins.expect(&location, Some(trust_chain.registry()))?;
    for known in expected.pins() {
        trust_chain.check_known(known)?;
        check_known_head(known, head)?;
        if let Some(slot) = seen_slot(known, trust_chain)
            && let Place::HeadSlot { epoch, version } = slot
            && let Some(seen) = location::registry(Path::new(target))?.head_slot(epoch, version)?
        {
            check_seen_slot(known, &seen)?;
        }
    }
    Ok((found, expected))
}

/// The number of attempts to read trust and head that belong together, because a publisher writes them one
/// after the other.
const ATTEMPTS: u32 = 4;
/// The pause that lets a publisher finish.
const PAUSE: Duration = Duration::from_millis(300);

fn read(target: &str) -> Result<Found, CommandError> {
    let mut attempts = 1;
    loop {
        match read_once(target) {
            Err(problem) if problem.exit() == exit::UNTRUSTED && attempts < ATTEMPTS => {
                attempts += 1;
                location::config().retry.interrupt.sleep(PAUSE)?;
            }
            found => return found,
        }
    }
}

/// Reads trust from a target, once.
fn read_once(target: &str) -> Result<Found, CommandError> {
    let path = Path::new(target);
    if path.is_file() {
        return Ok(Found::Alone(Box::new(document(path)?)));
    }
    let registry = location::registry(path)?;
    let Some(trust_chain) = registry.trust_chain()? else {
        return Ok(Found::NoKeys(target.to_owned()));
    };
    // A server could list slots without end; its `head` is the version that it publishes.
    let head = match is_remote(target) {
        true => Some(registry.head()?),
        false => heads::newest(&registry, Some(&trust_chain))?,
    };
    let head = head.ok_or_else(|| RegistryError::NoHead(path.to_owned()))?;
    trust_chain
        .check_newest_head(&head)
        .map_err(|source| RegistryError::Policy {
            path: registry.path(&Place::Head),
            source,
        })?;
    Ok(Found::Registry {
        trust_chain: Box::new(trust_chain),
        head: Box::new(head),
    })
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
