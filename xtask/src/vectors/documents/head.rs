//! `spec/head.md`.

use serde_json::json;

use super::example::{self, ISSUED, Statement};
use super::{Case, oracle};

pub(super) fn cases() -> Vec<Case> {
    let first = example::head();
    let id = oracle::digest(&first);
    let root = oracle::digest(example::namespaces_leaf());
    let second = first
        .replace(",\"type\"", &format!(",\"previous\":\"{id}\",\"type\""))
        .replace("\"version\":1", "\"version\":2")
        .replace(&ISSUED.to_string(), &(ISSUED + 60).to_string());
    let empty = oracle::digest("sreg-node-v1 leaf ns -\n");
    let mut cases = Vec::new();
    for (name, ids, note, text, version, tags, index) in [
        (
            "first",
            "HEAD-1 HEAD-2 HEAD-5 STM-4",
            "the first head",
            first.clone(),
            1,
            1,
            &root,
        ),
        (
            "second",
            "HEAD-2 HEAD-5",
            "the head after it",
            second.clone(),
            2,
            1,
            &root,
        ),
        (
            "empty",
            "HEAD-2 IDX-16",
            "a registry without a tag",
            first
                .replace(&root, &empty)
                .replace("\"tags\":1", "\"tags\":0"),
            1,
            0,
            &empty,
        ),
    ] {
        cases.push(Case::valid(
            "head",
            name,
            ids,
            note,
            text.clone(),
            json!({"id": oracle::digest(&text), "epoch": 0, "version": version, "tags": tags, "index": index}),
        ));
    }
    let registry = format!("\"registry\":\"{id}\",\"type\"");
    let signed = first.replace(
        "\"type\"",
        &format!("\"registry\":\"{id}\",\"trust\":{{\"id\":\"{id}\",\"version\":1}},\"type\""),
    );
    let expires = format!("\"expires\":{},\"index\"", ISSUED + 1);
    let keys = signed
        .replace("\"index\"", &expires)
        .replace("\"epoch\":0", "\"epoch\":1");
    for (name, note, text) in [
        (
            "keys",
            "the first head of a registry with keys, not signed yet",
            keys.clone(),
        ),
        (
            "keys-after-unsigned",
            "the first head of epoch 1, after one of epoch 0",
            keys.replace(
                ",\"registry\"",
                &format!(",\"previous\":\"{id}\",\"registry\""),
            ),
        ),
    ] {
        let expect = json!({"id": oracle::digest(&text), "epoch": 1, "version": 1, "tags": 1, "index": root});
        cases.push(Case::valid(
            "head",
            name,
            "HEAD-5 HEAD-6 HEAD-7",
            note,
            text,
            expect,
        ));
    }
    for (name, ids, note, text, class) in [
        (
            "no-line-feed",
            "HEAD-1",
            "no LF at the end",
            first.trim_end().to_owned(),
            "document-no-line",
        ),
        (
            "twice",
            "HEAD-1",
            "the document twice",
            format!("{first}{first}"),
            "document-trailing",
        ),
        (
            "space",
            "HEAD-1",
            "a space after a comma",
            first.replace(",\"issued\"", ", \"issued\""),
            "json-syntax",
        ),
        (
            "unknown-field",
            "HEAD-2 JSON-11",
            "a field that does not exist",
            first.replace("\"version\"", "\"urls\":[],\"version\""),
            "malformed-document",
        ),
        (
            "unknown-field-of-index",
            "HEAD-2 JSON-11",
            "a field that does not exist, one level down",
            first.replace("\"tags\":1", "\"tags\":1,\"x\":1"),
            "malformed-document",
        ),
        (
            "no-index",
            "HEAD-2",
            "no index",
            first.replace(
                &format!("\"index\":{{\"digest\":\"{root}\",\"tags\":1}},"),
                "",
            ),
            "malformed-document",
        ),
        (
            "no-issued",
            "HEAD-2",
            "no time",
            first.replace(&format!("\"issued\":{ISSUED},"), ""),
            "malformed-document",
        ),
        (
            "short-digest",
            "HEAD-2",
            "63 digits",
            first.replace(&root, &root[..root.len() - 1]),
            "malformed-document",
        ),
        (
            "other-version",
            "HEAD-3",
            "a later version of the document",
            first.replace("head-v1", "head-v2"),
            "malformed-document",
        ),
        (
            "a-statement",
            "HEAD-3",
            "a statement instead",
            Statement::present().line(),
            "malformed-document",
        ),
        (
            "version-0",
            "HEAD-4",
            "version 0",
            first.replace("\"version\":1", "\"version\":0"),
            "document-field",
        ),
        (
            "second-without-previous",
            "HEAD-5",
            "version 2 without the one before",
            first.replace("\"version\":1", "\"version\":2"),
            "document-field",
        ),
        (
            "first-with-previous",
            "HEAD-5",
            "version 1 with one before",
            second.replace("\"version\":2", "\"version\":1"),
            "document-field",
        ),
        (
            "later-without-previous",
            "HEAD-5",
            "version 2 of a later epoch without the one before",
            keys.replace("\"version\":1}\n", "\"version\":2}\n"),
            "document-field",
        ),
        (
            "trust-version-0",
            "HEAD-2",
            "made under version 0 of trust",
            keys.replace("\"version\":1},\"type\"", "\"version\":0},\"type\""),
            "document-field",
        ),
        (
            "registry-alone",
            "HEAD-6",
            "a registry without trust and expiry",
            first.replace("\"type\"", &registry),
            "document-field",
        ),
        (
            "expires-alone",
            "HEAD-6",
            "an expiry without keys",
            first.replace("\"index\"", &expires),
            "document-field",
        ),
        (
            "no-expiry",
            "HEAD-6",
            "keys without an expiry",
            signed.replace("\"epoch\":0", "\"epoch\":1"),
            "document-field",
        ),
        (
            "epoch-without-keys",
            "HEAD-7",
            "epoch 1 without keys",
            first.replace("\"epoch\":0", "\"epoch\":1"),
            "document-field",
        ),
        (
            "keys-in-epoch-0",
            "HEAD-7",
            "keys in epoch 0",
            signed.replace("\"index\"", &expires),
            "document-field",
        ),
    ] {
        cases.push(Case::invalid("head", name, ids, note, text, class));
    }
    cases
}
