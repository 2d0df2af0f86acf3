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
    for entry in fs::read_dir(folder).expect("a folder of examples") {
        let entry = entry.expect("an entry");
        let name = format!(
            "{prefix}{}",
            entry.file_name().to_str().expect("a name in UTF-8")
        );
        if entry.file_type().expect("its type").is_dir() {
            found.extend(files(&entry.path(), &format!("{name}/")));
        } else {
            found.insert(name, fs::read(entry.path()).expect("its bytes"));
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
