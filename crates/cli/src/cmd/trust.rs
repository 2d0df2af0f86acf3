//! `sreg trust`

mod add;
mod amend;
mod export;
mod show;
mod sign;
pub(super) mod source;

use crate::args::trust::Trust;
use crate::error::CommandError;
use crate::output::Output;

pub(super) fn run(args: Trust, output: &Output) -> Result<u8, CommandError> {
    match args {
        Trust::Show(args) => show::run(&args, output),
        Trust::Add(args) => add::run(&args, output),
        Trust::Export(args) => export::run(&args, output),
        Trust::Forget(args) => add::forget(&args, output),
        Trust::AddKey(args) => amend::add_key(&args, output),
        Trust::RemoveKey(args) => amend::remove_key(&args, output),
        Trust::Delegate(args) => amend::delegate(&args, output),
        Trust::Retire(args) => amend::retire(&args, output),
        Trust::Revoke(args) => amend::revoke(&args, output),
        Trust::Rotate(args) => amend::rotate(&args, output),
        Trust::Sign(args) => sign::run(&args, output),
    }
}
