//! The observer of a publishing run.

use sreg_index::hasher::Observer;
use sreg_model::head::Head;

/// Observes a publishing run.
pub trait Progress: Observer {
    /// Reports that another run holds the lock of the output folder.
    fn waiting(&self) {}
    /// Reports something that the user should know and that is not an error.
    fn note(&self, _text: &str) {}
    /// Reports that the published index is loaded.
    fn loaded(&self) {}
    /// Reports a committed version, whose views must still be written.
    fn committed(&self, _head: &Head) {}
}
