//! The command before real servers and real clients. `tests/interop/servers.sh` and `clients.sh` run these:
//! a second binary, because `scripts/tools` must have installed what they need.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod clients;
mod network;
#[path = "../it/support/mod.rs"]
mod support;
