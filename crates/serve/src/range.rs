//! `Range` (RFC 9110, 14.2): one range of bytes. Several at once, and what is none, give the whole
//! file, as the standard allows; only what lies behind the end is refused.

use std::ops::Range;

/// What a `Range` field asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum RangeRequest {
    /// Everything.
    Whole,
    /// A part, which is not empty.
    Part(Range<u64>),
    /// Nothing that is there.
    Outside,
}

/// Reads a field for a file of `size` bytes.
pub(crate) fn parse(field: &str, size: u64) -> RangeRequest {
    let Some((unit, range)) = field.split_once('=') else {
        return RangeRequest::Whole;
    };
    let Some((first, last)) = range.trim().split_once('-') else {
        return RangeRequest::Whole;
    };
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return RangeRequest::Whole;
    }
    let part = match (number(first), number(last)) {
        (Some(first), None) if last.trim().is_empty() => first..size,
        (None, Some(length)) if first.trim().is_empty() => size.saturating_sub(length)..size,
        (Some(first), Some(last)) if first <= last => first..size.min(last.saturating_add(1)),
        _ => return RangeRequest::Whole,
    };
    match part.start < part.end {
        true => RangeRequest::Part(part),
        false => RangeRequest::Outside,
    }
}

/// A number; one that no file reaches stands for the greatest.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges() {
        let huge = "9".repeat(40);
        for (field, wanted) in [
            ("bytes=0-0", RangeRequest::Part(0..1)),
            ("bytes=2-5", RangeRequest::Part(2..6)),
            ("bytes=9-9", RangeRequest::Part(9..10)),
            ("bytes=9-", RangeRequest::Part(9..10)),
            ("bytes=5-100", RangeRequest::Part(5..10)),
            (&format!("bytes=5-{huge}"), RangeRequest::Part(5..10)),
            ("bytes=-3", RangeRequest::Part(7..10)),
            ("bytes=-10", RangeRequest::Part(0..10)),
            (&format!("bytes=-{huge}"), RangeRequest::Part(0..10)),
            ("Bytes = 1-2", RangeRequest::Part(1..3)),
            ("bytes=10-", RangeRequest::Outside),
            ("bytes=10-20", RangeRequest::Outside),
            ("bytes=-0", RangeRequest::Outside),
            (&format!("bytes={huge}-"), RangeRequest::Outside),
            (&format!("bytes={huge}-{huge}"), RangeRequest::Outside),
            ("bytes=5-2", RangeRequest::Whole),
            ("bytes=0-1,3-4", RangeRequest::Whole),
            ("bytes=", RangeRequest::Whole),
            ("bytes=-", RangeRequest::Whole),
            ("bytes=+1-2", RangeRequest::Whole),
            ("bytes=0x1-2", RangeRequest::Whole),
            ("lines=1-2", RangeRequest::Whole),
            ("bytes", RangeRequest::Whole),
        ] {
            assert_eq!(parse(field, 10), wanted, "{field}");
        }
        for field in ["bytes=0-", "bytes=0-0", "bytes=-1"] {
            assert_eq!(parse(field, 0), RangeRequest::Outside, "{field}");
        }
    }
}
