//! Branches that are refused.

use super::oracle;
use super::{Case, at, branch};

pub(super) fn invalid() -> Vec<Case> {
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
