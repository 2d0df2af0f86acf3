//! `sreg serve`, as a process: what it prints, how it ends, and how it bears a crowd.
#![allow(clippy::print_stdout, reason = "figures for whoever asks for them")]

mod command;
mod crowd;
