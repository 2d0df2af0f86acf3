//! Publishes a folder of images: which files are images, what references their names give, what was hashed
//! before, and what was removed (`spec/cli.md`, `sreg index`).

mod folder;
pub mod hash_cache;
mod hashing;
mod host;
mod images;
mod prune;
pub mod source;

pub use folder::{Options, Outcome, Reading, index_folder, statement_file};
