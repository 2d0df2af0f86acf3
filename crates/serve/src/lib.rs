//! A read-only server of one published tree, for previews and small sites.
//!
//! It does what any web server does with a folder of files, and with the headers that
//! `spec/layout.md` asks for. Nothing is derived: what is not in the tree is not there. The two
//! things that a folder cannot do by itself are paging of tags and a choice by `?arch=`.
//!
//! A request goes from `path` to `root` to `found` to `answer`; `connections` says how
//! many of them there are at once, and for how long.

mod body;
mod conditions;
mod connections;
mod content_type;
mod crowd;
mod error;
mod error_response;
mod file;
mod handler;
mod limits;
mod log;
mod path;
mod query;
mod range;
mod root;
mod server;
mod tags;
mod tls;

pub use error::ServeError;
pub use log::{ACCESS_LOG, Sink, access_log};
pub use server::{Ended, Options, Server, TlsFiles};
