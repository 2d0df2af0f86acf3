//! `sreg inspect` on honest images, and on ones made to exhaust whoever reads them: the command
//! ends soon, with an answer or a documented exit code.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use backhand::compression::Compressor;
use serde_json::Value;
use sreg_tests::seed::Seed;
use sreg_tests::sif::patch;
use sreg_tests::squashfs::Registry;
use sreg_tests::{examples, images};

/// Exit codes of `inspect` on a file: an answer, or a malformed image.
const DOCUMENTED: [i32; 2] = [0, 6];

const SREG: &str = env!("CARGO_BIN_EXE_sreg");

fn sreg(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(SREG)
        .args(arguments)
        .current_dir(folder)
        .env("XDG_CONFIG_HOME", folder)
        .output()
        .expect("the command runs")
}

/// Inspects an image; its report where it is one.
fn inspect(bytes: &[u8]) -> Option<Value> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("image.sif"), bytes).expect("room for it");
    let start = Instant::now();
    let output = sreg(folder.path(), &["inspect", "--format", "json", "image.sif"]);
    assert!(start.elapsed() < Duration::from_secs(40));
    let code = output.status.code().expect("it is not ended by a signal");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(DOCUMENTED.contains(&code), "exit code {code}: {errors}");
    assert!(!errors.contains("panicked"), "{errors}");
    (code == 0).then(|| serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn note(bytes: &[u8]) -> String {
    let report = inspect(bytes).expect("a report");
    report["notes"][0].as_str().expect("a note").to_owned()
}

#[test]
fn shows_what_every_example_holds() {
    let examples = examples::all();
    assert!(examples.len() >= 4);
    for (path, bytes) in examples {
        let report = inspect(&bytes).expect("an example is an image");
        assert_eq!(report["notes"], serde_json::json!([]), "{path}");
        let title = &report["labels"]["org.opencontainers.image.title"];
        let runscript = report["runscript"].as_str().expect("a runscript");
        assert!(runscript.contains(title.as_str().expect("a title")));
        assert_eq!(
            report["environment"]["/.singularity.d/env/90-environment.sh"],
            images::ENVIRONMENT
        );
    }
}

#[test]
fn reads_the_same_from_every_format() {
    for image in [
        images::simg("lab/a:1", 300_000),
        images::simg_with_shebang("lab/a:1", 300_000),
        images::simg_gz("lab/a:1", 300_000),
    ] {
        let report = inspect(&image).expect("a report");
        assert_eq!(report["recipe"], images::recipe("lab/a:1"));
    }
}

#[test]
fn the_reader_is_no_command_for_people() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let help = sreg(folder.path(), &["--help"]).stdout;
    assert!(!String::from_utf8_lossy(&help).contains("image-content"));
}

#[test]
fn counts_in_the_superblock_are_not_believed() {
    let mut image = images::simg("a", 0);
    patch(&mut image, 4, &u32::MAX.to_le_bytes());
    assert!(note(&image).contains("4294967295 inodes"));
    patch(&mut image, 4, &500_000u32.to_le_bytes());
    assert!(note(&image).contains("damaged"));
    let mut sparse = images::simg("a", 0);
    patch(&mut sparse, 40, &(100u64 << 20).to_le_bytes());
    sparse.resize(100 << 20, 0);
    assert!(note(&sparse).contains("the tables of the squashfs have"));
}

#[test]
fn tables_may_be_said_to_stand_anywhere() {
    let image = images::simg("a", 0);
    let size = u64::try_from(image.len()).expect("a size");
    let places = [0, 1, 95, 96, 600, size - 1, size, 1 << 40, u64::MAX >> 1];
    // Root inode, size, then the tables of ids, attributes, inodes, folders, fragments, exports.
    for field in (32..96).step_by(8) {
        for place in places.into_iter().chain([u64::MAX]) {
            let mut hostile = image.clone();
            patch(&mut hostile, field, &place.to_le_bytes());
            inspect(&hostile);
        }
    }
}

#[test]
fn damage_anywhere_ends_in_an_answer() {
    let tree = |compressor| {
        Registry::new(1)
            .container("{\"a\":\"b\"}", "recipe", "run", "export A=1")
            .file("bin/x", 0o755, Seed::new("program").bytes(3000))
            .build(compressor)
    };
    // LZ4 has no checksum: what is changed in a table is met by what reads the table.
    let images = [
        (tree(Compressor::Lz4), 140),
        (tree(Compressor::Gzip), 20),
        (tree(Compressor::Xz), 20),
        (tree(Compressor::Zstd), 20),
    ];
    let mut seed = Seed::new("damage");
    let mut below = |end: usize| usize::try_from(seed.number() % end as u64).expect("in range");
    for (image, times) in images {
        // Behind it there is padding.
        let used = image.iter().rposition(|byte| *byte != 0).expect("an image") + 1;
        for _ in 0..times {
            let mut damaged = image.clone();
            for _ in 0..=below(6) {
                damaged[below(used)] ^= 1 << below(8);
            }
            inspect(&damaged);
        }
    }
}

#[test]
fn a_deep_tree_exhausts_the_reader_only() {
    let image = Registry::new(1)
        .file(&("a/".repeat(800) + "file"), 0o644, "x")
        .build(Compressor::Gzip);
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("image.simg"), &image).expect("room for it");
    assert_eq!(
        inspect(&image).expect("a report")["notes"],
        serde_json::json!([])
    );
    // The same with a small stack stands for a deeper tree, which takes minutes to write.
    let script = format!("ulimit -s 352; exec {SREG} inspect image.simg");
    let output = Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path())
        .output()
        .expect("a shell");
    let answer = String::from_utf8_lossy(&output.stdout);
    assert!(
        answer.contains("folders are nested too deeply"),
        "{output:?}"
    );
}
