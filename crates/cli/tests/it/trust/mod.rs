//! Registries with keys: who signs what, and what the commands do.

mod amend;
mod known;
mod publish;

use std::fs;
use std::path::Path;

use crate::support::{Bench, snapshot};

pub(crate) fn published() -> Bench {
    let bench = Bench::new();
    bench.sif("lab/tool/1.0.sif");
    bench.sif("greeting_1.0.sif");
    bench.index_by(1);
    bench
}

/// Who signed each reference, as `sreg ls` says.
pub(crate) fn signers(bench: &Bench) -> Vec<(String, Vec<String>)> {
    let rows = bench.ok(&["ls", "public", "--format", "json"]).json();
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| {
        let signers = row["signers"].as_array().unwrap().iter();
        let signers = signers.map(|print| print.as_str().unwrap().to_owned());
        (
            row["reference"].as_str().unwrap().to_owned(),
            signers.collect(),
        )
    })
    .collect()
}

pub(crate) fn delegated() -> Bench {
    let bench = published();
    let (root, _) = (bench.key(1), bench.key(2));
    bench.ok(&[
        "trust",
        "delegate",
        "public",
        "lab",
        "--to",
        "key-2.pub",
        "--to",
        "key-1.pub",
        "--key",
        &root,
    ]);
    bench
}

pub(crate) fn copy(from: &Path, to: &Path) {
    for (path, bytes) in snapshot(from) {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
