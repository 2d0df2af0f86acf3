//! Views: their bytes, and the hosts that serve them.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod hosts;
mod views;
