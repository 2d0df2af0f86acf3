//! What `spec/cli.md` promises to scripts: JSON under its schemas, exit codes, streams.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json as value};
use sreg_tests::files::snapshot;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_sreg"))
}

/// A scratch folder in which commands run, with caches of its own.
struct Scratch(tempfile::TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn sreg(&self, words: &[&str]) -> Output {
        Command::new(binary())
            .args(words)
            .current_dir(self.path())
            .env_remove("GITHUB_ACTIONS")
            .env("XDG_CACHE_HOME", self.path().join("cache"))
            .env("XDG_STATE_HOME", self.path().join("state"))
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            // Tests at the same time link the same images, which changes their status.
            .env("SREG_LINK", "copy")
            .env("SOURCE_DATE_EPOCH", "1790000000")
            .output()
            .unwrap()
    }
}

fn images() -> String {
    repository().join("examples/images").display().to_string()
}

/// Standard output as one JSON value, valid under a schema.
fn json(output: &Output, schema: &str) -> Value {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let value: Value =
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let path = repository().join(format!("spec/schema/{schema}.schema.json"));
    let schema: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| error.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:?}: {text}");
    value
}

// spec: CLI-5 CLI-6
#[test]
fn every_command_prints_json_under_its_schema() {
    let scratch = Scratch::new();
    let images = images();
    let run = |words: &[&str], schema: &str, exit: i32| {
        let output = scratch.sreg(&[words, &["--format", "json"]].concat());
        assert_eq!(output.status.code(), Some(exit), "{words:?}: {output:?}");
        json(&output, schema)
    };
    run(&["index", &images, "--out", "dry", "--dry-run"], "index", 0);
    run(&["index", &images, "--out", "public"], "index", 0);
    let hosted = ["index", &images, "--out", "hosted", "--host"];
    run(&[&hosted[..], &["pages"]].concat(), "index", 0);
    run(&["verify", "public"], "verify", 0);
    run(&["ls", "public"], "ls", 0);
    run(
        &["inspect", "public//lab/tool:1.0", "--digest"],
        "inspect",
        0,
    );
    run(
        &["inspect", &format!("{images}/older_2.4.simg")],
        "inspect",
        0,
    );
    fs::create_dir(scratch.path().join("few")).unwrap();
    fs::copy(
        format!("{images}/greeting_1.0.sif"),
        scratch.path().join("few/greeting_1.0.sif"),
    )
    .unwrap();
    run(&["index", "few", "--out", "other"], "index", 0);
    let rm = ["rm", "public//lab/tool:1.0", "--reason", "superseded"];
    run(&rm, "rm", 0);
    run(&["diff", "public", "other"], "diff", 1);
    run(&["diff", "public", "public"], "diff", 0);
    sreg_tests::keys::write(scratch.path(), 1);
    sreg_tests::keys::write(scratch.path(), 2);
    let key = ["--key", "key-1"];
    run(&[&["init", "signed"], &key[..]].concat(), "change", 0);
    run(
        &[&["index", "few", "--out", "signed"], &key[..]].concat(),
        "index",
        0,
    );
    run(&["ls", "signed"], "ls", 0);
    run(&["log", "signed"], "log", 0);
    run(&["log", "public"], "log", 0);
    run(&["trust", "show", "signed"], "trust-show", 0);
    run(&["trust", "export", "signed"], "trust-export", 0);
    run(&["trust", "add", "signed", "--yes"], "change", 0);
    run(&[&["refresh", "signed"], &key[..]].concat(), "change", 0);
    let delegate = ["trust", "delegate", "signed", "lab", "--to", "key-2.pub"];
    run(&delegate, "change", 0);
    run(&[&delegate[..], &key].concat(), "change", 0);
    run(&[&["sign", "signed"], &key[..]].concat(), "change", 0);
    let image = [
        "sign",
        "few/greeting_1.0.sif",
        "signed//lab/x:1",
        "--key",
        "key-2",
    ];
    run(&image, "change", 0);
    fs::remove_file(scratch.path().join("public/lab/tool/tags/index.html")).unwrap();
    run(&["repair", "public"], "repair", 0);
    run(&["verify", "public"], "verify", 0);
}

