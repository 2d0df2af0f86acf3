//! Registries with keys: who signs what, and what the commands do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use support::{Bench, snapshot};

fn published() -> Bench {
    let bench = Bench::new();
    bench.sif("lab/tool/1.0.sif");
    bench.sif("greeting_1.0.sif");
    bench.index_by(1);
    bench
}

fn print_of(seed: u8) -> String {
    let (_, public) = sreg_tests::keys::ed25519(seed);
    sreg_model::Key::parse_line(&public)
        .unwrap()
        .fingerprint()
        .to_string()
}

/// Who signed each reference, as `sreg ls` says.
fn signers(bench: &Bench) -> Vec<(String, Vec<String>)> {
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
        assert_eq!(by, [print_of(1)], "{reference}");
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
    assert!(ran.stderr.contains(&print_of(1)), "{}", ran.stderr);
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
        ran.stderr
            .contains("2 references that images does not have"),
        "{}",
        ran.stderr
    );
    assert_eq!(bench.verify(), (0, vec![]));
    let head = bench.document("head");
    assert_eq!((&head["epoch"], &head["version"]), (&json!(1), &json!(1)));
    assert_eq!(bench.document("trust/1")["head_base"]["version"], 3);
    for (reference, by) in signers(&bench) {
        assert_eq!(by, [print_of(1)], "{reference}");
    }
}

