//! Trees that are prepared for a host.

use serde_json::json;

use super::image::{Image, put_constants, put_list};
use super::versions::{head, one_version, put_index, put_statement};
use super::{Files, encode};
use crate::vectors::example;
use crate::vectors::{Case, oracle, views};

const AMD64: Image = Image {
    repository: "lab/tool",
    tag: "1.0",
    content: "the image for amd64",
};
const ARM64: Image = Image {
    repository: "lab/tool",
    tag: "1.0",
    content: "the image for arm64",
};

const INDEX: &str = "v2/lab/tool/indexes/1.0";

/// `lab/tool:1.0` for two architectures.
fn two_architectures(host: Option<&str>) -> Files {
    let mut files = Files::new();
    put_constants(&mut files);
    let statements = [
        AMD64.statement(),
        ARM64.statement().with("arch", "\"arm64\""),
    ];
    let lines = [(AMD64, "amd64"), (ARM64, "arm64")]
        .iter()
        .zip(&statements)
        .map(|((image, arch), statement)| {
            let id = oracle::digest(statement.line());
            let named = image.digest();
            example::tag_line("tool:1.0", arch, Some((&named, image.size())), &id)
        })
        .collect();
    for statement in &statements {
        put_statement(&mut files, statement);
    }
    let root = put_index(&mut files, &[("lab", lines)]);
    let head = head(&root, 2, 1, None);
    files.insert("heads/0/1".to_owned(), head.clone().into());
    files.insert("head".to_owned(), head.into());
    // What only the shown image has is written last.
    let mut arm64 = Files::new();
    ARM64.publish(&mut arm64);
    files.extend(
        arm64
            .into_iter()
            .filter(|(path, _)| path.starts_with("v2/")),
    );
    AMD64.publish(&mut files);
    put_list(&mut files, "lab/tool", "\"1.0\"");
    let told = example::library_image(ARM64.content.as_bytes(), ARM64.size(), "arm64");
    let base = "library/arm64/v1";
    files.insert(format!("{base}/images/lab/tool:1.0"), told.into());
    let target = format!("../../../../../{}", ARM64.blob());
    files.insert(format!("{base}/imagefile/lab/tool:1.0"), target.into());
    put_image_index(&mut files, host);
    if let Some(host) = host {
        put_host(&mut files, host);
    }
    files
}

/// The image index under its tag and at its digest, for nginx twice.
fn put_image_index(files: &mut Files, host: Option<&str>) {
    let entries: Vec<String> = [(AMD64, "amd64"), (ARM64, "arm64")]
        .iter()
        .map(|(image, arch)| {
            let manifest = image.manifest();
            format!(
                r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":{},"digest":"{}","platform":{{"architecture":"{arch}","os":"linux"}}}}"#,
                manifest.len(),
                oracle::digest(&manifest),
            )
        })
        .collect();
    let index = example::NO_REFERRERS.replace("[]", &format!("[{}]", entries.join(",")));
    let digest = oracle::digest(&index);
    let folders: &[&str] = match host {
        Some("nginx") => &["manifests", "indexes"],
        _ => &["manifests"],
    };
    for folder in folders {
        for what in ["1.0", &digest] {
            let path = format!("v2/lab/tool/{folder}/{what}");
            files.insert(path, index.clone().into());
        }
    }
    let referrers = format!("v2/lab/tool/referrers/{digest}");
    files.insert(referrers, example::NO_REFERRERS.into());
}

