//! Publishes into a registry: in a folder that one run has to itself, or in a store that others may write to
//! at the same time.
//!
//! The order of writes is that of `spec/commit.md`: immutable files first, then the one slot that is the
//! commit, then what can be derived. A run that is killed leaves the old head or the new one, each whole.

pub mod attach;
mod attempts;
pub mod change;
pub mod changeset;
pub mod commit;
mod destination;
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
mod statements;
mod store_writer;
mod update_views;
mod upload_check;
pub mod version;
pub mod writer;

pub use commit::Published;
pub use destination::Destination;
pub use link::LinkMode;
pub use progress::Progress;
pub use publish_changeset::publish_changeset;
pub use session::Session;
pub use signing::{Keys, days};
