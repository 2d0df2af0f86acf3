//! SIGINT and SIGTERM: the work stops at the next safe point.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use sreg_store::Interrupt;

static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on a signal sets the flag; a second one ends the process at once.
pub(crate) fn listen() {
    let flag = FLAG.get_or_init(Arc::default);
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        // Without a handler the signal ends the process, which is what was there before.
        let _ = signal_hook::flag::register_conditional_shutdown(
            signal,
            crate::exit::INTERRUPTED.into(),
            Arc::clone(flag),
        );
        let _ = signal_hook::flag::register(signal, Arc::clone(flag));
    }
}

/// What ends the requests of stores, and their waits, once a signal came.
pub(crate) fn interrupt() -> Interrupt {
    Interrupt::of(Arc::clone(FLAG.get_or_init(Arc::default)))
}

/// Whether a signal came.
pub(crate) fn requested() -> bool {
    FLAG.get().is_some_and(|flag| flag.load(Ordering::Relaxed))
}
