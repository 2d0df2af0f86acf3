//! What a server reads of a request: a path that is looked for stays below the root and is no hidden file, a
//! range lies in the file.
#![no_main]
#![allow(dead_code, reason = "each file is a part of the server, which uses all of it")]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/serve/src/path.rs"]
mod path;
#[path = "../../crates/serve/src/query.rs"]
mod query;
#[path = "../../crates/serve/src/range.rs"]
mod range;

const SIZE: u64 = 1000;

// A target, a LF and a field.
fuzz_target!(|text: &str| {
    let (target, field) = text.split_once('\n').unwrap_or((text, ""));
    let (raw, query) = match target.split_once('?') {
        Some((raw, query)) => (raw, Some(query)),
        None => (target, None),
    };
    let found = query::Query::parse(query);
    // What is logged is read as it was.
    let shown = query::shown(query);
    assert_eq!(query::Query::parse(shown.strip_prefix('?')), found, "{query:?}");
    if let Ok(path) = path::RequestPath::parse(raw) {
        let archs = found.arch.and_then(|arch| path.for_arch(arch));
        for path in [Some(&path), archs.as_ref()].into_iter().flatten() {
            let file = path.file();
            for part in file.split('/') {
                let is_hidden = part.starts_with('.') && file != ".nojekyll";
                assert!(!part.is_empty() && !is_hidden, "{raw}: {file}");
                assert!(!part.chars().any(char::is_control), "{raw}: {file}");
            }
            assert!(!file.starts_with("staging/"), "{raw}: {file}");
        }
    }
    if let range::RangeRequest::Part(part) = range::parse(field, SIZE) {
        assert!(part.start < part.end && part.end <= SIZE, "{field}: {part:?}");
    }
});
