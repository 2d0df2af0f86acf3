//! What was read of a store, and never changes: nodes and statements, by their digest.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sreg_model::layout::Place;

/// The bytes that are kept at most.
const MOST: usize = 64 << 20;

/// Immutable files that were read or written, so that they need not be asked for again. They are
/// verified each time they are used, as if they had come anew.
#[derive(Debug, Default)]
pub(crate) struct ObjectCache {
    files: Mutex<Files>,
}

#[derive(Debug, Default)]
struct Files {
    by_place: HashMap<Place, Vec<u8>>,
    bytes: usize,
}

impl ObjectCache {
    pub(crate) fn get(&self, place: &Place) -> Option<Vec<u8>> {
        self.files().by_place.get(place).cloned()
    }

    /// Keeps a file, if it is of a kind that never changes.
    pub(crate) fn keep(&self, place: &Place, bytes: &[u8]) {
        if !matches!(place, Place::Node(_) | Place::Statement(_)) {
            return;
        }
        let mut files = self.files();
        if files.bytes + bytes.len() > MOST {
            *files = Files::default();
        }
        files.bytes += bytes.len();
        if let Some(before) = files.by_place.insert(place.clone(), bytes.to_vec()) {
            files.bytes -= before.len();
        }
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
