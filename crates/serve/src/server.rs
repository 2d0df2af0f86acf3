//! A server, from its folder to its end.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;

use crate::connections::{Connections, serve};
use crate::crowd::Crowd;
use crate::error::ServeError;
use crate::handler::Site;
use crate::limits::{LOOKS, Limits};
use crate::log::{Log, Sink};
use crate::root::Root;
use crate::tls;

/// Connections that wait to be accepted; the kernel may have a lower limit.
const BACKLOG: u32 = 4096;
/// Threads that open and read files: enough to keep a disk busy, and what is in memory bounded.
const READERS: usize = 32;
/// How long reads that do not end may keep the process, after all connections have.
const LAST_READS: Duration = Duration::from_millis(200);

/// How to serve.
pub struct Options {
    /// Where to listen; port 0 is any free one.
    pub listen: SocketAddr,
    /// With which certificate; none is plain HTTP.
    pub tls: Option<TlsFiles>,
    /// How many threads answer.
    pub workers: usize,
    /// How long a client may take until the head of its next request is there.
    pub head: Duration,
    /// How long a client may take nothing of what is sent to it.
    pub stall: Duration,
    /// How long running responses may go on after the server was told to stop.
    pub grace: Duration,
    /// Where the access log goes.
    pub log: Option<Sink>,
}

impl Options {
    /// Serves at an address, without TLS and without a log.
    #[must_use]
    pub fn new(listen: SocketAddr) -> Self {
        Self {
            listen,
            tls: None,
            workers: 2,
            head: Duration::from_secs(30),
            stall: Duration::from_secs(60),
            grace: Duration::from_secs(10),
            log: None,
        }
    }
}

/// A certificate and its key, both PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// A server that listens.
pub struct Server {
    runtime: Runtime,
    listener: TcpListener,
    address: SocketAddr,
    site: Arc<Site>,
    tls: Option<TlsAcceptor>,
    connections: Connections,
    log: Option<(Log, JoinHandle<()>)>,
}

/// How a server ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Connections that were cut, since their responses did not end in time.
    pub cut: usize,
}

impl Server {
    /// Opens the folder of a tree and listens. The process may have more files open from now on.
    ///
    /// # Errors
    /// [`ServeError`] says what is missing.
    pub fn bind(folder: &Path, options: Options) -> Result<Self, ServeError> {
        let root = Root::open(folder)?;
        let tls = options.tls.as_ref().map(tls::acceptor).transpose()?;
        let limits = Limits::raise();
        let runtime = Builder::new_multi_thread()
            .worker_threads(options.workers.max(1))
            .max_blocking_threads(READERS)
            .enable_all()
            .build()
            .map_err(ServeError::Start)?;
        let (listener, address) =
            listen(&runtime, options.listen).map_err(|source| ServeError::Listen {
                address: options.listen,
                source,
            })?;
        let log = options
            .log
            .map(Log::start)
            .transpose()
            .map_err(ServeError::Start)?;
        let site = Site {
            root,
            looks: Semaphore::new(LOOKS.into()),
            crowd: Arc::new(Crowd::new(limits.connections, limits.files)),
            log: log.as_ref().map(|(log, _)| log.clone()),
        };
        Ok(Self {
            runtime,
            listener,
            address,
            site: Arc::new(site),
            tls,
            connections: Connections {
                head: options.head,
                stall: options.stall,
                grace: options.grace,
            },
            log,
        })
    }

    /// The address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of the tree's root, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = match self.tls {
            Some(_) => "https",
            None => "http",
        };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until `stop` says so, which is asked several times a second; then running responses
    /// go on for a while, and all lines of the log are written.
    pub fn run(self, stop: &(dyn Fn() -> bool + Sync)) -> Ended {
        let cut = self.runtime.block_on(serve(
            self.listener,
            self.site,
            self.tls,
            self.connections,
            stop,
        ));
        self.runtime.shutdown_timeout(LAST_READS);
        if let Some((log, writer)) = self.log {
            log.end();
            // It ends by itself, unless its sink panicked.
            let _ = writer.join();
        }
        Ended { cut }
    }
}

fn listen(runtime: &Runtime, address: SocketAddr) -> io::Result<(TcpListener, SocketAddr)> {
    let _entered = runtime.enter();
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A server that is started again finds its port free.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    let listener = socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}
