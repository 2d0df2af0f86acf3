//! The body of a response: bytes, or a file that is read while it is sent.

use std::fs::{File, Metadata};
use std::io;
use std::mem;
use std::ops::Range;
use std::os::unix::fs::MetadataExt as _;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::task::JoinHandle;

use crate::crowd::Holding;
use crate::root::Wait;

/// The maximal size of a file that is read whole, and of a request's head, in bytes.
pub(crate) const PIECE: usize = 32 << 10;
/// The size of a read of a larger file, and therefore about the memory that a slow client costs.
const READ: usize = 64 << 10;

/// The body of a response.
#[derive(Debug)]
pub(crate) enum Body {
    /// Bytes that are sent at once.
    Bytes(Bytes),
    /// A part of a file.
    File(FileBody),
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        match self.get_mut() {
            Self::Bytes(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Bytes(bytes) => Poll::Ready(Some(Ok(Frame::data(mem::take(bytes))))),
            Self::File(file) => Pin::new(file).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Bytes(bytes) => bytes.is_empty(),
            Self::File(file) => file.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Bytes(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::File(file) => file.size_hint(),
        }
    }
}

/// A part of a file.
#[derive(Debug)]
pub(crate) struct FileBody {
    file: Arc<File>,
    state: State,
    rest: Range<u64>,
    reading: Option<JoinHandle<io::Result<Bytes>>>,
    /// The permit for an open file; HEAD needs none.
    _permit: Option<Holding>,
}

impl FileBody {
    /// Creates the body of a part of a file, which must not be empty. `state` is that of the file when its
    /// header fields were computed.
    pub(crate) fn new(file: File, state: State, part: Range<u64>, permit: Option<Holding>) -> Self {
        Self {
            file: Arc::new(file),
            state,
            rest: part,
            reading: None,
            _permit: permit,
        }
    }
}

impl http_body::Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let at_once = match self.reading {
            Some(_) => None,
            // What is in memory is read at once; a read ahead has brought most of it there.
            None => match piece(&self.file, self.state, &self.rest, Wait::Never) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
                read => Some(read),
            },
        };
        let piece = match at_once {
            Some(piece) => piece,
            None => {
                let (file, state, rest) = (Arc::clone(&self.file), self.state, self.rest.clone());
                let read = move || piece(&file, state, &rest, Wait::Allowed);
                let reading = self
                    .reading
                    .get_or_insert_with(|| tokio::task::spawn_blocking(read));
                let read = ready!(Pin::new(reading).poll(cx));
                self.reading = None;
                read.map_err(io::Error::other).flatten()
            }
        };
        // An error ends the response short of its length, which tells the client.
        match &piece {
            Ok(piece) => self.rest.start += piece.len() as u64,
            Err(_) => self.rest.start = self.rest.end,
        }
        Poll::Ready(Some(piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.end - self.rest.start)
    }
}

/// The size and the time of the last change of a file. A new hard link does not change them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct State {
    size: u64,
    modified: (i64, i64),
}

impl State {
    /// Returns the state of a file.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        }
    }
}

/// Reads the next piece of a part. Fails if the file was truncated, and for the last piece if the file was
/// changed in place: the header fields, such as its digest, are those of other bytes.
fn piece(file: &File, state: State, rest: &Range<u64>, wait: Wait) -> io::Result<Bytes> {
    let left = usize::try_from(rest.end - rest.start).unwrap_or(READ);
    let mut piece = vec![0; left.min(READ)];
    let mut filled = 0;
    while filled < piece.len() {
        match wait.read_at(file, &mut piece[filled..], rest.start + filled as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // Part of it is in memory.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && filled > 0 => break,
            Err(error) => return Err(error),
        }
    }
    piece.truncate(filled);
    let is_last = filled as u64 == rest.end - rest.start;
    if is_last && State::of(&file.metadata()?) != state {
        return Err(io::Error::other("the file was changed while it was sent"));
    }
    Ok(piece.into())
}
