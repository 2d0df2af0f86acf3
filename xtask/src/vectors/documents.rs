//! `spec/manifest.md`, `spec/statement.md`, `spec/head.md` and `spec/trust.md`.

mod head;
mod lock;
mod manifest;
mod statement;
mod statement_invalid;
mod trust;
mod trust_invalid;

use super::{Case, artifact, example, oracle};
pub(super) use trust::{fingerprint, role_of, sorted_keys};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = manifest::cases();
    cases.extend(statement::cases());
    cases.extend(head::cases());
    cases.extend(lock::cases());
    cases.extend(trust::cases());
    cases.extend(trust_invalid::cases());
    cases
}
