//! Ranges, and what a client has already.

use std::fs;
use std::time::{Duration, SystemTime};

use sreg_model::Digest;

use crate::support::Site;

/// A file that is sent from memory, and one that is read as it is sent.
fn sizes() -> [usize; 2] {
    [1000, 300_000]
}

fn bytes(size: usize) -> Vec<u8> {
    (0..=250_u8).cycle().take(size).collect()
}

#[test]
fn parts() {
    let site = Site::start();
    for size in sizes() {
        let bytes = bytes(size);
        let path = format!("v2/lab/tool/blobs/{}", Digest::of(&bytes));
        site.write(&path, &bytes);
        let huge = "9".repeat(30);
        for (range, part) in [
            ("bytes=0-0".to_owned(), 0..1),
            ("bytes=10-19".to_owned(), 10..20),
            ("bytes=990-".to_owned(), 990..size),
            (format!("bytes=0-{}", size - 1), 0..size),
            (format!("bytes=10-{huge}"), 10..size),
            ("bytes=-5".to_owned(), size - 5..size),
            (format!("bytes=-{huge}"), 0..size),
        ] {
            let answer = site.ask(format!("GET /{path}"), &[("Range", &range)]);
            assert_eq!(answer.status, 206, "{range}");
            let wanted = format!("bytes {}-{}/{size}", part.start, part.end - 1);
            assert_eq!(answer.field("content-range"), wanted, "{range}");
            assert_eq!(answer.field("content-length"), part.len().to_string());
            assert!(answer.body == bytes[part], "{range}");
        }
        for range in [
            format!("bytes={size}-"),
            format!("bytes={huge}-{huge}"),
            "bytes=-0".to_owned(),
        ] {
            let answer = site.ask(format!("GET /{path}"), &[("Range", &range)]);
            assert_eq!(answer.status, 416, "{range}");
            assert_eq!(answer.field("content-range"), format!("bytes */{size}"));
            assert_eq!(answer.field("cache-control"), "no-cache");
        }
        for range in ["bytes=5-2", "bytes=0-1,5-6", "lines=1-2", "bytes=x-y", ""] {
            let answer = site.ask(format!("GET /{path}"), &[("Range", range)]);
            assert_eq!(answer.status, 200, "{range}");
            assert!(answer.body == bytes, "{range}");
        }
    }
}

#[test]
fn a_part_of_the_same_file_only() {
    let site = Site::start();
    for size in sizes() {
        let path = site.write("file", bytes(size));
        let long_ago = SystemTime::now() - Duration::from_secs(3600);
        let file = fs::File::options().write(true).open(path).unwrap();
        file.set_modified(long_ago).unwrap();
        let whole = site.get("/file");
        let (etag, modified) = (whole.field("etag"), whole.field("last-modified"));
        for (value, status) in [
            (etag.to_owned(), 206),
            (modified.to_owned(), 206),
            (format!("W/{etag}"), 200),
            ("\"other\"".to_owned(), 200),
            ("Thu, 01 Jan 1970 00:00:00 GMT".to_owned(), 200),
        ] {
            let fields = [("Range", "bytes=1-2"), ("If-Range", &*value)];
            assert_eq!(site.ask("GET /file", &fields).status, status, "{value}");
        }
    }
}

#[test]
fn what_a_client_has() {
    let site = Site::start();
    for size in sizes() {
        site.write("file", bytes(size));
        let whole = site.get("/file");
        let (etag, modified) = (whole.field("etag"), whole.field("last-modified"));
        for method in ["GET", "HEAD"] {
            for (field, value, status) in [
                ("If-None-Match", etag, 304),
                ("If-None-Match", "*", 304),
                ("If-None-Match", "\"other\"", 200),
                ("If-Modified-Since", modified, 304),
                ("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", 200),
                ("If-Match", etag, 200),
                ("If-Match", "\"other\"", 412),
                ("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", 412),
            ] {
                let answer = site.ask(format!("{method} /file"), &[(field, value)]);
                assert_eq!(answer.status, status, "{method} {field} {value}");
                if status == 304 {
                    assert_eq!(answer.body, b"");
                    assert_eq!(answer.field("etag"), etag);
                    assert_eq!(answer.field("last-modified"), modified);
                    assert_eq!(answer.field("cache-control"), "no-cache");
                    let length = answer.field("content-length").to_owned();
                    assert!(length.is_empty() || length == size.to_string(), "{length}");
                }
            }
        }
        // A writer replaces files as a whole.
        fs::write(site.path("new"), vec![1; size]).unwrap();
        fs::rename(site.path("new"), site.path("file")).unwrap();
        let answer = site.ask("GET /file", &[("If-None-Match", etag)]);
        assert_eq!(answer.status, 200);
        assert_ne!(answer.field("etag"), etag);
    }
}

#[test]
fn an_empty_file() {
    let site = Site::start();
    site.write("empty", "");
    let answer = site.get("/empty");
    assert_eq!((answer.status, answer.field("content-length")), (200, "0"));
    let answer = site.ask("GET /empty", &[("Range", "bytes=0-")]);
    assert_eq!(answer.status, 416);
    assert_eq!(answer.field("content-range"), "bytes */0");
}
