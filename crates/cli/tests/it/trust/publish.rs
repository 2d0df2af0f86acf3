//! Who publishes: one key, several, and none.

use std::fs;

use serde_json::{Value, json};
use sreg_tests::keys::fingerprint;

use super::{delegated, published, signers};
use crate::support::{Bench, Ran, snapshot};

// spec: CLI-13 CLI-16 CLI-19 HEAD-12
#[test]
fn one_key_does_everything_and_nothing_else_is_asked() {
    let bench = published();
    assert_eq!(bench.verify(), (0, vec![]));
    bench.ok(&["verify", "public", "--require-signed"]);
    assert_eq!(bench.document("trust/1")["delegations"][0]["scope"], "lab");
    assert_eq!(bench.document("head")["epoch"], 1);
    let before = snapshot(&bench.public());
    bench.index_by(1);
    assert_eq!(snapshot(&bench.public()), before);

    // A namespace that is new is delegated by the way.
    bench.sif("physics/sim/2.sif");
    let answer = bench.index_by(1);
    assert_eq!(answer["version"], 2);
    assert_eq!(
        bench.document("trust/2")["delegations"][2]["scope"],
        "physics"
    );
    assert_eq!(bench.verify(), (0, vec![]));
    for (reference, by) in signers(&bench) {
        assert_eq!(by, [fingerprint(1)], "{reference}");
    }
}

// spec: CLI-14
#[test]
fn nothing_is_published_without_a_key() {
    let bench = published();
    bench.sif("lab/tool/2.0.sif");
    bench.index_fails(2, "signed-registry", &[]);
    let key = bench.key(2);
    let ran = bench.index_fails(7, "untrusted-statement", &["--key", &key]);
    assert!(ran.stderr.contains("lab/tool:2.0"), "{}", ran.stderr);
    assert!(ran.stderr.contains(&fingerprint(1)), "{}", ran.stderr);
    // Removals want a key too.
    fs::remove_file(bench.images().join("lab/tool/2.0.sif")).unwrap();
    fs::remove_file(bench.images().join("greeting_1.0.sif")).unwrap();
    bench.index_fails(7, "untrusted-statement", &["--key", &key]);
    assert_eq!(bench.verify(), (0, vec![]));
}

// spec: CLI-13
#[test]
fn a_registry_is_made_only_where_there_is_none() {
    let bench = Bench::new();
    bench.sif("lab/tool/1.0.sif");
    let key = bench.key(1);
    bench.index_fails(2, "no-keys", &["--key", &key, "--no-init"]);
    let other = bench.key(2);
    bench.index_fails(2, "usage", &["--key", &key, "--key", &other]);
    bench.index_by(1);
    // The folder of images is part of another registry.
    let copy = bench.images().join("trust");
    fs::create_dir(&copy).unwrap();
    fs::copy(bench.public().join("trust/1"), copy.join("1")).unwrap();
    let args = ["index", "images", "--out", "second", "--key", &key];
    bench.fails(2, "has-keys", &args);
    bench.fails(2, "has-keys", &["init", "public", "--key", &other]);
}

