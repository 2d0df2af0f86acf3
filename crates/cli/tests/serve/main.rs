//! `sreg serve`, as a process: what it prints, how it ends, and how it bears a crowd.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]
#![allow(clippy::print_stdout, reason = "figures for whoever asks for them")]

mod command;
mod crowd;
mod process;
#[path = "../support/mod.rs"]
mod support;
