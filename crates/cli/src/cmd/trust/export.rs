//! `sreg trust export`

use serde::Serialize;
use sreg_sign::policy::check_fresh;
use sreg_sign::{Purpose, allowed_signers, signers_of};

use super::source;
use crate::args::trust::Show;
use crate::error::CommandError;
use crate::exit;
use crate::output::Output;

#[derive(Serialize)]
struct Row {
    principal: String,
    namespace: &'static str,
    key: String,
}

pub(super) fn run(args: &Show, output: &Output) -> Result<u8, CommandError> {
    let (found, _) = source::read_held(&args.target, &args.knowing)?;
    let trust = found.trust()?.body();
    check_fresh(Purpose::Trust, Some(trust.expires), crate::clock::now())?;
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
