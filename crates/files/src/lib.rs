//! Files as registries need them, on the file systems that people have: opened without waiting for a pipe,
//! written whole, durable where that is possible, readable by whom the folder is shared with.
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
