//! `sreg trust export`

use serde::Serialize;
use sreg_sign::{allowed_signers, signers_of};

use super::source;
use crate::args::trust::Target;
use crate::exit;
use crate::output::Output;
use crate::problem::Problem;

#[derive(Serialize)]
struct Row {
    principal: String,
    namespace: &'static str,
    key: String,
}

pub(super) fn run(args: &Target, output: &Output) -> Result<u8, Problem> {
    let found = source::read(&args.target)?;
    let trust = found.trust()?.body();
    if output.is_json() {
        let rows = signers_of(trust).into_iter().map(|one| Row {
            principal: one.principal,
            namespace: one.purpose.namespace(),
            key: one.key.to_string(),
        });
        output.json(&rows.collect::<Vec<_>>())?;
    } else {
        output.text(&allowed_signers(trust));
    }
    Ok(exit::OK)
}
