//! Leaves that are refused.

use super::example::{namespace_line, tag_line};
use super::oracle::{self, Line};
use super::{Case, STATEMENT, at, leaf, line};

pub(super) fn invalid() -> Vec<Case> {
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
            "size-over-the-limit",
            "IDX-11",
            "an image of 2^44 bytes and one",
            good.replace("\"size\":7", "\"size\":17592186044417"),
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
