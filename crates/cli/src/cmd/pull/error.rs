//! What a person is told when an image cannot be pulled.

use sreg_client::fetch::FetchError;
use sreg_client::known::KnownError;
use sreg_client::pull::PullError;
use sreg_client::resolve::{Refusal, ResolveError};
use sreg_registry::explain;

use super::Target;
use crate::args;
use crate::cmd::ls;
use crate::error::{CommandError, Line, fault_hints};

/// The problem of a reference that resolves to no image.
pub(super) fn of_resolve(error: ResolveError, args: &args::Pull) -> CommandError {
    let hint = match &error {
        ResolveError::Refused(refusal) => return of_refusal(refusal),
        ResolveError::Known(KnownError::Unconfirmed(question)) => Some(format!(
            "compare the id with what its owner tells you, then: sreg pull --trust {} {}",
            question.registry, args.reference
        )),
        _ => None,
    };
    match hint {
        Some(hint) => CommandError::from(error).with_hint(hint),
        None => error.into(),
    }
}

/// The problem of an image that cannot be brought to its target.
pub(super) fn of_pull(error: PullError, target: &Target) -> CommandError {
    match error {
        PullError::FileExists(_) => CommandError::new(error.code(), explain(&error))
            .with_hint("choose another name with -o, or replace it with --force"),
        // No file of what goes to standard output stays.
        PullError::Fetch(error) if target.is_stdout() => CommandError {
            hint: None,
            ..CommandError::from(error)
        },
        PullError::Fetch(error) => error.into(),
        PullError::Flush(error) => {
            CommandError::new("unwritable", format!("standard output: {error}"))
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
                "list the newest with: sreg trust add {} --lock sreg.lock",
                root.display()
            ),
            ResolveError::NeverSeen(_) => {
                "know it first: sreg trust add, then pull once with --cache; or pull a digest"
                    .to_owned()
            }
            ResolveError::OlderThanLocked => "pull once without --offline".to_owned(),
            ResolveError::NotCached(_) => "pull it once without --offline".to_owned(),
            ResolveError::NoArch { ref archs, .. } => {
                let archs: Vec<&str> = archs.iter().map(|arch| arch.as_str()).collect();
                format!("choose one with --arch: {}", archs.join(", "))
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
                Some(
                    "what has come stays beside it in a .part file; the same command goes on from there",
                )
            }
            FetchError::Mismatch { .. } => {
                Some("nothing of it was kept; name another source with --mirror URL")
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
