//! SIGINT and SIGTERM: the work stops at the next safe point.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use sreg_store::Interrupt;

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// Handles signals: the first sets the flag, the second ends the process at once.
pub(crate) fn listen() {
    let flag = FLAG.get_or_init(Arc::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // If registration fails, a signal ends the process, which is the default.
        let _ = signal_hook::flag::register_conditional_shutdown(
            signal,
            crate::exit::INTERRUPTED.into(),
            Arc::clone(flag),
        );
        let _ = signal_hook::flag::register(signal, Arc::clone(flag));
    }
}

/// Returns the interrupt that a signal triggers: it ends requests and waits of stores.
pub(crate) fn interrupt() -> Interrupt {
    Interrupt::of(Arc::clone(FLAG.get_or_init(Arc::default)))
}

/// Returns whether a signal was received.
pub(crate) fn requested() -> bool {
    FLAG.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}
