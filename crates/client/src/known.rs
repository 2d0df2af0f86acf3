//! Known registries: the pins of each between runs, which registry is expected where, and trust on first use
//! (`spec/trust.md`, TRUST-21 to TRUST-25; `spec/lock.md`; `spec/cli.md`, CLI-18 to CLI-20).

mod confirm;
mod error;
mod expected;
mod lock_file;
mod question;
mod registries;
mod registry;

pub use confirm::confirm_registry;
pub use error::KnownError;
pub use expected::{ExpectedRegistry, Pins};
pub use lock_file::{LockFile, record_in_lock_file};
pub use question::{Confirm, NeverConfirm, Question};
pub use registries::KnownRegistries;
pub use registry::KnownRegistry;
