//! Accepts connections, limits their number and time, and ends them.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use crate::body::PIECE;
use crate::crowd::{Counted, Member};
use crate::handler::{Site, handle};
use crate::head_timeout::HeadTimeout;
use crate::root::is_short;

/// The interval at which the server checks whether to stop.
const ASKED: Duration = Duration::from_millis(50);
/// The pause before the next accept if files or memory are exhausted. A connection may have ended by
/// then.
const REST: Duration = Duration::from_millis(100);

/// The settings of connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connections {
    pub(crate) head: Duration,
    pub(crate) stall: Duration,
    pub(crate) grace: Duration,
}

/// Serves until `stop` returns `true`. Returns how many connections were cut.
pub(crate) async fn serve(
    listener: TcpListener,
    site: Arc<Site>,
    tls: Option<TlsAcceptor>,
    connections: Connections,
    stop: &(dyn Fn() -> bool + Sync),
) -> usize {
    let crowd = Arc::clone(&site.crowd);
    let graceful = GracefulShutdown::new();
    let stopped = async {
        while !stop() {
            sleep(ASKED).await;
        }
    };
    let accepting = async {
        loop {
            let Some(permit) = crowd.room().await else {
                return;
            };
            let stream = accept(&listener).await;
            let (site, tls, watcher) = (Arc::clone(&site), tls.clone(), graceful.watcher());
            tokio::spawn(async move {
                let crowd = Arc::clone(&site.crowd);
                let member = crowd.join();
                let guest = Guest {
                    site,
                    member: Arc::clone(&member),
                    connections,
                    watcher,
                };
                let stream = Counted::new(stream, Arc::clone(&member));
                tokio::select! {
                    () = connection(stream, tls, guest) => {}
                    () = member.ended.notified() => {}
                }
                crowd.leave(&member);
                drop(permit);
            });
        }
    };
    tokio::select! {
        () = stopped => {}
        () = accepting => {}
    }
    // Who connects now is refused at once, instead of waiting for nothing.
    drop(listener);
    if timeout(connections.grace, graceful.shutdown())
        .await
        .is_ok()
    {
        return 0;
    }
    crowd.len()
}

/// Accepts the next connection. Ignores connections that failed before.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without it, the last packet of a response waits for an answer; nothing depends on it.
                let _ = stream.set_nodelay(true);
                return stream;
            }
            Err(error) if is_short(&error) => sleep(REST).await,
            Err(_) => tokio::task::yield_now().await,
        }
    }
}

/// What answers one connection.
struct Guest {
    site: Arc<Site>,
    member: Arc<Member>,
    connections: Connections,
    watcher: Watcher,
}

async fn connection(stream: Counted<TcpStream>, tls: Option<TlsAcceptor>, guest: Guest) {
    let mut stream = TimeoutStream::new(stream);
    // What is to be sent and is not taken; the head of a request has a limit of its own.
    stream.set_write_timeout(Some(guest.connections.stall));
    let stream = Box::pin(stream);
    let Some(tls) = tls else {
        return http(stream, guest).await;
    };
    if let Ok(Ok(stream)) = timeout(guest.connections.head, tls.accept(stream)).await {
        http(stream, guest).await;
    }
}

async fn http<S>(stream: S, guest: Guest)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let Guest {
        site,
        member,
        connections,
        watcher,
    } = guest;
    let head_timeout = HeadTimeout::start();
    let answer = service_fn(|request: Request<Incoming>| {
        let (site, member, running) = (
            Arc::clone(&site),
            Arc::clone(&member),
            head_timeout.response(),
        );
        async move { Ok::<_, Infallible>(handle(&site, &member, request, running).await) }
    });
    let connection = http1::Builder::new()
        .header_read_timeout(None)
        .max_buf_size(PIECE)
        .serve_connection(TokioIo::new(stream), answer);
    tokio::select! {
        // How a connection fails is its client's matter, and what was sent is in the log.
        _ = watcher.watch(connection) => {}
        () = head_timeout.expired(connections.head) => {}
    }
}
