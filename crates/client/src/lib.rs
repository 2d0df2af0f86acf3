//! Pulls images. [`resolve`](resolve::resolve) finds the image of a reference and verifies the documents that
//! vouch for it; [`pull`](pull::pull) downloads it to a file or a writer, verified. [`known`] keeps pins
//! between runs, [`fetch`] downloads from several sources at once, and [`cache`] keeps images for many users.
//!
//! The library reads no environment, no home folder, no clock and no terminal, and prints nothing: programs
//! pass [`PullOptions`], with a callback for the one question that only a person can answer.

pub mod cache;
pub mod destination;
pub mod direct_url;
pub mod fetch;
pub mod known;
pub mod location;
mod options;
pub mod pull;
pub mod resolve;
mod warning;

pub use options::{PullOptions, Version};
pub use warning::Warning;
