//! Tests across crates: vectors, schemas, imports, stores, the proxy.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod examples;
mod layering;
mod libraries;
mod proxy;
mod schema;
mod stores;
mod vectors;
mod vectors_index;
mod vectors_tree;
