//! Errors of `sreg pull`, with their hints.

use sreg_client::fetch::FetchError;
use sreg_client::known::KnownError;
use sreg_client::pull::PullError;
use sreg_client::resolve::{Refusal, ResolveError};
use sreg_model::fault::Code;
use sreg_registry::explain;

use super::Target;
use crate::args;
use crate::cmd::ls;
use crate::error::{CommandError, Line, fault_hints};

/// Returns the error for a reference that does not resolve.
pub(super) fn of_resolve(error: ResolveError, args: &args::Pull) -> CommandError {
    let hint = match &error {
        ResolveError::Refused(refusal) => return of_refusal(refusal),
        ResolveError::Known(KnownError::Unconfirmed(question)) => Some(format!(
            "compare the id with the owner's, then run `sreg pull --trust {} {}`",
            question.registry, args.reference
        )),
        _ => None,
    };
    match hint {
        Some(hint) => CommandError::from(error).with_hint(hint),
        None => error.into(),
    }
}

/// Returns the error for an image that cannot be written to its target.
pub(super) fn of_pull(error: PullError, target: &Target) -> CommandError {
    match error {
        PullError::FileExists(_) => CommandError::new(error.code(), explain(&error))
            .with_hint("choose another name with -o, or add --force to replace it"),
        // No partial file remains of an image that goes to standard output.
        PullError::Fetch(error) if target.is_stdout() => CommandError {
            hint: None,
            ..CommandError::from(error)
        },
        PullError::Fetch(error) => error.into(),
        PullError::Flush(error) => {
            CommandError::new(Code::Unwritable, format!("standard output: {error}"))
        }
        PullError::Resolve(error) => error.into(),
        PullError::Store(error) => error.into(),
        error => CommandError::new(error.code(), explain(&error)),
    }
}

fn of_refusal(refusal: &Refusal) -> CommandError {
    let lines = refusal.faults.iter().map(|fault| Line {
        code: fault.code,
        path: Some(fault.path.clone()),
        message: refusal.message(fault),
    });
    let registry = &refusal.registry;
    CommandError {
        lines: lines.collect(),
        below: String::new(),
        hint: match refusal.is_missing() {
            true => Some(ls::tags_hint(registry, &refusal.reference)),
            false => fault_hints(&refusal.faults, registry.root())
                .into_iter()
                .next(),
        },
    }
}

impl From<ResolveError> for CommandError {
    fn from(error: ResolveError) -> Self {
        let hint = match error {
            ResolveError::Refused(refusal) => return of_refusal(&refusal),
            ResolveError::Known(error) => return error.into(),
            ResolveError::Policy(error) => return error.into(),
            ResolveError::Registry(error) => return error.into(),
            ResolveError::Store(error) => return error.into(),
            ResolveError::NotLocked(ref root) => format!(
                "run `sreg trust add {} --lock sreg.lock` to add its newest version to the lock file",
                root.display()
            ),
            ResolveError::NeverSeen(_) => {
                "run `sreg trust add REGISTRY`, then pull once with --cache; or pull by digest"
                    .to_owned()
            }
            ResolveError::OlderThanLocked => "pull once without --offline".to_owned(),
            ResolveError::NotCached(_) => {
                "pull it once with this --cache and without --offline".to_owned()
            }
            ResolveError::NoArch { ref archs, .. } => {
                let archs: Vec<&str> = archs.iter().map(|arch| arch.as_str()).collect();
                format!("add --arch with one of: {}", archs.join(", "))
            }
            error => return Self::new(error.code(), explain(&error)),
        };
        Self::new(error.code(), explain(&error)).with_hint(hint)
    }
}

impl From<FetchError> for CommandError {
    fn from(error: FetchError) -> Self {
        let hint = match &error {
            FetchError::Interrupted | FetchError::Unreachable { .. } | FetchError::Full { .. } => {
                Some("run the same command again to resume from the .part file")
            }
            FetchError::Mismatch { .. } => {
                Some("add --mirror URL to name another source (no bytes were kept)")
            }
            _ => None,
        };
        let problem = Self::new(error.code(), explain(&error));
        match hint {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        }
    }
}
