//! The server behind the proxy.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What it answers.
pub(crate) const BODY: &str = "0123456789";

/// A server that notes requests, and answers with [`BODY`], framed as the path says.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Upstream {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let notes = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let notes = Arc::clone(&notes);
                // A request that breaks off is not noted.
                thread::spawn(move || answer(stream.unwrap(), &notes));
            }
        });
        Self { address, seen }
    }

    /// All requests that arrived whole: head, a blank line, body.
    pub(crate) fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn answer(mut stream: TcpStream, notes: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request)? == 0 {
            return Ok(());
        }
    }
    if request.contains("Transfer-Encoding") {
        while !request.ends_with("\r\n0\r\n\r\n") {
            reader.read_line(&mut request)?;
        }
    } else if let Some(length) = request.split("Content-Length: ").nth(1) {
        let length = length.lines().next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        request.push_str(&String::from_utf8(body).unwrap());
    }
    let number = {
        let mut notes = notes.lock().unwrap();
        notes.push(request.clone());
        notes.len()
    };
    let (status, body) = match request.split(' ').nth(1).unwrap() {
        "/chunked" => (
            "200 OK\r\nTransfer-Encoding: chunked",
            "4\r\n0123\r\n6\r\n456789\r\n0\r\n\r\n".to_owned(),
        ),
        "/close" => ("200 OK", BODY.to_owned()),
        "/none" => ("204 No Content", String::new()),
        "/number" => ("200 OK\r\nContent-Length: 1", number.to_string()),
        _ => ("200 OK\r\nContent-Length: 10", BODY.to_owned()),
    };
    let body = if request.starts_with("HEAD") {
        ""
    } else {
        &body
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nConnection: close\r\n\r\n{body}"
    )
}
