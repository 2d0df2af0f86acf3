//! The user's known registries, and the registry that the arguments expect.

use sreg_client::Warning;
use sreg_client::known::{ExpectedRegistry, KnownError, KnownRegistries, LockFile, Pins};
use sreg_registry::verify::Evidence;

use crate::args::Knowing;
use crate::config;
use crate::error::CommandError;
use crate::output::Output;

/// The lock file that is read if none is named.
const LOCK_FILE: &str = "sreg.lock";

/// Returns the known registries of the user.
pub(crate) fn registries() -> Result<KnownRegistries, CommandError> {
    Ok(of_home().ok_or(KnownError::NoFolder)?)
}

fn of_home() -> Option<KnownRegistries> {
    config::state_file("registries").map(KnownRegistries::new)
}

/// Returns the sources of pins: the arguments, a lock file, the known registries.
pub(crate) fn pins(knowing: &Knowing) -> Pins {
    Pins {
        registries: of_home(),
        lock_file: match &knowing.lock {
            Some(path) => LockFile::Required(path.clone()),
            None => LockFile::Optional(LOCK_FILE.into()),
        },
        registry: knowing.trust,
    }
}

/// Returns the sources of pins without arguments.
pub(crate) fn own_pins() -> Pins {
    pins(&Knowing::default())
}

/// Returns the reason for an error, in one line.
pub(crate) fn reason(error: KnownError) -> String {
    let mut lines = CommandError::from(error).lines.into_iter();
    lines.next().map_or(String::new(), |line| line.message)
}

/// Saves both sides of forks, and prints where.
pub(crate) fn keep_evidence(
    pins: &Pins,
    expected: &ExpectedRegistry,
    forks: &[Evidence],
    output: &Output,
) -> Result<(), CommandError> {
    let evidence = pins.keep_evidence(expected, forks)?;
    if !evidence.is_empty() {
        output.note(&Warning::Forked(evidence).to_string());
    }
    Ok(())
}
