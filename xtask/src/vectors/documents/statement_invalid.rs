//! `spec/statement.md`: what is none.

use super::example::{self, SIF, Statement, quote};
use super::{Case, artifact, oracle};

pub(super) fn cases() -> Vec<Case> {
    let present = Statement::present();
    let removed = Statement::removed();
    let line = present.line();
    let previous = quote(&oracle::digest(&line));
    let zero = quote(&oracle::digest(example::manifest_of(
        SIF,
        0,
        &example::image_digest(),
        "tool_1.0.sif",
    )));
    let over = quote(&oracle::digest(example::manifest_of(
        SIF,
        (1 << 44) + 1,
        &example::image_digest(),
        "tool_1.0.sif",
    )));
    let set = |key: &'static str, value: &str| present.clone().with(key, value).line();
    let unset = |key: &str| present.clone().without(key).line();
    let signed = set("registry", &previous);
    let mut cases = Vec::new();
    for (name, ids, note, text, class) in [
        (
            "no-line-feed",
            "STM-1",
            "no LF at the end",
            line.trim_end().to_owned(),
            "document-no-line",
        ),
        (
            "empty",
            "STM-1",
            "no byte",
            String::new(),
            "document-no-line",
        ),
        (
            "too-large",
            "STM-2",
            "16,385 bytes: a document with keys, and what follows it",
            format!("{signed}{}", "x".repeat(16_385 - signed.len())),
            "document-too-large",
        ),
        (
            "text-behind",
            "STM-3",
            "a byte after line 1",
            format!("{line}x"),
            "document-trailing",
        ),
        (
            "empty-line-behind",
            "STM-3",
            "an empty line after line 1",
            format!("{line}\n"),
            "document-trailing",
        ),
        (
            "carriage-return",
            "STM-1",
            "a CR before the LF",
            line.replace('\n', "\r\n"),
            "json-trailing",
        ),
        (
            "space",
            "STM-1",
            "a space after a colon",
            line.replace("\"epoch\":0", "\"epoch\": 0"),
            "json-syntax",
        ),
        (
            "order",
            "STM-1",
            "type in front",
            line.replace(",\"type\":\"sreg-statement-v1\"", "")
                .replacen('{', "{\"type\":\"sreg-statement-v1\",", 1),
            "json-key-order",
        ),
        (
            "unknown-field",
            "STM-5 JSON-11",
            "a field that does not exist",
            set("signature", "\"x\""),
            "malformed-document",
        ),
        (
            "no-seq",
            "STM-5 JSON-11",
            "a field that is missing",
            unset("seq"),
            "malformed-document",
        ),
        (
            "size-as-text",
            "STM-5 JSON-11",
            "a number as a string",
            set("size", "\"1048577\""),
            "malformed-document",
        ),
        (
            "tag-with-slash",
            "STM-5",
            "a value outside its grammar",
            set("tag", "\"1/0\""),
            "malformed-document",
        ),
        (
            "reserved-name",
            "STM-5 REF-6",
            "a reserved namespace",
            set("name", "\"v2/tool\""),
            "malformed-document",
        ),
        (
            "other-arch",
            "STM-5 REF-14",
            "a word that is no architecture",
            set("arch", "\"vax\""),
            "malformed-document",
        ),
        (
            "other-media",
            "STM-5",
            "a media type that is no image",
            set("media", "\"application/octet-stream\""),
            "malformed-document",
        ),
        (
            "other-state",
            "STM-5",
            "a state that does not exist",
            set("state", "\"hidden\""),
            "malformed-document",
        ),
        (
            "other-version",
            "STM-6",
            "a later version of the document",
            set("type", "\"sreg-statement-v2\""),
            "malformed-document",
        ),
        (
            "a-head",
            "STM-6",
            "the type of a head",
            set("type", "\"sreg-head-v1\""),
            "malformed-document",
        ),
        (
            "present-without-digest",
            "STM-7",
            "no digest",
            unset("digest"),
            "malformed-document",
        ),
        (
            "present-without-chain",
            "STM-7",
            "no chain",
            unset("chain"),
            "malformed-document",
        ),
        (
            "present-without-media",
            "STM-7",
            "no media type",
            unset("media"),
            "malformed-document",
        ),
        (
            "present-without-manifest",
            "STM-7",
            "no manifest",
            unset("manifest"),
            "malformed-document",
        ),
        (
            "present-with-reason",
            "STM-7",
            "a reason without a removal",
            set("reason", "\"x\""),
            "malformed-document",
        ),
        (
            "removed-with-digest",
            "STM-8",
            "the digest of what is gone",
            removed.clone().with("digest", &previous).line(),
            "malformed-document",
        ),
        (
            "removed-without-reason",
            "STM-8",
            "no reason",
            removed.clone().without("reason").line(),
            "malformed-document",
        ),
        (
            "removed-and-frozen",
            "STM-8",
            "frozen without an image",
            removed.clone().with("frozen", "true").line(),
            "malformed-document",
        ),
        (
            "frozen-false",
            "STM-9",
            "the long spelling of a field left out",
            set("frozen", "false"),
            "malformed-document",
        ),
        (
            "no-urls",
            "STM-9",
            "an empty list for a field left out",
            set("urls", "[]"),
            "malformed-document",
        ),
        (
            "other-manifest",
            "STM-10",
            "the manifest of another image",
            set("manifest", &previous),
            "malformed-document",
        ),
        (
            "manifest-of-other-size",
            "STM-10",
            "a size that the manifest does not have",
            set("size", "1048578"),
            "malformed-document",
        ),
        (
            "seq-0",
            "STM-11",
            "seq 0",
            set("seq", "0"),
            "document-field",
        ),
        (
            "seq-2-first",
            "STM-11",
            "seq 2 without a previous statement",
            set("seq", "2"),
            "document-field",
        ),
        (
            "seq-1-second",
            "STM-11",
            "seq 1 with a previous statement",
            set("previous", &previous),
            "document-field",
        ),
        (
            "removed-first",
            "STM-12",
            "a removal of what never was",
            removed.clone().with("seq", "1").without("previous").line(),
            "document-field",
        ),
        (
            "size-0",
            "STM-13",
            "an image without a byte",
            present
                .clone()
                .with("size", "0")
                .with("manifest", &zero)
                .line(),
            "document-field",
        ),
        (
            "over-greatest-size",
            "STM-13",
            "2^44 + 1 bytes",
            present
                .clone()
                .with("size", "17592186044417")
                .with("manifest", &over)
                .line(),
            "document-field",
        ),
        (
            "too-many-urls",
            "STM-14",
            "nine hints",
            set(
                "urls",
                &format!("[{}]", ["\"https://example.org/\""; 9].join(",")),
            ),
            "document-field",
        ),
        (
            "long-url",
            "STM-14",
            "a hint of 1,025 bytes",
            set("urls", &format!("[\"{}\"]", "u".repeat(1025))),
            "document-field",
        ),
        (
            "empty-url",
            "STM-14",
            "a hint without a character",
            set("urls", "[\"\"]"),
            "document-field",
        ),
        (
            "empty-reason",
            "STM-14",
            "a reason without a character",
            removed.clone().with("reason", "\"\"").line(),
            "document-field",
        ),
        (
            "epoch-without-keys",
            "STM-15",
            "epoch 1 in a registry without keys",
            set("epoch", "1"),
            "document-field",
        ),
    ] {
        cases.push(Case::invalid("statement", name, ids, note, text, class));
    }
    cases.extend(attached());
    cases
}

