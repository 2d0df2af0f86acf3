//! `examples/images/` holds exactly what `cargo run -p xtask -- examples` writes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sreg_tests::files::snapshot;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/images")
}

#[test]
fn the_committed_images_are_those_that_the_code_makes() {
    let made: BTreeMap<String, Vec<u8>> = sreg_tests::examples::all()
        .into_iter()
        .map(|(path, bytes)| (path.to_owned(), bytes))
        .collect();
    let committed = snapshot(&folder()).into_iter().collect::<BTreeMap<_, _>>();
    assert_eq!(
        committed.keys().collect::<Vec<_>>(),
        made.keys().collect::<Vec<_>>()
    );
    for (path, bytes) in &made {
        assert!(
            committed[path] == *bytes,
            "{path} differs: run `cargo run -p xtask -- examples`"
        );
    }
}

#[test]
fn the_images_are_small() {
    for (path, bytes) in sreg_tests::examples::all() {
        assert!(bytes.len() < 60_000, "{path} has {} bytes", bytes.len());
    }
}
