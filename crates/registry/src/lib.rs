//! Reads a published registry wherever it is stored: its documents, its trust chain, its heads, and what the
//! index derives; verifies all of it, or one reference.
//!
//! [`Tree`] opens a registry once; every other function takes it.

pub mod derive;
mod error;
pub mod heads;
pub mod journal;
mod object_cache;
mod source_fault;
mod tree;
pub mod trust;
pub mod verify;

pub use error::{TreeError, Unsigned, explain};
pub use source_fault::SourceFault;
pub use tree::Tree;
