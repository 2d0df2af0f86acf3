//! Situations that people meet in the field: odd file systems, accounts, mistakes, and what becomes of
//! images while they are published.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod file_systems;
mod links;
mod pipes;
mod removals;
#[path = "../support/mod.rs"]
mod support;
