//! Situations that people reported elsewhere, each as it was met.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod inspected;
mod names;
mod said;
mod secrets;
#[path = "../support/mod.rs"]
mod support;
