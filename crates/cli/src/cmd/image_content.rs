//! The process that `sreg inspect` runs to read an image within limits. An image that exhausts memory, stack
//! or time ends this process, not `sreg inspect`.

use sreg_model::fault::Code;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::Command;

use sreg_image::{Image, Limits};
use sreg_registry::explain;

use crate::error::CommandError;
use crate::exit;
use crate::output::Output;

/// The only argument of the reader.
pub(super) const WORD: &str = "image-content";

/// Returns the command that runs this program as image reader.
pub(super) fn command() -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("/proc/self/exe"));
    let mut command = Command::new(program);
    command.arg(WORD);
    command
}

pub(super) fn run(output: &Output) -> Result<u8, CommandError> {
    let failed = |error: io::Error| CommandError::new(Code::Unreadable, error.to_string());
    let limits = Limits::default();
    limits.bind_this_process().map_err(failed)?;
    let image = io::stdin().as_fd().try_clone_to_owned().map_err(failed)?;
    let image = Image::from_file(File::from(image))
        .map_err(|error| CommandError::new(error.code(), explain(&error)))?;
    output.json(&image.content_in_process(&limits, &std::env::temp_dir()))?;
    Ok(exit::OK)
}
