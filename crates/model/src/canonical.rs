//! Canonical JSON: the one byte string of a document (`spec/canonical-json.md`).
//!
//! It is a subset on which RFC 8785, sorted compact JSON, `jq -cS` and Python's `json.dumps` agree.
//! [`check`] accepts exactly the bytes that [`to_vec`] can produce: a document has one encoding. Hashes
//! are computed over the stored bytes. Re-encoding is only a check.

use crate::fault::Code;
use std::fmt;
use std::str::FromStr;

use serde::de::DeserializeOwned;
use serde::{Deserializer, Serialize};

/// The deepest nesting: a document's outer object counts one.
pub const MAX_DEPTH: usize = 8;

/// The greatest integer: 2^53 − 1, which every JSON reader represents exactly.
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// Why bytes are not canonical JSON. Offsets count bytes from 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CanonicalError {
    /// The bytes are not JSON, or not in the grammar of the subset: white space, a float, `null`, an
    /// exponent.
    #[error("byte {offset}: expected {expected}")]
    Syntax {
        /// Where.
        offset: usize,
        /// The tokens that the grammar permits there.
        expected: &'static str,
    },
    /// The outermost value of the document is not an object.
    #[error("the outermost value is not an object")]
    NotObject,
    /// Bytes follow the document.
    #[error("byte {0}: text after the end of the document")]
    Trailing(usize),
    /// A key occurs twice in one object.
    #[error("byte {offset}: key {key:?} occurs twice")]
    DuplicateKey {
        /// Where.
        offset: usize,
        /// The key.
        key: String,
    },
    /// The keys are not in ascending order.
    #[error("byte {offset}: key {key:?} is not in ascending order")]
    KeyOrder {
        /// Where.
        offset: usize,
        /// The key.
        key: String,
    },
    /// A key does not match `[a-z0-9_]+`.
    #[error("byte {0}: a key does not match [a-z0-9_]+")]
    Key(usize),
    /// A number does not match `0|[1-9][0-9]*`, or is over 2^53 − 1.
    #[error("byte {0}: a number is not an integer from 0 to 9007199254740991 in plain digits")]
    Number(usize),
    /// A string has a forbidden character, a needless escape, or bytes that are not UTF-8.
    #[error(
        "byte {0}: a string has a control character, U+2028 or U+2029, a needless escape, or is not UTF-8"
    )]
    String(usize),
    /// The nesting is deeper than [`MAX_DEPTH`].
    #[error("byte {0}: nested deeper than 8")]
    Depth(usize),
    /// The JSON is canonical, but is not the expected document.
    #[error("not the expected document: {0}")]
    Document(String),
}

impl CanonicalError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Syntax { .. } => Code::JsonSyntax,
            Self::NotObject => Code::JsonNotObject,
            Self::Trailing(_) => Code::JsonTrailing,
            Self::DuplicateKey { .. } => Code::JsonDuplicateKey,
            Self::KeyOrder { .. } => Code::JsonKeyOrder,
            Self::Key(_) => Code::JsonKey,
            Self::Number(_) => Code::JsonNumber,
            Self::String(_) => Code::JsonString,
            Self::Depth(_) => Code::JsonDepth,
            Self::Document(_) => Code::MalformedDocument,
        }
    }
}

/// Checks that `bytes` are exactly one object in canonical form, without the line's LF.
///
/// # Errors
/// The first deviation, with its offset.
pub fn check(bytes: &[u8]) -> Result<(), CanonicalError> {
    // String contents are inspected as characters, so UTF-8 comes first.
    if let Err(error) = std::str::from_utf8(bytes) {
        return Err(CanonicalError::String(error.valid_up_to()));
    }
    let mut scanner = Scanner { bytes, at: 0 };
    if scanner.peek() != Some(b'{') {
        return Err(CanonicalError::NotObject);
    }
    scanner.value(1)?;
    if scanner.at != bytes.len() {
        return Err(CanonicalError::Trailing(scanner.at));
    }
    Ok(())
}

/// Parses a document of type `T` from canonical bytes. `T` refuses unknown fields.
///
/// # Errors
/// As [`check`], and [`CanonicalError::Document`] if the fields do not fit `T`.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CanonicalError> {
    check(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| CanonicalError::Document(error.to_string()))
}

/// Returns the canonical bytes of a document, without an LF.
///
/// # Panics
/// If `document` cannot be expressed in the subset, which is a defect of its type.
#[must_use]
pub fn to_vec<T: Serialize>(document: &T) -> Vec<u8> {
    // serde_json's map is ordered by key bytes as long as its `preserve_order` feature is off,
    // which `check` confirms here.
    let value = serde_json::to_value(document).expect("a document of ours is JSON");
    let bytes = serde_json::to_vec(&value).expect("a JSON value encodes");
    if let Err(error) = check(&bytes) {
        panic!("a document of ours is outside the canonical subset: {error}");
    }
    bytes
}

