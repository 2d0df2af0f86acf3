//! `spec/signature.md`: signatures under the profile.
//!
//! Signatures are spelt out field by field; what signs is a key that is derived from a number, or
//! was made by other tools (`tests/fixtures/signature`).

mod armor;
mod build;
mod fields;
mod inner;
mod kinds;
mod valid;

use serde_json::json;

use super::Case;
use build::MESSAGE;
pub(super) use build::{public_key, sign};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = valid::cases();
    cases.extend(armor::cases());
    cases.extend(fields::cases());
    cases.extend(inner::cases());
    cases.extend(kinds::cases());
    cases
}

/// A signature of the message, for an image statement, that is refused.
fn refused(
    name: &str,
    ids: &'static str,
    note: &str,
    input: impl Into<Vec<u8>>,
    class: &'static str,
) -> Case {
    with_context(Case::invalid("signature", name, ids, note, input, class))
}

fn with_context(case: Case) -> Case {
    case.with("purpose", json!("image"))
        .file("message", MESSAGE.to_vec())
}
