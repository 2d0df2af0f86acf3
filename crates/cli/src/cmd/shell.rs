//! `sreg completion` and `sreg man`: both from the arguments themselves.

use sreg_model::fault::Code;
use std::path::PathBuf;

use clap_complete::Shell;

use crate::args::command;
use crate::error::CommandError;
use crate::exit;
use crate::output::Output;

pub(super) fn completion(shell: Shell, output: &Output) -> Result<u8, CommandError> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command(), "sreg", &mut script);
    output.text(&String::from_utf8_lossy(&script));
    Ok(exit::OK)
}

pub(super) fn man(out: Option<PathBuf>, output: &Output) -> Result<u8, CommandError> {
    let Some(folder) = out else {
        let mut page = Vec::new();
        let rendered = clap_mangen::Man::new(command()).render(&mut page);
        rendered.map_err(|error| CommandError::new(Code::Bug, error.to_string()))?;
        output.text(&String::from_utf8_lossy(&page));
        return Ok(exit::OK);
    };
    let written = std::fs::create_dir_all(&folder)
        .and_then(|()| clap_mangen::generate_to(command(), &folder));
    written.map_err(|error| {
        CommandError::new(
            Code::Unwritable,
            format!("cannot write {}: {error}", folder.display()),
        )
    })?;
    output.text(&format!("wrote the manual pages to {}\n", folder.display()));
    Ok(exit::OK)
}