/// What cannot be attached.
fn attached() -> Vec<Case> {
    let sbom = artifact::sbom().element();
    let media = "application/spdx+json";
    let two = format!("{sbom},{sbom}");
    let annotated =
        |members: &str| sbom.replacen('{', &format!("{{\"annotations\":[{members}],"), 1);
    let nine: Vec<String> = (0..9).map(|key| format!("\"{key}=x\"")).collect();
    let field = "document-field";
    let cases = [
        (
            "nothing-attached",
            "STM-9",
            "an empty list",
            String::new(),
            "malformed-document",
        ),
        (
            "unknown-field-of-an-attachment",
            "STM-23",
            "a field that is not in the table",
            sbom.replace("\"name\"", "\"mode\":1,\"name\""),
            "malformed-document",
        ),
        (
            "attachment-without-media",
            "STM-23",
            "nobody knows what it is",
            sbom.replace(&format!("\"media\":\"{media}\","), ""),
            "malformed-document",
        ),
        (
            "too-many-attached",
            "STM-24",
            "seventeen attachments",
            artifact::elements(17),
            field,
        ),
        (
            "attached-twice",
            "STM-24",
            "the same file, taken for the same",
            two,
            field,
        ),
        (
            "empty-attachment",
            "STM-13",
            "no byte",
            resized(&sbom, 0),
            field,
        ),
        (
            "too-large-attachment",
            "STM-13",
            "2^44 + 1 bytes",
            resized(&sbom, (1 << 44) + 1),
            field,
        ),
        (
            "media-of-one-word",
            "STM-25",
            "no slash",
            sbom.replace(media, "spdx"),
            field,
        ),
        (
            "media-of-three-words",
            "STM-25",
            "two slashes",
            sbom.replace(media, "a/b/c"),
            field,
        ),
        (
            "media-with-parameters",
            "STM-25",
            "parameters",
            sbom.replace(media, "text/plain;charset=utf-8"),
            field,
        ),
        (
            "media-with-a-dot-in-front",
            "STM-25",
            "a dot in front",
            sbom.replace(media, ".a/b"),
            field,
        ),
        (
            "long-media",
            "STM-25",
            "128 characters behind the slash",
            sbom.replace(media, &format!("a/{}", "b".repeat(128))),
            field,
        ),
        (
            "media-of-ours",
            "STM-25",
            "what says that it is signatures of sreg",
            sbom.replace(media, "application/vnd.SREG.statement.v1"),
            field,
        ),
        (
            "name-with-a-slash",
            "STM-26",
            "a folder",
            sbom.replace("tool.spdx", "a/tool.spdx"),
            field,
        ),
        (
            "hidden-name",
            "STM-26",
            "a dot in front",
            sbom.replace("tool.spdx", ".spdx"),
            field,
        ),
        (
            "empty-name",
            "STM-26",
            "no character",
            sbom.replace("tool.spdx.json", ""),
            field,
        ),
        (
            "long-name",
            "STM-26",
            "129 characters",
            sbom.replace("tool.spdx.json", &"n".repeat(129)),
            field,
        ),
        (
            "no-annotation",
            "STM-27",
            "an empty list",
            annotated(""),
            field,
        ),
        (
            "too-many-annotations",
            "STM-27",
            "nine",
            annotated(&nine.join(",")),
            field,
        ),
        (
            "annotation-without-value",
            "STM-27",
            "no equals sign",
            annotated("\"a\""),
            field,
        ),
        (
            "annotations-out-of-order",
            "STM-27",
            "a capital behind a small letter",
            annotated("\"a=x\",\"B=x\""),
            field,
        ),
        (
            "annotation-twice",
            "STM-27",
            "two values of a key",
            annotated("\"a=x\",\"a=y\""),
            field,
        ),
        (
            "empty-key",
            "STM-27",
            "a key without a character",
            annotated("\"=x\""),
            field,
        ),
        (
            "key-with-a-space",
            "STM-27",
            "a space in a key",
            annotated("\"a b=x\""),
            field,
        ),
        (
            "long-key",
            "STM-27",
            "a key of 129 characters",
            annotated(&format!("\"{}=x\"", "k".repeat(129))),
            field,
        ),
        (
            "empty-value",
            "STM-27",
            "a value without a character",
            annotated("\"a=\""),
            field,
        ),
        (
            "value-with-a-quote",
            "STM-27",
            "a quote",
            annotated(r#""a=\"""#),
            field,
        ),
        (
            "value-with-an-accent",
            "STM-27",
            "not ASCII",
            annotated("\"a=é\""),
            field,
        ),
        (
            "long-value",
            "STM-27",
            "a value of 1,025 characters",
            annotated(&format!("\"a={}\"", "v".repeat(1025))),
            field,
        ),
    ];
    let of = |elements: &str| Statement::present().with("attached", &format!("[{elements}]"));
    let mut found: Vec<Case> = cases
        .into_iter()
        .map(|(name, ids, note, elements, class)| {
            Case::invalid("statement", name, ids, note, of(&elements).line(), class)
        })
        .collect();
    let removed = Statement::removed().with("attached", &format!("[{sbom}]"));
    found.push(Case::invalid(
        "statement",
        "removed-with-an-attachment",
        "STM-8",
        "what belongs to no image",
        removed.line(),
        "malformed-document",
    ));
    found
}

fn resized(element: &str, size: u64) -> String {
    let (before, _) = element.split_once("\"size\":").expect("it has a size");
    format!("{before}\"size\":{size}}}")
}
