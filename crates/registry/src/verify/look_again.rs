//! Repeats a verification that another run disturbed: a reader sees files of two versions during a commit.

use sreg_index::hasher::Observer;
use sreg_store::retry;

use super::{Fault, Report};
use crate::error::RegistryError;
use crate::registry::Registry;

/// The maximal number of verifications while another run writes.
const ATTEMPTS: u32 = 5;

/// Runs `look` until it finds no fault or nobody writes to the registry, at most [`ATTEMPTS`] times. If the
/// registry changes all the time, reports the faults that every look has found.
///
/// # Errors
/// `Cancelled` if the observer cancels, and the errors of `look`.
pub(super) fn look_again(
    registry: &Registry,
    observer: &dyn Observer,
    look: impl Fn() -> Result<Report, RegistryError>,
) -> Result<Report, RegistryError> {
    let head = || registry.head().ok().map(|head| head.id());
    let mut lasting: Option<Vec<Fault>> = None;
    let mut attempts = 0;
    loop {
        let (before, written) = (head(), registry.is_being_written());
        let mut report = look()?;
        attempts += 1;
        let overtaken = || written || head() != before || registry.is_being_written();
        if report.faults.is_empty() || !overtaken() {
            return Ok(report);
        }
        let still = still_there(lasting.take(), &report.faults);
        let lasting = lasting.insert(still);
        if attempts == ATTEMPTS {
            // A report without trust and head contains the reason.
            report
                .faults
                .retain(|fault| fault.is_of_root() || lasting.contains(fault));
            return Ok(report);
        }
        if observer.is_cancelled() {
            return Err(RegistryError::Cancelled);
        }
        tracing::debug!(
            attempts,
            "another process changed the registry: verifying it again"
        );
        retry::after_conflict(&**registry.store(), attempts)?;
    }
}

/// Returns the `earlier` faults that a later look has found too; all that it found, if it is the first.
fn still_there(earlier: Option<Vec<Fault>>, found: &[Fault]) -> Vec<Fault> {
    match earlier {
        None => found.to_vec(),
        Some(mut earlier) => {
            earlier.retain(|fault| found.contains(fault));
            earlier
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::sync::Arc;

    use sreg_index::hasher::Unobserved;
    use sreg_model::fault::Code;
    use sreg_model::layout::LOCK;
    use sreg_model::settings::Settings;
    use sreg_store::Local;

    use super::*;

    fn fault(path: &str) -> Fault {
        Fault {
            code: Code::StaleView,
            class: Code::StaleView.class(),
            path: path.to_owned(),
            reference: None,
            message: String::new(),
        }
    }

    /// Runs looks with these results, in turn, on a folder whose lock another run holds throughout. Returns the
    /// reported paths and the number of looks.
    fn looks(found: &[&[&str]]) -> (Vec<String>, usize) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("staging")).unwrap();
        let path = folder.path().join(LOCK);
        let mut waits = |_: Option<&str>| Ok(());
        let _lock = sreg_files::FolderLock::acquire(folder.path(), &path, &mut waits).unwrap();
        let registry =
            Registry::with_settings(Arc::new(Local::new(folder.path())), Settings::default());
        let count = Cell::new(0);
        let look = || {
            let paths = found[count.get().min(found.len() - 1)];
            count.set(count.get() + 1);
            Ok(Report {
                faults: paths.iter().map(|path| fault(path)).collect(),
                ..Report::default()
            })
        };
        let report = look_again(&registry, &Unobserved, look).unwrap();
        let paths = report.faults.into_iter().map(|fault| fault.path).collect();
        (paths, count.get())
    }

    #[test]
    fn of_a_registry_that_is_written_all_the_time_only_lasting_faults_are_told() {
        assert_eq!(looks(&[&["a"], &[]]), (vec![], 2));
        assert_eq!(looks(&[&["a"]]), (vec!["a".to_owned()], 5));
        let moving: &[&[&str]] = &[
            &["a", "x"],
            &["b", "x"],
            &["c", "x"],
            &["d", "x"],
            &["e", "x"],
        ];
        assert_eq!(looks(moving), (vec!["x".to_owned()], 5));
        assert_eq!(looks(&[&["a"], &["b"]]), (vec![], 5));
        let heads: &[&[&str]] = &[&["a"], &["head"]];
        assert_eq!(looks(heads), (vec!["head".to_owned()], 5));
    }
}
