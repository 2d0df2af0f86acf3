//! Signatures: keys, files, and which keys may sign what.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod policy;
mod signature;
mod signer;
