//! The access log: a line for each request, after its answer was sent or abandoned. A line contains no
//! secrets: no header fields of the request, and only the known words of its query.

use std::fmt::Write as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::task::{Context, Poll, ready};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Method, Response, Uri};
use http_body::{Frame, SizeHint};
use jiff::Timestamp;

use crate::body::Body;
use crate::head_timeout::RunningResponse;
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

/// The time for which lines are collected after a write, so that not every request wakes the writer.
const GATHER: Duration = Duration::from_millis(10);

/// The time between two looks at a log that ends.
const PAUSE: Duration = Duration::from_millis(2);

/// The maximal length of a logged path, in characters.
const LONGEST: usize = 1024;

/// The length of a line around its path, in bytes, so that the line is allocated once.
const AROUND: usize = 80;

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

    /// Writes all lines that were logged until now, and no later ones; gives up after `limit`, if nobody reads
    /// them.
    pub(crate) fn end(&self, writer: &JoinHandle<()>, limit: Duration) {
        let begun = Instant::now();
        let mut is_told = false;
        while !writer.is_finished() && begun.elapsed() < limit {
            is_told = is_told || self.lines.try_send(None).is_ok();
            thread::sleep(PAUSE);
        }
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
        match lost.swap(0, Ordering::Relaxed) {
            0 => {}
            lost => batch.push(format!("{lost} lines are missing here: they came too fast")),
        }
        sink(&batch);
        if is_open {
            thread::sleep(GATHER);
        }
    }
}

/// The line of a request, which is logged when it is dropped.
#[derive(Debug)]
pub(crate) struct Entry {
    log: Log,
    method: Method,
    target: String,
    started: Instant,
    status: u16,
    bytes: u64,
}

impl Entry {
    pub(crate) fn new(log: Log, method: &Method, uri: &Uri) -> Self {
        Self {
            log,
            method: method.clone(),
            target: target(uri),
            started: Instant::now(),
            status: 0,
            bytes: 0,
        }
    }
}

/// Returns the target of a request as it is logged.
fn target(uri: &Uri) -> String {
    let mut target = String::with_capacity(uri.path().len());
    escape(uri.path(), &mut target);
    escape(&query::shown(uri.query()), &mut target);
    target
}

/// Appends a text, shortened and escaped for a terminal.
fn escape(text: &str, target: &mut String) {
    // Nearly every text is plain.
    if text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        target.push_str(text);
    } else {
        target.extend(text.chars().take(LONGEST).flat_map(shown));
    }
}

/// Escapes a character for a terminal.
fn shown(character: char) -> impl Iterator<Item = char> {
    let is_plain = !character.is_control() && !character.is_whitespace();
    let plain = is_plain.then_some(character);
    let escaped = (!is_plain).then(|| character.escape_unicode());
    plain.into_iter().chain(escaped.into_iter().flatten())
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut line = String::with_capacity(self.target.len() + AROUND);
        let method = self.method.as_str();
        // Tenths of a millisecond, rounded.
        let taken = (self.started.elapsed().as_micros() + 50) / 100;
        // Writing to a string never fails.
        let _ = write!(
            line,
            "{:.3} {method:.LONGEST$} {} {} {} bytes {}.{} ms",
            Timestamp::now(),
            self.target,
            self.status,
            self.bytes,
            taken / 10,
            taken % 10
        );
        self.log.line(line);
    }
}

/// The body of an answer, and what ends when it is sent or dropped: the line of the log, and the running.
#[derive(Debug)]
pub(crate) struct Logged {
    body: Body,
    entry: Option<Entry>,
    _response: RunningResponse,
}

/// Logs an answer once its body was sent or dropped.
pub(crate) fn logged(
    response: Response<Body>,
    mut entry: Option<Entry>,
    running: RunningResponse,
) -> Response<Logged> {
    if let Some(entry) = &mut entry {
        entry.status = response.status().as_u16();
    }
    response.map(|body| Logged {
        body,
        entry,
        _response: running,
    })
}

impl http_body::Body for Logged {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let (Some(Ok(frame)), Some(entry)) = (&frame, &mut self.entry) {
            entry.bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_is_escaped() {
        let mut text = String::new();
        escape("a\u{1b}[31m\u{9b}é", &mut text);
        assert_eq!(text, "a\\u{1b}[31m\\u{9b}é");
    }

    #[test]
    fn secrets_stay_out() {
        let uri: Uri = "http://user:pass@host/v2/a?token=t&n=2".parse().unwrap();
        assert_eq!(target(&uri), "/v2/a?n=2");
    }

    #[test]
    fn a_log_that_nobody_reads_does_not_keep_the_server() {
        let (read, unread) = sync_channel::<()>(0);
        let sink: Sink = Box::new(move |_| unread.recv().unwrap_or_default());
        let (log, writer) = Log::start(sink).unwrap();
        for _ in 0..WAITING + 2 * BATCH {
            log.line("line".to_owned());
        }
        log.end(&writer, Duration::from_millis(10));
        assert!(!writer.is_finished());
        drop(read);
        log.end(&writer, Duration::MAX);
        assert!(writer.is_finished());
    }
}
