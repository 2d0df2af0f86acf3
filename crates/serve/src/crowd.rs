//! Tracks connections. If the process has its maximal number of connections, the one that has been idle
//! for the longest time is closed.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// The idle time after which a connection may be closed for a waiting one.
const STILL: Duration = Duration::from_millis(500);
/// The time after which a connection must have an average of [`RATE`] bytes a second if others wait.
const TRICKLE: Duration = Duration::from_secs(5);
/// The minimal rate of a connection, in bytes a second. It equals the rate below which readers give up
/// on a server.
const RATE: u64 = 1 << 10;
/// The fraction of all connections that may be closed at once.
const PART: usize = 8;
/// The interval at which idle connections are looked for.
const LOOK: Duration = Duration::from_millis(50);

/// The open connections.
#[derive(Debug)]
pub(crate) struct Crowd {
    free: Arc<Semaphore>,
    most: usize,
    /// The permits of files that are too large to be read whole.
    files: Arc<Semaphore>,
    members: Mutex<Vec<Arc<Member>>>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Member {
    begun: Instant,
    /// The time of the last transfer, in milliseconds since the start.
    moved: AtomicU64,
    bytes: AtomicU64,
    /// The number of files that are sent to it.
    files: AtomicUsize,
    /// Whether it waits for a file. It is not idle then: the server is.
    waits: AtomicBool,
    /// How long it has waited for files, in milliseconds.
    waited: AtomicU64,
    /// Notified when the connection must be closed.
    pub(crate) ended: Notify,
}

/// The exhausted resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scarce {
    Connections,
    Files,
}

/// A file that is sent to a member.
#[derive(Debug)]
pub(crate) struct Holding {
    member: Arc<Member>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Holding {
    fn drop(&mut self) {
        self.member.files.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A wait of a member for a file.
struct Waiting<'a> {
    member: &'a Member,
    since: Instant,
}

impl<'a> Waiting<'a> {
    fn begin(member: &'a Member) -> Self {
        member.waits.store(true, Ordering::Relaxed);
        Self {
            member,
            since: Instant::now(),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let waited = millis(self.since.elapsed());
        self.member.waited.fetch_add(waited, Ordering::Relaxed);
        self.member.touch();
        self.member.waits.store(false, Ordering::Relaxed);
    }
}

impl Crowd {
    /// Creates permits for this number of connections and files.
    pub(crate) fn new(connections: usize, files: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(connections)),
            most: connections,
            files: Arc::new(Semaphore::new(files)),
            members: Mutex::default(),
        }
    }

    /// Waits for a permit for one more connection, and closes idle ones if none is free.
    pub(crate) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        self.acquire(&self.free, Scarce::Connections).await
    }

    /// Waits for a permit for a file that is sent to `member`.
    pub(crate) async fn file(&self, member: &Arc<Member>) -> Option<Holding> {
        let _waiting = Waiting::begin(member);
        let permit = self.acquire(&self.files, Scarce::Files).await?;
        Some(Self::holding(member, permit))
    }

    /// Returns a permit for a file if one is free.
    pub(crate) fn file_at_once(&self, member: &Arc<Member>) -> Option<Holding> {
        let permit = Arc::clone(&self.files).try_acquire_owned().ok()?;
        Some(Self::holding(member, permit))
    }

    fn holding(member: &Arc<Member>, permit: OwnedSemaphorePermit) -> Holding {
        member.files.fetch_add(1, Ordering::Relaxed);
        Holding {
            member: Arc::clone(member),
            _permit: permit,
        }
    }

    async fn acquire(&self, of: &Arc<Semaphore>, scarce: Scarce) -> Option<OwnedSemaphorePermit> {
        loop {
            let free = Arc::clone(of).acquire_owned();
            if let Ok(permit) = timeout(LOOK, free).await {
                // Never closed.
                return permit.ok();
            }
            self.make_room(scarce);
        }
    }

    /// Closes the connections that have been idle for the longest time, several at once, so that a long
    /// queue shrinks soon.
    fn make_room(&self, scarce: Scarce) {
        let now = Instant::now();
        let members = self.members();
        let has = |member: &&Arc<Member>| {
            scarce == Scarce::Connections || member.files.load(Ordering::Relaxed) > 0
        };
        let still = members
            .iter()
            .filter(has)
            .filter(|member| member.may_end(now));
        let mut still: Vec<&Arc<Member>> = still.collect();
        still.sort_by_key(|member| member.last_moved());
        for member in still.iter().take((self.most / PART).max(1)) {
            member.ended.notify_one();
        }
    }

    /// Returns the number of connections.
    pub(crate) fn len(&self) -> usize {
        self.most.saturating_sub(self.free.available_permits())
    }

    /// Adds a new connection.
    pub(crate) fn join(&self) -> Arc<Member> {
        let member = Arc::new(Member {
            begun: Instant::now(),
            moved: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            files: AtomicUsize::new(0),
            waits: AtomicBool::new(false),
            waited: AtomicU64::new(0),
            ended: Notify::new(),
        });
        self.members().push(Arc::clone(&member));
        member
    }

    /// Removes a connection that has ended.
    pub(crate) fn leave(&self, member: &Arc<Member>) {
        let mut members = self.members();
        if let Some(at) = members.iter().position(|other| Arc::ptr_eq(other, member)) {
            members.swap_remove(at);
        }
    }

    fn members(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Member>>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    fn last_moved(&self) -> Instant {
        self.begun + Duration::from_millis(self.moved.load(Ordering::Relaxed))
    }

    fn may_end(&self, now: Instant) -> bool {
        if self.waits.load(Ordering::Relaxed) {
            return false;
        }
        let waited = Duration::from_millis(self.waited.load(Ordering::Relaxed));
        let age = now.saturating_duration_since(self.begun + waited);
        let is_still = now.saturating_duration_since(self.last_moved()) >= STILL;
        let owed = age.as_secs().saturating_mul(RATE);
        is_still || (age >= TRICKLE && self.bytes.load(Ordering::Relaxed) < owed)
    }

    fn moves(&self, bytes: usize) {
        if bytes > 0 {
            self.touch();
            self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }

    fn touch(&self) {
        let since = millis(self.begun.elapsed());
        self.moved.store(since, Ordering::Relaxed);
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A stream that reports its transfers to its member.
#[derive(Debug)]
pub(crate) struct Counted<S> {
    stream: S,
    member: Arc<Member>,
}

impl<S> Counted<S> {
    pub(crate) fn new(stream: S, member: Arc<Member>) -> Self {
        Self { stream, member }
    }

    fn told(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = &written {
            self.member.moves(*bytes);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        self.member.moves(buffer.filled().len() - before);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.told(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.told(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_waits_for_the_server_is_not_idle() {
        let crowd = Crowd::new(1, 1);
        let member = crowd.join();
        let later = member.begun + 10 * STILL;
        assert!(!member.may_end(member.begun));
        assert!(member.may_end(later));
        let waiting = Waiting::begin(&member);
        assert!(!member.may_end(later));
        drop(waiting);
        assert!(!member.may_end(member.last_moved()));
        assert!(member.may_end(member.last_moved() + STILL));
        // Nor does the time of the wait count against its rate.
        let minute = 60_000;
        member.waited.store(minute, Ordering::Relaxed);
        member.moved.store(minute, Ordering::Relaxed);
        assert!(!member.may_end(member.last_moved()));
        member.waited.store(0, Ordering::Relaxed);
        assert!(member.may_end(member.last_moved()));
    }
}
