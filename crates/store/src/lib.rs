//! Where registries are served: so far documents over HTTP, which `sreg trust` reads.

mod http;

pub use http::{Site, SiteError};
