//! Pulling: known registries, resolution of references, downloads.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod fetch;
mod known;
mod resolve;
