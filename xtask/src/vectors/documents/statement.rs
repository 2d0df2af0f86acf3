//! `spec/statement.md`: what is a statement.

use serde_json::{Value, json};

use super::example::{self, ISSUED, SIF, SIZE, SQUASHFS, Statement, quote};
use super::{Case, artifact, oracle};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let present = Statement::present();
    let removed = Statement::removed();
    let previous = oracle::digest(present.line());
    let squashfs = oracle::digest(example::manifest_of(
        SQUASHFS,
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
        "media is the type of the manifest's layer too",
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
            .with("urls", "[\"https://example.org/tool.sif\"]")
            .with("attached", &format!("[{}]", artifact::bundle().element())),
    );
    valid(
        "attached",
        "STM-23 STM-25 STM-26",
        "an SBOM is attached to the image",
        &present
            .clone()
            .with("attached", &format!("[{}]", artifact::sbom().element()))
            .with("issued", &(ISSUED + 30).to_string())
            .with("previous", &quote(&previous))
            .with("seq", "2"),
    );
    valid(
        "most-attached",
        "STM-24",
        "sixteen attachments, alike but for their digests",
        &present
            .clone()
            .with("attached", &format!("[{}]", artifact::elements(16))),
    );
    let long = format!("a{}", "+._-Z9".repeat(21));
    let longest = artifact::sbom()
        .element()
        .replace("application/spdx+json", &format!("{long}/{long}"))
        .replace("tool.spdx.json", &format!("_{long}"))
        .replacen(
            '{',
            &format!(
                r#"{{"annotations":["{}={}"],"#,
                "/._-aZ09".repeat(16),
                " !#[]^~}".repeat(128)
            ),
            1,
        );
    valid(
        "longest-attachment",
        "STM-25 STM-26 STM-27",
        "words of 127 characters, a name and a key of 128, a value of 1,024",
        &present.clone().with("attached", &format!("[{longest}]")),
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
    cases.extend(super::statement_invalid::cases());
    cases
}
