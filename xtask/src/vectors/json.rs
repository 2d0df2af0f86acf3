//! `spec/canonical-json.md`.

use serde_json::{Value, json};

use super::Case;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, ids, note, text) in [
        ("empty-object", "JSON-1", "the smallest document", "{}"),
        (
            "every-kind",
            "JSON-3",
            "every kind of value",
            r#"{"array":[],"false":false,"integer":10,"object":{},"string":"","true":true}"#,
        ),
        (
            "greatest-integer",
            "JSON-4",
            "2^53-1 and 0 are both inside",
            r#"{"greatest":9007199254740991,"least":0}"#,
        ),
        (
            "key-order",
            "JSON-5 JSON-6",
            "digits, then the underscore, then letters; a prefix comes first",
            r#"{"0":0,"1":0,"10":0,"_":0,"a":0,"a_":0,"aa":0,"b":0}"#,
        ),
        (
            "text",
            "JSON-8 JSON-9",
            "only the quote and the backslash are escaped; a slash, a no-break space and an emoji stand as they are",
            "{\"a\":\"\\\"\\\\/é\u{a0}\u{1f4e6}\"}",
        ),
        (
            "not-normalised",
            "JSON-8",
            "e and a combining accent stay two characters",
            "{\"a\":\"e\u{301}\"}",
        ),
        (
            "c1-control",
            "JSON-8",
            "U+0080 to U+009F are let pass, as is U+FFFF",
            "{\"a\":\"\u{80}\u{9f}\u{ffff}\"}",
        ),
        (
            "deepest",
            "JSON-10",
            "eight levels, the outer object counted",
            r#"{"a":[[[[[[[1]]]]]]]}"#,
        ),
        (
            "elements-keep-order",
            "JSON-6",
            "arrays are not sorted, and may repeat",
            r#"{"a":[2,1,1,"x"]}"#,
        ),
    ] {
        let value: Value = serde_json::from_str(text).expect("a valid vector is JSON");
        cases.push(Case::valid(
            "canonical-json",
            name,
            ids,
            note,
            text,
            json!({ "value": value }),
        ));
    }
    for (name, ids, note, bytes, class) in invalid() {
        cases.push(Case::invalid(
            "canonical-json",
            name,
            ids,
            note,
            bytes,
            class,
        ));
    }
    cases
}

type Invalid = (
    &'static str,
    &'static str,
    &'static str,
    &'static [u8],
    &'static str,
);

