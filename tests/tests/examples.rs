//! `examples/images/` holds exactly what `cargo run -p xtask -- examples` writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/images")
}

/// Every file below `folder`, by its path with slashes.
fn files(folder: &Path, prefix: &str) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path(), &format!("{name}/")));
        } else {
            found.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    found
}

#[test]
fn the_committed_images_are_those_that_the_code_makes() {
    let made: BTreeMap<String, Vec<u8>> = sreg_tests::examples::all()
        .into_iter()
        .map(|(path, bytes)| (path.to_owned(), bytes))
        .collect();
    let committed = files(&folder(), "");
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
