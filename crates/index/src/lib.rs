//! Digests and digest chains of files, and the Merkle map of a registry.
//!
//! Everything here is synchronous. [`hasher`] reads files. [`map`], [`proof`], [`diff`] and [`index`]
//! get nodes from a [`map::NodeSource`], and do no I/O themselves.

pub mod chain;
pub mod diff;
pub mod hasher;
pub mod index;
pub mod map;
mod mmap;
pub mod proof;
pub mod stamp;

pub use chain::Chain;
