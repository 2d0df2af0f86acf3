//! A cache of immutable objects, so that a run reads each of them only once.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sreg_model::layout::Place;

/// The maximal number of bytes to keep.
const MOST: usize = 64 << 20;

/// Immutable files that were read or written. They are verified at each use, as if just downloaded.
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

    /// Keeps an object if its kind never changes. Slots may contain anything and are replaced if it is no
    /// head, so heads are kept by [`ObjectCache::keep_always`].
    pub(crate) fn keep(&self, place: &Place, bytes: &[u8]) {
        if matches!(
            place,
            Place::Node(_) | Place::Statement(_) | Place::Trust(_)
        ) {
            self.keep_always(place, bytes);
        }
    }

    /// Keeps an object of any kind.
    pub(crate) fn keep_always(&self, place: &Place, bytes: &[u8]) {
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
