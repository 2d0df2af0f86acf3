//! Tools of this repository: what writes the files that are made by code, and checks them.

mod examples;
mod fuzz_corpus;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "usage: cargo run -p xtask -- COMMAND
  examples      write examples/images/
  fuzz-corpus   write the first inputs of the fuzz targets, fuzz/corpus/";

#[allow(clippy::print_stderr, reason = "a command-line tool answers here")]
fn main() -> ExitCode {
    let command = std::env::args().nth(1);
    let done = match command.as_deref() {
        Some("examples") => examples::write(&root().join("examples/images")),
        Some("fuzz-corpus") => fuzz_corpus::write(&root().join("fuzz/corpus")),
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
