//! Keys and passphrases from the environment, and that no output has a secret.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use crate::support::{Bench, Ran};

/// Runs a command with variables set; it fails if any of `secrets` is in its output.
fn run(bench: &Bench, args: &[&str], variables: &[(&str, &str)], secrets: &[&str]) -> Ran {
    let mut command = bench.command(args);
    command.envs(variables.iter().copied()).stdin(Stdio::null());
    let ran = Ran::of(&command.output().unwrap());
    let said = format!("{}{}", ran.stdout, ran.stderr);
    for secret in secrets {
        assert!(!said.contains(secret), "{args:?} {secret}: {said}");
    }
    ran
}

const INDEX: [&str; 4] = ["index", "images", "--out", "public"];
/// A piece of every OpenSSH key file.
const BODY: &str = "b3BlbnNzaC1rZXktdjE";

// spec: CLI-50
#[test]
fn the_text_of_a_key_is_taken_from_the_environment() {
    let (key, _) = sreg_tests::keys::ed25519(1);
    for text in [
        key.clone(),
        key.trim_end().to_owned(),
        format!("\n {key}\n\n"),
        key.replace('\n', "\r\n"),
    ] {
        let bench = Bench::new();
        bench.sif("lab/tool_1.sif");
        let ran = run(&bench, &INDEX, &[("SREG_KEY", &text)], &[BODY]);
        assert_eq!(ran.code, 0, "{text:?}: {}", ran.stderr);
        let rows = bench.ok(&["ls", "public", "--format", "json"]).json();
        assert_eq!(rows[0]["signers"][0], sreg_tests::keys::fingerprint(1));
    }
}

