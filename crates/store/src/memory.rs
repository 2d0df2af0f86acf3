//! Objects in memory, for tests and the simulation.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sreg_model::Digest;

use crate::{
    Capabilities, Copied, Listed, Lister, Object, Precondition, PutOutcome, Scheme, Served, Sink,
    Store, StoreError, Upload, Version,
};

/// Objects in memory.
#[derive(Debug, Default)]
pub struct Memory {
    objects: Mutex<Objects>,
}

#[derive(Debug, Default)]
struct Objects {
    stored: BTreeMap<String, Stored>,
    writes: u64,
}

#[derive(Debug, Clone)]
struct Stored {
    bytes: Vec<u8>,
    written: u64,
    served: Served,
    /// The noted digest of a copy.
    noted: Option<Digest>,
}

impl Memory {
    /// Returns the keys of all objects, in order.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.objects().stored.keys().cloned().collect()
    }

    /// Returns how an object is served, or `None` if it does not exist.
    #[must_use]
    pub fn served(&self, key: &str) -> Option<Served> {
        self.objects().stored.get(key).map(|stored| stored.served)
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(written: u64) -> Version {
    Version::of_tag(written.to_string())
}

impl Store for Memory {
    fn name(&self) -> &str {
        "memory"
    }

    fn capabilities(&self) -> Capabilities<'_> {
        Capabilities {
            trailing_slash: true,
            ..Capabilities::of(Scheme::Memory)
        }
    }

    fn list(&self, prefix: &str, each: Lister<'_>) -> Result<(), StoreError> {
        let below = format!("{prefix}/");
        let found: Vec<Listed> = self
            .objects()
            .stored
            .iter()
            .filter(|(key, _)| key.starts_with(&below) && !key.ends_with('/'))
            .map(|(key, stored)| Listed {
                key: key.clone(),
                size: stored.bytes.len() as u64,
            })
            .collect();
        found.into_iter().try_for_each(each)
    }

    fn read(&self, key: &str, max_bytes: usize) -> Result<Option<Object>, StoreError> {
        Ok(self.objects().stored.get(key).map(|stored| Object {
            bytes: stored.bytes[..stored.bytes.len().min(max_bytes.saturating_add(1))].to_vec(),
            version: version(stored.written),
        }))
    }

    fn size(&self, key: &str) -> Result<Option<u64>, StoreError> {
        let objects = self.objects();
        Ok(objects
            .stored
            .get(key)
            .map(|stored| stored.bytes.len() as u64))
    }

    fn read_range(&self, key: &str, range: Range<u64>, sink: Sink<'_>) -> Result<(), StoreError> {
        let Some(Object { bytes, .. }) = self.read(key, usize::MAX)? else {
            return Err(StoreError::status(key, 404));
        };
        let at = |place: u64| usize::try_from(place).map_or(bytes.len(), |at| at.min(bytes.len()));
        let (start, end) = (at(range.start), at(range.end));
        sink(&bytes[start..end.max(start)]).map_err(StoreError::io(key.to_owned()))
    }

    fn write(
        &self,
        key: &str,
        bytes: &[u8],
        condition: &Precondition,
        served: Served,
    ) -> Result<PutOutcome, StoreError> {
        let mut objects = self.objects();
        let found = objects.stored.get(key).map(|stored| stored.written);
        let holds = match condition {
            Precondition::Any => true,
            Precondition::Absent => found.is_none(),
            Precondition::Is(wanted) => found.is_some_and(|found| version(found) == *wanted),
        };
        if !holds {
            return Ok(PutOutcome::PreconditionFailed);
        }
        objects.writes += 1;
        let stored = Stored {
            bytes: bytes.to_vec(),
            written: objects.writes,
            served,
            noted: None,
        };
        objects.stored.insert(key.to_owned(), stored);
        Ok(PutOutcome::Stored)
    }

    fn upload(&self, key: &str, upload: &Upload<'_>) -> Result<(), StoreError> {
        if (upload.is_cancelled)() {
            return Err(StoreError::Cancelled);
        }
        let bytes = std::fs::read(upload.file)
            .map_err(StoreError::io(upload.file.display().to_string()))?;
        self.write(key, &bytes, &Precondition::Any, upload.served)?;
        (upload.sent)(upload.size);
        Ok(())
    }

    fn copy(
        &self,
        from: &str,
        key: &str,
        digest: &Digest,
        served: Served,
    ) -> Result<(), StoreError> {
        let mut objects = self.objects();
        let Some(found) = objects.stored.get(from).cloned() else {
            return Err(StoreError::status(from, 404));
        };
        objects.writes += 1;
        let copy = Stored {
            written: objects.writes,
            served,
            noted: Some(*digest),
            ..found
        };
        objects.stored.insert(key.to_owned(), copy);
        Ok(())
    }

    fn copied(&self, key: &str) -> Result<Option<Copied>, StoreError> {
        Ok(self.objects().stored.get(key).map(|stored| Copied {
            size: stored.bytes.len() as u64,
            digest: stored.noted,
        }))
    }

    fn remove(&self, key: &str) -> Result<(), StoreError> {
        self.objects().stored.remove(key);
        Ok(())
    }
}
