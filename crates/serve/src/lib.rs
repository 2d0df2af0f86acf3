//! A read-only server of one registry, for previews and small sites.
//!
//! It serves a folder of files like any web server, with the headers of `spec/layout.md`. It derives
//! nothing: a file that is not in the registry is not served. It adds the two features that static files
//! cannot have: pages of tags, and the choice of an architecture by `?arch=`.
//!
//! A request goes from `path` to `root` to `file` to `handler`. `connections` limits their number and
//! time.

mod body;
mod conditions;
mod connections;
mod content_type;
mod crowd;
mod error;
mod error_response;
mod file;
mod file_cache;
mod handler;
mod head_timeout;
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
