//! One node at a time: `spec/index.md`.

use serde_json::{Value, json};

use super::Case;
use super::example::{self, Statement, namespace_line, tag_line};
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
    cases.extend(invalid_leaves());
    cases.extend(invalid_branches());
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

fn invalid_leaves() -> Vec<Case> {
    let (a, b) = (line("a:1", "amd64"), line("b:1", "amd64"));
    let good = leaf("-", std::slice::from_ref(&a));
    let hash = oracle::hex(b"a:1");
    let off = if hash.starts_with('0') { "1" } else { "0" };
    let other = tag_line("a:1", "amd64", None, &oracle::digest("other"));
    let many: Vec<Line> = (10..43)
        .map(|number| line(&format!("a:{number}"), "amd64"))
        .collect();
    let mut cases = Vec::new();
    for (name, ids, note, text, class) in [
        (
            "too-large",
            "IDX-9",
            "65,537 bytes; the size is looked at first",
            format!("{good}{}", "x".repeat(65_537 - good.len())),
            "node-too-large",
        ),
        ("empty", "IDX-8", "no byte", String::new(), "node-line"),
        (
            "no-line-feed",
            "IDX-8",
            "the last line has no LF",
            good.trim_end().to_owned(),
            "node-line",
        ),
        (
            "empty-line",
            "IDX-8",
            "an empty line behind",
            format!("{good}\n"),
            "node-line",
        ),
        (
            "carriage-return",
            "IDX-5",
            "a CR at the end of the header",
            good.replacen('\n', "\r\n", 1),
            "node-prefix",
        ),
        (
            "other-version",
            "IDX-5",
            "a later version",
            good.replace("node-v1", "node-v2"),
            "node-header",
        ),
        (
            "other-kind",
            "IDX-5",
            "neither leaf nor branch",
            good.replace(" leaf ", " twig "),
            "node-header",
        ),
        (
            "two-spaces",
            "IDX-5",
            "two spaces in the header",
            good.replacen(" leaf", "  leaf", 1),
            "node-header",
        ),
        (
            "space-behind-header",
            "IDX-5",
            "a space behind the prefix",
            good.replacen(" -\n", " - \n", 1),
            "node-header",
        ),
        (
            "fifth-word",
            "IDX-5",
            "one more word in the header",
            good.replacen(" -\n", " - 1\n", 1),
            "node-header",
        ),
        (
            "other-namespace",
            "IDX-6",
            "the node of another namespace",
            good.replace("tags/lab", "tags/lab2"),
            "node-map",
        ),
        (
            "other-case",
            "IDX-6",
            "a namespace in another case",
            good.replace("tags/lab", "tags/Lab"),
            "node-map",
        ),
        (
            "other-map",
            "IDX-6",
            "the map of namespaces",
            good.replace("tags/lab", "ns"),
            "node-map",
        ),
        (
            "other-prefix",
            "IDX-7",
            "the node of another prefix",
            good.replacen(" -\n", &format!(" {}\n", &hash[..1]), 1),
            "node-prefix",
        ),
        (
            "long-line",
            "IDX-10",
            "1,025 bytes without the LF; the length is looked at first",
            format!(
                "sreg-node-v1 leaf tags/lab -\n{{\"a\":\"{}\"}}\n",
                "x".repeat(1017)
            ),
            "node-line-length",
        ),
        (
            "space-in-line",
            "IDX-11",
            "a line that is not canonical",
            good.replace("\"size\":7", "\"size\": 7"),
            "node-entry",
        ),
        (
            "unknown-field",
            "IDX-11",
            "a field that does not exist",
            good.replace("\"size\":7", "\"size\":7,\"state\":\"present\""),
            "node-entry",
        ),
        (
            "no-statement",
            "IDX-11",
            "no statement",
            good.replace(
                &format!(",\"statement\":\"{}\"", oracle::digest(STATEMENT)),
                "",
            ),
            "node-entry",
        ),
        (
            "digest-without-size",
            "IDX-11",
            "a digest without a size",
            good.replace("\"size\":7,", ""),
            "node-entry",
        ),
        (
            "size-without-digest",
            "IDX-11",
            "a size without a digest",
            good.replace(&format!("\"digest\":\"{}\",", oracle::digest("a:1")), ""),
            "node-entry",
        ),
        (
            "size-0",
            "IDX-11",
            "an image without a byte",
            good.replace("\"size\":7", "\"size\":0"),
            "node-entry",
        ),
        (
            "key-without-tag",
            "IDX-11",
            "a key without a tag",
            good.replace("a:1", "a"),
            "node-entry",
        ),
        (
            "key-with-namespace",
            "IDX-11",
            "a key with its namespace",
            good.replace("a:1", "lab/a:1"),
            "node-entry",
        ),
        (
            "order",
            "IDX-12",
            "b before a",
            leaf("-", &[b.clone(), a.clone()]),
            "node-order",
        ),
        (
            "order-of-architectures",
            "IDX-12",
            "amd64 before 386",
            leaf("-", &[a.clone(), line("a:1", "386")]),
            "node-order",
        ),
        (
            "twice",
            "IDX-13",
            "a line twice",
            leaf("-", &[a.clone(), a.clone()]),
            "node-duplicate",
        ),
        (
            "two-statements",
            "IDX-13",
            "two statements about one tag and architecture",
            leaf("-", &[a.clone(), other]),
            "node-duplicate",
        ),
        (
            "too-many-lines",
            "IDX-15",
            "33 lines",
            leaf("-", &many),
            "node-leaf-too-long",
        ),
    ] {
        cases.push(
            Case::invalid("node", name, ids, note, text, class)
                .with("position", at("tags/lab", "-")),
        );
    }
    for (name, ids, note, prefix, text, class) in [
        (
            "off-prefix",
            "IDX-14",
            "a key whose hash leads elsewhere",
            off,
            leaf(off, &[a]),
            "node-off-prefix",
        ),
        (
            "empty-leaf",
            "IDX-16",
            "a leaf without a line below a branch",
            "a",
            leaf("a", &[]),
            "node-empty-leaf",
        ),
    ] {
        cases.push(
            Case::invalid("node", name, ids, note, text, class)
                .with("position", at("tags/lab", prefix)),
        );
    }
    let lab = namespace_line("lab", &oracle::hex(b"root"), 1).text;
    for (name, note, text) in [
        (
            "namespace-tags-0",
            "a namespace whose map is empty has no line",
            lab.replace(":1}", ":0}"),
        ),
        (
            "namespace-without-tags",
            "a namespace without its count",
            lab.replace(",\"tags\":1", ""),
        ),
        (
            "reserved-namespace",
            "a reserved namespace",
            lab.replace("\"lab\"", "\"v2\""),
        ),
        (
            "a-tag-among-namespaces",
            "a line of a map of tags",
            line("a:1", "amd64").text,
        ),
    ] {
        let text = format!("sreg-node-v1 leaf ns -\n{text}\n");
        cases.push(
            Case::invalid("node", name, "IDX-11 IDX-27", note, text, "node-entry")
                .with("position", at("ns", "-")),
        );
    }
    cases
}

