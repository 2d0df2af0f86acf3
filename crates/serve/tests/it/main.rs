//! The server, over real connections.
#![allow(clippy::unwrap_used, reason = "a test that fails says where")]

mod conditions;
mod connections;
mod escape;
mod headers;
mod log;
mod odd;
mod paging;
mod support;
mod tls;
