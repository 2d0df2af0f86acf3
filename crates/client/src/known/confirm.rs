//! Trust on first use.

use std::path::Path;

use sreg_model::Digest;

use crate::known::error::KnownError;
use crate::known::expected::ExpectedRegistry;
use crate::known::question::{Confirm, Question};

/// Confirms that the registry `found`, which was verified at `at`, is the one expected at `root`. `at`
/// differs from `root` for a mirror. Returns whether a person has just confirmed it, so that it must be
/// recorded.
///
/// A registry that was already expected has been checked against its pins, without a question.
///
/// # Errors
/// `Unconfirmed` if the registry is not known and `confirm` answers no.
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
