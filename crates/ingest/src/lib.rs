//! Publishes a folder of images: finds image files, reads references from their names, caches hashes, and
//! removes references of deleted images (`spec/cli.md`, `sreg index`).

mod error;
mod folder;
pub mod hash_cache;
mod hashing;
mod host;
mod images;
mod prune;
pub mod source;

pub use error::IngestError;
pub use folder::{Options, Outcome, Reading, index_folder, statement_file};
