//! Bytes that no reader should take.

use std::fs;
use std::path::Path;

use serde_json::json;
use sreg_model::trust::Trust;
use sreg_model::{Digest, Document};

use super::victim::{Victim, put};
use crate::support::{Bench, snapshot};

#[test]
fn endless_documents() {
    for (path, most) in [
        ("head", 16 << 10),
        ("trust/1", 1 << 20),
        ("heads/1/1", 16 << 10),
    ] {
        let victim = Victim::new();
        let mut bytes = fs::read(victim.bench.public().join(path)).unwrap();
        bytes.resize(most + 1, b'\n');
        fs::write(victim.bench.public().join(path), &bytes).unwrap();
        let ran = victim.bench.run(&["verify", "public"]);
        assert_eq!(ran.code, 6, "{path}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("error[document-too-large]"),
            "{path}: {}",
            ran.stderr
        );
    }
    let victim = Victim::new();
    let (path, statement) = victim.statement();
    let mut bytes = statement.bytes().to_vec();
    bytes.resize((16 << 10) + 1, b'\n');
    fs::write(victim.bench.public().join(path), bytes).unwrap();
    victim.looks(6, &["document-too-large"]);
}

#[test]
fn names_that_lead_out_of_a_folder() {
    let victim = Victim::new();
    for name in [
        "../x",
        "lab/../../x",
        "lab/%2e%2e",
        "lab/a\\b",
        "/etc/passwd",
        "lab/x:../../y",
        "lab/\u{202e}x",
    ] {
        let target = format!("public//{name}");
        let ran = victim.bench.run(&["verify", &target]);
        assert_eq!(ran.code, 2, "{name}: {}{}", ran.stdout, ran.stderr);
        let image = victim.bench.images().join("lab/tool/1.0.sif");
        let ran = victim
            .bench
            .run(&["sign", image.to_str().unwrap(), &target, "--key", "key-2"]);
        assert_eq!(ran.code, 2, "{name}: {}{}", ran.stdout, ran.stderr);
    }
    // A place in a trust document is a name too.
    let mut trust = victim.bench.document("trust/1");
    trust["delegations"][0]["scope"] = json!("../x");
    fs::write(victim.bench.path("trust-9"), format!("{trust}\n")).unwrap();
    let ran = victim.bench.run(&["trust", "show", "trust-9"]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
}

/// Every byte of a small registry, one after the other.
#[test]
fn every_byte_counts() {
    let bench = Bench::new();
    bench.write("lab/old_1.simg", &sreg_tests::images::simg("old", 10));
    bench.index_by(1);
    // Two heads, a second trust, a removal.
    bench.write("lab2/old_2.simg", &sreg_tests::images::simg("older", 10));
    bench.index_by(1);
    fs::remove_file(bench.images().join("lab/old_1.simg")).unwrap();
    bench.index_by(1);
    let root = bench.public();
    let trust = Document::<Trust>::parse(fs::read(root.join("trust/1")).unwrap()).unwrap();
    let files = snapshot(&root);
    assert!(files.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > 10_000);
    let next = std::sync::atomic::AtomicUsize::new(0);
    // Each core flips bytes in a copy of its own.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for core in 0..cores {
            let (files, next, id) = (&files, &next, trust.id());
            let root = bench.path(&format!("copy-{core}"));
            scope.spawn(move || {
                files
                    .iter()
                    .for_each(|(path, bytes)| put(&root, path, bytes));
                let take = || files.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
                while let Some((path, bytes)) = take() {
                    for at in 0..bytes.len() {
                        let mut changed = bytes.clone();
                        changed[at] ^= 1 << (at % 8);
                        put(&root, path, &changed);
                        assert!(is_refused(&root, id), "{path} at {at}");
                    }
                    put(&root, path, bytes);
                }
                assert!(!is_refused(&root, id));
            });
        }
    });
}

fn is_refused(root: &Path, id: Digest) -> bool {
    let Ok(tree) = sreg_registry::Registry::open(root) else {
        return true;
    };
    let options = sreg_registry::verify::Options {
        known: vec![sreg_model::lock::Pin::registry(id)],
        ..sreg_registry::verify::Options::new(
            sreg_registry::verify::BlobCheck::Full,
            sreg_index::hasher::IoMode::Auto,
        )
    };
    let report =
        sreg_registry::verify::verify_registry(&tree, &options, &sreg_index::hasher::Unobserved);
    report.is_ok_and(|report| !report.faults.is_empty())
}
