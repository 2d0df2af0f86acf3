//! `spec/reference.md`: references, digests, architectures.

use serde_json::{Value, json};

use super::{Case, oracle};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = references();
    cases.extend(digests());
    cases.extend(architectures());
    cases
}

fn references() -> Vec<Case> {
    let digest = oracle::digest(b"image");
    let hex = oracle::hex(b"manifest");
    let longest = format!("{}/{}:{}", "n".repeat(64), "a".repeat(64), "t".repeat(128));
    let mut cases = Vec::new();
    let mut valid = |name: &str, ids: &'static str, note: &str, text: &str, expect: Value| {
        cases.push(Case::valid("reference", name, ids, note, text, expect));
    };
    valid(
        "name-only",
        "REF-1 REF-8",
        "without a tag and a digest, the tag is latest",
        "lab/tool",
        json!({"namespace": "lab", "name": "tool", "tag_or_default": "latest"}),
    );
    valid(
        "tag",
        "REF-1 REF-4",
        "a tag may start with an underscore",
        "lab/tool:_1.0-rc.1",
        json!({"namespace": "lab", "name": "tool", "tag": "_1.0-rc.1", "tag_or_default": "_1.0-rc.1"}),
    );
    valid(
        "digest",
        "REF-5 REF-9",
        "with a digest alone, no tag is filled in",
        &format!("lab/tool@{digest}"),
        json!({"namespace": "lab", "name": "tool", "digest": digest}),
    );
    valid(
        "tag-and-digest",
        "REF-1 REF-5",
        "both",
        &format!("lab/tool:1.0@{digest}"),
        json!({"namespace": "lab", "name": "tool", "tag": "1.0", "tag_or_default": "1.0", "digest": digest}),
    );
    valid(
        "case-is-kept",
        "REF-10",
        "case is part of a name",
        "Lab/Tool:V1",
        json!({"namespace": "Lab", "name": "Tool", "tag": "V1", "tag_or_default": "V1", "folded": "lab/tool"}),
    );
    valid(
        "punctuation",
        "REF-2 REF-3",
        "one dot, one or two underscores, or hyphens between letters and digits",
        "0.a_b/9__a---b",
        json!({"namespace": "0.a_b", "name": "9__a---b", "tag_or_default": "latest"}),
    );
    let short_of_digest = format!("lab/tool:sha256-{}", &hex[1..]);
    valid(
        "tag-like-a-digest",
        "REF-15",
        "63 digits name no digest",
        &short_of_digest,
        json!({"namespace": "lab", "name": "tool", "tag": &short_of_digest[9..], "tag_or_default": &short_of_digest[9..]}),
    );
    valid(
        "longest",
        "REF-2 REF-3 REF-4",
        "64, 64 and 128 bytes",
        &longest,
        json!({"namespace": "n".repeat(64), "name": "a".repeat(64), "tag": "t".repeat(128), "tag_or_default": "t".repeat(128)}),
    );
    valid(
        "reserved-word-as-name",
        "REF-6",
        "only the first component is reserved",
        "lab/v2",
        json!({"namespace": "lab", "name": "v2", "tag_or_default": "latest"}),
    );
    valid(
        "library-namespace",
        "REF-7",
        "the namespace library is free but for two names",
        "library/tool",
        json!({"namespace": "library", "name": "tool", "tag_or_default": "latest"}),
    );
    let over_namespace = format!("{}/tool", "n".repeat(65));
    let over_name = format!("lab/{}", "a".repeat(65));
    let over_tag = format!("lab/tool:{}", "t".repeat(129));
    let of_digest = format!("lab/tool:sha256-{hex}.sig");
    let of_digest_folded = format!("lab/tool:SHA256-{}", hex.to_uppercase());
    let short_digest = format!("lab/tool@{}", &digest[..digest.len() - 1]);
    for (name, ids, note, text, class) in [
        ("empty", "REF-1", "no byte", "", "malformed-reference"),
        (
            "one-component",
            "REF-1",
            "one component",
            "tool",
            "malformed-reference",
        ),
        (
            "three-components",
            "REF-1",
            "three components",
            "a/b/c",
            "malformed-reference",
        ),
        (
            "no-namespace",
            "REF-1",
            "an empty first component",
            "/tool",
            "malformed-reference",
        ),
        (
            "no-name",
            "REF-1",
            "an empty second component",
            "lab/",
            "malformed-reference",
        ),
        (
            "hyphen-in-front",
            "REF-2",
            "a hyphen in front, like an option",
            "-lab/tool",
            "malformed-namespace",
        ),
        (
            "parent-folder",
            "REF-2",
            "a way out of the tree",
            "../tool",
            "malformed-namespace",
        ),
        (
            "namespace-too-long",
            "REF-2",
            "65 bytes",
            &over_namespace,
            "malformed-namespace",
        ),
        (
            "namespace-not-ascii",
            "REF-2",
            "a letter outside ASCII",
            "läb/tool",
            "malformed-namespace",
        ),
        (
            "space-in-namespace",
            "REF-2",
            "a space",
            "la b/tool",
            "malformed-namespace",
        ),
        (
            "hidden-name",
            "REF-3",
            "a dot in front",
            "lab/.tool",
            "malformed-name",
        ),
        (
            "percent",
            "REF-3",
            "an escape of a URL",
            "lab/a%2e",
            "malformed-name",
        ),
        (
            "backslash",
            "REF-3",
            "a path separator elsewhere",
            "lab/a\\b",
            "malformed-name",
        ),
        ("nul", "REF-3", "a NUL", "lab/a\0", "malformed-name"),
        (
            "hyphen-behind",
            "REF-2",
            "a hyphen at the end",
            "lab-/tool",
            "malformed-namespace",
        ),
        (
            "underscore-behind",
            "REF-3",
            "an underscore at the end",
            "lab/tool_",
            "malformed-name",
        ),
        (
            "two-dots",
            "REF-3",
            "two dots in a row",
            "lab/a..b",
            "malformed-name",
        ),
        (
            "three-underscores",
            "REF-3",
            "three underscores in a row",
            "lab/a___b",
            "malformed-name",
        ),
        (
            "mixed-separators",
            "REF-3",
            "two separators of different kinds",
            "lab/a_-b",
            "malformed-name",
        ),
        (
            "tag-of-a-digest",
            "REF-15",
            "where clients look for a signature of cosign",
            &of_digest,
            "malformed-tag",
        ),
        (
            "tag-of-a-digest-folded",
            "REF-15",
            "the same in capitals, where they look for referrers",
            &of_digest_folded,
            "malformed-tag",
        ),
        (
            "name-too-long",
            "REF-3",
            "65 bytes",
            &over_name,
            "malformed-name",
        ),
        (
            "plus-in-name",
            "REF-3",
            "a plus sign",
            "lab/c++",
            "malformed-name",
        ),
        (
            "empty-tag",
            "REF-4",
            "a colon without a tag",
            "lab/tool:",
            "malformed-tag",
        ),
        (
            "dot-tag",
            "REF-4",
            "a dot in front",
            "lab/tool:.1",
            "malformed-tag",
        ),
        (
            "two-tags",
            "REF-4",
            "two colons",
            "lab/tool:1:2",
            "malformed-tag",
        ),
        (
            "tag-too-long",
            "REF-4",
            "129 bytes",
            &over_tag,
            "malformed-tag",
        ),
        (
            "line-feed-behind",
            "REF-4",
            "an LF behind",
            "lab/tool:1\n",
            "malformed-tag",
        ),
        (
            "empty-digest",
            "REF-5",
            "an at sign without a digest",
            "lab/tool@",
            "malformed-digest",
        ),
        (
            "short-digest",
            "REF-5",
            "63 digits",
            &short_digest,
            "malformed-digest",
        ),
        (
            "reserved",
            "REF-6",
            "the folder of the OCI view",
            "v2/tool",
            "reserved-name",
        ),
        (
            "reserved-folded",
            "REF-6",
            "reserved whatever the case",
            "HEADS/tool",
            "reserved-name",
        ),
        (
            "reserved-file",
            "REF-6",
            "a file of the registry",
            "sreg.json/tool",
            "reserved-name",
        ),
        (
            "reserved-nginx",
            "REF-6",
            "the configuration of nginx",
            "nginx.conf/tool",
            "reserved-name",
        ),
        (
            "reserved-repository",
            "REF-7",
            "a path that library clients ask for",
            "library/version",
            "reserved-name",
        ),
        (
            "reserved-repository-folded",
            "REF-7",
            "the same whatever the case",
            "Library/V1",
            "reserved-name",
        ),
    ] {
        cases.push(Case::invalid("reference", name, ids, note, text, class));
    }
    cases
}