/// Returns the canonical bytes of a document, with an LF.
#[must_use]
pub fn to_line<T: Serialize>(document: &T) -> Vec<u8> {
    let mut bytes = to_vec(document);
    bytes.push(b'\n');
    bytes
}

/// Returns whether a canonical string may contain `text`: no C0 control, no DEL, no U+2028 or U+2029.
#[must_use]
pub fn is_plain_text(text: &str) -> bool {
    text.chars().all(plain)
}

fn plain(character: char) -> bool {
    !matches!(character, '\0'..='\x1f' | '\x7f' | '\u{2028}' | '\u{2029}')
}

/// Deserialises a value whose only form in JSON is its text.
pub(crate) fn from_text<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: FromStr,
    T::Err: fmt::Display,
    D: Deserializer<'de>,
{
    let text = std::borrow::Cow::<str>::deserialize_text(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// Deserializes a string, if possible without a copy.
trait DeserializeText<'de>: Sized {
    fn deserialize_text<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;
}

impl<'de> DeserializeText<'de> for std::borrow::Cow<'de, str> {
    fn deserialize_text<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = std::borrow::Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(text.into())
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(text.to_owned().into())
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

struct Scanner<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), CanonicalError> {
        if self.peek() != Some(byte) {
            return Err(CanonicalError::Syntax {
                offset: self.at,
                expected,
            });
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self, depth: usize) -> Result<(), CanonicalError> {
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string(),
            Some(b'0'..=b'9' | b'-') => self.number(),
            Some(b't') => self.word(b"true"),
            Some(b'f') => self.word(b"false"),
            _ => Err(CanonicalError::Syntax {
                offset: self.at,
                expected: "an object, array, string, integer, true or false",
            }),
        }
    }

    fn object(&mut self, depth: usize) -> Result<(), CanonicalError> {
        if depth > MAX_DEPTH {
            return Err(CanonicalError::Depth(self.at));
        }
        self.at += 1;
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        let mut previous: &[u8] = b"";
        loop {
            let start = self.at;
            let key = self.key()?;
            // Every key has at least one byte, so the first is greater than none.
            match previous.cmp(key) {
                std::cmp::Ordering::Less => previous = key,
                order => {
                    let key = String::from_utf8_lossy(key).into_owned();
                    return Err(if order.is_eq() {
                        CanonicalError::DuplicateKey { offset: start, key }
                    } else {
                        CanonicalError::KeyOrder { offset: start, key }
                    });
                }
            }
            self.expect(b':', "\":\"")?;
            self.value(depth + 1)?;
            if self.peek() == Some(b'}') {
                self.at += 1;
                return Ok(());
            }
            self.expect(b',', "\",\" or \"}\"")?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<(), CanonicalError> {
        if depth > MAX_DEPTH {
            return Err(CanonicalError::Depth(self.at));
        }
        self.at += 1;
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            self.value(depth + 1)?;
            if self.peek() == Some(b']') {
                self.at += 1;
                return Ok(());
            }
            self.expect(b',', "\",\" or \"]\"")?;
        }
    }

    fn word(&mut self, word: &'static [u8]) -> Result<(), CanonicalError> {
        if !self.bytes[self.at..].starts_with(word) {
            return Err(CanonicalError::Syntax {
                offset: self.at,
                expected: "true or false",
            });
        }
        self.at += word.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), CanonicalError> {
        let start = self.at;
        let rest = &self.bytes[start..];
        let length = rest
            .iter()
            .take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        let digits = &rest[..length];
        let plain = digits.iter().all(u8::is_ascii_digit) && (digits[0] != b'0' || length == 1);
        // At most 16 digits, so that the sum below cannot overflow.
        if !plain || length > 16 {
            return Err(CanonicalError::Number(start));
        }
        let value = digits
            .iter()
            .fold(0u64, |sum, digit| sum * 10 + u64::from(digit - b'0'));
        if value > MAX_INTEGER {
            return Err(CanonicalError::Number(start));
        }
        self.at += length;
        Ok(())
    }

    /// Scans a key with its quotes. Returns the bytes between them.
    fn key(&mut self) -> Result<&'a [u8], CanonicalError> {
        let offset = self.at;
        self.expect(b'"', "a key in double quotes")?;
        let rest: &'a [u8] = &self.bytes[self.at..];
        let length = rest
            .iter()
            .take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
            .count();
        if length == 0 || rest.get(length) != Some(&b'"') {
            return Err(CanonicalError::Key(offset));
        }
        self.at += length + 1;
        Ok(&rest[..length])
    }

    fn string(&mut self) -> Result<(), CanonicalError> {
        self.at += 1;
        loop {
            let Some(byte) = self.peek() else {
                return Err(CanonicalError::Syntax {
                    offset: self.at,
                    expected: "the end of a string",
                });
            };
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                // Nothing but a quote and a backslash is ever escaped.
                b'\\' => match self.bytes.get(self.at + 1) {
                    Some(b'"' | b'\\') => self.at += 2,
                    _ => return Err(CanonicalError::String(self.at)),
                },
                0..=0x1f | 0x7f => return Err(CanonicalError::String(self.at)),
                // U+2028 and U+2029 are E2 80 A8 and E2 80 A9.
                0xe2 if matches!(
                    self.bytes.get(self.at + 1..self.at + 3),
                    Some([0x80, 0xa8 | 0xa9])
                ) =>
                {
                    return Err(CanonicalError::String(self.at));
                }
                _ => self.at += 1,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};

    use super::*;

    fn strings() -> impl Strategy<Value = String> {
        "\\PC{0,12}".prop_filter("canonical strings", |text| is_plain_text(text))
    }

    /// Returns any value of the subset, at most four levels deep.
    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            (0..=MAX_INTEGER).prop_map(Value::from),
            strings().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map("[a-z0-9_]{1,6}", inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    fn documents() -> impl Strategy<Value = Value> {
        prop::collection::btree_map("[a-z0-9_]{1,6}", values(), 0..5)
            .prop_map(|map| Value::Object(map.into_iter().collect::<Map<_, _>>()))
    }

    proptest! {
        #[test]
        fn encoding_agrees_with_rfc_8785(document in documents()) {
            let ours = to_vec(&document);
            let oracle = serde_json_canonicalizer::to_vec(&document).unwrap();
            prop_assert_eq!(&ours, &oracle);
            prop_assert_eq!(from_slice::<Value>(&ours).unwrap(), document);
        }

        #[test]
        fn whatever_is_accepted_re_encodes_to_itself(document in documents(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut bytes = to_vec(&document);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if check(&bytes).is_ok() {
                let value: Value = serde_json::from_slice(&bytes).unwrap();
                prop_assert_eq!(to_vec(&value), bytes);
            }
        }

        #[test]
        fn no_input_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = check(&bytes);
        }
    }

    #[test]
    fn each_deviation_has_its_own_word() {
        for (text, word) in [
            ("", "json-not-object"),
            ("[]", "json-not-object"),
            (" {}", "json-not-object"),
            ("{}{}", "json-trailing"),
            ("{}\n", "json-trailing"),
            (r#"{"a": 1}"#, "json-syntax"),
            (r#"{"a":null}"#, "json-syntax"),
            (r#"{"a":1,"a":1}"#, "json-duplicate-key"),
            (r#"{"b":1,"a":1}"#, "json-key-order"),
            (r#"{"A":1}"#, "json-key"),
            (r#"{"":1}"#, "json-key"),
            (r#"{"a":-0}"#, "json-number"),
            (r#"{"a":01}"#, "json-number"),
            (r#"{"a":1.0}"#, "json-number"),
            (r#"{"a":1e2}"#, "json-number"),
            (r#"{"a":9007199254740992}"#, "json-number"),
            (r#"{"a":"\n"}"#, "json-string"),
            (r#"{"a":"\/"}"#, "json-string"),
            (r#"{"a":"A"}"#, "ok"),
            (r#"{"a":"\u0041"}"#, "json-string"),
            ("{\"a\":\"\u{2028}\"}", "json-string"),
            ("{\"a\":\"\u{7f}\"}", "json-string"),
            (r#"{"a":[[[[[[[1]]]]]]]}"#, "ok"),
            (r#"{"a":[[[[[[[[1]]]]]]]]}"#, "json-depth"),
            (r#"{"a":9007199254740991}"#, "ok"),
            (r#"{"a":"x"#, "json-syntax"),
        ] {
            let word_given =
                check(text.as_bytes()).map_or_else(|error| error.code().word(), |()| "ok");
            assert_eq!(word_given, word, "{text}");
        }
        assert_eq!(
            check(b"{\"a\":\"\xff\"}").unwrap_err().code(),
            "json-string"
        );
        assert_eq!(
            to_vec(&json!({"b": 1, "a": "\"\\é"})),
            r#"{"a":"\"\\é","b":1}"#.as_bytes()
        );
    }
}
