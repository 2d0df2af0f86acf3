//! Situations that people meet in the field: odd file systems, accounts, mistakes, and what becomes of
//! images while they are published.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod links;
mod removals;
#[path = "../support/mod.rs"]
mod support;