// spec: CLI-50
#[test]
fn several_keys_come_from_numbered_variables() {
    let bench = Bench::new();
    let first = bench.key(1);
    bench.ok(&["init", "public", "--key", &first]);
    bench.key(2);
    let add = [
        "trust",
        "add-key",
        "public",
        "key-2.pub",
        "--role",
        "head",
        "--threshold",
        "2",
    ];
    bench.ok(&[&add[..], &["--key", "key-1", "--key", "key-2"]].concat());
    let (one, _) = sreg_tests::keys::ed25519(1);
    let refresh = ["refresh", "public"];
    let ran = run(&bench, &refresh, &[("SREG_KEY", &one)], &[BODY]);
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    // A text and a file, and a number that is left out.
    for variables in [
        [("SREG_KEY", one.as_str()), ("SREG_KEY_2", "key-2")],
        [("SREG_KEY_1", "key-2"), ("SREG_KEY_32", one.as_str())],
    ] {
        let ran = run(&bench, &refresh, &variables, &[BODY]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    // An argument takes their place.
    let args = ["refresh", "public", "--key", "key-1"];
    let ran = run(&bench, &args, &[("SREG_KEY_1", "key-2")], &[]);
    assert_eq!(ran.code, 7, "{}", ran.stderr);
    let both = format!("{one}{one}");
    let ran = run(&bench, &refresh, &[("SREG_KEY", &both)], &[BODY]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("SREG_KEY_1"), "{}", ran.stderr);
}

// spec: CLI-50 CLI-22
#[test]
fn a_key_that_cannot_be_read_is_refused_before_hashing_and_never_shown() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    let (key, _) = sreg_tests::keys::ed25519(1);
    let lines: Vec<&str> = key.lines().collect();
    let piece = lines[2];
    for (text, hint) in [
        (lines.join(" "), "line breaks"),
        (lines.join("\\n"), "line breaks"),
        (lines.concat(), "line breaks"),
        (lines[1..lines.len() - 1].join("\n"), "key"),
        (lines[1..lines.len() - 1].concat(), "key"),
        (lines[..3].join("\n"), "key"),
        (
            "LS0tLS1CRUdJTiBPUEVOU1NIIFBSSVZBVEUgS0VZLS0tLS0K".to_owned(),
            "base64",
        ),
        ("hunter2-the-passphrase".to_owned(), "SREG_KEY"),
        ("ab/hunter2/cd==".to_owned(), "SREG_KEY"),
        (String::new(), "empty"),
        ("  \n".to_owned(), "empty"),
    ] {
        let secrets = ["hunter2", BODY, "LS0tLS1", piece];
        let ran = run(&bench, &INDEX, &[("SREG_KEY", &text)], &secrets);
        assert_eq!(ran.code, 2, "{text:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(hint), "{text:?}: {}", ran.stderr);
        assert!(!bench.public().exists(), "nothing was hashed: {text:?}");
        let ran = run(
            &bench,
            &["index", "--help"],
            &[("SREG_KEY", &text)],
            &secrets,
        );
        assert_eq!(ran.code, 0);
    }
    // A file with a lost key, too.
    fs::write(bench.path("lost"), lines.join(" ")).unwrap();
    let args = [&INDEX[..], &["--key", "lost"]].concat();
    let ran = run(&bench, &args, &[], &[piece]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("line breaks"), "{}", ran.stderr);
    // A name that surely is one is shown.
    let path = bench.path("absent-key");
    let ran = run(&bench, &INDEX, &[("SREG_KEY", path.to_str().unwrap())], &[]);
    assert!(ran.stderr.contains("absent-key"), "{}", ran.stderr);
}

// spec: CLI-22
#[test]
fn a_private_key_in_any_argument_or_setting_is_never_shown() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index_by(1);
    let (key, _) = sreg_tests::keys::ed25519(1);
    let flat = key.replace('\n', " ");
    let body = key.lines().skip(1).collect::<Vec<_>>().join("\n");
    let line = key.lines().nth(3).unwrap();
    for args in [
        ["index", "images", "--out", "public", "--key", line],
        ["trust", "add-key", "public", "key-1.pub", "--key", line],
    ] {
        let ran = run(&bench, &args, &[], &[line]);
        assert_eq!(ran.code, 2, "{args:?}");
    }
    for key in [key.as_str(), flat.as_str(), body.as_str()] {
        let key_is = format!("--key={key}");
        let cases: Vec<Vec<&str>> = vec![
            vec!["index", "images", "--out", "public", &key_is],
            vec!["index", "images", "--out", "public", "--key", key],
            vec!["index", key, "--out", "public"],
            vec!["index", "images", "--out", key, "--base-url", key],
            vec!["sign", key, "public//lab/tool:1", "--key", "key-1"],
            vec!["sign", "public", &key_is],
            vec!["attach", key, "public//lab/tool:1", "--type", "text/plain"],
            vec![
                "attach",
                "key-1",
                "public//lab/tool:1",
                "--type",
                "text/plain",
                &key_is,
            ],
            vec!["trust", "add-key", "public", key, "--role", "head"],
            vec!["trust", "remove-key", "public", key, "--role", "head"],
            vec!["trust", "delegate", "public", "lab", "--to", key],
            vec!["trust", "revoke", "public", key],
            vec!["trust", "rotate", "public", "--from", key, "--to", key],
            vec!["trust", "sign", key, "public"],
            vec!["trust", "add", key],
            vec!["verify", key],
            vec!["inspect", key],
            vec!["pull", key],
            vec!["push", key, key],
            vec!["doctor", key],
            vec!["serve", "public", "--tls-cert", key, "--tls-key", key],
            vec![key],
        ];
        for args in cases {
            let ran = run(
                &bench,
                &args,
                &[],
                &[BODY, key.lines().nth(1).unwrap_or(key)],
            );
            assert_ne!(ran.code, 0, "{args:?}");
        }
        for name in [
            "SREG_TLS_KEY",
            "SREG_OUT",
            "SREG_REGISTRY",
            "SREG_HOST",
            "SREG_JOBS",
        ] {
            let ran = run(&bench, &["index", "images"], &[(name, key)], &[BODY]);
            assert_ne!(ran.code, 0, "{name}");
        }
    }
    for setting in [
        "key",
        "registry",
        "index.out",
        "jobs",
        "format",
        "index.base-url",
    ] {
        fs::write(
            bench.path("sreg.toml"),
            format!("{setting} = '''{key}'''\n"),
        )
        .unwrap();
        run(&bench, &["index", "images"], &[], &[BODY]);
        run(&bench, &["pull", "lab/tool:1"], &[], &[BODY]);
    }
}

// spec: CLI-12
#[test]
fn a_passphrase_in_the_place_of_its_file_is_never_shown() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    let key = sreg_tests::keys::encrypted(9, "correct horse");
    fs::write(bench.path("secret-key"), key).unwrap();
    fs::create_dir(bench.path("folder")).unwrap();
    let args = [&INDEX[..], &["--key", "secret-key"]].concat();
    for name in ["correct horse", "/correct/horse", "folder", "", "x\0y"] {
        if name.contains('\0') {
            continue;
        }
        let variables = [("SREG_KEY_PASSPHRASE_FILE", name)];
        let ran = run(&bench, &args, &variables, &["horse", "folder"]);
        assert_eq!(ran.code, 2, "{name}: {}", ran.stderr);
        let says = "SREG_KEY_PASSPHRASE_FILE must name a file that holds the passphrase";
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
        assert!(!bench.public().exists());
    }
}

