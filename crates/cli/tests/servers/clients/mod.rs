//! Stock clients on a registry that is served as files: by nginx, from a bucket on an S3 server, by
//! `sreg serve`, and by a host that knows no media types. Each ends with the bytes that the signed index
//! names. `tests/interop/clients.sh` runs these; `scripts/tools` installs the clients.

mod attached;
mod bad;
mod client;
mod conformance;
mod headers;
mod pulls;
mod reads;
mod site;
mod untyped;
