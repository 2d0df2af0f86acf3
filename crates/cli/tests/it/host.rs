//! `sreg index --host`: what it writes for a host, and what it says.

use std::fs;

use serde_json::{Value, json};
use sreg_model::Arch;
use sreg_tests::images;

use crate::support::Bench;

/// `lab/tool:1.0` for two architectures.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.sif("lab/tool/1.0.sif");
    let arm = images::sif("arm", Arch::Arm64, 10);
    bench.write("lab/tool/1.0.arm64.sif", &arm);
    bench
}

fn has(bench: &Bench, path: &str) -> bool {
    fs::symlink_metadata(bench.public().join(path)).is_ok()
}

fn warnings(bench: &Bench) -> Vec<(String, String)> {
    let report = bench.ok(&["verify", "public", "--format", "json"]).json();
    let text = |fault: &Value, key: &str| fault[key].as_str().unwrap().to_owned();
    report["warnings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (text(fault, "code"), text(fault, "path")))
        .filter(|(code, _)| code != "unsigned")
        .collect()
}

// spec: API-19 LAY-16 LAY-17 LAY-18
#[test]
fn what_a_host_needs_comes_with_it_and_goes_with_it() {
    let bench = bench();
    bench.index_with(&["--host", "nginx"]);
    let index = bench.read("v2/lab/tool/manifests/1.0");
    assert_eq!(bench.read("v2/lab/tool/indexes/1.0"), index);
    let text = include_str!("../../../../spec/hosts/nginx.conf");
    assert_eq!(bench.read("nginx.conf"), text);
    assert_eq!(warnings(&bench), []);
    // It stays until another is given.
    fs::write(bench.public().join("nginx.conf"), "changed").unwrap();
    fs::remove_file(bench.public().join("v2/lab/tool/indexes/1.0")).unwrap();
    let (code, faults) = bench.verify();
    assert_eq!((code, faults.len()), (6, 2), "{faults:?}");
    bench.ok(&["repair", "public"]);
    assert_eq!(bench.read("nginx.conf"), text);
    bench.sif("lab/tool/2.0.sif");
    bench.index();
    assert_eq!(bench.document("sreg.json")["host"], "nginx");
    assert_eq!(warnings(&bench), []);

    bench.index_with(&["--host", "netlify"]);
    assert!(!has(&bench, "nginx.conf") && !has(&bench, "v2/lab/tool/indexes/1.0"));
    let headers = include_str!("../../../../spec/hosts/_headers");
    assert_eq!(bench.read("_headers"), headers);
    // What is by its digest may stay, as manifests do.
    let left = warnings(&bench);
    assert!(
        left.iter()
            .all(|(code, path)| code == "stray-file" && path.contains("/indexes/sha256:"))
    );
    bench.index_with(&["--host", "cloudflare"]);
    assert_eq!(bench.read("_headers"), headers);
    bench.index_with(&["--host", "pages"]);
    assert!(!has(&bench, "_headers"));
    bench.is_whole();
}

// spec: LAY-18
#[test]
fn a_file_of_somebody_else_is_neither_replaced_nor_removed() {
    let bench = bench();
    bench.index();
    let own = "/*\n  X-Frame-Options: DENY\n";
    fs::write(bench.public().join("_headers"), own).unwrap();
    let foreign = ("foreign-file".to_owned(), "_headers".to_owned());
    assert_eq!(warnings(&bench), std::slice::from_ref(&foreign));
    for host in ["netlify", "cloudflare"] {
        let ran = bench.index_fails(8, "file-exists", &["--host", host]);
        assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
        bench.index_fails(8, "file-exists", &["--host", host, "--dry-run"]);
    }
    // All views are written anew, and what no host needs is looked for.
    bench.index_with(&["--host", "nginx"]);
    bench.index_with(&["--host", "pages", "--base-url", "https://example.org"]);
    bench.ok(&["repair", "public"]);
    assert_eq!(bench.read("_headers"), own);
    assert!(warnings(&bench).contains(&foreign));
    // Nor is a link of theirs taken for a file of the registry.
    fs::remove_file(bench.public().join("_headers")).unwrap();
    std::os::unix::fs::symlink("elsewhere", bench.public().join("_headers")).unwrap();
    assert!(warnings(&bench).contains(&foreign));
    bench.is_whole();
}

// spec: CLI-32
#[test]
fn images_that_are_too_large_for_the_host_are_named_and_published() {
    let bench = bench();
    let large = images::sif("large", Arch::Amd64, 26 << 20);
    bench.write("lab/large/1.0.sif", &large);
    let args = ["index", "images", "--out", "public", "--host", "cloudflare"];
    let ran = bench.run(&[&args[..], &["--dry-run"]].concat());
    assert_eq!(ran.code, 9, "{}", ran.stderr);
    let ran = bench.run(&[&args[..], &["--format", "json"]].concat());
    assert_eq!(ran.code, 9, "{}", ran.stderr);
    let said = "warning[too-large-for-host]: lab/large:1.0 (amd64)";
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    assert!(ran.stderr.contains("--blob-url"), "{}", ran.stderr);
    assert_eq!(
        ran.json()["host"]["too_large"],
        json!([{"reference": "lab/large:1.0", "arch": "amd64", "size": large.len()}])
    );
    bench.is_whole();
    assert!(bench.ls().contains(&"lab/large:1.0 amd64".to_owned()));
    // Also where it is published without being in the folder any more.
    fs::create_dir(bench.path("few")).unwrap();
    let few = bench.path("few/few_1.0.sif");
    fs::write(&few, images::sif("few", Arch::Amd64, 10)).unwrap();
    let ran = bench.run(&["index", "few", "--out", "public"]);
    assert_eq!(ran.code, 9, "{}", ran.stderr);
    assert!(ran.stderr.contains(said), "{}", ran.stderr);
    // A larger file may be there, or the image is elsewhere.
    bench.index_with(&["--host", "pages"]);
    let elsewhere = "https://example.org/{hex}.{ext}";
    let answer = bench.index_with(&["--host", "cloudflare", "--blob-url", elsewhere]);
    assert_eq!(answer["host"]["too_large"], json!([]));
    bench.is_whole();
}

#[test]
fn links_for_every_architecture_go_when_images_are_elsewhere() {
    let bench = bench();
    bench.index();
    let links =
        ["library", "library/arm64"].map(|base| format!("{base}/v1/imagefile/lab/tool:1.0"));
    assert!(links.iter().all(|link| has(&bench, link)));
    bench.index_with(&["--blob-url", "https://example.org/{hex}"]);
    assert!(!links.iter().any(|link| has(&bench, link)));
    bench.is_whole();
}

#[test]
fn a_host_is_told_by_a_flag_a_variable_or_a_file() {
    let bench = bench();
    let host = |answer: &Value| answer["host"]["name"].as_str().map(str::to_owned);
    assert_eq!(host(&bench.index()), None);
    fs::write(bench.path("sreg.toml"), "[index]\nhost = \"s3\"\n").unwrap();
    assert_eq!(host(&bench.index()).as_deref(), Some("s3"));
    let args = ["index", "images", "--out", "public", "--format", "json"];
    let output = bench.command(&args).env("SREG_HOST", "gcs").output();
    let answer = serde_json::from_slice(&output.unwrap().stdout).unwrap();
    assert_eq!(host(&answer).as_deref(), Some("gcs"));
    let answer = bench.index_with(&["--host", "pages"]);
    assert_eq!(host(&answer).as_deref(), Some("pages"));
    let ran = bench.index_fails(2, "usage", &["--host", "apache"]);
    assert!(ran.stderr.contains("nginx"), "{}", ran.stderr);
    fs::write(bench.path("sreg.toml"), "[index]\nhost = \"apache\"\n").unwrap();
    bench.index_fails(2, "config", &[]);
}
