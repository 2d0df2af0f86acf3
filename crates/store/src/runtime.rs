//! The bridge between blocking code and tokio.

use std::future::Future;
use std::pin::pin;
use std::sync::OnceLock;

use futures_util::future::{Either, select};
use tokio::runtime::{Builder, Runtime};

use crate::StoreError;
use crate::retry::Interrupt;

/// Runs a future to completion on the calling thread. Other threads drive the network.
///
/// # Panics
/// If the threads cannot be started.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME
        .get_or_init(|| {
            // Fails where a provider was chosen already, by an earlier call.
            let _ = rustls::crypto::ring::default_provider().install_default();
            Builder::new_multi_thread()
                .worker_threads(2)
                .thread_name("sreg-net")
                .enable_all()
                .build()
                .expect("a process can start two threads")
        })
        .block_on(future)
}

/// Runs one request, and stops at an interrupt.
///
/// # Errors
/// [`StoreError::Cancelled`] if the interrupt is set; otherwise as the request.
pub(crate) fn block_on_request<T>(
    interrupt: &Interrupt,
    request: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    block_on(async {
        match select(pin!(request), pin!(interrupt.wait())).await {
            Either::Left((ended, _)) => ended,
            Either::Right(_) => Err(StoreError::Cancelled),
        }
    })
}
