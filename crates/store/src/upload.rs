//! The upload of a large object from a file.

use std::path::Path;

use crate::Served;

/// The upload of a large object from a file.
pub struct Upload<'a> {
    /// The file.
    pub file: &'a Path,
    /// Its size in bytes.
    pub size: u64,
    /// How the object is served.
    pub served: Served,
    /// The journal of the uploaded parts, with which a later call resumes. With `None`, a failed call
    /// starts again.
    pub journal: Option<&'a Path>,
    /// Called with the number of uploaded bytes.
    pub sent: &'a (dyn Fn(u64) + Sync),
    /// Returns whether to stop.
    pub is_cancelled: &'a (dyn Fn() -> bool + Sync),
}
