//! Homes, caches and folders that cannot be used.

use std::fs;

use crate::support::Bench;

fn published() -> Bench {
    let bench = Bench::new();
    bench.sif("lab/tool_1.sif");
    bench.index_by(1);
    bench
}

fn id(bench: &Bench) -> String {
    let shown = bench
        .ok(&["trust", "show", "public", "--format", "json"])
        .json();
    shown["registry"].as_str().unwrap().to_owned()
}

#[test]
fn a_home_that_is_no_folder_is_no_hindrance() {
    let bench = published();
    let id = id(&bench);
    for home in ["/dev/null", "/nonexistent/home"] {
        for args in [
            &["man"][..],
            &["ls", "public"],
            &["verify", "public"],
            &["index", "images", "--out", "unsigned"],
            &["pull", "public//lab/tool:1", "--force", "--trust", &id],
            &["mirror", "public", "copy"],
        ] {
            let mut command = bench.command(args);
            for name in ["XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
                command.env_remove(name);
            }
            let output = command.env("HOME", home).output().unwrap();
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(0), "{home} {args:?}: {said}");
        }
    }
}

#[test]
fn a_gone_registry_is_not_taken_for_a_stripped_one() {
    let bench = published();
    let id = id(&bench);
    fs::rename(bench.public(), bench.path("copy")).unwrap();
    let index = ["index", "images", "--out", "public", "--key", "key-1"];
    for args in [&index[..], &index[..4]] {
        let ran = bench.fails(4, "not-a-registry", args);
        assert!(ran.stderr.contains(&id), "{}", ran.stderr);
        assert!(ran.stderr.contains("--new"), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("sreg mirror COPY public"),
            "{}",
            ran.stderr
        );
        assert!(!bench.public().exists());
    }
    // Both ways on.
    bench.ok(&["mirror", "copy", "public"]);
    bench.ok(&index);
    fs::remove_dir_all(bench.public()).unwrap();
    bench.ok(&[&index[..], &["--new"]].concat());
    assert_ne!(self::id(&bench), id);
    bench.ok(&index);
    bench.is_whole();
    // It begins nothing where something is.
    bench.fails(2, "usage", &[&index[..], &["--new"]].concat());
}

#[test]
fn a_cache_that_cannot_be_written_is_passed_by() {
    let bench = published();
    let id = id(&bench);
    // Root may write anywhere, but not below a file.
    fs::write(bench.path("file"), "x").unwrap();
    for cache in ["file", "file/below", "/proc/cache"] {
        let _ = fs::remove_file(bench.path("tool_1.sif"));
        let pull = [
            "pull",
            "public//lab/tool:1",
            "--cache",
            cache,
            "--trust",
            &id,
        ];
        let ran = bench.ok(&pull);
        assert!(ran.stderr.contains("cache not used"), "{}", ran.stderr);
        assert_eq!(
            fs::read(bench.path("tool_1.sif")).unwrap(),
            fs::read(bench.images().join("lab/tool_1.sif")).unwrap()
        );
    }
}

/// A path that depends on the current folder would be another home for each run.
#[test]
fn a_relative_home_is_not_used() {
    let bench = published();
    for args in [
        &["ls", "public"][..],
        &["index", "images", "--out", "unsigned"],
    ] {
        let mut command = bench.command(args);
        for name in ["XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME"] {
            command.env_remove(name);
        }
        let output = command.env("HOME", "relative").output().unwrap();
        assert!(output.status.success(), "{args:?}");
    }
    assert!(!bench.path("relative").exists());
}

#[test]
fn an_empty_variable_is_an_absent_one() {
    let bench = published();
    for name in [
        "SREG_JOBS",
        "SREG_FORMAT",
        "SREG_TIMEOUT",
        "SREG_REGISTRY",
        "SREG_ALLOW_PRIVATE",
    ] {
        let output = bench
            .command(&["verify", "public"])
            .env(name, "")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(0), "{name}: {said}");
    }
}

#[test]
fn a_variable_with_an_invalid_value_is_named() {
    let bench = published();
    let said = |args: &[&str]| {
        let mut command = bench.command(args);
        let output = command.env("SREG_JOBS", "many").output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    let hint = "hint: change or unset SREG_JOBS, which sets --jobs <N>";
    let of_variable = said(&["ls", "public"]);
    assert!(of_variable.contains(hint), "{of_variable}");
    let of_argument = said(&["ls", "public", "--jobs", "few"]);
    assert!(!of_argument.contains("SREG_JOBS"), "{of_argument}");
}

#[test]
fn a_pull_without_requests_needs_a_cache() {
    let bench = published();
    let ran = bench.fails(2, "usage", &["pull", "public//lab/tool:1", "--offline"]);
    assert!(
        ran.stderr.contains("hint: add --cache DIR"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_file_url_is_a_folder_to_publish_in() {
    let bench = published();
    let url = format!("file://{}", bench.path("by%20url").display());
    bench.ok(&["index", "images", "--out", &url]);
    bench.ok(&["verify", &url]);
    assert!(bench.path("by url/sreg.json").exists());
}