fn invalid() -> Vec<Invalid> {
    vec![
        ("empty", "JSON-1", "no byte", b"", "json-not-object"),
        (
            "array",
            "JSON-1",
            "an array outside",
            b"[]",
            "json-not-object",
        ),
        (
            "string",
            "JSON-1",
            "a string outside",
            b"\"a\"",
            "json-not-object",
        ),
        (
            "byte-order-mark",
            "JSON-2",
            "a byte order mark in front",
            b"\xef\xbb\xbf{}",
            "json-not-object",
        ),
        (
            "space-in-front",
            "JSON-2",
            "a space in front",
            b" {}",
            "json-not-object",
        ),
        (
            "line-feed-behind",
            "JSON-2",
            "an LF behind: it ends the line, not the document",
            b"{}\n",
            "json-trailing",
        ),
        (
            "two-documents",
            "JSON-2",
            "a second document behind",
            b"{\"a\":1}{\"a\":1}",
            "json-trailing",
        ),
        (
            "space-after-colon",
            "JSON-2",
            "a space between tokens",
            b"{\"a\": 1}",
            "json-syntax",
        ),
        (
            "line-feed-between",
            "JSON-2",
            "an LF between tokens",
            b"{\"a\":1,\n\"b\":1}",
            "json-syntax",
        ),
        ("null", "JSON-3", "null", b"{\"a\":null}", "json-syntax"),
        (
            "not-a-number",
            "JSON-3",
            "NaN, which some writers emit",
            b"{\"a\":NaN}",
            "json-syntax",
        ),
        (
            "capital-true",
            "JSON-3",
            "a word in another spelling",
            b"{\"a\":True}",
            "json-syntax",
        ),
        (
            "comma-at-end",
            "JSON-3",
            "a comma before the end of an array",
            b"{\"a\":[1,]}",
            "json-syntax",
        ),
        (
            "comma-at-end-of-object",
            "JSON-3",
            "a comma before the end of an object",
            b"{\"a\":1,}",
            "json-syntax",
        ),
        (
            "unfinished-string",
            "JSON-3",
            "the end inside a string",
            b"{\"a\":\"x",
            "json-syntax",
        ),
        (
            "unfinished-object",
            "JSON-3",
            "the end inside an object",
            b"{\"a\":1",
            "json-syntax",
        ),
        (
            "over-greatest-integer",
            "JSON-4",
            "2^53",
            b"{\"a\":9007199254740992}",
            "json-number",
        ),
        (
            "over-64-bits",
            "JSON-4",
            "2^64",
            b"{\"a\":18446744073709551616}",
            "json-number",
        ),
        (
            "negative",
            "JSON-4",
            "a negative number",
            b"{\"a\":-1}",
            "json-number",
        ),
        (
            "negative-zero",
            "JSON-4",
            "-0, which some readers turn into 0",
            b"{\"a\":-0}",
            "json-number",
        ),
        (
            "leading-zero",
            "JSON-4",
            "a zero in front",
            b"{\"a\":01}",
            "json-number",
        ),
        (
            "fraction",
            "JSON-4",
            "1.0, equal to 1",
            b"{\"a\":1.0}",
            "json-number",
        ),
        (
            "exponent",
            "JSON-4",
            "1e2, equal to 100",
            b"{\"a\":1e2}",
            "json-number",
        ),
        (
            "capital-key",
            "JSON-5",
            "a capital letter in a key",
            b"{\"A\":1}",
            "json-key",
        ),
        (
            "empty-key",
            "JSON-5",
            "a key without a character",
            b"{\"\":1}",
            "json-key",
        ),
        (
            "hyphen-in-key",
            "JSON-5",
            "a hyphen in a key",
            b"{\"a-b\":1}",
            "json-key",
        ),
        (
            "escape-in-key",
            "JSON-5",
            "an escaped letter in a key",
            b"{\"\\u0061\":1}",
            "json-key",
        ),
        (
            "key-order",
            "JSON-6",
            "b before a",
            b"{\"b\":1,\"a\":1}",
            "json-key-order",
        ),
        (
            "inner-key-order",
            "JSON-6",
            "b before a, two levels down",
            b"{\"a\":[{\"b\":1,\"a\":1}]}",
            "json-key-order",
        ),
        (
            "length-before-order",
            "JSON-6",
            "ordered by length instead of by bytes",
            b"{\"b\":1,\"aa\":1}",
            "json-key-order",
        ),
        (
            "key-twice",
            "JSON-7",
            "one key twice, with one value",
            b"{\"a\":1,\"a\":1}",
            "json-duplicate-key",
        ),
        (
            "key-twice-other-value",
            "JSON-7",
            "one key twice: readers differ in which they keep",
            b"{\"a\":1,\"a\":2}",
            "json-duplicate-key",
        ),
        (
            "control-character",
            "JSON-8",
            "a tab inside a string",
            b"{\"a\":\"\t\"}",
            "json-string",
        ),
        (
            "delete",
            "JSON-8",
            "U+007F",
            b"{\"a\":\"\x7f\"}",
            "json-string",
        ),
        (
            "line-separator",
            "JSON-8",
            "U+2028",
            b"{\"a\":\"\xe2\x80\xa8\"}",
            "json-string",
        ),
        (
            "paragraph-separator",
            "JSON-8",
            "U+2029",
            b"{\"a\":\"\xe2\x80\xa9\"}",
            "json-string",
        ),
        (
            "not-utf-8",
            "JSON-8",
            "a byte that is not UTF-8",
            b"{\"a\":\"\xff\"}",
            "json-string",
        ),
        (
            "overlong",
            "JSON-8",
            "a slash in two bytes",
            b"{\"a\":\"\xc0\xaf\"}",
            "json-string",
        ),
        (
            "surrogate",
            "JSON-8",
            "a surrogate in UTF-8's form",
            b"{\"a\":\"\xed\xa0\x80\"}",
            "json-string",
        ),
        (
            "escaped-line-feed",
            "JSON-9",
            "an LF in its short escape",
            b"{\"a\":\"\\n\"}",
            "json-string",
        ),
        (
            "escaped-slash",
            "JSON-9",
            "a slash with a needless escape",
            b"{\"a\":\"\\/\"}",
            "json-string",
        ),
        (
            "escaped-letter",
            "JSON-9",
            "a letter with a needless escape",
            b"{\"a\":\"\\u0041\"}",
            "json-string",
        ),
        (
            "escaped-surrogate",
            "JSON-9",
            "half of a surrogate pair",
            b"{\"a\":\"\\ud800\"}",
            "json-string",
        ),
        (
            "too-deep",
            "JSON-10",
            "nine levels of arrays and objects",
            b"{\"a\":[[[[[[[[1]]]]]]]]}",
            "json-depth",
        ),
        (
            "objects-too-deep",
            "JSON-10",
            "nine objects",
            b"{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{}}}}}}}}}",
            "json-depth",
        ),
    ]
}
