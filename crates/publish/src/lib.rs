//! Publishes in a registry: in a folder with one writer at a time, or in a store with concurrent writers.
//!
//! The order of writes is that of `spec/commit.md`: immutable files first, then the one slot that is the
//! commit, then derived files. A killed run leaves the old head or the new one, each whole.

pub mod attach;
mod attempts;
pub mod change;
pub mod changeset;
pub mod commit;
mod destination;
mod error;
pub mod folder_writer;
mod link;
pub mod mirror;
mod progress;
mod publish_changeset;
pub mod push;
pub mod recover;
pub mod remove;
pub mod repair;
mod session;
pub mod signing;
mod source_fault;
mod statements;
mod store_writer;
mod update_views;
mod upload_check;
pub mod version;
pub mod writer;

pub use commit::Published;
pub use destination::Destination;
pub use error::{PublishError, Unsigned};
pub use link::LinkMode;
pub use progress::Progress;
pub use publish_changeset::publish_changeset;
pub use session::Session;
pub use signing::{Keys, days};
pub use source_fault::SourceFault;
