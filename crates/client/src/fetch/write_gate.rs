//! A gate that detached threads pass before they write: once it is closed, none writes.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

#[derive(Debug, Default)]
pub(super) struct WriteGate {
    is_closed: AtomicBool,
    passes: RwLock<()>,
}

impl WriteGate {
    /// Enters the gate, which stays open while the pass lives; `None` if it is closed.
    pub(super) fn enter(&self) -> Option<RwLockReadGuard<'_, ()>> {
        let pass = self.passes.read().unwrap_or_else(PoisonError::into_inner);
        (!self.is_closed()).then_some(pass)
    }

    /// Closes the gate, and waits for the threads inside.
    pub(super) fn close(&self) {
        let _all = self.passes.write().unwrap_or_else(PoisonError::into_inner);
        self.is_closed.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::SeqCst)
    }
}