/// The settings for a host, and the file for it.
fn put_host(files: &mut Files, host: &str) {
    let settings = format!("{{\"format\":1,\"host\":\"{host}\",\"type\":\"sreg-registry\"}}\n");
    files.insert("sreg.json".to_owned(), settings.into());
    if let Some((path, text)) = views::file_of_host(host) {
        files.insert(path.to_owned(), text.into());
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = valid();
    let nginx = || two_architectures(Some("nginx"));
    let index = String::from_utf8(nginx()[INDEX].clone()).expect("it is JSON");
    let by_digest = format!("v2/lab/tool/indexes/{}", oracle::digest(&index));
    let without = |path: &str| {
        let mut files = nginx();
        assert!(files.remove(path).is_some(), "{path}");
        files
    };
    let with = |path: &str, text: &str| {
        let mut files = nginx();
        files.insert(path.to_owned(), text.into());
        files
    };
    let turned = index.replace("amd64", "AMD64");
    for (name, ids, note, files, class) in [
        (
            "changed-nginx-conf",
            "LAY-17",
            "a configuration that serves what is not in the tree",
            with("nginx.conf", "location / { root /; }\n"),
            "view-mismatch",
        ),
        (
            "no-nginx-conf",
            "LAY-17",
            "nginx is not told how to serve the tree",
            without("nginx.conf"),
            "missing-view",
        ),
        (
            "no-index-of-tag",
            "API-19",
            "nginx would serve the image index of a tag as a manifest",
            without(INDEX),
            "missing-view",
        ),
        (
            "no-index-by-digest",
            "API-19",
            "nginx would serve an image index by its digest as a manifest",
            without(&by_digest),
            "missing-view",
        ),
        (
            "changed-index-of-tag",
            "API-19",
            "nginx would serve another image index than the one that stands under the tag",
            with(INDEX, &turned),
            "view-mismatch",
        ),
        (
            "stray-index-of-tag",
            "API-19",
            "an image index of a tag that never was",
            with("v2/lab/tool/indexes/9.9", &index),
            "stray-view",
        ),
        (
            "manifest-among-indexes",
            "API-19",
            "nginx would serve the manifest of an image as an image index",
            with(
                &format!("v2/lab/tool/indexes/{}", oracle::digest(AMD64.manifest())),
                &AMD64.manifest(),
            ),
            "stray-view",
        ),
        (
            "misnamed-index",
            "LAY-2",
            "an image index whose name is not its digest",
            with(
                &format!("v2/lab/tool/indexes/{}", oracle::digest("another")),
                &index,
            ),
            "blob-mismatch",
        ),
    ] {
        cases.push(Case::invalid(
            "tree",
            name,
            ids,
            note,
            encode(&files),
            class,
        ));
    }
    cases
}

fn valid() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, ids: &'static str, note: &str, files: &Files, warnings: &[&str]| {
        let expect = json!({ "warnings": warnings });
        cases.push(Case::valid("tree", name, ids, note, encode(files), expect));
    };
    add(
        "two-architectures",
        "API-11 API-16 MAN-10",
        "a tag with an image index",
        &two_architectures(None),
        &[],
    );
    add(
        "host-nginx",
        "API-11 API-19 LAY-16 LAY-17",
        "the same, prepared for nginx",
        &two_architectures(Some("nginx")),
        &[],
    );
    for host in ["s3", "pages", "netlify", "cloudflare"] {
        let mut files = one_version(&[AMD64]);
        put_host(&mut files, host);
        add(
            &format!("host-{host}"),
            "LAY-16 LAY-17",
            "prepared for that host",
            &files,
            &[],
        );
    }
    let mut files = one_version(&[AMD64]);
    files.insert(
        "_headers".to_owned(),
        b"/*\n  X-Frame-Options: DENY\n".to_vec(),
    );
    add(
        "file-for-no-host",
        "CLI-11 LAY-10 LAY-17",
        "somebody else's file for a host, in a tree for none",
        &files,
        &["foreign-file"],
    );
    let mut files = two_architectures(Some("nginx"));
    let older = "an older image index";
    let path = format!("v2/lab/tool/indexes/{}", oracle::digest(older));
    files.insert(path, older.into());
    add(
        "older-index",
        "API-19 CLI-11",
        "an image index that nothing names any more",
        &files,
        &["stray-file"],
    );
    cases
}
