//! `sreg attach`: what belongs to an image is said in its statement, listed, kept, copied and verified.

use std::fs;

use serde_json::{Value, json};
use sreg_model::{Arch, Digest};
use sreg_tests::images;

use crate::support::{Bench, snapshot};

const SPDX: &str = "application/spdx+json";
const SBOM: &str = "{\"spdxVersion\":\"SPDX-2.3\"}\n";

/// `lab/tool:1.0`, published, and a file to attach.
fn bench() -> Bench {
    let bench = Bench::new();
    bench.sif("lab/tool/1.0.sif");
    fs::write(bench.path("tool.spdx.json"), SBOM).unwrap();
    bench
}

fn attach(bench: &Bench, reference: &str, more: &[&str]) -> Value {
    let reference = format!("public//{reference}");
    let args = ["attach", "tool.spdx.json", &reference, "--type", SPDX];
    let args: Vec<&str> = [&args[..], more, &["--format", "json"]].concat();
    bench.ok(&args).json()
}

/// What `ls` says is attached to the image of a row.
fn attached(bench: &Bench, tree: &str, row: usize) -> Value {
    let rows = bench.ok(&["ls", tree, "--format", "json"]).json();
    rows[row]["attached"].clone()
}

fn sbom() -> Value {
    let digest = Digest::of(SBOM.as_bytes()).to_string();
    json!({"digest": digest, "media": SPDX, "name": "tool.spdx.json", "size": SBOM.len()})
}

// spec: CLI-33 STM-17 LAY-12
#[test]
fn an_attachment_is_listed_and_stays() {
    let bench = bench();
    bench.index();
    let answer = attach(&bench, "lab/tool:1.0", &[]);
    assert_eq!(answer["reference"], "lab/tool:1.0");
    assert_eq!(answer["changed"], true);
    assert_eq!(answer["version"], 2);
    assert_eq!(attached(&bench, "public", 0), json!([sbom()]));
    bench.is_whole();
    // The same again changes nothing, and neither does indexing the same images.
    let before = snapshot(&bench.public());
    assert_eq!(attach(&bench, "lab/tool:1.0", &[])["changed"], false);
    bench.index();
    assert_eq!(snapshot(&bench.public()), before);
    let text = bench.ok(&["ls", "public"]).stdout;
    assert!(text.contains("+ tool.spdx.json"), "{text}");
    // Other images come and go.
    let other = bench.sif("lab/other/1.0.sif");
    bench.index();
    fs::remove_file(other).unwrap();
    bench.index();
    assert_eq!(attached(&bench, "public", 0), json!([sbom()]));
    bench.is_whole();
}

// spec: CLI-33 STM-24 STM-27
#[test]
fn what_is_said_of_a_file_is_replaced_by_what_is_said_later() {
    let bench = bench();
    bench.index();
    attach(&bench, "lab/tool:1.0", &[]);
    let more = [
        "--name",
        "sbom.json",
        "--annotation",
        "org.example.b=two = 2",
        "--annotation",
        "org.example.a=one",
    ];
    let answer = attach(&bench, "lab/tool:1.0", &more);
    assert_eq!(answer["changed"], true);
    let one = &attached(&bench, "public", 0);
    assert_eq!(one.as_array().unwrap().len(), 1);
    assert_eq!(one[0]["name"], "sbom.json");
    let annotations = json!(["org.example.a=one", "org.example.b=two = 2"]);
    assert_eq!(one[0]["annotations"], annotations);
    let manifest = Digest::of(bench.read("v2/lab/tool/manifests/1.0").as_bytes());
    let list = bench.read(&format!("v2/lab/tool/referrers/{manifest}"));
    assert!(list.contains("\"org.example.b\":\"two = 2\""), "{list}");
    bench.is_whole();
}

// spec: STM-17
#[test]
fn another_image_begins_without_attachments() {
    let bench = bench();
    bench.index();
    attach(&bench, "lab/tool:1.0", &[]);
    let manifest = Digest::of(bench.read("v2/lab/tool/manifests/1.0").as_bytes());
    // The one that is there is published by a link, perhaps.
    fs::remove_file(bench.images().join("lab/tool/1.0.sif")).unwrap();
    let another = images::sif("another", Arch::Amd64, 200);
    bench.write("lab/tool/1.0.sif", &another);
    bench.index();
    assert_eq!(attached(&bench, "public", 0), json!([]));
    // Who pulls the first by its digest still finds what belonged to it.
    let list = bench.read(&format!("v2/lab/tool/referrers/{manifest}"));
    assert!(list.contains(SPDX), "{list}");
    bench.is_whole();
}

