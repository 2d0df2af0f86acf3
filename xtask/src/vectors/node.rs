//! One node at a time: `spec/index.md`.

mod branches;
mod leaves;

use serde_json::{Value, json};

use super::Case;
use super::example::{self, Statement, tag_line};
use super::oracle::{self, Line};

const STATEMENT: &[u8] = b"statement";

/// A line of a map of tags whose image and statement do not exist.
pub(super) fn line(key: &str, arch: &str) -> Line {
    let image = oracle::digest(key);
    tag_line(key, arch, Some((&image, 7)), &oracle::digest(STATEMENT))
}

fn leaf(prefix: &str, lines: &[Line]) -> String {
    let mut text = format!("sreg-node-v1 leaf tags/lab {prefix}\n");
    for line in lines {
        text.push_str(&line.text);
        text.push('\n');
    }
    text
}

fn branch(prefix: &str, children: &[(&str, u64)]) -> String {
    let mut text = format!("sreg-node-v1 branch tags/lab {prefix}\n");
    for (digit, count) in children {
        text.push_str(&child(digit, *count));
    }
    text
}

fn child(digit: &str, count: u64) -> String {
    format!("{digit} {} {count}\n", oracle::hex(digit.as_bytes()))
}

fn at(map: &str, prefix: &str) -> Value {
    json!({"map": map, "prefix": prefix})
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = valid();
    cases.extend(leaves::invalid());
    cases.extend(branches::invalid());
    cases
}

fn valid() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str,
                   ids: &'static str,
                   note: &str,
                   map: &str,
                   prefix: &str,
                   bytes: Vec<u8>,
                   count: u64| {
        let kind = if bytes.starts_with(b"sreg-node-v1 leaf") {
            "leaf"
        } else {
            "branch"
        };
        let expect = json!({"id": oracle::digest(&bytes), "kind": kind, "count": count});
        cases.push(
            Case::valid("node", name, ids, note, bytes, expect).with("position", at(map, prefix)),
        );
    };
    add(
        "one-tag",
        "IDX-4 IDX-5 IDX-8 IDX-11",
        "the map of tags of a registry with one image",
        "tags/lab",
        "-",
        example::tags_leaf(),
        1,
    );
    add(
        "one-namespace",
        "IDX-1 IDX-4 IDX-5 IDX-11",
        "the map of namespaces of that registry",
        "ns",
        "-",
        example::namespaces_leaf(),
        1,
    );
    add(
        "empty-root",
        "IDX-16",
        "a map without a line",
        "ns",
        "-",
        b"sreg-node-v1 leaf ns -\n".to_vec(),
        0,
    );
    add(
        "case-is-kept",
        "IDX-1 REF-10",
        "the namespace of a map keeps its case",
        "tags/Lab",
        "-",
        leaf("-", &[line("Tool:V1", "amd64")])
            .replace("tags/lab", "tags/Lab")
            .into_bytes(),
        1,
    );
    let removed = tag_line(
        "b:1",
        "amd64",
        None,
        &oracle::digest(Statement::removed().line()),
    );
    add(
        "removed",
        "IDX-11",
        "a line of what was removed has neither digest nor size",
        "tags/lab",
        "-",
        leaf("-", &[line("a:1", "amd64"), removed]).into_bytes(),
        2,
    );
    add(
        "largest-image",
        "IDX-11",
        "an image of 2^44 bytes",
        "tags/lab",
        "-",
        leaf("-", &[line("a:1", "amd64")])
            .replace("\"size\":7", "\"size\":17592186044416")
            .into_bytes(),
        1,
    );
    add(
        "architectures",
        "IDX-12 IDX-13",
        "the lines of one key, by the words of their architectures",
        "tags/lab",
        "-",
        leaf(
            "-",
            &[
                line("a:1", "386"),
                line("a:1", "amd64"),
                line("a:1", "arm64"),
                line("b:1", "386"),
            ],
        )
        .into_bytes(),
        4,
    );
    add(
        "key-bytes",
        "IDX-12",
        "keys by their bytes: a hyphen, a dot and a digit come before the colon, capitals before small letters",
        "tags/lab",
        "-",
        leaf(
            "-",
            &["B:1", "a-b:1", "a.b:1", "a0:1", "a:1", "ab:1"].map(|key| line(key, "amd64")),
        )
        .into_bytes(),
        6,
    );
    let full: Vec<Line> = (10..42)
        .map(|number| line(&format!("a:{number}"), "amd64"))
        .collect();
    add(
        "full-leaf",
        "IDX-15",
        "32 lines",
        "tags/lab",
        "-",
        leaf("-", &full).into_bytes(),
        32,
    );
    let hash = oracle::hex(b"a:1");
    add(
        "below",
        "IDX-7 IDX-14",
        "a leaf four levels down",
        "tags/lab",
        &hash[..4],
        leaf(&hash[..4], &[line("a:1", "amd64")]).into_bytes(),
        1,
    );
    add(
        "deepest-leaf",
        "IDX-14 IDX-21",
        "a leaf where the key's hash ends",
        "tags/lab",
        &hash,
        leaf(&hash, &[line("a:1", "amd64")]).into_bytes(),
        1,
    );
    add(
        "branch",
        "IDX-17 IDX-18 IDX-19",
        "the fewest lines a branch can hold",
        "tags/lab",
        "-",
        branch("-", &[("3", 32), ("f", 1)]).into_bytes(),
        33,
    );
    let digits: Vec<(&str, u64)> = (0..16)
        .map(|at| (&"0123456789abcdef"[at..=at], 100))
        .collect();
    add(
        "full-branch",
        "IDX-17",
        "sixteen children",
        "tags/lab",
        "-",
        branch("-", &digits).into_bytes(),
        1600,
    );
    add(
        "one-child",
        "IDX-19",
        "a branch may have a single child, when all keys share their next digit",
        "tags/lab",
        "a",
        branch("a", &[("0", 33)]).into_bytes(),
        33,
    );
    cases
}
