//! The bridge between blocking code and tokio.

use std::future::Future;
use std::io;
use std::pin::pin;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::{panic, thread};

use futures_util::future::{Either, select};
use tokio::runtime::{Builder, Handle, Runtime};

use crate::StoreError;
use crate::retry::Interrupt;

/// Runs a future to its end and blocks the calling thread until then. Threads of its own drive the network.
///
/// In a thread that drives another runtime the future runs on a further thread, because tokio refuses to
/// block such a thread by its own means.
///
/// # Errors
/// As the system, if the threads cannot be started.
pub(crate) fn block_on<F>(future: F) -> io::Result<F::Output>
where
    F: Future + Send,
    F::Output: Send,
{
    let runtime = runtime()?;
    if Handle::try_current().is_err() {
        return Ok(runtime.block_on(future));
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("sreg-request".to_owned());
        let running = thread.spawn_scoped(scope, || runtime.block_on(future))?;
        match running.join() {
            Ok(output) => Ok(output),
            Err(panicked) => panic::resume_unwind(panicked),
        }
    })
}

/// Returns the runtime that drives the network, which the first request starts.
fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    static STARTING: Mutex<()> = Mutex::new(());
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    // A runtime that lost a race for the cell could not be dropped inside another runtime.
    let _starting = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("sreg-net")
        .enable_all()
        .build()?;
    Ok(RUNTIME.get_or_init(|| runtime))
}

/// Runs a request for `name`, which an interrupt ends.
///
/// # Errors
/// [`StoreError::Cancelled`] if the interrupt is set; [`StoreError::Unusable`] if no thread can be started;
/// otherwise as the request.
pub(crate) fn block_on_request<T: Send>(
    name: &str,
    interrupt: &Interrupt,
    request: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    let ended = block_on(async {
        match select(pin!(request), pin!(interrupt.wait())).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => Err(StoreError::Cancelled),
        }
    });
    ended.unwrap_or_else(|source| {
        Err(StoreError::Unusable {
            name: name.to_owned(),
            source,
        })
    })
}