fn delegated() -> Bench {
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

// spec: CLI-15
#[test]
fn publishers_sign_beside_their_images() {
    let bench = delegated();
    bench.ok(&[
        "trust",
        "remove-key",
        "public",
        &print_of(1),
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
        signed.contains(&("lab/tool:1.1".to_owned(), vec![print_of(2)])),
        "{signed:?}"
    );
    // It stays as it is, and what is beside the image is no fault though it was published long ago.
    let before = snapshot(&bench.public());
    bench.index_by(1);
    assert_eq!(snapshot(&bench.public()), before);

    // A statement about another image, or another reference, or an older one, is refused.
    let statement = format!("{image}.statement");
    fs::copy(bench.images().join("greeting_1.0.sif"), image).unwrap();
    let ran = bench.index_fails(6, "document-mismatch", &["--key", "key-1"]);
    assert!(ran.stderr.contains("another image"), "{}", ran.stderr);
    bench.ok(&["sign", image, "public//lab/tool:1.2", "--key", "key-2"]);
    let ran = bench.index_fails(6, "document-mismatch", &["--key", "key-1"]);
    assert!(
        ran.stderr.contains("it is about lab/tool:1.2"),
        "{}",
        ran.stderr
    );
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
        lost.stdout.contains("lost     lab/tool:1.0"),
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

// spec: CLI-17
#[test]
fn what_a_revoked_key_signed_is_listed_and_signed_again() {
    let bench = delegated();
    let image = bench.sif("lab/tool/1.1.sif");
    bench.ok(&[
        "sign",
        image.to_str().unwrap(),
        "public//lab/tool:1.1",
        "--key",
        "key-2",
    ]);
    bench.index_by(1);
    let ran = bench.fails(
        2,
        "not-confirmed",
        &["trust", "revoke", "public", "key-2.pub", "--key", "key-1"],
    );
    assert!(
        ran.stdout.contains("lost     lab/tool:1.1"),
        "{}",
        ran.stdout
    );
    assert!(
        ran.stderr.contains("sreg sign public --key KEY"),
        "{}",
        ran.stderr
    );
    let ran = bench.ok(&[
        "trust",
        "revoke",
        "public",
        "key-2.pub",
        "--key",
        "key-1",
        "--yes",
        "--format",
        "json",
    ]);
    assert_eq!(ran.json()["lost"], json!(["lab/tool:1.1"]));
    assert_eq!(bench.verify(), (7, vec!["untrusted-statement".to_owned()]));
    // With the statement still beside the image, its key signs nothing any more.
    bench.fails(
        7,
        "untrusted-statement",
        &["sign", "public", "--key", "key-2"],
    );
    let ran = bench.ok(&["sign", "public", "--key", "key-1"]);
    assert!(
        ran.stdout.contains("signed   lab/tool:1.1"),
        "{}",
        ran.stdout
    );
    assert_eq!(bench.verify(), (0, vec![]));
}

// spec: TRUST-13
#[test]
fn a_retired_key_signs_nothing_new() {
    let bench = delegated();
    let image = bench.sif("lab/tool/1.1.sif");
    let path = image.to_str().unwrap();
    bench.ok(&["sign", path, "public//lab/tool:1.1", "--key", "key-2"]);
    bench.index_by(1);
    bench.ok(&["trust", "retire", "public", "key-2.pub", "--key", "key-1"]);
    assert_eq!(bench.verify(), (0, vec![]));
    bench.fails(
        7,
        "untrusted-statement",
        &["sign", path, "public//lab/tool:1.2", "--key", "key-2"],
    );
    // A key with a role is not simply retired.
    bench.fails(
        2,
        "trust-change",
        &["trust", "retire", "public", "key-1.pub", "--key", "key-1"],
    );
}

#[test]
fn one_key_comes_in_the_place_of_another() {
    let bench = published();
    bench.key(2);
    let rotate = [
        "trust",
        "rotate",
        "public",
        "--from",
        "key-1.pub",
        "--to",
        "key-2.pub",
        "--key",
        "key-1",
    ];
    // The new version needs both, and heads a key that is at hand.
    let ran = bench.ok(&rotate);
    assert!(ran.stdout.contains("missing  1 of"), "{}", ran.stdout);
    let ran = bench.ok(&["trust", "sign", "trust-2", "public", "--key", "key-2"]);
    assert!(ran.stdout.contains("trust version 2"), "{}", ran.stdout);
    assert_eq!(bench.verify(), (0, vec![]));
    assert_eq!(bench.document("head")["version"], 2);
    bench.sif("lab/tool/1.1.sif");
    bench.index_fails(7, "untrusted-statement", &["--key", "key-1"]);
    bench.index_by(2);
    assert_eq!(bench.verify(), (0, vec![]));
    let log = bench.ok(&["log", "public", "--format", "json"]).json();
    let by = |at: usize| log[at]["signers"][0].as_str().unwrap().to_owned();
    assert_eq!(
        (by(0), by(1), by(2)),
        (print_of(2), print_of(2), print_of(1))
    );
}

#[test]
fn two_root_keys_sign_trust_together() {
    let bench = published();
    let (_, _) = (bench.key(1), bench.key(2));
    let add = [
        "trust",
        "add-key",
        "public",
        "key-2.pub",
        "--role",
        "root",
        "--threshold",
        "2",
    ];
    bench.ok(&[&add[..], &["--key", "key-1", "--key", "key-2"]].concat());
    let change = [
        "trust",
        "delegate",
        "public",
        "physics",
        "--to",
        "key-2.pub",
        "--key",
        "key-1",
    ];
    let ran = bench.ok(&[&change[..], &["--format", "json", "--out", "next"]].concat());
    let answer = ran.json();
    assert_eq!(
        (&answer["published"], &answer["file"]),
        (&json!(false), &json!("next"))
    );
    assert!(!bench.public().join("trust/3").exists());
    // Who holds one of two keys cannot go on alone.
    bench.sif("physics/sim/2.sif");
    let ran = bench.index_fails(7, "untrusted-statement", &["--key", "key-1"]);
    assert!(
        ran.stderr.contains("trust delegates neither"),
        "{}",
        ran.stderr
    );
    bench.fails(2, "usage", &["trust", "sign", "next", "public"]);
    bench.ok(&["trust", "sign", "next", "--key", "key-2"]);
    bench.ok(&["trust", "sign", "next", "public", "--key", "key-2"]);
    assert_eq!(
        bench.document("trust/3")["delegations"][2]["scope"],
        "physics"
    );
    // What another has published meanwhile is in the way.
    bench.fails(
        8,
        "version-conflict",
        &["trust", "sign", "next", "public", "--key", "key-2"],
    );
    bench.index_with(&["--key", "key-1", "--key", "key-2"]);
    assert_eq!(bench.verify(), (0, vec![]));
}

// spec: COM-13
#[test]
fn a_change_of_trust_that_was_killed_is_finished_without_a_key() {
    let bench = published();
    let before = bench.path("before");
    copy(&bench.public(), &before);
    bench.sif("physics/sim/2.sif");
    bench.index_by(1);
    let after = snapshot(&bench.public());
    let read = |path: &str| bench.read(path);
    let journal = json!({
        "shown": {"epoch": 1, "version": 1},
        "trust": read("trust/2"),
        "head": read("heads/1/2"),
        "type": "sreg-journal-v1",
    });
    // All that comes before the commit is there, and nothing after it.
    for (path, bytes) in &after {
        if path.starts_with("n/") || path.starts_with("s/") || path.contains("/blobs/") {
            let path = before.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }
    let moments: [&[&str]; 3] = [&[], &["trust/2"], &["trust/2", "heads/1/2"]];
    for there in moments {
        let tree = bench.path("killed");
        let _ = fs::remove_dir_all(&tree);
        copy(&before, &tree);
        for path in there {
            fs::copy(bench.public().join(path), tree.join(path)).unwrap();
        }
        fs::create_dir_all(tree.join("staging")).unwrap();
        fs::write(tree.join("staging/journal"), journal.to_string()).unwrap();
        bench.ok(&["repair", "killed"]);
        assert_eq!(snapshot(&tree), after, "{there:?}");
    }
}

fn copy(from: &Path, to: &Path) {
    for (path, bytes) in snapshot(from) {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
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
        support::Ran::of(&command.output().unwrap())
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
    let ran = support::Ran::of(&command.output().unwrap());
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
        let ran = support::Ran::of(&command.output().unwrap());
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
    bench.ok(&["init", "anew", "--key", &other, "--from", "public"]);
    bench.ok(&["verify", "anew", "--require-signed"]);
    bench.ok(&["verify", "public", "--require-signed"]);
    let ls = |tree: &str| {
        let rows = bench.ok(&["ls", tree, "--format", "json"]).json();
        (rows[0]["reference"].clone(), rows[0]["digest"].clone())
    };
    assert_eq!(ls("anew"), ls("public"));
}

// spec: CLI-18 CLI-19
#[test]
fn what_is_known_is_held_to() {
    let bench = published();
    let id = bench
        .ok(&["trust", "show", "public", "--format", "json"])
        .json()["registry"]
        .as_str()
        .unwrap()
        .to_owned();
    let stranger = |args: &[&str]| {
        let mut command = bench.command(args);
        command.env("XDG_STATE_HOME", bench.path("stranger"));
        support::Ran::of(&command.output().unwrap())
    };
    let ran = stranger(&["verify", "public"]);
    assert_eq!(ran.code, 0);
    assert!(ran.stderr.contains("warning[not-pinned]"), "{}", ran.stderr);
    let ran = stranger(&["verify", "public", "--require-signed"]);
    assert_eq!(ran.code, 7);
    assert!(
        ran.stderr.contains("error[untrusted-registry]"),
        "{}",
        ran.stderr
    );
    let ran = stranger(&["trust", "add", "public"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stdout.contains(&id), "{}", ran.stdout);
    let zeros = format!("sha256:{}", "0".repeat(64));
    for args in [
        ["trust", "add", "public", "--trust", &zeros],
        ["verify", "public", "--blobs", "none", "--trust"],
    ] {
        let args = if args[4] == "--trust" {
            [&args[..], &[&zeros]].concat()
        } else {
            args.to_vec()
        };
        let ran = stranger(&args);
        assert_eq!(ran.code, 7, "{args:?}: {}", ran.stderr);
        assert!(
            ran.stderr.contains("error[other-registry]"),
            "{}",
            ran.stderr
        );
    }
    // A lock file is enough, and is not remembered.
    let ran = stranger(&["trust", "add", "public", "--trust", &id, "--lock"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    fs::remove_dir_all(bench.path("stranger")).unwrap();
    assert_eq!(stranger(&["verify", "public", "--require-signed"]).code, 0);
    fs::rename(bench.path("sreg.lock"), bench.path("elsewhere")).unwrap();
    assert_eq!(stranger(&["verify", "public", "--require-signed"]).code, 7);
    assert_eq!(
        stranger(&[
            "verify",
            "public",
            "--require-signed",
            "--lock",
            "elsewhere"
        ])
        .code,
        0
    );
    // Said once, it is known for good.
    assert_eq!(stranger(&["verify", "public", "--trust", &id]).code, 0);
    assert_eq!(stranger(&["verify", "public", "--require-signed"]).code, 0);
    // Without keys there is nobody to know.
    bench.ok(&["index", "images", "--out", "plain"]);
    let ran = stranger(&["verify", "plain", "--require-signed"]);
    assert_eq!(ran.code, 7);
    assert!(ran.stderr.contains("error[unsigned]"), "{}", ran.stderr);
}

#[test]
fn ssh_keygen_is_told_who_may_sign() {
    let bench = delegated();
    let list = bench.ok(&["trust", "export", "public"]).stdout;
    let (_, public) = sreg_tests::keys::ed25519(2);
    let key = public.rsplit_once(' ').unwrap().0;
    let key = key.rsplit_once(' ').unwrap().0;
    assert!(
        list.contains(&format!("lab namespaces=\"image@sreg.v1\" {key}\n")),
        "{list}"
    );
    assert_eq!(list.lines().count(), 5, "{list}");
}

/// Serves a folder on loopback, as any web server does: the URL.
fn serve(folder: std::path::PathBuf) -> String {
    use std::io::{BufRead as _, BufReader, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let mut request = String::new();
            stream.read_line(&mut request).unwrap();
            let path = request.split(' ').nth(1).unwrap().trim_start_matches('/');
            let (status, body) = match fs::read(folder.join(path)) {
                Ok(body) => ("200 OK", body),
                Err(_) => ("404 Not Found", b"no such file".to_vec()),
            };
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let _ = stream
                .get_mut()
                .write_all(&[head.as_bytes(), &body].concat());
        }
    });
    format!("http://{address}")
}

// spec: CLI-13 CLI-18
#[test]
fn one_pin_serves_every_url_of_a_registry() {
    let bench = published();
    let (first, second) = (serve(bench.public()), serve(bench.public()));
    let stranger = |args: &[&str]| {
        let mut command = bench.command(args);
        command.env("XDG_STATE_HOME", bench.path("stranger"));
        support::Ran::of(&command.output().unwrap())
    };
    let ran = stranger(&["trust", "show", &first]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stderr.contains(&format!("sreg trust add {first}")),
        "{}",
        ran.stderr
    );
    assert_eq!(stranger(&["trust", "add", &first, "--yes"]).code, 0);
    let ran = stranger(&["trust", "show", &second, "--format", "json"]);
    assert_eq!(ran.json()["known"], true);
    assert_eq!(stranger(&["verify", "public", "--require-signed"]).code, 0);
    assert_eq!(
        stranger(&["trust", "export", &second]).stdout,
        bench.ok(&["trust", "export", "public"]).stdout
    );

    // The same URL with another registry behind it: nothing is pinned anew.
    let kept = bench.path("kept");
    copy(&bench.public(), &kept);
    fs::remove_dir_all(bench.public()).unwrap();
    bench.ok(&["index", "images", "--out", "third", "--key", &bench.key(3)]);
    copy(&bench.path("third"), &bench.public());
    let ran = stranger(&["trust", "add", &first, "--yes"]);
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("error[other-registry]"),
        "{}",
        ran.stderr
    );
    // An older one, too.
    fs::remove_dir_all(bench.public()).unwrap();
    copy(&kept, &bench.public());
    assert_eq!(stranger(&["trust", "add", &first]).code, 0);

    // A second registry is not made where one is served.
    let args = [
        "index",
        "images",
        "--out",
        "fourth",
        "--key",
        "key-1",
        "--base-url",
        &second,
    ];
    bench.fails(2, "has-keys", &args);
    bench.ok(&[
        "index",
        "images",
        "--out",
        "fourth",
        "--key",
        "key-1",
        "--base-url",
        "http://127.0.0.1:9",
    ]);

    let ran = stranger(&["trust", "add", "http://127.0.0.1:9"]);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    let ran = stranger(&["trust", "add", &format!("{first}/lab")]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("error[no-keys]"), "{}", ran.stderr);
}