// spec: TRUST-20 STM-19
#[test]
fn a_registry_without_keys_gets_one() {
    let bench = Bench::new();
    bench.sif("lab/tool/1.0.sif");
    bench.sif("lab/old/1.0.sif");
    bench.index();
    fs::remove_file(bench.images().join("lab/old/1.0.sif")).unwrap();
    bench.index();
    bench.sif("more/tool_1.sif");
    fs::create_dir(bench.path("other")).unwrap();
    fs::rename(bench.images().join("more"), bench.path("other/more")).unwrap();
    bench.ok(&["index", "other", "--out", "public"]);
    let ran = bench.run(&["index", "images", "--out", "public", "--key", &bench.key(1)]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    // The removed one and that of the other folder.
    assert!(
        ran.stderr.contains("2 references not in images"),
        "{}",
        ran.stderr
    );
    assert_eq!(bench.verify(), (0, vec![]));
    let head = bench.document("head");
    assert_eq!((&head["epoch"], &head["version"]), (&json!(1), &json!(1)));
    assert_eq!(bench.document("trust/1")["head_base"]["version"], 3);
    for (reference, by) in signers(&bench) {
        assert_eq!(by, [fingerprint(1)], "{reference}");
    }
}

// spec: CLI-15
#[test]
fn publishers_sign_beside_their_images() {
    let bench = delegated();
    bench.ok(&[
        "trust",
        "remove-key",
        "public",
        &fingerprint(1),
        "--scope",
        "lab",
        "--key",
        "key-1",
        "--yes",
    ]);
    // What key 1 published there counts no longer, so key 2 signs it too.
    let first = bench.images().join("lab/tool/1.0.sif");
    bench.ok(&[
        "sign",
        first.to_str().unwrap(),
        "public//lab/tool:1.0",
        "--key",
        "key-2",
    ]);
    let image = bench.sif("lab/tool/1.1.sif");
    bench.index_fails(7, "untrusted-statement", &["--key", "key-1"]);
    let image = image.to_str().unwrap();
    bench.fails(
        7,
        "untrusted-statement",
        &["sign", image, "public//lab/tool:1.1", "--key", "key-1"],
    );
    bench.ok(&["sign", image, "public//lab/tool:1.1", "--key", "key-2"]);
    bench.index_by(1);
    let signed = signers(&bench);
    assert!(
        signed.contains(&("lab/tool:1.1".to_owned(), vec![fingerprint(2)])),
        "{signed:?}"
    );
    // It stays as it is, and what is beside the image is no fault though it was published long ago.
    let before = snapshot(&bench.public());
    bench.index_by(1);
    assert_eq!(snapshot(&bench.public()), before);

    // A statement about another image, or another reference, or an older one, is refused.
    let statement = format!("{image}.statement");
    fs::copy(bench.images().join("greeting_1.0.sif"), image).unwrap();
    let ran = bench.index_fails(7, "untrusted-statement", &["--key", "key-1"]);
    assert!(ran.stderr.contains("sreg sign IMAGE"), "{}", ran.stderr);
    bench.ok(&["sign", image, "public//lab/tool:1.2", "--key", "key-2"]);
    let ran = bench.index_fails(6, "document-mismatch", &["--key", "key-1"]);
    assert!(ran.stderr.contains("is for lab/tool:1.2"), "{}", ran.stderr);
    bench.ok(&["sign", image, "public//lab/tool:1.1", "--key", "key-2"]);
    let text = fs::read_to_string(&statement).unwrap();
    fs::write(&statement, text.replacen("lab/tool", "lab/tooI", 1)).unwrap();
    bench.index_fails(6, "malformed-document", &["--key", "key-1"]);
    fs::write(&statement, text).unwrap();
    bench.index_by(1);
}

// spec: TRUST-13
#[test]
fn two_publishers_sign_one_after_the_other() {
    let bench = published();
    let (root, _, _) = (bench.key(1), bench.key(2), bench.key(3));
    let args = [
        "trust",
        "delegate",
        "public",
        "lab",
        "--to",
        "key-2.pub",
        "--to",
        "key-3.pub",
        "--threshold",
        "2",
        "--key",
        &root,
        "--yes",
    ];
    let lost = bench.ok(&args);
    assert!(
        lost.stdout.contains("invalid  lab/tool:1.0"),
        "{}",
        lost.stdout
    );
    let image = bench.images().join("lab/tool/1.0.sif");
    let image = image.to_str().unwrap();
    let ran = bench.ok(&[
        "sign",
        image,
        "public//lab/tool:1.0",
        "--key",
        "key-2",
        "--format",
        "json",
    ]);
    assert_eq!(ran.json()["missing"].as_array().unwrap().len(), 1);
    bench.fails(
        7,
        "untrusted-statement",
        &["index", "images", "--out", "public", "--key", "key-1"],
    );
    let statement = format!("{image}.statement");
    bench.ok(&["sign", &statement, "--key", "key-3"]);
    // Once more changes nothing: a key is counted once.
    let before = fs::read(&statement).unwrap();
    bench.ok(&["sign", &statement, "--key", "key-3"]);
    assert_eq!(fs::read(&statement).unwrap(), before);
    bench.index_by(1);
    assert_eq!(bench.verify(), (0, vec![]));
    // The epoch rose with the change of hands.
    let statement: Value = serde_json::from_str(
        fs::read_to_string(&statement)
            .unwrap()
            .lines()
            .next()
            .unwrap(),
    )
    .unwrap();
    assert_eq!(
        (&statement["epoch"], &statement["seq"]),
        (&json!(2), &json!(2))
    );
}

// spec: STM-22
#[test]
fn a_frozen_tag_stays() {
    let bench = published();
    let image = bench.sif("lab/tool/3.sif");
    let path = image.to_str().unwrap();
    bench.ok(&[
        "sign",
        path,
        "public//lab/tool:3",
        "--frozen",
        "--key",
        "key-1",
    ]);
    bench.index_by(1);
    fs::remove_file(format!("{path}.statement")).unwrap();
    fs::copy(bench.images().join("greeting_1.0.sif"), &image).unwrap();
    bench.index_fails(8, "frozen-tag", &["--key", "key-1"]);
    bench.fails(
        8,
        "frozen-tag",
        &["sign", path, "public//lab/tool:3", "--key", "key-1"],
    );
    fs::remove_file(&image).unwrap();
    bench.index_fails(8, "frozen-tag", &["--key", "key-1"]);
}

// spec: CLI-12
#[test]
fn passphrases_come_from_files_and_never_come_out() {
    let bench = Bench::new();
    bench.sif("lab/tool/1.0.sif");
    let key = sreg_tests::keys::encrypted(9, "correct horse");
    fs::write(bench.path("secret-key"), key).unwrap();
    fs::write(bench.path("right"), "correct horse\n").unwrap();
    fs::write(bench.path("wrong"), "battery staple\n").unwrap();
    let args = ["index", "images", "--out", "public", "--key", "secret-key"];
    let run = |file: Option<&str>| {
        let mut command = bench.command(&args);
        if let Some(file) = file {
            command.env("SREG_KEY_PASSPHRASE_FILE", bench.path(file));
        }
        command.stdin(std::process::Stdio::null());
        Ran::of(&command.output().unwrap())
    };
    for (file, code) in [(None, 2), (Some("wrong"), 2), (Some("right"), 0)] {
        let ran = run(file);
        assert_eq!(ran.code, code, "{file:?}: {}", ran.stderr);
        for secret in ["correct horse", "battery staple", "PRIVATE"] {
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert!(!said.contains(secret), "{said}");
        }
    }
    // From a descriptor, which the shell opens.
    let sreg = env!("CARGO_BIN_EXE_sreg");
    let script = format!("{sreg} refresh public --key secret-key --passphrase-fd 3 3< right");
    let mut shell = bench.command(&[]);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &script]).current_dir(bench.path(""));
    for (name, value) in shell.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    let ran = Ran::of(&command.output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let _ = &mut shell;
}