#[test]
fn a_key_file_that_others_can_read_is_named() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    let key = bench.key(1);
    for (mode, says) in [(0o600, false), (0o400, false), (0o644, true), (0o640, true)] {
        fs::set_permissions(bench.path(&key), fs::Permissions::from_mode(mode)).unwrap();
        let ran = bench.ok(&[&INDEX[..], &["--key", &key]].concat());
        let warning = format!("warning[key-permissions]: {key}: ");
        assert_eq!(
            ran.stderr.contains(&warning),
            says,
            "{mode:o}: {}",
            ran.stderr
        );
    }
    // A public key may be read by all.
    let refused = bench.run(&[&INDEX[..], &["--key", "key-1.pub"]].concat());
    assert!(
        !refused.stderr.contains("key-permissions"),
        "{}",
        refused.stderr
    );
}

// spec: CLI-51
#[test]
fn the_credentials_of_a_url_are_never_shown_or_stored() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index_by(1);
    let id = bench
        .ok(&["trust", "show", "public", "--format", "json"])
        .json();
    let id = id["registry"].as_str().unwrap().to_owned();
    let digest = format!("sha256:{}", "0".repeat(64));
    // Nobody listens on port 9.
    for base in [
        "http://ada:hunter2@127.0.0.1:9/reg",
        "https://ada:hun/hunter2@127.0.0.1:9/reg",
        "https://hunter2@127.0.0.1:9/reg",
        "http://127.0.0.1:9/reg?token=hunter2",
        "http://127.0.0.1:9/reg?X-Amz-Signature=hunter2&X-Amz-Credential=hunter2",
        "s3://KEY:hunter2@bucket/reg",
        "s3://KEY:hun/hun+hunter2==@bucket",
        "ftp://ada:hunter2@127.0.0.1/reg",
        "file://ada:hunter2@/reg",
    ] {
        let reference = format!("{base}//lab/tool:1");
        let file = format!("{base}/f.sif@{digest}");
        let other = format!("http://127.0.0.1:9/f.sif@{digest}");
        let cases: Vec<Vec<&str>> = vec![
            vec!["pull", &reference],
            vec!["pull", &file],
            vec!["pull", &other, "--mirror", base],
            vec!["pull", "public//lab/tool:1", "--mirror", base, "--force"],
            vec!["push", "images/lab/tool_1.sif", &reference],
            vec!["attach", "key-1.pub", &reference, "--type", "text/plain"],
            vec!["verify", base],
            vec!["verify", &reference],
            vec!["inspect", &reference],
            vec!["ls", base],
            vec!["diff", base, "public"],
            vec!["log", base],
            vec!["doctor", base],
            vec!["mirror", base, "copy"],
            vec!["mirror", "public", base],
            vec!["init", base],
            vec!["init", base, "--key", "key-1"],
            vec!["init", "new", "--from", base, "--key", "key-1"],
            vec!["refresh", base, "--key", "key-1"],
            vec!["repair", base],
            vec!["sign", base, "--key", "key-1"],
            vec!["trust", "show", base],
            vec!["trust", "add", base, "--trust", &id],
            vec!["trust", "export", base],
            vec!["index", "images", "--out", base],
            vec!["index", base, "--out", "public"],
            vec!["index", "images", "--out", "other", "--base-url", base],
            vec![
                "index",
                "images",
                "--out",
                "other",
                "--base-url",
                base,
                "--key",
                "key-1",
            ],
            vec!["index", "images", "--out", "other", "--blob-url", base],
            vec!["ls", "public", "--nonsense", base],
        ];
        for args in cases {
            for format in ["text", "json"] {
                let args = [&args[..], &["--retries", "0", "--format", format]].concat();
                let ran = run(&bench, &args, &[], &["hunter2"]);
                let may = args[0] == "pull" && args[1].starts_with("public");
                assert!(ran.code != 0 || may, "{args:?}: {}", ran.stdout);
            }
        }
        for name in [
            "SREG_BASE_URL",
            "SREG_BLOB_URL",
            "SREG_MIRROR",
            "SREG_REGISTRY",
        ] {
            for args in [
                &["index", "images", "--out", "other"][..],
                &["index", "--help"],
                &["pull", "--help"],
                &["pull", "lab/tool:1", "--retries", "0"],
            ] {
                run(&bench, args, &[(name, base)], &["hunter2"]);
            }
        }
        fs::write(
            bench.path("sreg.toml"),
            format!("registry = '{base}'\n[index]\nbase-url = '{base}'\n"),
        )
        .unwrap();
        run(
            &bench,
            &["pull", "lab/tool:1", "--retries", "0"],
            &[],
            &["hunter2"],
        );
        run(
            &bench,
            &["index", "images", "--out", "other"],
            &[],
            &["hunter2"],
        );
        fs::remove_file(bench.path("sreg.toml")).unwrap();
    }
    for (name, value) in [
        ("AWS_ENDPOINT_URL", "http://ada:hunter2@127.0.0.1:9"),
        ("AWS_ENDPOINT_URL_S3", "https://ada:hunter2@127.0.0.1:9"),
        ("AWS_ENDPOINT_URL", "ada:hunter2@127.0.0.1:9"),
        ("AWS_ENDPOINT_URL", "ftp://ada:hunter2@127.0.0.1:9"),
        ("HTTPS_PROXY", "http://ada:hunter2@127.0.0.1:9"),
        ("ALL_PROXY", "socks5://ada:hunter2@127.0.0.1:9"),
        ("http_proxy", "ada:hunter2@127.0.0.1:9"),
        ("SREG_TOKEN", "hunter2"),
        ("SREG_TOKEN", "hunter2\n"),
    ] {
        for place in [
            "s3://bucket/reg",
            "https://127.0.0.2:9/reg",
            "http://127.0.0.2:9/reg",
        ] {
            let variables = [
                (name, value),
                ("AWS_ACCESS_KEY_ID", "hunter2"),
                ("AWS_SECRET_ACCESS_KEY", "hunter2"),
                ("AWS_SESSION_TOKEN", "hunter2"),
            ];
            for command in ["verify", "doctor", "ls"] {
                let args = [command, place, "--retries", "0", "-v"];
                let ran = run(&bench, &args, &variables, &["hunter2"]);
                assert_ne!(ran.code, 0, "{name} {place}");
            }
        }
    }
    for (path, bytes) in crate::support::snapshot(&bench.path("")) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !text.contains("hunter2") && !path.contains("hunter2"),
            "{path}"
        );
    }
}
