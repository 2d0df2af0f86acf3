//! `spec/manifest.md`, `spec/statement.md` and `spec/head.md`.

mod head;
mod manifest;
mod statement;
mod statement_invalid;

use super::{Case, example, oracle};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = manifest::cases();
    cases.extend(statement::cases());
    cases.extend(head::cases());
    cases
}
