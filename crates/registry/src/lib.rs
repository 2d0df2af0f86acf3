//! Reads a published registry wherever it is stored: its documents, its trust chain, its heads, and what the
//! index derives; verifies all of it, or one reference.
//!
//! [`Registry`] opens a registry once; every other function takes it.

pub mod derive;
mod error;
pub mod heads;
pub mod journal;
mod object_cache;
mod pins;
pub mod reachable;
mod registry;
pub mod trust;
pub mod verify;

pub use error::{RegistryError, explain};
pub use pins::Signed;
pub use registry::Registry;
