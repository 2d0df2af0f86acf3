//! Tools of this repository: what writes the files that are made by code, and checks them.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a tool for people and CI: what it prints is its answer"
)]

mod examples;
mod fuzz_corpus;
mod spec_check;
mod vectors;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo run -p xtask -- COMMAND
  examples      write examples/images/
  fuzz-corpus   write the first inputs of the fuzz targets, fuzz/corpus/
  spec-check    check that spec/ holds together, and with the code
  vectors       write spec/vectors/";

fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let done = match command.as_deref() {
        Some("examples") => examples::write(&root().join("examples/images")),
        Some("fuzz-corpus") => fuzz_corpus::write(&root().join("fuzz/corpus")),
        Some("spec-check") => spec_check::run(&root()),
        Some("vectors") => vectors::run(&root()),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The root of the repository, wherever the tool is run from.
fn root() -> PathBuf {
    let package = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    package
        .parent()
        .expect("xtask stands in the repository")
        .to_path_buf()
}
