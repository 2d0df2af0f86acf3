//! Faults of the bodies of answers.

use std::io::{ErrorKind, Read as _};
use std::time::{Duration, Instant};

use sreg_tests::proxy::{Fault, Length};

use super::upstream::BODY;
use super::{faulty, get, receive, send};

#[test]
fn a_body_is_cut() {
    let (_upstream, proxy) = faulty(Fault::Truncate(4));
    let (head, body) = get(&proxy, "/x").unwrap();
    assert!(head.contains("Content-Length: 10"));
    assert_eq!(body, "0123");
    assert_eq!(get(&proxy, "/chunked").unwrap().1, "4\r\n0123\r\n");
    proxy.set(|_| Fault::Truncate(10));
    assert_eq!(get(&proxy, "/x").unwrap().1, BODY);
}

#[test]
fn a_body_is_longer() {
    for (length, says) in [
        (Length::Unchanged, Some("Content-Length: 10")),
        (Length::Absent, None),
        (Length::Matching, Some("Content-Length: 13")),
    ] {
        let (_upstream, proxy) = faulty(Fault::Extend { bytes: 3, length });
        // Not the last request of its connection: the fault ends it.
        let (head, body) = receive(send(&proxy, "GET /x", "\r\n")).unwrap();
        assert_eq!(body, "0123456789\0\0\0");
        assert_eq!(
            head.lines().find(|line| line.starts_with("Content-Length")),
            says
        );
    }
}

#[test]
fn a_length_is_wrong() {
    for length in [7, 12] {
        let (_upstream, proxy) = faulty(Fault::ContentLength(length));
        for path in ["/x", "/chunked"] {
            let (head, body) = receive(send(&proxy, &format!("GET {path}"), "\r\n")).unwrap();
            assert!(
                head.contains(&format!("Content-Length: {length}")),
                "{head}"
            );
            assert!(!head.contains("chunked"));
            assert_eq!(body, BODY);
        }
    }
}

#[test]
fn a_body_has_no_end() {
    let (_upstream, proxy) = faulty(Fault::Endless);
    let mut much = Vec::new();
    send(&proxy, "GET /x", "\r\n")
        .take(10 << 20)
        .read_to_end(&mut much)
        .unwrap();
    assert_eq!(much.len(), 10 << 20);
}

#[test]
fn a_body_is_slow() {
    let (_upstream, proxy) = faulty(Fault::Slow(20));
    let begin = Instant::now();
    assert_eq!(get(&proxy, "/x").unwrap().1, BODY);
    // Ten waits of 50 ms: it can take longer, but not less.
    assert!(begin.elapsed() >= Duration::from_millis(450));
}

#[test]
fn a_body_stalls_until_somebody_gives_up() {
    let (_upstream, proxy) = faulty(Fault::Stall(4));
    let mut stream = send(&proxy, "GET /x", "\r\n");
    stream
        .set_read_timeout(Some(Duration::from_millis(300)))
        .unwrap();
    let mut bytes = Vec::new();
    let error = stream.read_to_end(&mut bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(bytes.ends_with(b"Content-Length: 10\r\n\r\n0123"));
    drop(proxy);
    stream.set_read_timeout(None).unwrap();
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_bit_flips() {
    let (_upstream, proxy) = faulty(Fault::Flip(8));
    assert_eq!(get(&proxy, "/x").unwrap().1, "0123456799");
    assert_eq!(
        get(&proxy, "/chunked").unwrap().1,
        "4\r\n0123\r\n6\r\n456799\r\n0\r\n\r\n"
    );
    proxy.set(|_| Fault::Flip(10));
    assert_eq!(get(&proxy, "/x").unwrap().1, BODY);
}
