//! Tools of this repository: `cargo run -p xtask -- <task>`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for people and CI: what it prints is its answer"
)]

mod spec_check;
mod vectors;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask stands in the repository");
    let task = std::env::args().nth(1).unwrap_or_default();
    let outcome = match task.as_str() {
        "vectors" => vectors::run(root),
        "spec-check" => spec_check::run(root),
        _ => Err(format!("no task {task:?}; expected vectors or spec-check").into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
