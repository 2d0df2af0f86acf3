//! Published folders that are read: what a head reaches, and what `verify` says.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod reachable;
mod verify;
