//! `spec/manifest.md`, `spec/statement.md` and `spec/head.md`.

use serde_json::{Value, json};

use super::example::{self, ISSUED, SIF, SIZE, SQUASHFS, Statement, quote};
use super::{Case, oracle};

const GZIP: &str = "application/vnd.singularity.image.squashfs+gzip";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = manifests();
    cases.extend(statements());
    cases.extend(heads());
    cases
}

fn manifests() -> Vec<Case> {
    let digest = example::image_digest();
    let mut cases = Vec::new();
    for (name, ids, note, layer, media, title) in [
        (
            "sif",
            "MAN-1 MAN-2 MAN-3 MAN-8",
            "what is written for a SIF",
            SIF,
            SIF,
            "tool_1.0.sif",
        ),
        (
            "squashfs",
            "MAN-1 MAN-2 MAN-3",
            "a bare squashfs is given the layer type of a SIF, and its own ending",
            SIF,
            SQUASHFS,
            "tool_1.0.simg",
        ),
        (
            "squashfs-gzip",
            "MAN-1 MAN-2 MAN-3",
            "a gzipped squashfs keeps its own type",
            GZIP,
            GZIP,
            "tool_1.0.simg.gz",
        ),
    ] {
        let text = example::manifest_of(layer, SIZE, &digest, title);
        let id = oracle::digest(&text);
        cases.push(
            Case::valid(
                "manifest",
                name,
                ids,
                note,
                text,
                json!({"digest": id, "layers": [{"mediaType": layer, "size": SIZE, "digest": digest}]}),
            )
            .with("image", json!({"name": "lab/tool", "tag": "1.0", "digest": digest, "size": SIZE, "media": media})),
        );
    }
    let text = example::manifest();
    let spaced = text.replacen('{', "{ \"x\": [null, 1.5],\n", 1);
    let created = text.replace(
        "}]}",
        "}],\"annotations\":{\"org.opencontainers.image.created\":\"2023-12-19T16:02:14Z\"}}",
    );
    for (name, note, text) in [
        (
            "unknown-field",
            "a field, a null, a float and white space that are not ours",
            spaced,
        ),
        (
            "created",
            "as apptainer pushes an image with a build date",
            created,
        ),
        (
            "no-media-type",
            "mediaType is optional in a manifest",
            text.replace(
                "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",",
                "",
            ),
        ),
    ] {
        let id = oracle::digest(&text);
        cases.push(Case::valid(
            "manifest",
            name,
            "MAN-6 MAN-7 MAN-8",
            note,
            text,
            json!({"digest": id, "layers": [{"mediaType": SIF, "size": SIZE, "digest": digest}]}),
        ));
    }
    for (name, ids, note, text, class) in [
        (
            "empty",
            "MAN-7",
            "no byte",
            String::new(),
            "malformed-manifest",
        ),
        (
            "not-json",
            "MAN-7",
            "cut off in the middle",
            text[..200].to_owned(),
            "malformed-manifest",
        ),
        (
            "no-layers",
            "MAN-7",
            "no list of layers",
            text.replace("\"layers\"", "\"strata\""),
            "malformed-manifest",
        ),
        (
            "no-config",
            "MAN-7",
            "no config",
            text.replace("\"config\"", "\"configs\""),
            "malformed-manifest",
        ),
        (
            "negative-size",
            "MAN-7",
            "a negative size",
            text.replace(&SIZE.to_string(), "-1"),
            "malformed-manifest",
        ),
        (
            "other-algorithm",
            "MAN-7",
            "a digest that is not SHA-256",
            text.replace("sha256:44", "md5:44"),
            "malformed-manifest",
        ),
        (
            "layer-without-size",
            "MAN-7",
            "a layer without its size",
            text.replace(&format!("\"size\":{SIZE},"), ""),
            "malformed-manifest",
        ),
        (
            "schema-version-1",
            "MAN-5",
            "schemaVersion 1",
            text.replace("Version\":2", "Version\":1"),
            "manifest-schema-version",
        ),
        (
            "image-index",
            "MAN-6",
            "the media type of an image index",
            text.replace("image.manifest", "image.index"),
            "manifest-media-type",
        ),
    ] {
        cases.push(Case::invalid("manifest", name, ids, note, text, class));
    }
    cases
}

fn statements() -> Vec<Case> {
    let mut cases = Vec::new();
    let present = Statement::present();
    let removed = Statement::removed();
    let previous = oracle::digest(present.line());
    let squashfs = oracle::digest(example::manifest_of(
        SIF,
        SIZE,
        &example::image_digest(),
        "tool_1.0.simg",
    ));
    let greatest = oracle::digest(example::manifest_of(
        SIF,
        1 << 44,
        &example::image_digest(),
        "tool_1.0.sif",
    ));
    let urls: Vec<String> = (0..8)
        .map(|number| quote(&format!("https://example.org/{number}{}", "u".repeat(1003))))
        .collect();
    let mut valid = |name: &str, ids: &'static str, note: &str, statement: &Statement| {
        let line = statement.line();
        let fields: Value = serde_json::from_str(&line).expect("a valid vector is JSON");
        let mut expect = json!({"id": oracle::digest(&line)});
        for field in ["name", "tag", "arch", "state", "seq", "digest", "manifest"] {
            if let Some(value) = fields.get(field) {
                expect[field] = value.clone();
            }
        }
        cases.push(Case::valid("statement", name, ids, note, line, expect));
    };
    valid(
        "present",
        "STM-1 STM-4 STM-5 STM-7 STM-10 JSON-12",
        "the first statement about a tag",
        &present,
    );
    valid(
        "moved",
        "STM-11",
        "the second statement about a tag, with a later build",
        &present
            .clone()
            .with("previous", &quote(&previous))
            .with("seq", "2"),
    );
    valid("removed", "STM-8 STM-12", "the tag is gone", &removed);
    valid(
        "squashfs",
        "STM-7 STM-10 MAN-3",
        "media is the file's own type, whatever the manifest's layer says",
        &present
            .clone()
            .with("media", &quote(SQUASHFS))
            .with("manifest", &quote(&squashfs)),
    );
    valid(
        "every-field",
        "STM-5 STM-9",
        "every field that a statement without keys can have",
        &present
            .clone()
            .with("expires", "1800000000")
            .with("frozen", "true")
            .with("urls", "[\"https://example.org/tool.sif\"]"),
    );
    valid(
        "greatest-size",
        "STM-13",
        "2^44 bytes",
        &present
            .clone()
            .with("size", "17592186044416")
            .with("manifest", &quote(&greatest)),
    );
    valid(
        "most-urls",
        "STM-14",
        "eight hints of 1,024 bytes",
        &present
            .clone()
            .with("urls", &format!("[{}]", urls.join(","))),
    );
    valid(
        "unknown-arch",
        "REF-14",
        "an image that does not say what it runs on",
        &present.clone().with("arch", "\"unknown\""),
    );
    cases.extend(invalid_statements());
    cases
}

fn invalid_statements() -> Vec<Case> {
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
    cases
}

fn heads() -> Vec<Case> {
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
