//! What people are told.

use std::fs;

use crate::support::Bench;

#[test]
fn what_is_removed_on_both_sides_is_no_difference() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.sif("lab/old_1.sif");
    bench.index();
    bench.ok(&["mirror", "public", "copy"]);
    fs::remove_file(bench.images().join("lab/old_1.sif")).unwrap();
    // The same reference, removed at two times.
    bench.ok(&["index", "images", "--out", "public"]);
    let mut later = bench.command(&["index", "images", "--out", "copy", "--prune"]);
    later.env("SOURCE_DATE_EPOCH", "1790000000");
    assert!(later.output().unwrap().status.success());
    let ran = bench.run(&["diff", "public", "copy", "--format", "json"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str()),
        (0, "[]\n"),
        "{}",
        ran.stderr
    );
    // And one that never was there.
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index();
    bench.ok(&["mirror", "public", "copy"]);
    let old = bench.sif("lab/old_1.sif");
    bench.index();
    fs::remove_file(old).unwrap();
    bench.index();
    let ran = bench.run(&["diff", "public", "copy"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{}", ran.stderr);
}

#[test]
fn a_path_with_hidden_characters_is_printed_with_escapes() {
    let bench = Bench::new();
    bench.sif("la\u{200b}b/tool_1.sif");
    let ran = bench.index_fails(6, "malformed-namespace", &[]);
    assert!(
        ran.stderr.contains("la\\u{200b}b/tool_1.sif"),
        "{}",
        ran.stderr
    );
    assert!(!ran.stderr.contains('\u{200b}'), "{}", ran.stderr);
}

#[test]
fn one_thing_is_one_thing() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.sif("lab/old_1.sif");
    bench.index();
    fs::create_dir_all(bench.path("more")).unwrap();
    fs::copy(
        bench.images().join("lab/tool_1.sif"),
        bench.path("more/x_1.sif"),
    )
    .unwrap();
    let ran = bench.ok(&["index", "more", "--out", "public"]);
    assert!(
        ran.stderr
            .contains("2 references not in more remain published"),
        "{}",
        ran.stderr
    );
    fs::remove_file(bench.images().join("lab/old_1.sif")).unwrap();
    bench.index();
    let ran = bench.ok(&["index", "more", "--out", "public"]);
    assert!(
        ran.stderr
            .contains("1 reference not in more remains published"),
        "{}",
        ran.stderr
    );
}

#[test]
fn what_is_no_command_is_not_proposed() {
    let bench = Bench::new();
    for words in ["gc", "image-c", "mag"] {
        let ran = bench.run(&[words]);
        assert_eq!(ran.code, 2);
        assert!(!ran.stderr.contains("'image-content'"), "{}", ran.stderr);
    }
    for args in [
        &["completion", "bash"][..],
        &["completion", "zsh"],
        &["man"],
        &["help"],
    ] {
        let ran = bench.ok(args);
        assert!(!ran.stdout.contains("image-content"), "{args:?}");
    }
}

#[test]
fn hints_name_the_place_where_it_is_known() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index_by(1);
    let s3 = "s3://bucket/reg";
    for (args, variables, hint) in [
        (
            &["verify", "http://127.0.0.1:9/r", "--retries", "0"][..],
            &[][..],
            "sreg doctor http://127.0.0.1:9/r",
        ),
        (
            &["pull", "http://127.0.0.1:9/r//lab/x:1", "--retries", "0"],
            &[],
            "sreg doctor http://127.0.0.1:9/r",
        ),
        (
            &["mirror", "public", "http://127.0.0.1:9/r", "--retries", "0"],
            &[],
            "http",
        ),
        (
            &["mirror", "http://127.0.0.1:9/r", "copy", "--retries", "0"],
            &[],
            "sreg doctor http://127.0.0.1:9/r",
        ),
        (
            &["ls", s3, "--retries", "0"],
            &[("AWS_ENDPOINT_URL", "http://localhost:9")],
            "sreg doctor s3://bucket/reg",
        ),
        (
            &[
                "trust",
                "remove-key",
                "public",
                "key-1.pub",
                "--role",
                "head",
                "--key",
                "key-1",
            ],
            &[],
            "sreg trust add-key public NEW.pub",
        ),
        (
            &["trust", "retire", "public", "key-2.pub", "--key", "key-1"],
            &[],
            "sreg trust show public",
        ),
        (
            &["index", "images", "--out", "public", "--key", "absent"],
            &[],
            "sreg trust show public",
        ),
    ] {
        bench.key(2);
        let mut command = bench.command(args);
        command.envs(variables.iter().copied());
        command
            .env("AWS_ACCESS_KEY_ID", "x")
            .env("AWS_SECRET_ACCESS_KEY", "x");
        let ran = crate::support::Ran::of(&command.output().unwrap());
        assert_ne!(ran.code, 0);
        assert!(ran.stderr.contains(hint), "{args:?}: {}", ran.stderr);
        assert!(
            !ran.stderr.contains("PLACE") && !ran.stderr.contains("TREE"),
            "{}",
            ran.stderr
        );
    }
}

