//! Images from sources that are at fault in every way: what is fetched is right, or it is refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cache;
mod places;
mod resume;
mod sources;
mod stores;
mod streams;
mod target;
mod whole_file;