// spec: CLI-6
#[test]
fn a_server_prints_its_url_under_its_schema() {
    let scratch = Scratch::new();
    let index = ["index", &images(), "--out", "public"];
    assert!(scratch.sreg(&index).status.success());
    let mut server = Command::new(binary())
        .args(["serve", "public", "--listen", "127.0.0.1:0", "-q"])
        .args(["--format", "json"])
        .current_dir(scratch.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // All of the answer comes before the server is ended, which then says nothing more.
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    let mut bytes = Vec::new();
    stdout.read_until(b'\n', &mut bytes).unwrap();
    server.kill().unwrap();
    stdout.read_to_end(&mut bytes).unwrap();
    let output = Output {
        status: server.wait().unwrap(),
        stdout: bytes,
        stderr: Vec::new(),
    };
    json(&output, "serve");
}

// spec: CLI-3 STM-17 HEAD-12
#[test]
fn indexing_again_changes_nothing() {
    let scratch = Scratch::new();
    let index = ["index", &images(), "--out", "public"];
    assert!(scratch.sreg(&index).status.success());
    let before = snapshot(&scratch.path().join("public"));
    assert!(scratch.sreg(&index).status.success());
    assert!(before == snapshot(&scratch.path().join("public")));
}

// spec: CLI-2 STM-18
#[test]
fn what_leaves_the_source_is_removed_and_nothing_else() {
    let scratch = Scratch::new();
    let images = images();
    for name in ["a", "b"] {
        let folder = scratch.path().join(name);
        fs::create_dir(&folder).unwrap();
        for tag in ["1", "2"] {
            fs::copy(
                format!("{images}/greeting_1.0.sif"),
                folder.join(format!("{name}_{tag}.sif")),
            )
            .unwrap();
        }
        assert!(
            scratch
                .sreg(&["index", name, "--out", "public"])
                .status
                .success()
        );
    }
    fs::remove_file(scratch.path().join("b/b_2.sif")).unwrap();
    assert!(
        scratch
            .sreg(&["index", "b", "--out", "public"])
            .status
            .success()
    );
    let output = scratch.sreg(&["ls", "public", "--format", "json"]);
    let listed: Vec<String> = json(&output, "ls")
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["reference"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(listed, ["library/a:1", "library/a:2", "library/b:1"]);
    let removed = snapshot(&scratch.path().join("public/s"))
        .iter()
        .filter(|(_, bytes)| String::from_utf8_lossy(bytes).contains("\"state\":\"removed\""))
        .count();
    assert_eq!(removed, 1);
}

// spec: CLI-1 CLI-7
#[test]
fn one_bad_image_refuses_the_run() {
    let scratch = Scratch::new();
    let source = scratch.path().join("images");
    fs::create_dir(&source).unwrap();
    fs::copy(
        format!("{}/greeting_1.0.sif", images()),
        source.join("good_1.sif"),
    )
    .unwrap();
    fs::write(source.join("bad_1.sif"), "").unwrap();
    fs::write(source.join("bad_2.sif"), "{}").unwrap();
    let output = scratch.sreg(&["index", "images", "--out", "public"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    assert!(
        stderr.contains("error[image-empty]: ") || stderr.contains("error[image-size]: "),
        "{stderr}"
    );
    assert!(stderr.contains("error[not-an-image]: "), "{stderr}");
    assert!(!scratch.path().join("public/head").exists());
    let output = scratch.sreg(&["index", "images", "--out", "public", "--skip-invalid"]);
    assert_eq!(output.status.code(), Some(9));
    assert!(scratch.path().join("public/head").exists());
}

/// The words of `spec/cli.md`, with their exit codes.
fn exits() -> BTreeMap<String, i32> {
    let page = fs::read_to_string(repository().join("spec/cli.md")).unwrap();
    let (_, after) = page.split_once("## Error words").unwrap();
    after
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let word = cells.get(1)?.strip_prefix('`')?.strip_suffix('`')?;
            Some((word.to_owned(), cells.get(3)?.parse().ok()?))
        })
        .collect()
}

// spec: CLI-8 CLI-10 CLI-11 LOCK-3
#[test]
fn verify_exits_as_the_table_says() {
    let exits = exits();
    let area = repository().join("spec/vectors/tree");
    let mut seen = 0;
    for verdict in ["valid", "invalid"] {
        for folder in fs::read_dir(area.join(verdict)).unwrap() {
            let folder = folder.unwrap().path();
            let read = |name: &str| -> Value {
                serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
            };
            let (fields, tree) = (read("vector.json"), read("input"));
            // What follows from a fault may be worse than the fault.
            if fields["consequences"] == true {
                continue;
            }
            let scratch = Scratch::new();
            let put = |path: &String, bytes: Vec<u8>| {
                let path = scratch.path().join("tree").join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, bytes).unwrap();
            };
            for (path, text) in tree["files"].as_object().unwrap() {
                put(path, text.as_str().unwrap().into());
            }
            for (path, hex) in tree["hex"].as_object().unwrap() {
                let hex = hex.as_str().unwrap();
                let bytes = (0..hex.len())
                    .step_by(2)
                    .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap());
                put(path, bytes.collect());
            }
            for (path, target) in tree["links"].as_object().unwrap() {
                let path = scratch.path().join("tree").join(path);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::os::unix::fs::symlink(target.as_str().unwrap(), path).unwrap();
            }
            let now = fields["now"].as_u64().unwrap_or(0).to_string();
            let mut args = vec!["verify", "tree", "--format", "json", "--now", &now];
            if let Some(id) = fields["knows"]["id"].as_str() {
                let lock = value!({"registries": [fields["knows"]], "type": "sreg-lock-v1"});
                fs::write(scratch.path().join("sreg.lock"), format!("{lock}\n")).unwrap();
                args.extend(["--trust", id]);
            }
            let output = scratch.sreg(&args);
            let expected = fields["class"].as_str().map_or(0, |word| exits[word]);
            assert_eq!(
                output.status.code(),
                Some(expected),
                "{}: {output:?}",
                folder.display()
            );
            json(&output, "verify");
            seen += 1;
        }
    }
    assert!(seen > 20, "only {seen}");
}

