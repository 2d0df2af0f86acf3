//! Whole trees, and what a verifier finds in them: `spec/layout.md`.

mod host;
mod image;
mod invalid;
mod signed;
mod versions;

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use self::image::{FIRST, SECOND};
use self::versions::{attached, honest, one_version, sharded};
use super::{Case, artifact, oracle};

/// A tree: the bytes of each path.
type Files = BTreeMap<String, Vec<u8>>;

/// What the text of symbolic links begins with, and nothing else.
const UP: &str = "../";

/// The tree as JSON: what is text as `files`, the rest in hexadecimal digits as `hex`, the text of links
/// as `links`.
fn encode(files: &Files) -> String {
    let (mut texts, mut hex, mut links) = (Map::new(), Map::new(), Map::new());
    for (path, bytes) in files {
        match std::str::from_utf8(bytes) {
            Ok(text) if text.starts_with(UP) => links.insert(path.clone(), json!(text)),
            Ok(text) => texts.insert(path.clone(), json!(text)),
            Err(_) => hex.insert(path.clone(), json!(oracle::spell(bytes))),
        };
    }
    let mut text =
        serde_json::to_string_pretty(&json!({"files": texts, "hex": hex, "links": links}))
            .expect("strings are JSON");
    text.push('\n');
    text
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = valid();
    cases.extend(invalid::cases());
    cases.extend(host::cases());
    cases.extend(signed::cases());
    cases
}

fn valid() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, ids: &'static str, note: &str, files: &Files, warnings: Value| {
        cases.push(Case::valid(
            "tree",
            name,
            ids,
            note,
            encode(files),
            json!({"warnings": warnings}),
        ));
    };
    add(
        "two-versions",
        "HEAD-8 HEAD-9 HEAD-10 HEAD-11 IDX-22 IDX-24 LAY-2 LAY-12 LAY-13 STM-16",
        "a tag that moved once; the first image is gone, its statement is not",
        &honest(),
        json!([]),
    );
    add(
        "empty",
        "HEAD-8 IDX-16",
        "a registry without a tag",
        &one_version(&[]),
        json!([]),
    );
    let mut files = honest();
    files.insert("CNAME".to_owned(), b"example.org\n".to_vec());
    add(
        "foreign-file",
        "CLI-11 LAY-10",
        "a file of somebody else",
        &files,
        json!(["foreign-file"]),
    );
    let mut files = honest();
    files.insert(FIRST.blob(), FIRST.content.into());
    add(
        "older-image",
        "CLI-11 LAY-13",
        "an image that only version 1 names",
        &files,
        json!(["stray-file"]),
    );
    let mut older = Files::new();
    FIRST.publish(&mut older);
    let mut files = honest();
    let place = format!("v2/lab/tool/referrers/{}", oracle::digest(FIRST.manifest()));
    files.insert(place.clone(), older[&place].clone());
    add(
        "older-referrers",
        "API-12 CLI-11",
        "what is attached to a manifest that only version 1 names: nothing",
        &files,
        json!(["stray-file"]),
    );
    let mut files = honest();
    let subject = FIRST.manifest();
    for (path, text) in artifact::referrers("lab/tool", &subject, &[artifact::sbom()]) {
        files.insert(path, text.into());
    }
    add(
        "older-attachment",
        "API-12 CLI-11 MAN-13",
        "something was attached to a manifest that only version 1 names, whoever says so",
        &files,
        json!(vec!["stray-file"; 4]),
    );
    let both = [artifact::sbom(), artifact::bundle()];
    let files = attached(&both);
    add(
        "attached",
        "API-12 API-17 API-18 LAY-12 MAN-11 MAN-13 MAN-14 STM-23",
        "an SBOM, and what another tool signed",
        &files,
        json!([]),
    );
    let mut files = honest();
    files.insert(
        "library/v1/imagefile/lab/tool:1.0".to_owned(),
        SECOND.content.into(),
    );
    add(
        "image-instead-of-a-link",
        "API-14",
        "a tree that was copied by what follows links",
        &files,
        json!([]),
    );
    let mut files = honest();
    let node = "sreg-node-v1 leaf ns -\n";
    files.insert(sharded("n", &oracle::digest(node)), node.into());
    add(
        "stray-node",
        "CLI-11",
        "a node that no head reaches",
        &files,
        json!(["stray-file"]),
    );
    cases
}