#[test]
fn many_stray_files_are_one_line() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index();
    for number in 0..300 {
        let bytes = format!("{number}");
        let hex = sreg_model::Digest::of(bytes.as_bytes()).hex();
        let folder = bench.public().join("n").join(&hex[..2]);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(&hex), bytes).unwrap();
        fs::write(bench.public().join(format!("CNAME-{number}")), "x").unwrap();
    }
    let ran = bench.ok(&["verify", "public"]);
    let lines: Vec<&str> = ran
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning"))
        .collect();
    assert!(lines.len() <= 4, "{}", ran.stderr);
    for says in [
        "[foreign-file]: 300 files, such as CNAME-0: ",
        "[stray-file]: 300 files, such as n/",
    ] {
        assert!(ran.stderr.contains(says), "{}", ran.stderr);
    }
    assert!(
        ran.stderr.contains("; --format json lists all\n"),
        "{}",
        ran.stderr
    );
    let answer = bench.ok(&["verify", "public", "--format", "json"]).json();
    assert!(answer["warnings"].as_array().unwrap().len() >= 600);
}

#[test]
fn a_retired_key_does_not_count_among_those_that_may_sign() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index_by(1);
    for (number, threshold) in [(2, "1"), (3, "2")] {
        bench.key(number);
        let public = format!("key-{number}.pub");
        let (one, two, three) = ("key-1", "key-2", "key-3");
        let add = [
            "trust",
            "add-key",
            "public",
            &public,
            "--scope",
            "lab",
            "--threshold",
            threshold,
            "--yes",
        ];
        bench.ok(&[
            &add[..],
            &["--key", one, "--key", two, "--key", three][..number as usize * 2],
        ]
        .concat());
    }
    let ran = bench.ok(&["trust", "show", "public"]);
    assert!(
        ran.stdout.contains("lab      2 of 3 keys\n"),
        "{}",
        ran.stdout
    );
    bench.ok(&[
        "trust",
        "retire",
        "public",
        "key-3.pub",
        "--key",
        "key-1",
        "--yes",
    ]);
    let ran = bench.ok(&["trust", "show", "public"]);
    let says = "lab      2 of 2 keys, and 1 retired or revoked\n";
    assert!(ran.stdout.contains(says), "{}", ran.stdout);
}

