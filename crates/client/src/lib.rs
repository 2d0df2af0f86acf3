//! What a reader knows of registries, from one run to the next (`spec/trust.md`, TRUST-21 to
//! TRUST-25; `spec/cli.md`, CLI-18 to CLI-20), and how images come to readers ([`fetch`]).

pub mod cache;
mod error;
pub mod fetch;
mod memory;
mod record;

pub use error::StateError;
pub use memory::Memory;
pub use record::Record;