// spec: STM-22
#[test]
fn a_frozen_image_can_be_attached_to() {
    let bench = bench();
    bench.index();
    let image = bench.sif("more/2.0.sif");
    let image = image.to_str().unwrap();
    bench.ok(&["push", image, "public//lab/tool:2.0", "--frozen"]);
    attach(&bench, "lab/tool:2.0", &[]);
    let found: Vec<String> = fs::read_dir(bench.public().join("s"))
        .unwrap()
        .flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap())
        .map(|file| fs::read_to_string(file.unwrap().path()).unwrap())
        .filter(|text| text.contains("\"attached\""))
        .collect();
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("\"frozen\":true"), "{}", found[0]);
    bench.is_whole();
    let other = bench.write("more/2.1.sif", &images::sif("x", Arch::Amd64, 9));
    let other = other.to_str().unwrap();
    let push = ["push", other, "public//lab/tool:2.0"];
    bench.fails(8, "frozen-tag", &push);
}

#[test]
fn of_several_architectures_one_is_named() {
    let bench = bench();
    let arm = images::sif("arm", Arch::Arm64, 100);
    bench.write("lab/tool/1.0.arm64.sif", &arm);
    bench.index();
    let args = ["attach", "tool.spdx.json", "public//lab/tool:1.0"];
    let args = [&args[..], &["--type", SPDX]].concat();
    let ran = bench.fails(4, "missing-reference", &args);
    assert!(ran.stderr.contains("--arch"), "{}", ran.stderr);
    attach(&bench, "lab/tool:1.0", &["--arch", "arm64"]);
    assert_eq!(attached(&bench, "public", 0), json!([]));
    assert_eq!(attached(&bench, "public", 1), json!([sbom()]));
    // By its digest it is the one, too.
    let digest = Digest::of(&arm);
    attach(&bench, &format!("lab/tool:1.0@{digest}"), &[]);
    bench.is_whole();
}

#[test]
fn what_cannot_be_attached() {
    let bench = bench();
    bench.index();
    let tool = "public//lab/tool:1.0";
    let none = Digest::of(b"none");
    let pinned = format!("{tool}@{none}");
    fs::write(bench.path("empty"), "").unwrap();
    fs::write(bench.path("a b"), "x").unwrap();
    for (code, word, args) in [
        (4, "missing-file", vec!["none", tool, "--type", SPDX]),
        (
            4,
            "missing-reference",
            vec!["tool.spdx.json", "public//lab/tool:9", "--type", SPDX],
        ),
        (
            4,
            "missing-reference",
            vec!["tool.spdx.json", &pinned, "--type", SPDX],
        ),
        (
            4,
            "not-a-registry",
            vec!["tool.spdx.json", "nowhere//lab/tool:1.0", "--type", SPDX],
        ),
        (2, "usage", vec!["empty", tool, "--type", SPDX]),
        (2, "usage", vec!["a b", tool, "--type", SPDX]),
        (2, "usage", vec!["tool.spdx.json", tool, "--type", "spdx"]),
        (
            2,
            "usage",
            vec![
                "tool.spdx.json",
                tool,
                "--type",
                "application/vnd.sreg.statement.v1",
            ],
        ),
        (
            2,
            "usage",
            vec![
                "tool.spdx.json",
                tool,
                "--type",
                SPDX,
                "--annotation",
                "alone",
            ],
        ),
        (
            2,
            "usage",
            vec!["tool.spdx.json", tool, "--type", SPDX, "--name", "../up"],
        ),
    ] {
        let args = [&["attach"], &args[..]].concat();
        bench.fails(code, word, &args);
    }
    let key = bench.key(1);
    let args = [
        "attach",
        &key,
        tool,
        "--type",
        "text/plain",
        "--name",
        "key",
    ];
    let ran = bench.fails(2, "usage", &args);
    assert!(ran.stderr.contains("private key"), "{}", ran.stderr);
    attach(&bench, "lab/tool:1.0", &[]);
    bench.is_whole();
}