fn invalid_branches() -> Vec<Case> {
    let good = branch("-", &[("3", 32), ("f", 1)]);
    let hash = oracle::hex(b"a:1");
    let hex = oracle::hex(b"3");
    let mut cases = Vec::new();
    for (name, ids, note, text, class) in [
        (
            "child-count-0",
            "IDX-17",
            "an empty child",
            branch("-", &[("3", 40), ("f", 0)]),
            "node-child",
        ),
        (
            "child-leading-zero",
            "IDX-17",
            "a zero in front of a count",
            good.replace(" 32\n", " 032\n"),
            "node-child",
        ),
        (
            "child-sign",
            "IDX-17",
            "a sign in front of a count",
            good.replace(" 32\n", " +32\n"),
            "node-child",
        ),
        (
            "child-capital-digit",
            "IDX-17",
            "a capital digit",
            good.replace("\nf ", "\nF "),
            "node-child",
        ),
        (
            "child-two-digits",
            "IDX-17",
            "two digits",
            good.replace("\nf ", "\nff "),
            "node-child",
        ),
        (
            "child-short-id",
            "IDX-17",
            "63 digits of an id",
            good.replace(&hex, &hex[1..]),
            "node-child",
        ),
        (
            "child-with-algorithm",
            "IDX-17",
            "an id with its algorithm",
            good.replace(&hex, &format!("sha256:{hex}")),
            "node-child",
        ),
        (
            "child-fourth-word",
            "IDX-17",
            "one more word",
            good.replace(" 32\n", " 32 1\n"),
            "node-child",
        ),
        (
            "child-order",
            "IDX-18",
            "f before 3",
            branch("-", &[("f", 32), ("3", 32)]),
            "node-order",
        ),
        (
            "child-twice",
            "IDX-18",
            "one digit twice",
            branch("-", &[("3", 32), ("3", 32)]),
            "node-duplicate",
        ),
        (
            "branch-too-short",
            "IDX-19",
            "32 lines in all: they belong in a leaf",
            branch("-", &[("3", 31), ("f", 1)]),
            "node-branch-too-short",
        ),
        (
            "no-child",
            "IDX-19",
            "a branch without a child",
            branch("-", &[]),
            "node-branch-too-short",
        ),
        (
            "counts-too-great",
            "IDX-20",
            "2^53 lines in all",
            branch("-", &[("3", (1 << 53) - 1), ("f", 1)]),
            "node-count",
        ),
    ] {
        cases.push(
            Case::invalid("node", name, ids, note, text, class)
                .with("position", at("tags/lab", "-")),
        );
    }
    let deep = branch(&hash, &[("3", 32), ("f", 1)]);
    cases.push(
        Case::invalid(
            "node",
            "branch-too-deep",
            "IDX-21",
            "a branch where the hash has no more digits",
            deep,
            "node-depth",
        )
        .with("position", at("tags/lab", &hash)),
    );
    cases
}
