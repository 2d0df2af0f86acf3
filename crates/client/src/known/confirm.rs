//! Trust on first use.

use std::path::Path;

use sreg_model::Digest;

use crate::known::error::KnownError;
use crate::known::expected::ExpectedRegistry;
use crate::known::question::{Confirm, Question};

/// Confirms that the registry `found`, which was verified at `at`, is the one that is expected at `root`.
/// `at` differs from `root` if it is a mirror. Returns whether somebody has confirmed it just now, so that it is
/// to be recorded.
///
/// A registry that is expected already was held to its pins when it was verified, and nobody is asked.
///
/// # Errors
/// `Unconfirmed` if the registry is not known, and `confirm` answers no.
pub fn confirm_registry(
    expected: &ExpectedRegistry,
    found: Digest,
    (root, at): (&Path, &Path),
    confirm: &dyn Confirm,
) -> Result<bool, KnownError> {
    if expected.is_known() {
        return Ok(false);
    }
    let question = Question {
        registry: found,
        root: root.to_owned(),
        mirror: (at != root).then(|| at.to_owned()),
    };
    match confirm.confirm(&question) {
        true => Ok(true),
        false => Err(KnownError::Unconfirmed(Box::new(question))),
    }
}
