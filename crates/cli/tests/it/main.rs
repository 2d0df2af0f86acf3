//! The command, as people and scripts run it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attach;
mod attacks;
mod bad_input;
mod broken_tree;
mod cli_spec;
mod field;
mod flips;
mod golden;
mod host;
mod index;
mod inspect;
mod kill;
mod said;
mod serve;
mod stores;
mod support;
mod transfer;
mod trust;
