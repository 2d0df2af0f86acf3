//! What a proxy can do to a request or its answer.

use std::time::Duration;

/// What is done to one request. Faults of a body leave answers without one, as to `HEAD`, as they
/// are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// Nothing: it is forwarded.
    Pass,
    /// It is forwarded after a while.
    Delay(Duration),
    /// The connection is reset, and nothing is forwarded.
    Reset,
    /// The head and so many bytes of the body are forwarded; then both connections are reset. A body
    /// that is no longer is forwarded whole, and its answer is lost.
    CutUpload(u64),
    /// It is forwarded, and has its effect; then the connection is reset: the answer is lost.
    ResetAfter,
    /// This status is the answer, and nothing is forwarded.
    Status(u16),
    /// This status is the answer, with this code of an error of S3, and nothing is forwarded.
    Error(u16, &'static str),
    /// It is forwarded, and has its effect, but this status is the answer.
    StatusAfter(u16),
    /// The connection is closed after so many bytes of the body. A shorter body passes.
    Truncate(u64),
    /// So many zero bytes follow the body; then the connection is closed.
    Extend {
        /// How many.
        bytes: u64,
        /// What the head says of it.
        length: Length,
    },
    /// `Content-Length` is this, whatever the body is; then the connection is closed.
    ContentLength(u64),
    /// Zero bytes follow the body for as long as the client reads; there is no `Content-Length`.
    Endless,
    /// The body comes at so many bytes a second, in twenty parts a second: 20 is the least.
    Slow(u64),
    /// The head and so many bytes of the body come, then nothing for as long as the client waits. Of
    /// a shorter body the end is missing, too: the connection stays open.
    Stall(u64),
    /// The answer that the same method, path and range had first, since the proxy started or
    /// [`Proxy::forget_answers`](super::Proxy::forget_answers); nothing is forwarded. Answers up to
    /// 1 MiB are remembered, of any status but 304. Where there is none, the status is 502.
    Stale,
    /// The lowest bit of the byte at this offset in the body is the other one. A shorter body passes.
    Flip(u64),
}

/// What the head of a body that was made longer says of its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// What the server said: the body is too long for its head.
    Unchanged,
    /// Nothing: the body ends with the connection.
    Absent,
    /// The new length: head and body agree.
    Matching,
}