#[test]
fn annotations_name_files_as_the_repository_has_them() {
    let bench = Bench::new();
    let inner = bench.path("work/site");
    fs::create_dir_all(bench.path("work/.git")).unwrap();
    fs::create_dir_all(&inner).unwrap();
    fs::write(bench.images().join("bad_1.sif"), "x").unwrap();
    fs::rename(bench.images(), inner.join("images")).unwrap();
    let annotated = |args: &[&str], workspace: Option<&str>| {
        let mut command = bench.command(args);
        command.current_dir(&inner).env("GITHUB_ACTIONS", "true");
        if let Some(workspace) = workspace {
            command.env("GITHUB_WORKSPACE", bench.path(workspace));
        }
        crate::support::Ran::of(&command.output().unwrap()).stderr
    };
    let args = ["index", "images", "--out", "public"];
    for (workspace, file) in [
        (None, "::error file=site/images/bad_1.sif,"),
        (Some("work"), "::error file=site/images/bad_1.sif,"),
        (Some(""), "::error file=work/site/images/bad_1.sif,"),
        (Some("elsewhere"), "::error file=site/images/bad_1.sif,"),
    ] {
        let said = annotated(&args, workspace);
        assert!(said.contains(file), "{workspace:?}: {said}");
    }
    // A fault of a tree: below the tree.
    fs::write(
        inner.join("images/bad_1.sif"),
        sreg_tests::images::sif("x", sreg_model::Arch::Amd64, 9),
    )
    .unwrap();
    annotated(&args, None);
    fs::remove_file(inner.join("public/library/bad/tags/index.html")).unwrap();
    let said = annotated(&["verify", "public"], None);
    let file = "::error file=site/public/library/bad/tags/index.html,";
    assert!(said.contains(file), "{said}");
    // One outside has no file.
    fs::rename(inner.join("public"), bench.path("public")).unwrap();
    let said = annotated(&["verify", "../../public"], None);
    assert!(said.contains("::error title=missing-view"), "{said}");
}

#[test]
fn a_key_that_signs_nothing_here_is_named() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index_by(1);
    bench.key(2);
    for args in [
        &["index", "images", "--out", "public", "--key", "key-2"][..],
        &[
            "push",
            "images/lab/tool_1.sif",
            "public//lab/tool:1",
            "--key",
            "key-2",
        ],
        &[
            "index", "images", "--out", "public", "--key", "key-1", "--key", "key-2",
        ],
    ] {
        let ran = bench.ok(args);
        let says = format!(
            "warning[unused-key]: the key {} signs nothing in public",
            sreg_tests::keys::fingerprint(2)
        );
        assert!(ran.stderr.contains(&says), "{args:?}: {}", ran.stderr);
        assert_eq!(
            ran.stderr.matches("unused-key").count(),
            1,
            "{}",
            ran.stderr
        );
    }
    let ran = bench.ok(&["index", "images", "--out", "public", "--key", "key-1"]);
    assert!(!ran.stderr.contains("unused-key"), "{}", ran.stderr);
}

#[test]
fn two_slashes_in_a_path_part_nothing_from_it() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    fs::create_dir(bench.path("a")).unwrap();
    bench.ok(&["index", "images", "--out", "a//b/pub"]);
    for target in [
        "a//b/pub",
        "a//b//pub",
        "a//b/pub/",
        "a//b/pub//lab",
        "a//b/pub//lab/tool",
    ] {
        let ran = bench.ok(&["ls", target]);
        assert!(
            ran.stdout.contains("lab/tool:1"),
            "{target}: {}",
            ran.stdout
        );
    }
    bench.ok(&["verify", "a//b/pub"]);
    bench.ok(&["verify", "a//b/pub//lab/tool:1"]);
    bench.ok(&["inspect", "a//b//pub//lab/tool:1"]);
    bench.ok(&["pull", "a//b/pub//lab/tool:1", "-o", "x.sif"]);
    bench.ok(&[
        "pull",
        "--registry",
        "a//b/pub",
        "lab/tool:1",
        "-o",
        "x.sif",
    ]);
}

#[test]
fn a_file_url_is_percent_decoded() {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.ok(&["index", "images", "--out", "my registry"]);
    let url = format!("file://{}/my%20registry", bench.path("").display()).replace("//my", "/my");
    let ran = bench.ok(&["ls", &url]);
    assert!(ran.stdout.contains("lab/tool:1"), "{}", ran.stdout);
    bench.ok(&["pull", &format!("{url}//lab/tool:1"), "-o", "x.sif"]);
    for wrong in ["file://my%20registry", "file://other.host/x", "file:///x?y"] {
        let ran = bench.run(&["ls", wrong]);
        assert_eq!(ran.code, 2, "{wrong}: {}", ran.stderr);
    }
}
