//! The access log: a line for each request, after its answer was sent or abandoned. A line contains no
//! secrets: no header fields of the request, and only the known words of its query.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::task::{Context, Poll, ready};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, Response, Uri};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use jiff::Timestamp;

use crate::query;

/// A destination for lines.
pub type Sink = Box<dyn FnMut(&[String]) + Send>;

/// The target of the events of the access log.
pub const ACCESS_LOG: &str = "sreg_serve::access";

/// Returns a sink that logs lines as events of the level info: one event for all waiting lines, each on
/// a line of its own.
#[must_use]
pub fn access_log() -> Sink {
    Box::new(|lines| tracing::info!(target: ACCESS_LOG, "{}", lines.join("\n")))
}

/// The maximal number of lines that wait for a slow terminal. The server does not wait for it.
const WAITING: usize = 8192;

/// The maximal number of lines that are written at once.
const BATCH: usize = 1024;

/// The time for which lines are collected if they arrive fast, so that not every request wakes the
/// writer.
const GATHER: Duration = Duration::from_millis(10);

/// The maximal length of a logged path, in characters.
const LONGEST: usize = 1024;

/// A handle of the log, cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Log {
    lines: SyncSender<Option<String>>,
    lost: Arc<AtomicU64>,
}

impl Log {
    /// Starts a thread that writes lines.
    pub(crate) fn start(sink: Sink) -> io::Result<(Self, JoinHandle<()>)> {
        let (sender, receiver) = sync_channel(WAITING);
        let lost = Arc::<AtomicU64>::default();
        let count = Arc::clone(&lost);
        let writer = thread::Builder::new()
            .name("log".to_owned())
            .spawn(move || write(&receiver, &count, sink))?;
        let log = Self {
            lines: sender,
            lost,
        };
        Ok((log, writer))
    }

    /// Writes all lines that were logged until now, and no later ones.
    pub(crate) fn end(&self) {
        // Fails only where the thread has ended already.
        let _ = self.lines.send(None);
    }

    fn line(&self, line: String) {
        if let Err(TrySendError::Full(_)) = self.lines.try_send(Some(line)) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

fn write(lines: &Receiver<Option<String>>, lost: &AtomicU64, mut sink: Sink) {
    let mut is_open = true;
    while is_open && let Ok(Some(first)) = lines.recv() {
        let mut batch = vec![first];
        while batch.len() < BATCH {
            match lines.try_recv() {
                Ok(Some(line)) => batch.push(line),
                Ok(None) => {
                    is_open = false;
                    break;
                }
                Err(_) => break,
            }
        }
        let is_busy = batch.len() > 1;
        match lost.swap(0, Ordering::Relaxed) {
            0 => {}
            lost => batch.push(format!("{lost} lines are missing here: they came too fast")),
        }
        sink(&batch);
        if is_busy && is_open {
            thread::sleep(GATHER);
        }
    }
}

/// The logged properties of a request.
#[derive(Debug)]
pub(crate) struct Request {
    method: String,
    target: String,
    started: Instant,
}

impl Request {
    pub(crate) fn new(method: &Method, uri: &Uri) -> Self {
        let path = uri.path().chars();
        let mut target: String = path.take(LONGEST).flat_map(shown).collect();
        let query = query::shown(uri.query());
        target.extend(query.chars().take(LONGEST).flat_map(shown));
        Self {
            method: method.as_str().chars().take(LONGEST).collect(),
            target,
            started: Instant::now(),
        }
    }
}

/// Escapes a character for a terminal.
fn shown(character: char) -> impl Iterator<Item = char> {
    let is_plain = !character.is_control() && !character.is_whitespace();
    let plain = is_plain.then_some(character);
    let escaped = (!is_plain).then(|| character.escape_unicode());
    plain.into_iter().chain(escaped.into_iter().flatten())
}

/// An answer that is logged when it is sent or dropped.
#[derive(Debug)]
struct Logged {
    body: Body,
    log: Log,
    request: Request,
    status: u16,
    bytes: u64,
}

/// Logs an answer once its body was sent or dropped.
pub(crate) fn logged(response: Response<Body>, request: Request, log: Log) -> Response<Body> {
    let status = response.status().as_u16();
    response.map(|body| {
        Body::new(Logged {
            body,
            log,
            request,
            status,
            bytes: 0,
        })
    })
}

impl http_body::Body for Logged {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            self.bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Logged {
    fn drop(&mut self) {
        self.log.line(self.to_string());
    }
}

impl fmt::Display for Logged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Request {
            method,
            target,
            started,
        } = &self.request;
        write!(
            f,
            "{:.3} {method} {target} {} {} bytes {:.1} ms",
            Timestamp::now(),
            self.status,
            self.bytes,
            started.elapsed().as_secs_f64() * 1000.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        let text: String = "a\u{1b}[31m\u{9b}é".chars().flat_map(shown).collect();
        assert_eq!(text, "a\\u{1b}[31m\\u{9b}é");
    }

    #[test]
    fn secrets_stay_out() {
        let uri: Uri = "http://user:pass@host/v2/a?token=t&n=2".parse().unwrap();
        let request = Request::new(&Method::GET, &uri);
        assert_eq!(request.target, "/v2/a?n=2");
    }
}
