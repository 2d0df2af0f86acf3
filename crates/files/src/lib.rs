//! File operations on real file systems: files are opened without waiting for a pipe, written whole,
//! durable if possible, and readable by the users who share the folder.
//!
//! Knows nothing of registries and their format.

mod lock;
mod modes;
mod open;
mod write;

pub use lock::FolderLock;
pub use modes::Modes;
pub use open::{is_absent, is_not_a_file, open, open_given, read_capped};
pub use write::{Access, create_from, is_full, is_unsupported, sync, sync_folder, write_atomic};
