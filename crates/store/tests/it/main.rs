//! Stores: what each promises, requests that are sent again, addresses, runtimes.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod addresses;
mod contract;
mod http;
mod retries;
mod runtimes;
