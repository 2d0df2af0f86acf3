//! What an attacker can do who holds the place where a registry is served, or some of its keys: each
//! is refused, and leaves nothing behind but the evidence.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bytes;
mod history;
mod install;
mod keys;
#[path = "../support/mod.rs"]
mod support;
mod thief;
mod victim;
