//! Reads the version of a registry that a lock file lists.

use sreg_index::hasher::{IoMode, Unobserved};
use sreg_model::Reference;
use sreg_model::layout::Place;
use sreg_registry::Registry;
use sreg_registry::verify::{self, BlobCheck, Options, Report};
use sreg_sign::policy::PolicyError;

use crate::known::ExpectedRegistry;
use crate::options::PullOptions;
use crate::resolve::error::ResolveError;

/// Verifies a registry at the head in the lock file. That head may be older than what was seen since, and may
/// have expired.
pub(super) fn look(
    registry: &Registry,
    reference: &Reference,
    expected: &ExpectedRegistry,
    options: &PullOptions<'_>,
) -> Result<Report, ResolveError> {
    let root = registry.root();
    let Some(listed) = expected.locked().and_then(|pin| pin.head) else {
        return Err(ResolveError::NotLocked(root.to_owned()));
    };
    let (epoch, version) = (listed.epoch, listed.version);
    let head = registry.head_slot(epoch, version)?;
    let head = head.ok_or_else(|| ResolveError::NoSuchVersion {
        registry: root.to_owned(),
        epoch,
        version,
    })?;
    if head.id() != listed.id {
        let slot = Place::HeadSlot { epoch, version };
        let what = format!(
            "{}/{slot} is {}, but the lock file lists {}",
            root.display(),
            head.id(),
            listed.id
        );
        return Err(PolicyError::Fork(what).into());
    }
    let options = Options {
        now: options.now,
        // Trust documents that were seen since also count.
        known: expected.pins_without_heads(),
        pinned: true,
        ..Options::new(BlobCheck::None, IoMode::Auto)
    };
    Ok(verify::resolve(
        registry,
        reference,
        Some(&head),
        &options,
        &Unobserved,
    )?)
}
