//! Digests and digest chains of files ([`hash`]), and the Merkle map of a registry ([`map`]).
//!
//! Everything here is synchronous. [`hasher`] reads files. [`map`], [`proof`], [`diff`] and [`index`]
//! get nodes from a [`map::NodeSource`], and do no I/O themselves.

pub mod hash;
pub mod map;

pub use hash::chain::Chain;
pub use hash::{chain, hasher, stamp};
pub use map::{diff, index, proof};
