//! What is wrong around the binary form.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::json;

use super::build::*;
use super::{Case, refused};

const HEADER: &str = "-----BEGIN SSH SIGNATURE-----\n";
const FOOTER: &str = "-----END SSH SIGNATURE-----\n";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = frame();
    cases.extend(lines());
    cases.extend(base64());
    cases.extend(several());
    cases
}

fn wrong(name: &str, ids: &'static str, note: &str, text: impl Into<Vec<u8>>) -> Case {
    refused(name, ids, note, text, "signature-armor")
}

fn frame() -> Vec<Case> {
    let text = plain().armor();
    let header = |other: &str| text.replace(HEADER, other);
    let footer = |other: &str| text.replace(FOOTER, other);
    let front = |front: &str| format!("{front}{text}");
    let behind = |behind: &str| format!("{text}{behind}");
    let other = "-----BEGIN SSH SIGNATURES-----\n";
    let pem = "-----BEGIN SIGNATURE-----\n";
    let short = "----BEGIN SSH SIGNATURE----\n";
    let small = "-----begin ssh signature-----\n";
    let end = "-----END SIGNATURE-----\n";
    vec![
        wrong("empty", "SIG-6", "no byte", ""),
        wrong("no-header", "SIG-6", "no first line", header("")),
        wrong("header-other-word", "SIG-6", "another word", header(other)),
        wrong("header-of-pem", "SIG-6", "another label", header(pem)),
        wrong("header-dashes", "SIG-6", "four dashes", header(short)),
        wrong("header-case", "SIG-6", "small letters", header(small)),
        wrong(
            "header-space",
            "SIG-6",
            "a space behind the first line",
            text.replacen("-----\n", "----- \n", 1),
        ),
        wrong("no-footer", "SIG-6", "no last line", footer("")),
        wrong("footer-other", "SIG-6", "another last line", footer(end)),
        wrong("no-final-lf", "SIG-6", "no LF at the end", text.trim_end()),
        wrong(
            "final-crlf",
            "SIG-6",
            "a CR in the last line alone",
            format!("{}\r\n", text.trim_end()),
        ),
        wrong("crlf", "SIG-6", "CRLF", text.replace('\n', "\r\n")),
        wrong("text-before", "SIG-9", "text before", front("note\n")),
        wrong("lf-before", "SIG-9", "an empty line before", front("\n")),
        wrong(
            "bom",
            "SIG-9",
            "a byte order mark before",
            front("\u{feff}"),
        ),
        wrong("text-behind", "SIG-9", "text behind", behind("note\n")),
        wrong("lf-behind", "SIG-9", "an empty line behind", behind("\n")),
        wrong(
            "second-signature",
            "SIG-9",
            "a second signature, where one is expected",
            text.repeat(2),
        ),
        wrong(
            "too-long",
            "SIG-9",
            "over 16 KiB; that it is no signature is found later",
            armor(&"A".repeat(16_380), 70),
        ),
    ]
}

fn lines() -> Vec<Case> {
    let base64 = STANDARD.encode(plain().blob());
    let text = plain().armor();
    let mut cases: Vec<Case> = [33, 64, 69, 71, 76, 1000]
        .into_iter()
        .map(|columns| {
            wrong(
                &format!("columns-{columns}"),
                "SIG-7",
                &format!("lines of {columns} columns"),
                armor(&base64, columns),
            )
        })
        .collect();
    let (front, last) = base64.split_at(140);
    cases.extend([
        wrong(
            "short-line-inside",
            "SIG-7",
            "a line that is short, and not the last",
            format!(
                "{HEADER}{}\n{}\n{last}\n{FOOTER}",
                &front[..69],
                &front[69..139]
            ),
        ),
        wrong(
            "empty-line-inside",
            "SIG-7",
            "an empty line in front of the base64",
            text.replacen('\n', "\n\n", 1),
        ),
        wrong(
            "empty-last-line",
            "SIG-7",
            "an empty line behind the base64",
            text.replace(FOOTER, &format!("\n{FOOTER}")),
        ),
        wrong(
            "no-base64",
            "SIG-7",
            "nothing between the lines",
            format!("{HEADER}{FOOTER}"),
        ),
    ]);
    cases
}

fn base64() -> Vec<Case> {
    // Of a security key, since the base64 of that one ends with padding.
    let fields = sk_ed25519("ssh:", 1, 7);
    let base64 = STANDARD.encode(fields.blob());
    let body = base64.trim_end_matches('=');
    let padding = base64.len() - body.len();
    assert!(padding > 0, "{}", fields.blob().len());
    let mut spare = body.to_owned();
    let last = spare.pop().expect("it is not empty");
    spare.push(char::from(u8::try_from(last).expect("ASCII") + 1));
    spare.push_str(&"=".repeat(padding));
    let text = plain().armor();
    let mut url = Vec::new();
    for flags in (1..=255).step_by(2) {
        let encoded = URL_SAFE.encode(sk_ed25519("ssh:", flags, 7).blob());
        if encoded.contains(['-', '_']) {
            url = armor(&encoded, 70).into_bytes();
            break;
        }
    }
    vec![
        wrong("no-padding", "SIG-8", "no padding", armor(body, 70)),
        wrong(
            "more-padding",
            "SIG-8",
            "a whole group of padding too much",
            armor(&format!("{base64}===="), 70),
        ),
        wrong(
            "spare-bits",
            "SIG-8",
            "unused bits that are set",
            armor(&spare, 70),
        ),
        wrong("url-alphabet", "SIG-8", "the alphabet for URLs", url),
        wrong(
            "space-inside",
            "SIG-8",
            "a space in place of a character",
            text.replacen("U1NI", "U1 I", 1),
        ),
        wrong(
            "nul-inside",
            "SIG-8",
            "a NUL in place of a character",
            text.replacen("U1NI", "U1\0I", 1),
        ),
        wrong(
            "truncated",
            "SIG-6",
            "cut off in the middle",
            &text.as_bytes()[..150],
        ),
    ]
}

fn several() -> Vec<Case> {
    let text = plain().armor();
    let list = |name: &str, note: &str, text: String, class| {
        refused(name, "SIG-20", note, text, class).with("several", json!(true))
    };
    let word = "signature-armor";
    vec![
        list(
            "several-parted",
            "an empty line between two",
            format!("{text}\n{text}"),
            word,
        ),
        list(
            "several-note",
            "text behind the last of two",
            format!("{text}{text}note"),
            word,
        ),
        list(
            "several-one-wrong",
            "two, the second of which has version 0",
            {
                let mut fields = plain();
                fields.version = 0;
                format!("{text}{}", fields.armor())
            },
            "signature-format",
        ),
        list(
            "thirty-three",
            "one too many",
            text.repeat(33),
            "signature-count",
        ),
    ]
}