// spec: CLI-4
#[test]
fn verify_lists_all_faults() {
    let scratch = Scratch::new();
    assert!(
        scratch
            .sreg(&["index", &images(), "--out", "public"])
            .status
            .success()
    );
    for path in [
        "lab/tool/tags/index.html",
        "lab/hello/manifests/latest/index.html",
    ] {
        fs::remove_file(scratch.path().join("public").join(path)).unwrap();
    }
    let output = scratch.sreg(&["verify", "public", "--format", "json"]);
    let faults = json(&output, "verify")["faults"].as_array().unwrap().len();
    assert_eq!((faults, output.status.code()), (2, Some(4)));
}

// spec: CLI-9 COM-9
#[test]
fn wrong_arguments_exit_2() {
    let scratch = Scratch::new();
    fs::create_dir(scratch.path().join("mine")).unwrap();
    fs::write(scratch.path().join("mine/thesis.txt"), "").unwrap();
    for words in [
        &["frobnicate"][..],
        &["index", &images(), "--out", "mine"],
        &[
            "index",
            &images(),
            "--out",
            "public",
            "--base-url",
            "ftp://example.org",
        ],
        &["verify", "public//no//reference"],
    ] {
        let output = scratch.sreg(words);
        assert_eq!(output.status.code(), Some(2), "{words:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{words:?}");
    }
    assert_eq!(snapshot(&scratch.path().join("mine")).len(), 1);
}
