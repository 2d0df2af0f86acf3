//! What people see, and the whole tree of the examples, byte for byte.

use std::path::Path;

use sreg_model::Digest;

use crate::support::{Bench, Ran, snapshot};

/// The examples, published at a fixed time.
fn examples() -> Bench {
    let bench = Bench::new();
    let images = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/images");
    for (name, bytes) in snapshot(&images) {
        bench.write(&name, &bytes);
    }
    let mut command = bench.command(&["index", "images", "--out", "public", "--link", "copy"]);
    let ran = Ran::of(
        &command
            .env("SOURCE_DATE_EPOCH", "1790000000")
            .output()
            .unwrap(),
    );
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    bench
}

#[test]
fn the_tree_of_the_examples() {
    let bench = examples();
    let files: Vec<String> = snapshot(&bench.public())
        .into_iter()
        .map(|(path, bytes)| format!("{} {path}", &Digest::of(&bytes).hex()[..8]))
        .collect();
    insta::assert_snapshot!(files.join("\n"));
}

#[test]
fn the_text_of_ls() {
    insta::assert_snapshot!(examples().run(&["ls", "public"]).stdout);
}

#[test]
fn the_text_of_inspect() {
    let bench = examples();
    insta::assert_snapshot!(
        bench
            .run(&["inspect", "public//lab/tool:1.0", "--arch", "arm64"])
            .stdout
    );
}

#[test]
fn the_table_of_every_host() {
    let bench = examples();
    let tables = sreg_model::Host::ALL.map(|host| {
        let said = bench.ok(&[
            "index",
            "images",
            "--out",
            "public",
            "--host",
            host.as_str(),
        ]);
        let (_, table) = said.stdout.split_once("clients that can pull").unwrap();
        format!("clients that can pull{table}")
    });
    insta::assert_snapshot!(tables.join("\n"));
}

/// The help of every command, so that a change of wording is read as one diff.
#[test]
fn the_help_of_every_command() {
    let bench = Bench::new();
    let mut text = String::new();
    let mut next: Vec<Vec<String>> = vec![Vec::new()];
    while let Some(command) = next.pop() {
        let mut args: Vec<&str> = command.iter().map(String::as_str).collect();
        args.push("--help");
        let help = bench.ok(&args).stdout;
        let listed = help.split("Commands:\n").nth(1).unwrap_or_default();
        let lines = listed.lines().take_while(|line| !line.is_empty());
        // A name stands two spaces in; what goes on below it stands further in.
        let names = lines.filter_map(|line| {
            let name = line.strip_prefix("  ")?.split(' ').next()?;
            (!name.is_empty() && name != "help").then(|| name.to_owned())
        });
        for name in names {
            next.push([&command[..], &[name]].concat());
        }
        text.push_str(&format!("=== sreg {}\n{help}\n", args.join(" ")));
    }
    insta::assert_snapshot!(text);
}

/// What people are told, in many situations: also read as one diff.
#[test]
fn what_people_are_told() {
    let bench = examples();
    bench.key(1);
    bench.key(2);
    let signed = ["index", "images", "--out", "signed", "--link", "copy"];
    bench.ok(&[&signed[..], &["--key", "key-1"]].concat());
    std::fs::create_dir(bench.path("empty")).unwrap();
    std::fs::create_dir(bench.path("full")).unwrap();
    std::fs::write(bench.path("full/file"), "mine").unwrap();
    let situations: &[&[&str]] = &[
        &["index", "images", "--out", "public"],
        &["index", "images", "--out", "fresh", "--key", "key-1"],
        &["index", "images", "--out", "signed"],
        &["index", "images", "--out", "signed", "--key", "key-2"],
        &["index", "empty", "--out", "public"],
        &["index", "nowhere", "--out", "public"],
        &["index", "images", "--out", "full"],
        &["index", "images", "--out", "s3://bucket/reg"],
        &["index", "images", "--out", "public", "--key", "nowhere"],
        &["index", "images", "--out", "public", "--dry-run"],
        &["verify", "public"],
        &["verify", "signed", "--require-signed"],
        &["verify", "public", "--require-signed"],
        &["verify", "empty"],
        &["verify", "ftp://host/reg"],
        &["ls", "empty"],
        &["ls", "public//lab/none"],
        &["pull", "public//lab/tool:9"],
        &["pull", "public//lab/tool:1.0", "--arch", "ppc64le"],
        &["pull", "lab/tool:1.0"],
        &[
            "pull",
            "signed//lab/tool:1.1",
            "--offline",
            "--cache",
            "none",
        ],
        &["push", "nowhere.sif", "public//lab/new:1"],
        &["push", "full/file", "public//lab/new:1"],
        &["rm", "public//lab/none:1", "--reason", "x"],
        &["rm", "public//lab/tool", "--reason", "x"],
        &[
            "attach",
            "full/file",
            "public//lab/tool:1.0",
            "--type",
            "text/plain",
        ],
        &[
            "attach",
            "full/file",
            "public//lab/tool:1.1",
            "--type",
            "nonsense",
        ],
        &["init", "public", "--key", "key-1"],
        &["init", "other"],
        &["refresh", "public", "--key", "key-1"],
        &["refresh", "signed"],
        &["trust", "show", "public"],
        &["trust", "show", "signed"],
        &["trust", "add", "public"],
        &["trust", "delegate", "signed", "lab", "--to", "key-2.pub"],
        &["trust", "revoke", "signed", "key-2.pub", "--key", "key-1"],
        &[
            "trust",
            "remove-key",
            "signed",
            "key-1.pub",
            "--key",
            "key-1",
        ],
        &["mirror", "public", "signed"],
        &["mirror", "public", "full"],
        &["log", "public"],
        &["diff", "public", "signed"],
        &["doctor", "empty"],
        &["doctor", "public"],
        &["serve", "empty"],
        &["repair", "public"],
        &["sign", "signed"],
        &["inspect", "full/file"],
        &["nonsense"],
    ];
    let mut text = String::new();
    for args in situations {
        let ran = bench.run(args);
        text.push_str(&format!(
            "$ sreg {}\n{}{}exit {}\n\n",
            args.join(" "),
            ran.stdout,
            ran.stderr,
            ran.code
        ));
    }
    let folder = bench.path("").display().to_string();
    let text = text.replace(folder.trim_end_matches('/'), "FOLDER");
    insta::with_settings!({filters => vec![
        (r"sha256:[0-9a-f]{12,64}", "sha256:…"),
        (r"SHA256:[A-Za-z0-9+/]{43}", "SHA256:…"),
        (r"\d{4}-\d{2}-\d{2}T[0-9:]{8}Z", "DATE"),
        (r"\d+\.\d s\b", "N s"),
        (r"/private/tmp|/tmp/\.tmp[A-Za-z0-9]+", "FOLDER"),
    ]}, {
        insta::assert_snapshot!(text);
    });
}
