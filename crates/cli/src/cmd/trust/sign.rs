//! `sreg trust sign`

use super::amend;
use crate::args::trust::Sign;
use crate::error::CommandError;
use crate::keys::Opened;
use crate::output::Output;

pub(super) fn run(args: &Sign, output: &Output) -> Result<u8, CommandError> {
    let opened = Opened::need(&args.signing, output)?;
    amend::resume(
        &args.file,
        args.registry.as_deref(),
        &opened,
        args.yes,
        output,
    )
}
