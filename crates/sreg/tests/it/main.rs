//! The front door, as a program uses it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod front_door;
mod options;
