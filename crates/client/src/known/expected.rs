//! The registry that is expected at a location: by an argument, a lock file, or the known registries.

use std::collections::BTreeMap;
use std::path::PathBuf;

use sreg_model::lock::{Pin, StatementVersion};
use sreg_model::statement::Subject;
use sreg_model::{Digest, Document};
use sreg_registry::verify::{Evidence, Seen};

use crate::known::error::KnownError;
use crate::known::lock_file::LockFile;
use crate::known::registries::KnownRegistries;
use crate::known::registry::KnownRegistry;
use crate::location::Location;

/// The sources of pins.
#[derive(Debug, Clone, Default)]
pub struct Pins {
    /// The user's known registries. `None` if the program keeps none: then nothing is known or recorded.
    pub registries: Option<KnownRegistries>,
    /// The lock file.
    pub lock_file: LockFile,
    /// The id that the user gives. The registry is recorded under it.
    pub registry: Option<Digest>,
}

/// The pins of the registry that is expected at a location.
#[derive(Debug, Clone, Default)]
pub struct ExpectedRegistry {
    pins: Vec<Pin>,
    is_recorded: bool,
    has_lock_file: bool,
    locked: Option<Pin>,
    known: Option<KnownRegistry>,
}

impl ExpectedRegistry {
    /// Returns all its pins, which the registry must match: of the known registries, the lock file, and the
    /// id that the user gives.
    #[must_use]
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// Returns its pins without their heads, for a registry whose head is selected by its id, or is replaced
    /// by a new epoch.
    #[must_use]
    pub fn pins_without_heads(&self) -> Vec<Pin> {
        let without_head = |pin: &Pin| Pin {
            head: None,
            ..pin.clone()
        };
        self.pins.iter().map(without_head).collect()
    }

    /// Returns its newest statements that were seen.
    #[must_use]
    pub fn statements(&self) -> BTreeMap<Subject, StatementVersion> {
        let known = self.known.as_ref();
        known.map_or_else(BTreeMap::new, |known| known.statements().clone())
    }

    /// Returns whether to record the registry: it is known, or its id was given.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.is_recorded
    }

    /// Returns whether there is a lock file, which must list every registry.
    #[must_use]
    pub fn has_lock_file(&self) -> bool {
        self.has_lock_file
    }

    /// Returns its pin in the lock file.
    #[must_use]
    pub fn locked(&self) -> Option<&Pin> {
        self.locked.as_ref()
    }

    /// Returns its entry in the known registries.
    #[must_use]
    pub fn known(&self) -> Option<&KnownRegistry> {
        self.known.as_ref()
    }

    /// Returns whether it has any pin.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.pins.is_empty()
    }
}

impl Pins {
    /// Returns the registry expected at a location whose stated id, perhaps unverified, is `found`. If
    /// another registry was seen there, that one is expected.
    ///
    /// # Errors
    /// As [`LockFile::read`] and [`KnownRegistries::find`]. `Denied` if the known registries are not
    /// readable; if an id or a lock file is given, they count as empty instead.
    pub fn expect(
        &self,
        location: &Location,
        found: Option<Digest>,
    ) -> Result<ExpectedRegistry, KnownError> {
        let lock = self.lock_file.read()?;
        let reader = Reader {
            registries: self.registries.as_ref(),
            may_be_denied: self.registry.is_some() || lock.is_some(),
        };
        let (id, is_recorded) = match (self.registry, found) {
            (Some(id), _) => (Some(id), true),
            (None, found) => {
                let mut seen_here = Vec::new();
                for place in location.aliases() {
                    seen_here.extend(reader.at(place)?);
                }
                let here = |id: &Digest| seen_here.iter().any(|known| known.registry() == *id);
                match (found, seen_here.first()) {
                    // The registry may have been seen elsewhere.
                    (Some(found), None) => (Some(found), reader.find(&found)?.is_some()),
                    (Some(found), Some(_)) if here(&found) => (Some(found), true),
                    (_, Some(other)) => (Some(other.registry()), true),
                    (None, None) => (None, false),
                }
            }
        };
        let has_lock_file = lock.is_some();
        let Some(id) = id else {
            return Ok(ExpectedRegistry {
                has_lock_file,
                ..ExpectedRegistry::default()
            });
        };
        let known = reader.find(&id)?;
        let locked = lock.and_then(|lock| lock.find(&id).cloned());
        let mut pins: Vec<Pin> = known.iter().map(KnownRegistry::pin).collect();
        pins.extend(locked.clone());
        if self.registry.is_some() && pins.is_empty() {
            pins.push(Pin::registry(id));
        }
        Ok(ExpectedRegistry {
            pins,
            is_recorded,
            has_lock_file,
            locked,
            known,
        })
    }

    /// Records the verified state of the registry at a location, as [`KnownRegistries::record`].
    ///
    /// # Errors
    /// As [`KnownRegistries::record`]; `NoFolder` if the program keeps no known registries.
    pub fn record(&self, location: &Location, seen: &Seen) -> Result<(), KnownError> {
        self.folder()?.record(location, seen)
    }

    /// Saves both sides of forks, and returns their files: the documents that were found, and those seen
    /// before.
    ///
    /// # Errors
    /// `Write` if a file cannot be written; `NoFolder` if the program keeps no known registries.
    pub fn keep_evidence(
        &self,
        expected: &ExpectedRegistry,
        forks: &[Evidence],
    ) -> Result<Vec<PathBuf>, KnownError> {
        let mut kept = Vec::new();
        let (Some(pin), false) = (expected.pins.first(), forks.is_empty()) else {
            return Ok(kept);
        };
        let registries = self.folder()?;
        for fork in forks {
            let name = fork.place.to_string().replace('/', "-");
            kept.push(registries.keep_evidence(&pin.id, &name, &fork.bytes)?);
        }
        if let Some(known) = &expected.known {
            for (name, bytes) in [
                ("seen-head", known.head().map(Document::bytes)),
                ("seen-trust", known.trust().map(Document::bytes)),
            ] {
                if let Some(bytes) = bytes {
                    kept.push(registries.keep_evidence(&pin.id, name, bytes)?);
                }
            }
        }
        Ok(kept)
    }

    fn folder(&self) -> Result<&KnownRegistries, KnownError> {
        self.registries.as_ref().ok_or(KnownError::NoFolder)
    }
}

/// The known registries, if they can be read.
struct Reader<'a> {
    registries: Option<&'a KnownRegistries>,
    /// Whether they count as empty if they are not readable.
    may_be_denied: bool,
}

impl Reader<'_> {
    fn at(&self, place: &str) -> Result<Vec<KnownRegistry>, KnownError> {
        self.unless_denied(self.registries.map(|registries| registries.at(place)))
    }

    fn find(&self, registry: &Digest) -> Result<Option<KnownRegistry>, KnownError> {
        self.unless_denied(self.registries.map(|registries| registries.find(registry)))
    }

    fn unless_denied<T: Default>(
        &self,
        read: Option<Result<T, KnownError>>,
    ) -> Result<T, KnownError> {
        match read {
            None => Ok(T::default()),
            Some(Err(KnownError::Read { path, source }))
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                match self.may_be_denied {
                    true => Ok(T::default()),
                    false => Err(KnownError::Denied { path, source }),
                }
            }
            Some(read) => read,
        }
    }
}
