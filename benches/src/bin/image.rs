//! Writes an image of some MiB: `image FILE SEED MIB`.
#![allow(clippy::print_stderr, reason = "a tool answers on standard error")]

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let (Some(file), Some(seed), Some(Ok(mib))) = (
        args.get(1),
        args.get(2),
        args.get(3).map(|text| text.parse::<usize>()),
    ) else {
        eprintln!("usage: image FILE SEED MIB");
        return ExitCode::from(2);
    };
    match sreg_benches::write_image(Path::new(file), seed, mib << 20) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {file}: {error}");
            ExitCode::FAILURE
        }
    }
}
