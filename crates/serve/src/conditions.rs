//! Conditions of a request (RFC 9110, 13): what a client has already, and whether a part of it fits.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{
    HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE,
};

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The file is sent.
    Send,
    /// The client has it.
    Unchanged,
    /// It is not the file that the client wants.
    Failed,
}

/// Judges a request for a file, in the order of the standard.
pub(crate) fn judge(headers: &HeaderMap, etag: &str, modified: Option<SystemTime>) -> Verdict {
    if headers.contains_key(IF_MATCH) {
        if !lists(headers, &IF_MATCH, etag, Comparison::Strong) {
            return Verdict::Failed;
        }
    } else if let (Some(since), Some(modified)) = (date(headers, &IF_UNMODIFIED_SINCE), modified)
        && seconds(modified) > seconds(since)
    {
        return Verdict::Failed;
    }
    if headers.contains_key(IF_NONE_MATCH) {
        if lists(headers, &IF_NONE_MATCH, etag, Comparison::Weak) {
            return Verdict::Unchanged;
        }
    } else if let (Some(since), Some(modified)) = (date(headers, &IF_MODIFIED_SINCE), modified)
        && seconds(modified) <= seconds(since)
    {
        return Verdict::Unchanged;
    }
    Verdict::Send
}

/// Returns whether a part may be sent: what the client has is a part of the same file, or it does not ask.
pub(crate) fn fits(headers: &HeaderMap, etag: &str, modified: Option<SystemTime>) -> bool {
    let Some(value) = headers.get(IF_RANGE) else {
        return true;
    };
    let Ok(value) = value.to_str().map(str::trim) else {
        return false;
    };
    if value.starts_with('"') || value.starts_with("W/") {
        return value == etag;
    }
    // A file may change twice within a second: so young, its time tells nothing.
    let is_old = modified.and_then(|modified| SystemTime::now().duration_since(modified).ok());
    is_old.is_some_and(|age| age > Duration::from_secs(1))
        && httpdate::parse_http_date(value).ok().map(seconds) == modified.map(seconds)
}

#[derive(Clone, Copy, PartialEq)]
enum Comparison {
    Strong,
    Weak,
}

/// Returns whether a field lists a validator.
fn lists(headers: &HeaderMap, name: &HeaderName, etag: &str, comparison: Comparison) -> bool {
    let values = headers.get_all(name).iter();
    let mut tags = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim);
    tags.any(|tag| {
        let tag = match comparison {
            Comparison::Strong => tag,
            Comparison::Weak => tag.strip_prefix("W/").unwrap_or(tag),
        };
        tag == "*" || tag == etag
    })
}

/// Returns a field that is a date; one that is none is ignored.
fn date(headers: &HeaderMap, name: &HeaderName) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(name)?.to_str().ok()?).ok()
}

/// Dates in fields have whole seconds.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: &str = "\"a\"";

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn in_order() {
        let modified = Some(SystemTime::UNIX_EPOCH + Duration::from_millis(1_000_500));
        let (at, before) = (
            "Thu, 01 Jan 1970 00:16:40 GMT",
            "Thu, 01 Jan 1970 00:16:39 GMT",
        );
        for (fields, wanted) in [
            (vec![], Verdict::Send),
            (vec![("if-none-match", "\"a\"")], Verdict::Unchanged),
            (
                vec![("if-none-match", "\"b\", W/\"a\"")],
                Verdict::Unchanged,
            ),
            (
                vec![("if-none-match", "\"b\""), ("if-none-match", "*")],
                Verdict::Unchanged,
            ),
            (
                vec![("if-none-match", "\"b\""), ("if-modified-since", at)],
                Verdict::Send,
            ),
            (vec![("if-modified-since", at)], Verdict::Unchanged),
            (vec![("if-modified-since", before)], Verdict::Send),
            (vec![("if-modified-since", "yesterday")], Verdict::Send),
            (vec![("if-match", "W/\"a\"")], Verdict::Failed),
            (vec![("if-match", "\"a\"")], Verdict::Send),
            (
                vec![("if-match", "\"a\""), ("if-unmodified-since", before)],
                Verdict::Send,
            ),
            (vec![("if-unmodified-since", before)], Verdict::Failed),
            (vec![("if-unmodified-since", at)], Verdict::Send),
        ] {
            assert_eq!(
                judge(&headers(&fields), TAG, modified),
                wanted,
                "{fields:?}"
            );
        }
        for (value, wanted) in [
            ("\"a\"", true),
            ("W/\"a\"", false),
            ("\"b\"", false),
            (at, true),
            (before, false),
            ("x", false),
        ] {
            let headers = headers(&[("if-range", value)]);
            assert_eq!(fits(&headers, TAG, modified), wanted, "{value}");
        }
    }

    #[test]
    fn a_young_time_is_no_validator() {
        let now = SystemTime::now();
        let mut headers = HeaderMap::new();
        headers.insert(IF_RANGE, httpdate::fmt_http_date(now).parse().unwrap());
        assert!(!fits(&headers, TAG, Some(now)));
    }
}
