//! Connections: how many at once, how long, and how they end.

use std::sync::Arc;
use std::time::Duration;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutStream;
use tokio_rustls::TlsAcceptor;

use crate::body::PIECE;
use crate::crowd::Counted;
use crate::handler::{self, Site};
use crate::root::is_short;

/// How often it is asked whether to stop.
const ASKED: Duration = Duration::from_millis(50);
/// How long accepting rests where the machine is short of files or memory: some connection may have
/// ended then.
const REST: Duration = Duration::from_millis(100);

/// What holds for connections.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Connections {
    pub(crate) head: Duration,
    pub(crate) stall: Duration,
    pub(crate) grace: Duration,
}

/// Serves until `stop` says so; how many connections were cut then.
pub(crate) async fn serve(
    listener: TcpListener,
    site: Arc<Site>,
    tls: Option<TlsAcceptor>,
    connections: Connections,
    stop: &(dyn Fn() -> bool + Sync),
) -> usize {
    let crowd = Arc::clone(&site.crowd);
    let router = handler::router(site);
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
            let (router, tls, watcher) = (router.clone(), tls.clone(), graceful.watcher());
            let crowd = Arc::clone(&crowd);
            tokio::spawn(async move {
                let member = crowd.join();
                let stream = Counted::new(stream, Arc::clone(&member));
                let router = router.layer(Extension(Arc::clone(&member)));
                tokio::select! {
                    () = connection(stream, router, tls, connections, watcher) => {}
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

/// The next connection. One that failed before it was accepted is its client's matter.
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

async fn connection(
    stream: Counted<TcpStream>,
    router: Router,
    tls: Option<TlsAcceptor>,
    connections: Connections,
    watcher: Watcher,
) {
    let mut stream = TimeoutStream::new(stream);
    // What is to be sent and is not taken; the head of a request has a limit of its own.
    stream.set_write_timeout(Some(connections.stall));
    let stream = Box::pin(stream);
    let Some(tls) = tls else {
        return http(stream, router, connections, watcher).await;
    };
    if let Ok(Ok(stream)) = timeout(connections.head, tls.accept(stream)).await {
        http(stream, router, connections, watcher).await;
    }
}

async fn http<S>(stream: S, router: Router, connections: Connections, watcher: Watcher)
where
    S: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(connections.head)
        .max_buf_size(PIECE)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    // How a connection fails is its client's matter, and what was sent is in the log.
    let _ = watcher.watch(connection).await;
}
