//! Resolves a reference to an image, and verifies the documents that vouch for it before the download
//! (`spec/cli.md`, CLI-26 to CLI-28).

mod arch;
mod error;
mod locked;
mod newest;
mod offline;
mod resolved;

use std::path::{Path, PathBuf};

use sreg_model::statement::Claim;
use sreg_model::{Document, Reference};
use sreg_registry::verify::Seen;
use sreg_registry::{Registry, RegistryError};

use crate::known::{ExpectedRegistry, confirm_registry};
use crate::location::Location;
use crate::options::{PullOptions, Version};
use crate::warning::Warning;

pub use arch::arch_of_target;
pub use error::{Refusal, ResolveError};
pub use resolved::Resolved;

/// Resolves a reference to an image, in the registry or the first of its mirrors that is intact.
///
/// # Errors
/// The error of the registry itself, if no mirror has the image either: `Refused` if something is wrong with it, or
/// the reference is not published; `Removed`, `NoArch`, `Unsigned` or `Known` if the image cannot be used;
/// `Registry` or `Store` if the registry cannot be read. With [`Version::Locked`] also `NotLocked`, `NoSuchVersion`
/// or `Policy`. With [`Version::Offline`] no server is asked: `NeverSeen`, `OlderThanLocked` or `NotCached`.
pub fn resolve(
    location: &Location,
    reference: &Reference,
    options: &PullOptions<'_>,
) -> Result<Resolved, ResolveError> {
    if options.version == Version::Offline {
        return offline::resolve(location, reference, options);
    }
    let mut roots: Vec<PathBuf> = vec![location.root().to_owned()];
    roots.extend(options.mirrors.iter().map(PathBuf::from));
    let mut failures = Vec::new();
    for (number, at) in roots.iter().enumerate() {
        match resolve_at(location, at, reference, options) {
            Ok(mut resolved) => {
                // The image may be downloaded from each of them.
                let others = roots.iter().enumerate();
                let others = others.filter(|(other, _)| *other != number);
                let others =
                    others.filter_map(|(_, at)| location.open_copy(at, &options.store).ok());
                resolved.registries.extend(others);
                return Ok(resolved);
            }
            Err(error) => {
                if number + 1 < roots.len() {
                    for message in error.messages() {
                        (options.warn)(Warning::Skipped {
                            registry: at.clone(),
                            message,
                        });
                    }
                }
                failures.push(error);
            }
        }
    }
    // There is at least one root, and a failure for each.
    Err(failures.swap_remove(0))
}

/// Resolves a reference in the registry at `at`, which may be a mirror of the one at `location`.
fn resolve_at(
    location: &Location,
    at: &Path,
    reference: &Reference,
    options: &PullOptions<'_>,
) -> Result<Resolved, ResolveError> {
    let registry = location.open_copy(at, &options.store)?;
    let expected = options.pins.expect(location, registry.stated_id()?)?;
    let report = match options.version {
        Version::Locked => locked::look(&registry, reference, &expected, options)?,
        _ => newest::look(&registry, reference, &expected, options)?,
    };
    // Unread is not absent.
    if options.store.retry.interrupt.is_set() {
        return Err(RegistryError::Cancelled.into());
    }
    let evidence = options.pins.keep_evidence(&expected, &report.forks)?;
    if !evidence.is_empty() {
        (options.warn)(Warning::Forked(evidence));
    }
    if !report.faults.is_empty() {
        return Err(ResolveError::Refused(Box::new(Refusal {
            registry,
            reference: reference.clone(),
            faults: report.faults,
        })));
    }
    let head = report.head.as_ref().map(Document::body);
    let version = head.map_or(0, |head| head.version);
    let statement = arch::select(report.statements, reference, options)?;
    let image = match &statement.body().claim {
        Claim::Present(image) => image.clone(),
        Claim::Removed { reason } => {
            return Err(ResolveError::Removed {
                registry: registry.root().to_owned(),
                reference: Box::new(reference.clone()),
                reason: reason.clone(),
            });
        }
    };
    let is_confirmed = vouch(
        location,
        &registry,
        reference,
        (&expected, report.seen.as_ref()),
        options,
    )?;
    let is_recorded = is_confirmed || expected.is_recorded();
    Ok(Resolved {
        statement,
        image,
        version,
        registries: vec![registry],
        seen: report.seen,
        recorded_at: is_recorded.then(|| location.clone()),
    })
}

/// Checks whether the registry is trusted. Returns whether a person has just confirmed it.
fn vouch(
    location: &Location,
    registry: &Registry,
    reference: &Reference,
    (expected, seen): (&ExpectedRegistry, Option<&Seen>),
    options: &PullOptions<'_>,
) -> Result<bool, ResolveError> {
    // A digest identifies the image, whoever serves it.
    if reference.digest().is_some() && !options.require_signed {
        return Ok(false);
    }
    let Some(seen) = seen else {
        if options.require_signed || expected.has_lock_file() {
            return Err(ResolveError::Unsigned(registry.root().to_owned()));
        }
        (options.warn)(Warning::Unsigned);
        return Ok(false);
    };
    let at = (location.root(), registry.root());
    let confirmed = confirm_registry(expected, seen.registry, at, options.confirm)?;
    Ok(confirmed)
}
