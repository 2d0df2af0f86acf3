//! Each fault of the proxy does what it says, before a server of a few lines.

mod bodies;
mod upstream;

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use sreg_tests::proxy::{Fault, Proxy};
use upstream::{BODY, Upstream};

/// A connection on which a request was sent; `more` are fields, a blank line and a body.
fn send(proxy: &Proxy, request: &str, more: &str) -> TcpStream {
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    write!(stream, "{request} HTTP/1.1\r\nHost: somewhere\r\n{more}").unwrap();
    stream
}

/// All that comes on a connection: head, and body.
fn receive(mut stream: TcpStream) -> io::Result<(String, String)> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    Ok((head.to_owned(), body.to_owned()))
}

/// The answer to a GET that is the last of its connection.
fn get(proxy: &Proxy, path: &str) -> io::Result<(String, String)> {
    receive(send(
        proxy,
        &format!("GET {path}"),
        "Connection: close\r\n\r\n",
    ))
}

/// The answer to a PUT of [`BODY`].
fn put(proxy: &Proxy) -> io::Result<(String, String)> {
    let more = format!("Connection: close\r\nContent-Length: 10\r\n\r\n{BODY}");
    receive(send(proxy, "PUT /x", &more))
}

/// A server, and a proxy before it that does the same to every request.
fn faulty(fault: Fault) -> (Upstream, Proxy) {
    let upstream = Upstream::start();
    let proxy = Proxy::start(upstream.address);
    proxy.set(move |_| fault.clone());
    (upstream, proxy)
}

fn assert_reset(answer: io::Result<(String, String)>) {
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::ConnectionReset);
}

#[test]
fn everything_passes_as_it_is() {
    let upstream = Upstream::start();
    let proxy = Proxy::start(upstream.address);
    for path in ["/x", "/close"] {
        assert_eq!(get(&proxy, path).unwrap().1, BODY);
    }
    assert_eq!(
        get(&proxy, "/chunked").unwrap().1,
        "4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n"
    );
    assert!(get(&proxy, "/none").unwrap().0.starts_with("HTTP/1.1 204 "));
    let head = receive(send(&proxy, "HEAD /x", "Connection: close\r\n\r\n")).unwrap();
    assert!(head.0.contains("Content-Length: 10") && head.1.is_empty());
    assert_eq!(put(&proxy).unwrap().1, BODY);
    let chunked = "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    receive(send(&proxy, "PUT /x", chunked)).unwrap();

    let seen = upstream.seen();
    assert!(
        seen.iter()
            .all(|request| request.contains("\r\nHost: somewhere\r\n")),
        "{seen:?}"
    );
    assert!(seen[5].ends_with("\r\n\r\n0123456789"));
    assert!(seen[6].ends_with("\r\n\r\n3\r\nabc\r\n0\r\n\r\n"));
}

#[test]
fn a_connection_carries_many_requests() {
    let upstream = Upstream::start();
    let proxy = Proxy::start(upstream.address);
    let mut stream = TcpStream::connect(proxy.address()).unwrap();
    let pair = "GET /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n\
                GET /chunked HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(pair.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(
        text.starts_with("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"),
        "{text}"
    );
    assert_eq!(text.matches("200 OK").count(), 2);
    assert!(!upstream.seen()[0].contains("Expect"));
}

