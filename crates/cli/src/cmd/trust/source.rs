//! Where trust is read from: a registry, a URL, or a file.

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
use sreg_store::Scheme;

use crate::args::Knowing;
use crate::error::CommandError;
use crate::{exit, files, known, location};

/// What is read of a registry.
pub(crate) enum Found {
    /// All versions of trust, and the newest head, each verified.
    Registry {
        trust_chain: Box<TrustChain>,
        head: Box<Document<Head>>,
    },
    /// A registry without keys.
    NoKeys(String),
    /// A trust document on its own: its signatures verify, whoever made them.
    Alone(Box<Document<Trust>>),
}

impl Found {
    /// The newest version of trust.
    pub(super) fn trust(&self) -> Result<&Document<Trust>, CommandError> {
        match self {
            Self::Registry { trust_chain, .. } => Ok(trust_chain.newest()),
            Self::Alone(trust) => Ok(trust),
            Self::NoKeys(target) => Err(no_keys(target)),
        }
    }

    /// The registry's id.
    pub(super) fn registry(&self) -> Result<Digest, CommandError> {
        Ok(policy::registry(self.trust()?))
    }
}

fn no_keys(target: &str) -> CommandError {
    CommandError::new(
        "no-keys",
        format!("{target} has no keys: its publishers cannot be verified"),
    )
    .with_hint(match is_remote(target) {
        true if Scheme::of(target).is_bucket() => format!(
            "it stays without; make one with a key in another place with: sreg init s3://bucket/prefix --key KEY --from FOLDER, where FOLDER is a copy of {target}"
        ),
        true => "its owner makes one with a key with: sreg index IMAGES --out FOLDER --key KEY".to_owned(),
        false => format!("give it a key with: sreg index IMAGES --out {target} --key KEY"),
    })
}

/// What a target says of trust, held to what is known of its registry.
///
/// # Errors
/// When it is another registry than is expected, or older than what was seen, or a second history.
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

/// How often a registry is read whose trust and head do not fit: whoever publishes both does not do so
/// at one moment.
const ATTEMPTS: u32 = 4;
/// How long a writer is given to finish.
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

/// Reads what a target says of trust.
fn read_once(target: &str) -> Result<Found, CommandError> {
    let path = Path::new(target);
    if path.is_file() {
        return Ok(Found::Alone(Box::new(document(path)?)));
    }
    let registry = location::registry(path)?;
    let Some(trust_chain) = registry.trust_chain()? else {
        return Ok(Found::NoKeys(target.to_owned()));
    };
    // A server may go on with slots for ever, and what it has in `head` is what it publishes.
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

/// The id of the registry at a URL, by its first trust, which is not verified; nothing, where there
/// is none.
pub(crate) fn registry_at(url: &str) -> Result<Option<Digest>, CommandError> {
    Ok(location::registry(Path::new(url))?.stated_id()?)
}

/// A trust document in a file.
pub(super) fn document(path: &Path) -> Result<Document<Trust>, CommandError> {
    let wrong = |code, what: String| CommandError::new(code, format!("{}: {what}", path.display()));
    let bytes = files::read_capped(path, Trust::MAX_BYTES)?;
    let trust = Document::<Trust>::parse(bytes)
        .map_err(|error| wrong(error.code(), sreg_registry::explain(&error)))?;
    policy::signers(&trust, Purpose::Trust)
        .map_err(|error| wrong(error.code(), sreg_registry::explain(&error)))?;
    Ok(trust)
}
