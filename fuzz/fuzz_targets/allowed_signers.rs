//! The list of allowed signers of a trust document has exactly the lines that a walk over its JSON
//! gives (TRUST-19), and `ssh-keygen` can take none of them for a pattern.
#![no_main]

use std::collections::BTreeMap;

use libfuzzer_sys::fuzz_target;
use serde_json::Value;
use sreg_model::Key;
use sreg_sign::allowed_signers;

/// Principal, namespace and key.
type Line = (String, String, String);

fuzz_target!(|bytes: &[u8]| {
    let Some(trust) = sreg_fuzz::trust(bytes) else {
        return;
    };
    let list = allowed_signers(trust.body());
    let lines = list.strip_suffix('\n').expect("a role has an active key");
    let mut lines: Vec<Line> = lines.split('\n').map(parse).collect();
    let json = serde_json::from_slice(trust.line()).expect("accepted before");
    let mut expected = walk(&json);
    lines.sort();
    expected.sort();
    assert_eq!(lines, expected);
});

/// Reads `<principal> namespaces="<namespace>" <key>`.
fn parse(line: &str) -> Line {
    let (principal, rest) = line.split_once(' ').expect("options follow");
    let (options, key) = rest.split_once(' ').expect("a key follows");
    // No `*`, `?`, `!` or `,` of patterns, no quote, no `#`, nothing that ends a word.
    let exact = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
    assert!(principal.bytes().all(exact), "{line}");
    let namespace = options
        .strip_prefix("namespaces=\"")
        .and_then(|rest| rest.strip_suffix('"'))
        .expect("one option");
    assert_eq!(key.parse::<Key>().expect("a key").to_string(), key);
    (principal.to_owned(), namespace.to_owned(), key.to_owned())
}

/// The lines by the JSON alone. What it lacks is an error: the document was accepted.
fn walk(trust: &Value) -> Vec<Line> {
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let array = |value: &Value| value.as_array().expect("an array").clone();
    let mut keys = BTreeMap::new();
    for listed in array(&trust["keys"]) {
        let key: Key = text(&listed["key"]).parse().expect("a key");
        if listed["state"] != "revoked" {
            keys.insert(key.fingerprint().to_string(), text(&listed["key"]));
        }
    }
    let mut named = vec![
        (
            "root".to_owned(),
            "trust@sreg.v1",
            trust["roles"]["root"].clone(),
        ),
        (
            "head".to_owned(),
            "head@sreg.v1",
            trust["roles"]["head"].clone(),
        ),
    ];
    for delegation in array(&trust["delegations"]) {
        named.push((text(&delegation["scope"]), "image@sreg.v1", delegation));
    }
    let mut lines = Vec::new();
    for (principal, namespace, by) in named {
        for key in array(&by["keys"])
            .iter()
            .filter_map(|key| keys.get(&text(key)))
        {
            lines.push((principal.clone(), namespace.to_owned(), key.clone()));
        }
    }
    lines
}