#[test]
fn requests_are_counted_and_chosen_by_number_method_path_and_range() {
    let upstream = Upstream::start();
    let proxy = Proxy::start(upstream.address);
    proxy.set(|request| {
        match (
            request.number,
            request.method.as_str(),
            request.path.as_str(),
        ) {
            (2, ..) => Fault::Status(500),
            (_, "PUT", _) => Fault::Status(403),
            (_, _, "/y?z") => Fault::Status(404),
            _ if request.range.as_deref() == Some("bytes=1-2") => Fault::Status(416),
            _ => Fault::Pass,
        }
    });
    get(&proxy, "/x").unwrap();
    get(&proxy, "/x").unwrap();
    put(&proxy).unwrap();
    get(&proxy, "/y?z").unwrap();
    receive(send(
        &proxy,
        "GET /x",
        "Range: bytes=1-2\r\nConnection: close\r\n\r\n",
    ))
    .unwrap();
    let requests = proxy.requests();
    let statuses: Vec<_> = requests
        .iter()
        .map(|request| request.status.unwrap())
        .collect();
    assert_eq!(statuses, [200, 500, 403, 404, 416]);
    assert_eq!(upstream.seen().len(), 1);
    assert_eq!(requests[0].uploaded, requests[1].uploaded);
    let put_head =
        "PUT /x HTTP/1.1\r\nHost: somewhere\r\nConnection: close\r\nContent-Length: 10\r\n\r\n";
    assert_eq!(requests[2].uploaded, put_head.len() as u64 + 10);
    assert_eq!(
        requests[0].downloaded,
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n".len() as u64 + 10
    );
    assert_eq!(
        proxy.bytes().0,
        requests.iter().map(|request| request.uploaded).sum::<u64>()
    );

    proxy.clear();
    proxy.reset_counters();
    assert_eq!(proxy.bytes(), (0, 0));
    assert_eq!(put(&proxy).unwrap().1, BODY);
    assert_eq!(proxy.requests()[0].number, 1);
}

#[test]
fn a_reset_before_forwarding_has_no_effect() {
    let (upstream, proxy) = faulty(Fault::Reset);
    assert_reset(get(&proxy, "/x"));
    assert_reset(put(&proxy));
    assert_eq!(upstream.seen().len(), 0);
    assert_eq!(proxy.requests()[0].status, None);
}

#[test]
fn a_cut_upload_has_no_effect() {
    let (upstream, proxy) = faulty(Fault::CutUpload(4));
    assert_reset(put(&proxy));
    assert_eq!(upstream.seen().len(), 0);
}

#[test]
fn a_reset_after_forwarding_has_its_effect() {
    let (upstream, proxy) = faulty(Fault::ResetAfter);
    assert_reset(put(&proxy));
    assert!(upstream.seen()[0].ends_with(BODY));
    assert_eq!(proxy.requests()[0].status, None);
}

#[test]
fn a_status_is_answered_with_effect_or_without() {
    for status in [500, 503, 412, 409, 403] {
        let (upstream, proxy) = faulty(Fault::Status(status));
        assert!(
            put(&proxy)
                .unwrap()
                .0
                .starts_with(&format!("HTTP/1.1 {status} "))
        );
        assert_eq!(upstream.seen().len(), 0);
        let (upstream, proxy) = faulty(Fault::StatusAfter(status));
        assert!(
            put(&proxy)
                .unwrap()
                .0
                .starts_with(&format!("HTTP/1.1 {status} "))
        );
        assert_eq!(upstream.seen().len(), 1);
    }
}

#[test]
fn a_request_is_delayed() {
    let (_upstream, proxy) = faulty(Fault::Delay(Duration::from_millis(200)));
    let begin = Instant::now();
    assert_eq!(get(&proxy, "/x").unwrap().1, BODY);
    assert!(begin.elapsed() >= Duration::from_millis(200));
}

#[test]
fn an_answer_is_stale() {
    let upstream = Upstream::start();
    let proxy = Proxy::start(upstream.address);
    for number in ["1", "2"] {
        assert_eq!(get(&proxy, "/number").unwrap().1, number);
    }
    proxy.set(|_| Fault::Stale);
    assert_eq!(get(&proxy, "/number").unwrap().1, "1");
    assert!(get(&proxy, "/x").unwrap().0.starts_with("HTTP/1.1 502 "));
    assert_eq!(upstream.seen().len(), 2);
    proxy.forget_answers();
    assert!(
        get(&proxy, "/number")
            .unwrap()
            .0
            .starts_with("HTTP/1.1 502 ")
    );
    proxy.clear();
    assert_eq!(get(&proxy, "/number").unwrap().1, "3");
    proxy.set(|_| Fault::Stale);
    assert_eq!(get(&proxy, "/number").unwrap().1, "3");
}

#[test]
fn a_server_that_is_away_is_a_bad_gateway() {
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let proxy = Proxy::start(closed);
    assert!(put(&proxy).unwrap().0.starts_with("HTTP/1.1 502 "));
}