// spec: HEAD-12
#[test]
fn a_head_is_renewed_when_little_of_its_time_is_left() {
    let bench = Bench::new();
    bench.sif("lab/tool/1.0.sif");
    let key = bench.key(1);
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    let index = |days_ago: u64| {
        let mut command = bench.command(&[
            "index", "images", "--out", "public", "--key", &key, "--format", "json",
        ]);
        command.env("SOURCE_DATE_EPOCH", (now - days_ago * 86_400).to_string());
        let ran = Ran::of(&command.output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran.json()["version"].as_u64().unwrap()
    };
    assert_eq!(index(400), 1);
    assert_eq!(bench.verify(), (7, vec!["expired-head".to_owned()]));
    let ran = bench.run(&["verify", "public"]);
    assert!(
        ran.stderr.contains("sreg refresh public --key"),
        "{}",
        ran.stderr
    );
    // Two thirds of its 400 days are over 133 days before its end.
    assert_eq!(index(134), 1);
    assert_eq!(index(133), 2);
    assert_eq!(index(0), 2);
    assert_eq!(bench.verify(), (0, vec![]));
    bench.ok(&["refresh", "public", "--key", &key, "--expires", "30"]);
    let head = bench.document("head");
    assert_eq!(head["version"], 3);
    assert_eq!(
        head["expires"].as_u64().unwrap() - head["issued"].as_u64().unwrap(),
        30 * 86_400
    );
}

#[test]
fn a_registry_begins_empty_or_with_what_another_has() {
    let bench = Bench::new();
    let key = bench.key(1);
    bench.ok(&["init", "public", "--key", &key]);
    assert_eq!(bench.verify(), (0, vec![]));
    bench.sif("lab/tool/1.0.sif");
    bench.index_by(1);
    // The key is lost: the registry begins anew elsewhere, and the old one stays readable.
    let other = bench.key(2);
    let blob = bench.document("head")["index"]["digest"].as_str().unwrap()[7..].to_owned();
    let node = bench.public().join(format!("n/{}/{blob}", &blob[..2]));
    let bytes = fs::read(&node).unwrap();
    fs::write(&node, b"x").unwrap();
    let args = ["init", "anew", "--key", &other, "--from", "public"];
    bench.fails(6, "node-mismatch", &args);
    assert!(!bench.path("anew").exists());
    fs::write(&node, bytes).unwrap();
    bench.ok(&args);
    bench.ok(&["verify", "anew", "--require-signed"]);
    bench.ok(&["verify", "public", "--require-signed"]);
    let ls = |tree: &str| {
        let rows = bench.ok(&["ls", tree, "--format", "json"]).json();
        (rows[0]["reference"].clone(), rows[0]["digest"].clone())
    };
    assert_eq!(ls("anew"), ls("public"));
}
