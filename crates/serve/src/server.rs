//! The server: start, run and end.

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
use crate::file_cache::FileCache;
use crate::handler::Site;
use crate::limits::{LOOKS, Limits};
use crate::log::{Log, Sink};
use crate::root::Root;
use crate::tls;

/// The maximal number of connections that wait to be accepted. The kernel may have a lower limit.
const BACKLOG: u32 = 4096;
/// The number of threads that open and read files: enough to keep a disk busy, with bounded memory.
const READERS: usize = 32;
/// The time for which blocked reads may delay the end of the process after all connections have ended.
const LAST_READS: Duration = Duration::from_millis(200);
/// The time for the last lines of the log.
const LAST_LINES: Duration = Duration::from_secs(5);

/// The options of a server.
pub struct Options {
    /// The address to listen on. Port 0 selects a free port.
    pub listen: SocketAddr,
    /// The certificate; `None` for plain HTTP.
    pub tls: Option<TlsFiles>,
    /// The number of threads that answer.
    pub workers: usize,
    /// The time limit for the head of the next request.
    pub head: Duration,
    /// The time limit for a client that does not read its response.
    pub stall: Duration,
    /// The time limit for running responses after the stop signal.
    pub grace: Duration,
    /// The destination of the access log.
    pub log: Option<Sink>,
}

impl Options {
    /// Returns the default options for an address, without TLS and without a log.
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
    /// The certificate, followed by intermediate certificates.
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
    /// The number of connections that were cut because their responses did not end in time.
    pub cut: usize,
}

impl Server {
    /// Opens the folder of a registry and listens. Raises the process's limit of open files.
    ///
    /// # Errors
    /// [`ServeError`] if the folder, the certificate or the address cannot be used.
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
            cache: FileCache::default(),
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

    /// Returns the address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the URL of the registry's root, without a slash at its end.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = match self.tls {
            Some(_) => "https",
            None => "http",
        };
        format!("{scheme}://{}", self.address)
    }

    /// Serves until `stop`, which is called several times a second, returns `true`. Running responses
    /// then get some time to end, and all lines of the log are written, unless nobody reads them.
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
            log.end(&writer, LAST_LINES);
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
