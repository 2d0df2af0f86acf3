//! Reads the newest version of a registry.

use std::time::Duration;

use sreg_index::hasher::{IoMode, Unobserved};
use sreg_model::Reference;
use sreg_model::fault::Code;
use sreg_registry::Registry;
use sreg_registry::verify::{self, BlobCheck, Options, Report};

use crate::known::{ExpectedRegistry, KnownRegistry};
use crate::options::PullOptions;
use crate::resolve::error::ResolveError;

/// The number of attempts if a cache on the way may have answered with an old version.
const ATTEMPTS: u32 = 3;
/// The pause between attempts.
const PAUSE: Duration = Duration::from_millis(500);

/// Verifies the newest version of a registry. Retries if an old cache may have answered, and finally uses the
/// newest head that was seen before.
pub(super) fn look(
    registry: &Registry,
    reference: &Reference,
    expected: &ExpectedRegistry,
    options: &PullOptions<'_>,
) -> Result<Report, ResolveError> {
    let verified = Options {
        now: options.now,
        known: expected.pins().to_vec(),
        statements: expected.statements(),
        ..Options::new(BlobCheck::None, IoMode::Auto)
    };
    let mut attempts = 0;
    let report = loop {
        attempts += 1;
        let report = verify::resolve(registry, reference, None, &verified, &Unobserved)?;
        if !is_old(&report) || attempts == ATTEMPTS {
            break report;
        }
        options.store.retry.interrupt.sleep(PAUSE)?;
    };
    match expected.known().and_then(KnownRegistry::head) {
        Some(stored) if is_old(&report) => {
            let by_stored =
                verify::resolve(registry, reference, Some(stored), &verified, &Unobserved)?;
            // An old copy may lack the files of a newer head.
            Ok(match by_stored.faults.is_empty() {
                true => by_stored,
                false => report,
            })
        }
        _ => Ok(report),
    }
}

/// Returns whether the only faults are that the head, and perhaps statements, are older than what was seen
/// before.
fn is_old(report: &Report) -> bool {
    let mut faults = report.faults.iter();
    faults.clone().any(|fault| fault.path == "head")
        && faults.all(|fault| fault.code == Code::RolledBack)
}
