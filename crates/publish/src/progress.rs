//! What a run that publishes tells about itself.

use sreg_index::hasher::Observer;
use sreg_model::head::Head;

/// Watches over a run that publishes.
pub trait Progress: Observer {
    /// Another run holds the lock of the output folder.
    fn waiting(&self) {}
    /// Something happened that the user should know, and that is no error.
    fn note(&self, _text: &str) {}
    /// The index that was published before is loaded.
    fn loaded(&self) {}
    /// A version is committed; its views are still to be written.
    fn committed(&self, _head: &Head) {}
}
