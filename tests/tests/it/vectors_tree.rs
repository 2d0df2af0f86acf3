//! The vectors of whole trees in `spec/vectors`, as `sreg-registry` verifies them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use sreg_index::hasher::{IoMode, Unobserved};
use sreg_registry::Registry;
use sreg_registry::verify::{BlobCheck, Options, verify_registry};

fn folders(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    assert!(!found.is_empty(), "{} is empty", folder.display());
    found
}

fn bytes_of(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

fn unpack(tree: &Value, root: &Path) {
    let put = |path: &String, bytes: &[u8]| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    };
    for (path, text) in tree["files"].as_object().unwrap() {
        put(path, text.as_str().unwrap().as_bytes());
    }
    for (path, target) in tree["links"].as_object().unwrap() {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target.as_str().unwrap(), path).unwrap();
    }
    for (path, hex) in tree["hex"].as_object().unwrap() {
        put(path, &bytes_of(hex.as_str().unwrap()));
    }
}

#[test]
fn trees() {
    let area = Path::new(env!("CARGO_MANIFEST_DIR")).join("../spec/vectors/tree");
    let mut wrong = Vec::new();
    for verdict in ["valid", "invalid"] {
        for folder in folders(&area.join(verdict)) {
            let read = |name: &str| -> Value {
                serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
            };
            let (fields, input) = (read("vector.json"), read("input"));
            let root = tempfile::tempdir().unwrap();
            unpack(&input, root.path());
            let tree = Registry::open(root.path()).unwrap();
            let known = |knows: &Value| serde_json::from_value(knows.clone()).unwrap();
            let options = Options {
                now: fields["now"].as_u64().unwrap_or(0),
                known: fields.get("knows").map(known).into_iter().collect(),
                ..Options::new(BlobCheck::Full, IoMode::default())
            };
            let report = verify_registry(&tree, &options, &Unobserved).unwrap();
            let faults: BTreeSet<&str> = report
                .faults
                .iter()
                .map(|fault| fault.code.word())
                .collect();
            let warnings: Vec<&str> = report
                .warnings
                .iter()
                .map(|fault| fault.code.word())
                .collect();
            let fits = match fields["class"].as_str() {
                Some(class) => faults == BTreeSet::from([class]),
                None => faults.is_empty() && fields["expect"] == json!({ "warnings": warnings }),
            };
            if !fits {
                wrong.push(format!(
                    "{}\n  {:?}\n  {:?}",
                    folder.display(),
                    report.faults,
                    report.warnings
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
