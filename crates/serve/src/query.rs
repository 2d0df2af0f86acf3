//! Parses the known words of a query. The rest is ignored, and never logged.

use sreg_model::Arch;

/// The known words of a query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Query {
    /// `arch`, if it is a word of `spec/reference.md`.
    pub(crate) arch: Option<Arch>,
    /// `n`, encoded.
    pub(crate) n: Option<String>,
    /// `last`, decoded.
    pub(crate) last: Option<String>,
}

impl Query {
    /// Parses a query. The first of two equal words applies.
    pub(crate) fn parse(raw: Option<&str>) -> Self {
        let mut query = Self::default();
        for (key, value) in pairs(raw) {
            match key {
                "arch" => query.arch = query.arch.or_else(|| value.parse().ok()),
                "n" => query.n = query.n.or_else(|| Some(value.to_owned())),
                "last" => query.last = query.last.or_else(|| Some(decode(value))),
                _ => {}
            }
        }
        query
    }
}

/// Returns a query without unknown words, which may be secret, for the log.
pub(crate) fn shown(raw: Option<&str>) -> String {
    let mut shown = String::new();
    for (key, value) in pairs(raw) {
        if matches!(key, "arch" | "n" | "last") {
            shown.push(if shown.is_empty() { '?' } else { '&' });
            shown.push_str(key);
            shown.push('=');
            shown.push_str(value);
        }
    }
    shown
}

fn pairs(raw: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
    let pairs = raw.unwrap_or_default().split('&');
    pairs.filter_map(|pair| pair.split_once('='))
}

/// Decodes a value once. A malformed escape stands for itself, because a tag that does not exist is no
/// error.
fn decode(raw: &str) -> String {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let escaped = (first == b'%')
            .then(|| tail.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(first));
        if escaped.is_some() {
            rest = &tail[2..];
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read() {
        let query = Query::parse(Some("token=x&arch=arm64&n=2&last=1%2e0&arch=amd64&n"));
        assert_eq!(query.arch, Some(Arch::Arm64));
        assert_eq!(query.n.as_deref(), Some("2"));
        assert_eq!(query.last.as_deref(), Some("1.0"));
        assert_eq!(Query::parse(None), Query::default());
        assert_eq!(Query::parse(Some("arch=../..")).arch, None);
        assert_eq!(decode("%zz%4%e2%82%ac%"), "%zz%4€%");
    }

    #[test]
    fn what_is_logged() {
        assert_eq!(shown(Some("token=secret&arch=arm64&secret")), "?arch=arm64");
        assert_eq!(shown(Some("n=1&x=2&last=a")), "?n=1&last=a");
        assert_eq!(shown(None), "");
    }
}
