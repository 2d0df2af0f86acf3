//! Servers on loopback that answer as a test says: a web server, and one that speaks as much of S3 as
//! sreg does, with all objects in memory. Both count what they are asked.

mod s3;

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

pub use s3::{Objects, S3Mock};

/// A request.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Its method.
    pub method: String,
    /// Its path, decoded.
    pub path: String,
    /// What follows the `?`.
    pub query: String,
    /// Its fields, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Request {
    /// Returns a field's value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns the range that it asks for, its end excluded.
    #[must_use]
    pub fn range(&self) -> Option<std::ops::Range<usize>> {
        let (start, last) = self
            .header("range")?
            .strip_prefix("bytes=")?
            .split_once('-')?;
        let last: usize = last.parse().ok()?;
        Some(start.parse().ok()?..last.saturating_add(1))
    }
}

/// A response.
#[derive(Debug, Clone, Default)]
pub struct Response {
    /// Its status; 0 closes the connection without one.
    pub status: u16,
    /// Its fields. `Content-Length` is added, unless the body is endless or ends with the connection.
    pub headers: Vec<(String, String)>,
    /// Its body. None is sent to HEAD.
    pub body: Vec<u8>,
    /// What follows the body.
    pub end: End,
}

/// How a response ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum End {
    /// Its length is stated.
    #[default]
    Length,
    /// With the connection, which is closed.
    Close,
    /// Never: zero bytes follow for as long as the client reads.
    Never,
}

impl Response {
    /// A response with a body.
    #[must_use]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            body: body.into(),
            ..Self::default()
        }
    }

    /// An error as S3 words it.
    #[must_use]
    pub fn error(status: u16, code: &str) -> Self {
        let text = format!("<Error><Code>{code}</Code><Message>because</Message></Error>");
        Self::new(status, text)
    }

    /// Closes the connection without a response.
    #[must_use]
    pub fn lost() -> Self {
        Self::default()
    }

    /// The same with one field more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    /// The same with another end.
    #[must_use]
    pub fn ending(self, end: End) -> Self {
        Self { end, ..self }
    }
}

/// What a server does with a request.
type Handler = dyn Fn(&Request) -> Response + Send + Sync;

/// A server that listens until it is dropped.
pub struct Mock {
    address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    handler: Box<Handler>,
    log: Mutex<Vec<Request>>,
    is_stopped: AtomicBool,
}

impl std::fmt::Debug for Mock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mock")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Mock {
    /// Starts a server on a free loopback port.
    ///
    /// # Panics
    /// If no loopback port is free.
    #[must_use]
    pub fn start(handler: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared {
            handler: Box::new(handler),
            log: Mutex::default(),
            is_stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if accepting.is_stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                // A connection that breaks is its client's to notice.
                thread::spawn(move || serve(&stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// Returns its URL, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the requests so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.log).clone()
    }

    /// Returns how many of the requests so far are like this.
    #[must_use]
    pub fn count(&self, is_counted: impl Fn(&Request) -> bool) -> usize {
        let log = lock(&self.shared.log);
        log.iter().filter(|request| is_counted(request)).count()
    }

    /// Forgets the requests so far.
    pub fn forget(&self) {
        lock(&self.shared.log).clear();
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.shared.is_stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn serve(stream: &TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader)? {
        let is_head = request.method == "HEAD";
        let response = (shared.handler)(&request);
        lock(&shared.log).push(request);
        if response.status == 0 {
            return stream.shutdown(std::net::Shutdown::Both);
        }
        let mut head = format!("HTTP/1.1 {} Mock\r\n", response.status);
        for (name, value) in &response.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        let states = response
            .headers
            .iter()
            .any(|(name, _)| name == "content-length");
        match response.end {
            End::Length if states => {}
            End::Length => head.push_str(&format!("content-length: {}\r\n", response.body.len())),
            End::Close | End::Never => head.push_str("connection: close\r\n"),
        }
        head.push_str("\r\n");
        let mut out = stream;
        let mut bytes = head.into_bytes();
        if !is_head {
            bytes.extend_from_slice(&response.body);
        }
        // In one piece, so that nothing waits for an acknowledgement.
        out.write_all(&bytes)?;
        if !is_head && response.end == End::Never {
            loop {
                out.write_all(&[0; 64 << 10])?;
            }
        }
        if response.end != End::Length {
            return stream.shutdown(std::net::Shutdown::Both);
        }
    }
    Ok(())
}

fn read(reader: &mut BufReader<&TcpStream>) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method,
        path: decode(path),
        query: query.to_owned(),
        ..Request::default()
    };
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        request
            .headers
            .push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = request.header("content-length");
    let length = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.body = body;
    Ok(Some(request))
}

fn decode(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.as_bytes();
    while let Some((first, more)) = rest.split_first() {
        let coded = std::str::from_utf8(more.get(..2).unwrap_or_default()).unwrap_or_default();
        match u8::from_str_radix(coded, 16) {
            Ok(byte) if *first == b'%' => {
                bytes.push(byte);
                rest = &more[2..];
            }
            _ => {
                bytes.push(*first);
                rest = more;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
