//! What a file is, by its first bytes and as SIF.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod damaged;
mod image;
mod sif;
mod sif_refused;
