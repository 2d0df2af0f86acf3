//! A published registry tree in a local folder: read it, publish into it, verify it, repair it.
//!
//! The order of writes is that of `spec/commit.md`: what is immutable first, then one link that
//! is the commit, then what can be derived. A run that is killed leaves the old head or the new
//! one, each whole.

pub mod attach;
pub mod cache;
pub mod change;
pub mod error;
pub mod history;
pub mod ingest;
mod kept;
pub mod mirror;
pub mod publish;
pub mod push;
pub mod remove;
pub mod repair;
mod shared;
pub mod source;
mod staging;
mod tree;
pub mod verify;
mod views;
mod writer;

pub use error::{TreeError, explain};
pub use staging::LinkMode;
pub use tree::Tree;
