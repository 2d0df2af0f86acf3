//! Which registry is expected at a location: by an argument, a lock file, or the known registries.

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

/// Where a program looks up which registry to expect.
#[derive(Debug, Clone, Default)]
pub struct Pins {
    /// The registries that the user knows. `None` if the program keeps none: then none is known, and nothing can
    /// be recorded.
    pub registries: Option<KnownRegistries>,
    /// The lock file.
    pub lock_file: LockFile,
    /// The id that the user gives. The registry is recorded under it, and known from now on.
    pub registry: Option<Digest>,
}

/// What is known of the registry that is expected at a location.
#[derive(Debug, Clone, Default)]
pub struct ExpectedRegistry {
    pins: Vec<Pin>,
    is_recorded: bool,
    has_lock_file: bool,
    locked: Option<Pin>,
    known: Option<KnownRegistry>,
}

impl ExpectedRegistry {
    /// Returns its pins, to all of which the registry must be held. There may be one of the known registries, one
    /// of the lock file, and one of the id that the user gives.
    #[must_use]
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// Returns its pins without their heads, for a registry whose head is chosen by its id, or is replaced by a
    /// new epoch.
    #[must_use]
    pub fn pins_without_heads(&self) -> Vec<Pin> {
        let without_head = |pin: &Pin| Pin {
            head: None,
            ..pin.clone()
        };
        self.pins.iter().map(without_head).collect()
    }

    /// Returns the newest statements that were seen of it.
    #[must_use]
    pub fn statements(&self) -> BTreeMap<Subject, StatementVersion> {
        let known = self.known.as_ref();
        known.map_or_else(BTreeMap::new, |known| known.statements().clone())
    }

    /// Returns whether what is seen of it is to be recorded: the user knows it, or gives its id.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.is_recorded
    }

    /// Returns whether there is a lock file, which lists every registry that may be used.
    #[must_use]
    pub fn has_lock_file(&self) -> bool {
        self.has_lock_file
    }

    /// Returns its pin in the lock file.
    #[must_use]
    pub fn locked(&self) -> Option<&Pin> {
        self.locked.as_ref()
    }

    /// Returns what the user's known registries contain of it.
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
    /// Returns what is known of the registry at a location, whose own id, which need not be verified yet, is
    /// `found`. If another registry was seen at that location, the other one is expected.
    ///
    /// # Errors
    /// As [`LockFile::read`] and [`KnownRegistries::find`]. `Denied` if the known registries may not be read; if
    /// the user gives an id or a lock file, they count as empty instead.
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
                    // It may have been seen elsewhere.
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

    /// Records what was seen of the registry at a location, as [`KnownRegistries::record`].
    ///
    /// # Errors
    /// As [`KnownRegistries::record`]; `NoFolder` if the program keeps no known registries.
    pub fn record(&self, location: &Location, seen: &Seen) -> Result<(), KnownError> {
        self.folder()?.record(location, seen)
    }

    /// Keeps both sides of forks, and returns their files: the documents that were found, and those that were
    /// seen before. Returns no file if there is no fork.
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
    /// Whether they count as empty if they may not be read.
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
