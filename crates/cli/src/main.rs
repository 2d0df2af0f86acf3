//! `sreg`: container images for science, as static files.

mod args;
mod cmd;
mod config;
mod exit;
mod output;
mod problem;
mod progress;
mod stop;
mod target;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let output = output::Output::new(&args.global);
    match cmd::run(args, &output) {
        Ok(exit::OK) if output.is_lost() => {
            let problem = problem::Problem::new("unwritable", "standard output cannot be written");
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
