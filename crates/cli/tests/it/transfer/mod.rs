//! Images and registries on their way: push, pull, mirror, doctor, between folders. What needs a
//! server is in `network`.

mod copies;
mod environment;
mod pull;
mod push;

use std::fs;

use crate::support::Bench;

/// A registry without keys: `lab/tool:1.0` and `greeting`.
pub(crate) fn published() -> Bench {
    let bench = Bench::new();
    bench.sif("lab/tool/1.0.sif");
    bench.sif("greeting_1.0.sif");
    bench.index();
    bench
}

/// The same, signed with the key 1.
pub(crate) fn signed() -> Bench {
    let bench = Bench::new();
    bench.sif("lab/tool/1.0.sif");
    bench.sif("greeting_1.0.sif");
    bench.index_by(1);
    bench
}

/// An image that is not published yet.
pub(crate) fn new_image(bench: &Bench, name: &str) -> String {
    let path = bench.path(name);
    fs::write(
        path,
        sreg_tests::images::sif(name, sreg_model::Arch::Amd64, 3_000_000),
    )
    .unwrap();
    name.to_owned()
}

/// Runs as somebody else, who has seen nothing yet.
pub(crate) fn as_stranger(bench: &Bench, args: &[&str]) -> crate::support::Ran {
    let mut command = bench.command(args);
    command.env("XDG_STATE_HOME", bench.path("stranger"));
    crate::support::Ran::of(&command.output().unwrap())
}
