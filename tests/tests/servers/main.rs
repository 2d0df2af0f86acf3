//! The servers that storage is tested with, and registries on them. `tests/interop/servers.sh` runs these.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod programs;
mod storage;
