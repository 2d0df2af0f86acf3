//! From files to digests and chains, and the Merkle map over what was hashed.
//!
//! Everything here is synchronous. [`hasher`] reads files; [`map`], [`proof`], [`diff`] and
//! [`index`] work on nodes that a [`map::NodeSource`] hands them, and do no I/O of their own.

pub mod chain;
pub mod diff;
pub mod hasher;
pub mod index;
pub mod map;
mod mmap;
pub mod proof;
pub mod stamp;

pub use chain::Chain;
