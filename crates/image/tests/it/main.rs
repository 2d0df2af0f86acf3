//! Images: formats, architectures, and what a bounded reader finds inside.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod content;
mod open;
mod reader;
