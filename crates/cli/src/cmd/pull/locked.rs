//! The version of a registry that a lock file lists.

use sreg_index::hasher::{IoMode, Unobserved};
use sreg_model::Reference;
use sreg_model::layout::Place;
use sreg_model::lock::Known;
use sreg_registry::Tree;
use sreg_registry::verify::{BlobCheck, Options, Report, resolve};
use sreg_sign::policy::PolicyError;

use crate::args;
use crate::knowledge::Expected;
use crate::problem::Problem;

/// Looks at the registry as it was at the head that the lock file lists. That head may be older than
/// what was seen since, and may have expired.
pub(super) fn look(
    args: &args::Pull,
    tree: &Tree,
    reference: &Reference,
    expected: &Expected,
) -> Result<Report, Problem> {
    let root = tree.root().display();
    let Some(head) = expected.locked.as_ref().and_then(|known| known.head) else {
        return Err(Problem::new(
            "untrusted-registry",
            format!("no lock file lists a version of {root}"),
        )
        .with_hint(format!(
            "list the newest with: sreg trust add {root} --lock sreg.lock"
        )));
    };
    let kept = tree.head_slot(head.epoch, head.version)?;
    let kept = kept.ok_or_else(|| {
        Problem::new(
            "missing-head",
            format!(
                "{root} has no version {} of epoch {}",
                head.version, head.epoch
            ),
        )
    })?;
    if kept.id() != head.id {
        let slot = Place::HeadSlot {
            epoch: head.epoch,
            version: head.version,
        };
        let what = format!(
            "{root}/{slot} is {}, and the lock file lists {}",
            kept.id(),
            head.id
        );
        return Err(PolicyError::Fork(what).into());
    }
    // Of trust, what was seen since counts, too.
    let without_head = |known: &Known| Known {
        head: None,
        ..known.clone()
    };
    let known = expected.known.iter().map(without_head).collect();
    let options = Options {
        now: args.judging.now(),
        known,
        pinned: true,
        ..Options::new(BlobCheck::None, IoMode::Auto)
    };
    Ok(resolve(
        tree,
        reference,
        Some(&kept),
        &options,
        &Unobserved,
    )?)
}