#[test]
fn more_than_a_statement_holds_is_refused() {
    let bench = bench();
    bench.index();
    for number in 0..16 {
        fs::write(bench.path("tool.spdx.json"), format!("{number}")).unwrap();
        attach(&bench, "lab/tool:1.0", &[]);
    }
    fs::write(bench.path("tool.spdx.json"), "one more").unwrap();
    let args = [
        "attach",
        "tool.spdx.json",
        "public//lab/tool:1.0",
        "--type",
        SPDX,
    ];
    let ran = bench.fails(2, "usage", &args);
    assert!(ran.stderr.contains("17 are more than 16"), "{}", ran.stderr);
    bench.is_whole();
}

// spec: MAN-12 API-17
#[test]
fn with_keys_the_signatures_are_found_first() {
    let bench = bench();
    bench.index_by(1);
    let key = bench.key(1);
    let without = ["attach", "tool.spdx.json", "public//lab/tool:1.0"];
    let without = [&without[..], &["--type", SPDX]].concat();
    bench.fails(2, "signed-registry", &without);
    attach(&bench, "lab/tool:1.0", &["--key", &key]);
    let manifest = Digest::of(bench.read("v2/lab/tool/manifests/1.0").as_bytes());
    let list = bench.document(&format!("v2/lab/tool/referrers/{manifest}"));
    let types: Vec<&str> = list["manifests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["artifactType"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["application/vnd.sreg.statement.v1", SPDX]);
    let artifact = list["manifests"][0]["digest"].as_str().unwrap();
    let artifact = bench.document(&format!("v2/lab/tool/manifests/{artifact}"));
    let blob = artifact["layers"][0]["digest"].as_str().unwrap();
    let file = bench.read(&format!("v2/lab/tool/blobs/{blob}"));
    let line = file.split_inclusive('\n').next().unwrap();
    let hex = Digest::of(line.as_bytes()).hex();
    assert_eq!(bench.read(&format!("s/{}/{hex}", &hex[..2])), file);
    assert!(file.contains("-----BEGIN SSH SIGNATURE-----"), "{file}");
    bench.is_whole();
    // Signed anew, it is still attached.
    bench.ok(&["refresh", "public", "--key", &key]);
    assert_eq!(attached(&bench, "public", 0), json!([sbom()]));
}

#[test]
fn a_copy_has_what_is_attached() {
    let bench = bench();
    bench.index_by(1);
    let key = bench.key(1);
    bench.ok(&["mirror", "public", "copy"]);
    attach(&bench, "lab/tool:1.0", &["--key", &key]);
    bench.ok(&["mirror", "public", "copy"]);
    assert_eq!(attached(&bench, "copy", 0), json!([sbom()]));
    bench.ok(&["verify", "copy"]);
    // A registry that begins anew with the same images has it, too.
    let other = bench.key(2);
    bench.ok(&["init", "second", "--key", &other, "--from", "public"]);
    assert_eq!(attached(&bench, "second", 0), json!([sbom()]));
    bench.ok(&["verify", "second"]);
    // What is lost at the source is not copied, and said.
    let digest = Digest::of(SBOM.as_bytes());
    let blob = bench.public().join(format!("v2/lab/tool/blobs/{digest}"));
    fs::write(&blob, SBOM.replace("2.3", "2.2")).unwrap();
    let ran = bench.run(&["mirror", "public", "third"]);
    assert_eq!(ran.code, 6, "{}", ran.stderr);
    assert!(ran.stderr.contains("digest"), "{}", ran.stderr);
    assert_eq!(bench.verify(), (6, vec!["blob-mismatch".to_owned()]));
    fs::remove_file(&blob).unwrap();
    assert_eq!(bench.verify().1, ["missing-blob"]);
    // Attached again, it is there again.
    attach(&bench, "lab/tool:1.0", &["--key", &key]);
    bench.is_whole();
}

// spec: API-12 API-17 API-18
#[test]
fn views_of_attachments_are_verified_and_repaired() {
    let bench = bench();
    bench.index_by(1);
    let key = bench.key(1);
    attach(&bench, "lab/tool:1.0", &["--key", &key]);
    let manifest = Digest::of(bench.read("v2/lab/tool/manifests/1.0").as_bytes());
    let list = format!("v2/lab/tool/referrers/{manifest}");
    let tag = format!("v2/lab/tool/manifests/sha256-{}", manifest.hex());
    let listed = bench.document(&list);
    let of = |at: usize| {
        let digest = listed["manifests"][at]["digest"].as_str().unwrap();
        format!("v2/lab/tool/manifests/{digest}")
    };
    let signatures = bench.document(&of(0))["layers"][0]["digest"].clone();
    let blob = format!("v2/lab/tool/blobs/{}", signatures.as_str().unwrap());
    let before = snapshot(&bench.public());
    for path in [list, tag, of(0), of(1), blob] {
        let path = bench.public().join(path);
        let bytes = fs::read(&path).unwrap();
        let changed = String::from_utf8(bytes).unwrap().replacen('1', "2", 1);
        fs::remove_file(&path).unwrap();
        assert_eq!(bench.verify().1, ["missing-view"], "{}", path.display());
        bench.ok(&["repair", "public"]);
        fs::write(&path, changed).unwrap();
        assert_eq!(bench.verify().1, ["view-mismatch"], "{}", path.display());
        bench.ok(&["repair", "public"]);
        assert_eq!(snapshot(&bench.public()), before, "{}", path.display());
    }
}

// spec: API-18
#[test]
fn an_image_that_comes_back_has_what_its_newest_statement_says() {
    let bench = bench();
    let image = bench.images().join("lab/tool/1.0.sif");
    let first = fs::read(&image).unwrap();
    bench.index();
    attach(&bench, "lab/tool:1.0", &[]);
    let manifest = Digest::of(bench.read("v2/lab/tool/manifests/1.0").as_bytes());
    let tag = format!("v2/lab/tool/manifests/sha256-{}", manifest.hex());
    let list = bench.read(&tag);
    for bytes in [images::sif("another", Arch::Amd64, 200), first] {
        fs::remove_file(&image).unwrap();
        fs::write(&image, bytes).unwrap();
        bench.index();
    }
    assert_eq!(attached(&bench, "public", 0), json!([]));
    assert!(!bench.public().join(&tag).exists());
    bench.is_whole();
    // Nor may a host put it there again, or something that nobody has attached.
    fs::write(bench.public().join(&tag), &list).unwrap();
    assert_eq!(bench.verify(), (9, vec!["stale-view".to_owned()]));
    bench.ok(&["repair", "public"]);
    assert!(!bench.public().join(&tag).exists());
    let other = list.replace("spdx", "spqr");
    fs::write(bench.public().join(&tag), other).unwrap();
    assert_eq!(bench.verify(), (6, vec!["stray-view".to_owned()]));
}

// spec: CLI-34
#[test]
fn what_a_revoked_key_has_signed_is_not_signed_again_unseen() {
    let bench = bench();
    bench.index_by(1);
    let (first, second) = (bench.key(1), bench.key(2));
    let public = format!("{second}.pub");
    let add = ["trust", "add-key", "public", &public, "--key", &first];
    bench.ok(&[&add[..], &["--scope", "lab"]].concat());
    bench.ok(&[&add[..], &["--role", "head", "--key", &second]].concat());
    attach(&bench, "lab/tool:1.0", &["--key", &second]);
    let revoke = [
        "trust", "revoke", "public", &public, "--key", &first, "--yes",
    ];
    bench.ok(&revoke);
    fs::write(bench.path("other.json"), "{}").unwrap();
    let args = [
        "attach",
        "other.json",
        "public//lab/tool:1.0",
        "--type",
        SPDX,
    ];
    let args = [&args[..], &["--key", &first]].concat();
    bench.fails(7, "untrusted-statement", &args);
    bench.ok(&["sign", "public//lab/tool:1.0", "--key", &first, "--yes"]);
    bench.ok(&args);
    bench.is_whole();
}

// spec: CLI-34
#[test]
fn attachments_leave_room_for_signatures() {
    let bench = bench();
    bench.index();
    let long = format!("a={}", "v".repeat(1000));
    let more = ["--annotation", &long];
    for number in 0..6 {
        fs::write(bench.path("tool.spdx.json"), format!("{number}")).unwrap();
        attach(&bench, "lab/tool:1.0", &more);
    }
    fs::write(bench.path("tool.spdx.json"), "one more").unwrap();
    let args = [
        "attach",
        "tool.spdx.json",
        "public//lab/tool:1.0",
        "--type",
        SPDX,
    ];
    bench.fails(2, "usage", &[&args[..], &more].concat());
    bench.index_by(1);
    bench.is_whole();
}
