//! Paging of `tags/list` (distribution-spec, "Listing Tags"), which a file cannot do by itself.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::query::Query;

/// The maximal number of tags of one page, which bounds the memory of an answer. The standard permits
/// fewer tags than requested, with a link to the next page.
const MAX_PAGE: usize = 1000;

#[derive(Serialize, Deserialize)]
struct List {
    name: String,
    tags: Vec<String>,
}

/// The selected page of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Page {
    /// The unchanged file.
    Whole,
    /// A part of it, and the URL of the next part.
    Part { body: Vec<u8>, next: Option<String> },
    /// `n` is not a number.
    NoNumber,
}

/// Selects the page that a query requests from the list at `path`.
pub(crate) fn page(list: &[u8], path: &str, query: &Query) -> Page {
    let count = match query.n.as_deref() {
        None => usize::MAX,
        Some(n) if n.is_empty() || !n.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Page::NoNumber;
        }
        Some(n) => n.parse().unwrap_or(usize::MAX),
    };
    // Whoever reads a damaged list is to see it.
    let Ok(mut list) = serde_json::from_slice::<List>(list) else {
        return Page::Whole;
    };
    if query.last.is_none() && list.tags.len() <= count {
        return Page::Whole;
    }
    list.tags.sort_unstable();
    let last = query.last.as_deref();
    let first = last.map_or(0, |last| list.tags.partition_point(|tag| &**tag <= last));
    list.tags.drain(..first);
    let has_more = list.tags.len() > count.min(MAX_PAGE);
    list.tags.truncate(count.min(MAX_PAGE));
    let next = list.tags.last().filter(|_| has_more).map(|last| {
        let last = utf8_percent_encode(last, ESCAPED);
        match query.n.is_some() {
            true => format!("<{path}?n={count}&last={last}>; rel=\"next\""),
            false => format!("<{path}?last={last}>; rel=\"next\""),
        }
    });
    match serde_json::to_vec(&list) {
        Ok(mut body) => {
            body.push(b'\n');
            Page::Part { body, next }
        }
        Err(_) => Page::Whole,
    }
}

/// The characters of a tag that are escaped in a query. The file may contain any text.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'.').remove(b'_').remove(b'-');

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &[u8] = br#"{"name":"lab/tool","tags":["1.0","1.1","2.0","b c"]}"#;

    fn asked(query: &str) -> Page {
        page(LIST, "/v2/lab/tool/tags/list", &Query::parse(Some(query)))
    }

    fn part(tags: &str, next: Option<&str>) -> Page {
        Page::Part {
            body: format!("{{\"name\":\"lab/tool\",\"tags\":[{tags}]}}\n").into_bytes(),
            next: next.map(|next| format!("</v2/lab/tool/tags/list?{next}>; rel=\"next\"")),
        }
    }

    #[test]
    fn pages() {
        for query in ["", "n=4", "n=1000", "n=99999999999999999999999"] {
            assert_eq!(asked(query), Page::Whole, "{query}");
        }
        for query in ["n=", "n=x", "n=-1", "n=%31"] {
            assert_eq!(asked(query), Page::NoNumber, "{query}");
        }
        assert_eq!(asked("n=0"), part("", None));
        let next = Some("n=2&last=1.1");
        assert_eq!(asked("n=2"), part("\"1.0\",\"1.1\"", next));
        assert_eq!(asked("n=2&last=1.1"), part("\"2.0\",\"b c\"", None));
        assert_eq!(asked("last=1.05"), part("\"1.1\",\"2.0\",\"b c\"", None));
        assert_eq!(asked("n=1&last=zzz"), part("", None));
        assert_eq!(asked("n=1&last=1.2"), part("\"2.0\"", Some("n=1&last=2.0")));
    }

    #[test]
    fn a_page_is_bounded_and_all_of_them_are_the_list() {
        let tags: Vec<String> = (0..2500).map(|number| format!("t{number:04} ")).collect();
        let list = List {
            name: "lab/tool".to_owned(),
            tags: tags.clone(),
        };
        let list = serde_json::to_vec(&list).unwrap();
        let (mut found, mut query) = (Vec::new(), "n=100000&last=".to_owned());
        loop {
            let Page::Part { body, next } = page(&list, "/l", &Query::parse(Some(&query))) else {
                panic!("no part");
            };
            let body: List = serde_json::from_slice(&body).unwrap();
            assert!(body.tags.len() <= MAX_PAGE);
            found.extend(body.tags);
            let Some(next) = next else { break };
            let end = next.find('>').unwrap();
            next[4..end].clone_into(&mut query);
        }
        assert_eq!(found, tags);
    }
}
