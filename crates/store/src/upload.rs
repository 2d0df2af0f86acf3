//! A large object that is written from a file.

use std::path::Path;

use crate::Served;

/// A large object that is written from a file.
pub struct Upload<'a> {
    /// The file.
    pub file: &'a Path,
    /// Its size in bytes.
    pub size: u64,
    /// How the object is served.
    pub served: Served,
    /// Where it is noted which parts have arrived, so that a later call goes on. Nothing: a call
    /// that fails begins anew.
    pub journal: Option<&'a Path>,
    /// Is told of bytes that have arrived.
    pub sent: &'a (dyn Fn(u64) + Sync),
    /// Whether to stop.
    pub is_cancelled: &'a (dyn Fn() -> bool + Sync),
}
