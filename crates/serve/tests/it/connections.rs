//! Slow clients, long connections, and the end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use sreg_serve::Ended;

use crate::support::{Answer, Site};

const LARGE: usize = 64 << 20;
const REQUEST: &[u8] = b"GET /large HTTP/1.1\r\nHost: example\r\n\r\n";

#[test]
fn many_requests_on_one_connection() {
    let site = Site::start();
    site.write("head", "head");
    let mut stream = site.connect();
    for _ in 0..100 {
        stream
            .write_all(b"GET /head HTTP/1.1\r\nHost: example\r\n\r\n")
            .unwrap();
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\nhead") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            bytes.push(byte[0]);
        }
        assert_eq!(Answer::parse(&bytes).status, 200);
    }
}

#[test]
fn a_head_that_does_not_come() {
    let site = Site::with(|options, _| options.head = Duration::from_millis(300));
    for start in ["", "GET /head HT", "GET /head HTTP/1.1\r\nHost: ex"] {
        let mut stream = site.connect();
        stream.write_all(start.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        // The server closes, with or without a word.
        let _ = stream.read_to_end(&mut bytes);
        assert!(!bytes.starts_with(b"HTTP/1.1 200"));
    }
}

#[test]
fn a_head_without_end() {
    // Its size alone ends it.
    let site = Site::with(|options, _| options.head = Duration::from_secs(3600));
    let mut stream = site.connect();
    stream.write_all(b"GET /head HTTP/1.1\r\nx: ").unwrap();
    // Refused while it is sent, or after that.
    let _ = stream.write_all(&[b'a'; 256 << 10]);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    assert!(bytes.is_empty() || bytes.starts_with(b"HTTP/1.1 431 "));
}

#[test]
fn a_client_that_takes_nothing() {
    let site = Site::with(|options, _| options.stall = Duration::from_millis(500));
    site.write("large", vec![1; LARGE]);
    let mut stream = site.connect();
    stream.write_all(REQUEST).unwrap();
    let line = site.logged();
    let sent: usize = line.split(' ').nth(4).unwrap().parse().unwrap();
    assert!(line.contains(" GET /large 200 ") && sent < LARGE, "{line}");
}

// spec: CLI-31
#[test]
fn a_running_response_ends_before_the_server() {
    let site = Site::with(|options, _| options.grace = Duration::from_secs(600));
    site.write("large", vec![1; LARGE]);
    site.write("head", "head");
    let mut idle = site.connect();
    idle.write_all(b"HEAD /head HTTP/1.1\r\nHost: example\r\n\r\n")
        .unwrap();
    site.logged();
    let mut stream = site.connect();
    stream.write_all(REQUEST).unwrap();
    let mut bytes = vec![0; 1000];
    stream.read_exact(&mut bytes).unwrap();
    site.stop();
    // Nobody new is let in, and who waits for nothing is sent away.
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).unwrap();
    assert!(rest.starts_with(b"HTTP/1.1 200"));
    let is_closed = || TcpStream::connect(site.address).is_err();
    while !is_closed() {
        thread::sleep(Duration::from_millis(10));
    }
    stream.read_to_end(&mut bytes).unwrap();
    assert_eq!(Answer::parse(&bytes).body.len(), LARGE);
    assert_eq!(site.end(), Ended { cut: 0 });
}

// spec: CLI-31
#[test]
fn the_end_is_not_put_off_for_ever() {
    let site = Site::with(|options, _| options.grace = Duration::from_millis(300));
    site.write("large", vec![1; LARGE]);
    let mut stream = site.connect();
    stream.write_all(REQUEST).unwrap();
    let mut bytes = vec![0; 1000];
    stream.read_exact(&mut bytes).unwrap();
    assert_eq!(site.end(), Ended { cut: 1 });
}
