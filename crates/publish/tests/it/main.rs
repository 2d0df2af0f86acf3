//! Folders that are published, mended and copied: what is on disk, in which order, and what remains of a run
//! that is stopped.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod commit;
mod endless;
mod mirror;
mod trace;