fn digests() -> Vec<Case> {
    let hex = oracle::hex(b"image");
    let mut cases = vec![Case::valid(
        "digest",
        "sha256",
        "REF-5",
        "sha256: and 64 digits",
        format!("sha256:{hex}"),
        json!({ "hex": hex }),
    )];
    for (name, note, text) in [
        ("no-algorithm", "the digits alone", hex.clone()),
        (
            "capital-algorithm",
            "the algorithm in capitals",
            format!("SHA256:{hex}"),
        ),
        (
            "other-algorithm",
            "another algorithm of as many digits",
            format!("sha3-256:{hex}"),
        ),
        (
            "capital-digits",
            "capital digits",
            format!("sha256:{}", hex.to_uppercase()),
        ),
        ("short", "63 digits", format!("sha256:{}", &hex[1..])),
        ("long", "65 digits", format!("sha256:{hex}0")),
        (
            "not-hexadecimal",
            "a letter that is no digit",
            format!("sha256:g{}", &hex[1..]),
        ),
        ("space-behind", "a space behind", format!("sha256:{hex} ")),
        ("hyphen", "a hyphen for the colon", format!("sha256-{hex}")),
        ("empty", "no byte", String::new()),
    ] {
        cases.push(Case::invalid(
            "digest",
            name,
            "REF-5",
            note,
            text,
            "malformed-digest",
        ));
    }
    cases
}

fn architectures() -> Vec<Case> {
    let words = [
        "unknown", "386", "amd64", "arm", "arm64", "ppc64", "ppc64le", "mips", "mipsle", "mips64",
        "mips64le", "s390x", "riscv64", "loong64",
    ];
    let mut cases: Vec<Case> = words
        .iter()
        .enumerate()
        .map(|(code, word)| {
            Case::valid(
                "arch",
                word,
                "REF-14",
                "a word, and its code in a SIF header",
                *word,
                json!({"arch": word, "sif_code": format!("{code:02}")}),
            )
        })
        .collect();
    for (name, note, text) in [
        ("other-name", "another name of amd64", "x86_64"),
        ("capital", "capitals", "AMD64"),
        ("with-system", "an OCI platform", "linux/amd64"),
        ("empty", "no byte", ""),
    ] {
        cases.push(Case::invalid(
            "arch",
            name,
            "REF-14",
            note,
            text,
            "malformed-arch",
        ));
    }
    cases
}
