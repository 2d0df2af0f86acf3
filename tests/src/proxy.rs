//! A proxy that does to HTTP/1.1 what networks, caches and hosts do on a bad day: it stands before a
//! real server, forwards requests as they are, and applies a [`Fault`] to those that a test chooses.
//! It also counts what went through it.
//!
//! The `Host` field passes unchanged, so a request that was signed for the proxy's address stays
//! signed. It speaks to its server with one connection a request, and to its clients with as many
//! requests a connection as they like. Without TLS.

mod answer;
mod connection;
mod fault;
mod message;

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;

use answer::Remembered;
pub use fault::{Fault, Length};
use message::Head;

/// A request that came to a proxy, and what became of it so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// Its number, from 1, in the order in which the proxy read them.
    pub number: u64,
    /// Its method, such as `GET`.
    pub method: String,
    /// Its path with its query, as sent: `/bucket/a%20b?list-type=2`.
    pub path: String,
    /// Its `Range` field, such as `bytes=0-99`.
    pub range: Option<String>,
    /// The status that the client was given; none before, and where it was given none.
    pub status: Option<u16>,
    /// Bytes of head and body that came from the client, without the frames of chunks.
    pub uploaded: u64,
    /// Bytes that went to the client.
    pub downloaded: u64,
}

/// A proxy that listens until it is dropped.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Proxy {
    /// A proxy before `upstream`, on a free loopback port. It forwards everything until
    /// [`Proxy::set`] says otherwise.
    ///
    /// # Panics
    /// If no loopback port is free.
    #[must_use]
    pub fn start(upstream: SocketAddr) -> Self {
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port is free");
        let address = listener
            .local_addr()
            .expect("a bound socket has an address");
        let shared = Arc::new(Shared::new(upstream));
        let accepting = Arc::clone(&shared);
        thread::spawn(move || accept(&listener, &accepting));
        Self { address, shared }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on `choose` says what is done to a request. It is asked once a request, when the
    /// head is read; [`Request::status`] is not known then.
    pub fn set(&self, choose: impl Fn(&Request) -> Fault + Send + Sync + 'static) {
        *self
            .shared
            .choose
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Box::new(choose);
    }

    /// From now on everything is forwarded.
    pub fn clear(&self) {
        self.set(|_| Fault::Pass);
    }

    /// All requests so far, or since [`Proxy::reset_counters`], in the order of their numbers.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        lock(&self.shared.log)
            .entries
            .iter()
            .map(|entry| entry.request())
            .collect()
    }

    /// The bytes of all requests that [`Proxy::requests`] lists: from clients, and to them.
    #[must_use]
    pub fn bytes(&self) -> (u64, u64) {
        self.requests().iter().fold((0, 0), |(up, down), request| {
            (up + request.uploaded, down + request.downloaded)
        })
    }

    /// Forgets the requests so far; the next one has number 1.
    pub fn reset_counters(&self) {
        *lock(&self.shared.log) = Log::default();
    }

    /// Forgets the answers that [`Fault::Stale`] would repeat: the next answer of each path is what
    /// is remembered.
    pub fn forget_answers(&self) {
        lock(&self.shared.answers).clear();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        for stream in lock(&self.shared.connections).values() {
            // One that is closed already needs no closing.
            let _ = stream.shutdown(Shutdown::Both);
        }
        // Wakes the thread that accepts, which then ends.
        let _ = TcpStream::connect(self.address);
    }
}

/// What a proxy's threads share.
struct Shared {
    upstream: SocketAddr,
    choose: RwLock<Choice>,
    log: Mutex<Log>,
    answers: Mutex<HashMap<Asked, Remembered>>,
    connections: Mutex<HashMap<u64, TcpStream>>,
    stopped: AtomicBool,
}

/// Says what is done to a request.
type Choice = Box<dyn Fn(&Request) -> Fault + Send + Sync>;

/// What an answer is remembered for: method, path and range.
type Asked = (String, String, Option<String>);

impl Shared {
    fn new(upstream: SocketAddr) -> Self {
        Self {
            upstream,
            choose: RwLock::new(Box::new(|_| Fault::Pass)),
            log: Mutex::default(),
            answers: Mutex::default(),
            connections: Mutex::default(),
            stopped: AtomicBool::new(false),
        }
    }

    /// Notes a request.
    fn note(&self, head: &Head) -> io::Result<Arc<Entry>> {
        let (method, path) = head.method_and_path()?;
        let mut log = lock(&self.log);
        log.last += 1;
        let entry = Arc::new(Entry {
            number: log.last,
            method: method.to_owned(),
            path: path.to_owned(),
            range: head.get("range").map(str::to_owned),
            status: AtomicU16::new(0),
            uploaded: AtomicU64::new(0),
            downloaded: AtomicU64::new(0),
        });
        log.entries.push(Arc::clone(&entry));
        Ok(entry)
    }

    /// What is to be done to a request.
    fn fault(&self, request: &Request) -> Fault {
        (self.choose.read().unwrap_or_else(PoisonError::into_inner))(request)
    }
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Shared")
            .field("upstream", &self.upstream)
            .finish_non_exhaustive()
    }
}

/// The requests since the counters were reset.
#[derive(Debug, Default)]
struct Log {
    last: u64,
    entries: Vec<Arc<Entry>>,
}

/// A request in the log, while it goes on.
#[derive(Debug)]
struct Entry {
    number: u64,
    method: String,
    path: String,
    range: Option<String>,
    status: AtomicU16,
    uploaded: AtomicU64,
    downloaded: AtomicU64,
}

impl Entry {
    fn request(&self) -> Request {
        let status = self.status.load(Ordering::SeqCst);
        Request {
            number: self.number,
            method: self.method.clone(),
            path: self.path.clone(),
            range: self.range.clone(),
            status: (status != 0).then_some(status),
            uploaded: self.uploaded.load(Ordering::SeqCst),
            downloaded: self.downloaded.load(Ordering::SeqCst),
        }
    }

    fn asked(&self) -> Asked {
        (self.method.clone(), self.path.clone(), self.range.clone())
    }
}

/// Accepts connections until the proxy is dropped; each has a thread.
fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for (number, stream) in (0..).zip(listener.incoming()) {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            if let Ok(copy) = stream.try_clone() {
                lock(&shared.connections).insert(number, copy);
            }
            // A connection that breaks is its client's to notice; many are broken on purpose.
            let _ = connection::serve(&stream, &shared);
            // The copy would keep the connection open.
            lock(&shared.connections).remove(&number);
        });
    }
}

/// What a mutex holds, also after a thread panicked with it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
