//! Documents from a server that answers as it is told.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use sreg_store::{Http, RetryPolicy, Store as _, StoreConfig, StoreError};

/// A server on loopback that answers each request with `answer`, whatever was asked.
fn server(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().take(4) {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or(0);
            assert!(request[..read].starts_with(b"GET /registry/"));
            // A reader that has enough goes away.
            let _ = stream.write_all(&answer);
        }
    });
    format!("http://{address}/registry")
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {head}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// A store that asks once.
fn open(url: &str) -> Result<Http, StoreError> {
    let config = StoreConfig {
        retry: RetryPolicy::never(),
        ..StoreConfig::default()
    };
    Http::open(url, &config)
}

fn read(answer: Vec<u8>) -> Result<Option<Vec<u8>>, StoreError> {
    let found = open(&server(answer))?.read("head", 100)?;
    Ok(found.map(|found| found.bytes))
}

#[test]
fn documents_and_where_there_is_none() {
    assert_eq!(
        read(answer("200 OK", b"a head\n")).unwrap(),
        Some(b"a head\n".to_vec())
    );
    for absent in ["404 Not Found", "410 Gone"] {
        assert_eq!(read(answer(absent, b"no")).unwrap(), None, "{absent}");
    }
}

#[test]
fn never_more_than_was_asked_for() {
    assert_eq!(
        read(answer("200 OK", &[b'x'; 5000]))
            .unwrap()
            .unwrap()
            .len(),
        101
    );
    // Without an end.
    let mut endless = b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n".to_vec();
    endless.resize(1 << 20, b'x');
    assert_eq!(read(endless).unwrap().unwrap().len(), 101);
    // Compressed bytes are bytes: nothing is inflated.
    let gzip = answer("200 OK\r\ncontent-encoding: gzip", b"\x1f\x8b");
    assert_eq!(read(gzip).unwrap().unwrap(), b"\x1f\x8b");
}

#[test]
fn what_is_no_answer() {
    for status in ["500 Internal Server Error", "204 No Content"] {
        let error = read(answer(status, b"")).unwrap_err();
        assert_eq!(error.code(), "unreachable", "{status}");
    }
    let cut_off = b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf".to_vec();
    assert_eq!(read(cut_off).unwrap_err().code(), "unreachable");
    // Round and round.
    let address = server(
        b"HTTP/1.1 302 Found\r\nlocation: head\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
            .to_vec(),
    );
    assert_eq!(
        open(&address).unwrap().read("head", 9).unwrap_err().code(),
        "unreachable"
    );
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let site = open(&format!("http://{free}")).unwrap();
    assert_eq!(site.read("head", 9).unwrap_err().code(), "unreachable");
}

#[test]
fn urls_of_something_else() {
    for url in [
        "http://",
        "ftp://example.org",
        "http://example.org/?a=b",
        "https://u:p@example.org",
        "http://a b",
    ] {
        assert_eq!(open(url).unwrap_err().code(), "malformed-url", "{url}");
    }
}
