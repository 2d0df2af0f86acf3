//! The Merkle map.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod map;
