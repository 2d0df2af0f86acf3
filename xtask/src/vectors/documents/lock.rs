//! `spec/lock.md`.

use serde_json::{Value, json};

use super::trust::{line, with, without};
use super::{Case, oracle};

/// One registry, with all that can be known of it.
fn one() -> Value {
    let id = oracle::digest("a registry");
    json!({
        "registries": [{
            "head": {"epoch": 1, "id": oracle::digest("a head"), "version": 7},
            "id": id,
            "trust": {"id": id, "version": 1},
        }],
        "type": "sreg-lock-v1",
    })
}

pub(super) fn cases() -> Vec<Case> {
    let mut ids = [
        oracle::digest("a registry"),
        oracle::digest("another registry"),
    ];
    ids.sort();
    let [first, second] = ids;
    let two = json!({
        "registries": [{"id": first}, {"id": second}],
        "type": "sreg-lock-v1",
    });
    let mut cases = Vec::new();
    for (name, ids, note, value) in [
        (
            "one",
            "LOCK-1 LOCK-2",
            "a registry with head and trust",
            one(),
        ),
        (
            "two",
            "LOCK-1 LOCK-2",
            "two of which only the ids are known",
            two.clone(),
        ),
        (
            "none",
            "LOCK-1",
            "no registry",
            json!({"registries": [], "type": "sreg-lock-v1"}),
        ),
        (
            "unsigned-head",
            "LOCK-2",
            "a head of epoch 0",
            with(one(), "/registries/0/head/epoch", json!(0)),
        ),
    ] {
        let registries = value["registries"].clone();
        let expect = json!({"registries": registries});
        cases.push(Case::valid("lock", name, ids, note, line(&value), expect));
    }
    let swapped = json!({
        "registries": [{"id": second}, {"id": first}],
        "type": "sreg-lock-v1",
    });
    let twice = json!({
        "registries": [{"id": first}, {"id": first}],
        "type": "sreg-lock-v1",
    });
    let other = oracle::digest("another");
    for (name, ids, note, text, class) in [
        (
            "no-line",
            "LOCK-1",
            "no LF at the end",
            line(&one()).trim_end().to_owned(),
            "document-no-line",
        ),
        (
            "trailing",
            "LOCK-1",
            "a second line",
            line(&one()) + "\n",
            "document-trailing",
        ),
        (
            "spaced",
            "LOCK-1",
            "a space after a colon",
            line(&one()).replacen(':', ": ", 1),
            "json-syntax",
        ),
        (
            "no-registries",
            "LOCK-1",
            "no list",
            line(&without(one(), "/registries")),
            "malformed-document",
        ),
        (
            "no-id",
            "LOCK-1",
            "a registry without an id",
            line(&without(one(), "/registries/0/id")),
            "malformed-document",
        ),
        (
            "other-type",
            "LOCK-1",
            "a later version of the document",
            line(&with(one(), "/type", json!("sreg-lock-v2"))),
            "malformed-document",
        ),
        (
            "unknown-field",
            "LOCK-1",
            "a field that does not exist",
            line(&with(
                one(),
                "/registries/0/url",
                json!("https://example.org"),
            )),
            "malformed-document",
        ),
        (
            "order",
            "LOCK-2",
            "registries out of order",
            line(&swapped),
            "document-field",
        ),
        (
            "twice",
            "LOCK-2",
            "a registry twice",
            line(&twice),
            "document-field",
        ),
        (
            "trust-version-0",
            "LOCK-2",
            "version 0 of trust",
            line(&with(one(), "/registries/0/trust/version", json!(0))),
            "document-field",
        ),
        (
            "head-version-0",
            "LOCK-2",
            "version 0 of a head",
            line(&with(one(), "/registries/0/head/version", json!(0))),
            "document-field",
        ),
        (
            "other-first-trust",
            "LOCK-2",
            "version 1 of trust with another id than the registry",
            line(&with(one(), "/registries/0/trust/id", json!(other))),
            "document-field",
        ),
    ] {
        cases.push(Case::invalid("lock", name, ids, note, text, class));
    }
    cases
}
