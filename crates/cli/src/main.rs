//! `sreg`: container images for science, as static files.

mod args;
mod clock;
mod cmd;
mod config;
mod environment;
mod error;
mod events;
mod exit;
mod files;
mod keys;
mod known;
mod location;
mod output;
mod progress;
mod stop;
mod target;

use sreg_model::fault::Code;
use std::process::ExitCode;

use clap::FromArgMatches as _;
use clap::error::{ContextValue, ErrorKind};

fn main() -> ExitCode {
    if cmd::is_image_reader() {
        let output = output::Output::new(&args::Global::default());
        return end(cmd::read_image(&output), &output);
    }
    let parsed = args::parser().try_get_matches();
    let args = match parsed.and_then(|matches| args::Args::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(error) => return refuse(error),
    };
    let output = output::Output::new(&args.global);
    let result = cmd::run(args, &output);
    end(result, &output)
}

/// Returns the exit code of a command's result, and prints its error.
fn end(result: Result<u8, error::CommandError>, output: &output::Output) -> ExitCode {
    match result {
        Ok(exit::OK) if output.is_lost() => {
            let problem =
                error::CommandError::new(Code::Unwritable, "standard output cannot be written");
            output.problem(&problem);
            ExitCode::from(problem.exit())
        }
        Ok(code) => ExitCode::from(code),
        Err(problem) => {
            output.problem(&problem);
            ExitCode::from(problem.exit())
        }
    }
}

/// Prints requested help, or the error for invalid arguments.
fn refuse(mut error: clap::Error) -> ExitCode {
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if !error.use_stderr() || is_help {
        error.exit();
    }
    // clap quotes arguments, which may contain control characters.
    let context: Vec<_> = error
        .context()
        .map(|(kind, value)| (kind, value.clone()))
        .collect();
    for (kind, value) in context {
        let clean = |text: String| output::printable(&text, true);
        let value = match value {
            ContextValue::String(text) => ContextValue::String(clean(text)),
            ContextValue::Strings(texts) => {
                ContextValue::Strings(texts.into_iter().map(clean).collect())
            }
            // Tips quote arguments, too.
            ContextValue::StyledStrs(texts) => ContextValue::StyledStrs(
                texts
                    .into_iter()
                    .map(|text| clean(text.to_string()).into())
                    .collect(),
            ),
            other => other,
        };
        error.insert(kind, value);
    }
    let problem = error::CommandError::arguments(&error);
    output::Output::new(&args::Global::default()).problem(&problem);
    ExitCode::from(problem.exit())
}
