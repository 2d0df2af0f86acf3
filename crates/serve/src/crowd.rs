//! Who is connected, and who makes room when there are as many connections as the process may have: the one
//! that has not moved for longest.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

/// A connection on which nothing moved for so long may be ended when others wait.
const STILL: Duration = Duration::from_millis(500);
/// After so long a connection has to have moved [`RATE`] bytes a second, when others wait.
const TRICKLE: Duration = Duration::from_secs(5);
/// Slower is no progress, in bytes a second: the same as what readers give up.
const RATE: u64 = 1 << 10;
/// Of all connections, one in so many may be ended at once.
const PART: usize = 8;
/// How often somebody is looked for who makes room.
const LOOK: Duration = Duration::from_millis(50);

/// The connections that there are.
#[derive(Debug)]
pub(crate) struct Crowd {
    free: Arc<Semaphore>,
    most: usize,
    /// How many files may be sent at once that are too large to be read before.
    files: Arc<Semaphore>,
    members: Mutex<Vec<Arc<Member>>>,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Member {
    begun: Instant,
    /// When bytes moved last, in milliseconds since it began.
    moved: AtomicU64,
    bytes: AtomicU64,
    /// The files that are sent to it.
    files: AtomicUsize,
    /// Told when it is to make room.
    pub(crate) ended: Notify,
}

/// Of what there are not enough.
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

impl Crowd {
    /// Room for so many connections and files at once.
    pub(crate) fn new(connections: usize, files: usize) -> Self {
        Self {
            free: Arc::new(Semaphore::new(connections)),
            most: connections,
            files: Arc::new(Semaphore::new(files)),
            members: Mutex::default(),
        }
    }

    /// Waits for room for one more connection, and makes it where nobody leaves.
    pub(crate) async fn room(&self) -> Option<OwnedSemaphorePermit> {
        self.acquire(&self.free, Scarce::Connections).await
    }

    /// Returns the same for a file that is sent to `member`.
    pub(crate) async fn file(&self, member: &Arc<Member>) -> Option<Holding> {
        let permit = self.acquire(&self.files, Scarce::Files).await?;
        Some(Self::holding(member, permit))
    }

    /// Returns the same, if there is room now.
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

    /// Ends those connections that have not moved for longest, of those that may be ended: a part of all, so
    /// that a long queue is served soon.
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

    /// Returns how many connections there are.
    pub(crate) fn len(&self) -> usize {
        self.most.saturating_sub(self.free.available_permits())
    }

    /// Returns a connection that begins.
    pub(crate) fn join(&self) -> Arc<Member> {
        let member = Arc::new(Member {
            begun: Instant::now(),
            moved: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            files: AtomicUsize::new(0),
            ended: Notify::new(),
        });
        self.members().push(Arc::clone(&member));
        member
    }

    /// A connection that has ended.
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
        let age = now.saturating_duration_since(self.begun);
        let is_still = now.saturating_duration_since(self.last_moved()) >= STILL;
        let owed = age.as_secs().saturating_mul(RATE);
        is_still || (age >= TRICKLE && self.bytes.load(Ordering::Relaxed) < owed)
    }

    fn moves(&self, bytes: usize) {
        if bytes > 0 {
            let since = self.begun.elapsed().as_millis();
            let since = u64::try_from(since).unwrap_or(u64::MAX);
            self.moved.store(since, Ordering::Relaxed);
            self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        }
    }
}

/// A stream that tells its member what moves.
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
