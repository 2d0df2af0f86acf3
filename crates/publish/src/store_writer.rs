//! Writes to a store with concurrent writers (`spec/commit.md`, COM-14 to COM-20).
//!
//! There is no lock. Immutable objects are created if absent. The slot of a head decides which of two runs
//! has published. Derived objects are replaced only if they have not changed since the head was read.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;
use sreg_index::hasher::Observer;
use sreg_index::stamp::Stamp;
use sreg_model::head::Head;
use sreg_model::layout::{Form, JOURNAL, Place};
use sreg_model::settings::Settings;
use sreg_model::{Digest, Document, document};
use sreg_registry::Registry;
use sreg_registry::heads::{self, HeadCursor, NextSlot};
use sreg_registry::journal::{Journal, MAX_JOURNAL, Noted, Version};
use sreg_store::{Object, Precondition, PutOutcome, Served, Store, StoreError, Upload};
use sreg_views::{Content, View, host};

use crate::error::PublishError;
use crate::link::LinkMode;
use crate::writer::{Puts, Writer, evidence};
use sreg_registry::RegistryError;

/// The maximal number of attempts to change an object that other writers change, too.
const ATTEMPTS: usize = 16;
/// The headers of the journal, which hosts should not serve.
const UNSERVED: Served = Served {
    content_type: "application/json",
    cache_control: "no-store",
};

/// A key, the view stored under it, and its bytes.
type ViewObject<'a> = (String, &'a View, &'a [u8]);

/// A writer of a store.
pub(crate) struct StoreWriter {
    registry: Registry,
    /// The folder for notes of unfinished uploads.
    uploads: Option<PathBuf>,
    /// The journal as this run last read it: the condition for replacing it.
    last_journal: Mutex<Option<Object>>,
}

impl StoreWriter {
    /// Returns a writer of the registry in `store`; creates one with `settings` if there is none.
    pub(crate) fn open(
        store: &Arc<dyn Store>,
        settings: &Settings,
        uploads: Option<&Path>,
    ) -> Result<Self, PublishError> {
        match Registry::in_store(store.clone()) {
            Err(RegistryError::NotARegistry(_)) => {}
            registry => return Self::of(registry?, uploads),
        }
        let key = Place::Settings.to_string();
        let how = Place::Settings.kind().served;
        // If two writers create it, the second reads the settings of the first.
        store.write(&key, &settings.encode(), &Precondition::Absent, how)?;
        Ok(Self {
            registry: Registry::in_store(store.clone())?,
            uploads: uploads.map(Path::to_owned),
            last_journal: Mutex::default(),
        })
    }

    /// Returns a writer of an open registry.
    pub(crate) fn of(registry: Registry, uploads: Option<&Path>) -> Result<Self, PublishError> {
        check_conditions(&registry)?;
        Ok(Self {
            registry,
            uploads: uploads.map(Path::to_owned),
            last_journal: Mutex::default(),
        })
    }

    fn store(&self) -> &dyn Store {
        &**self.registry.store()
    }

    fn read(&self, place: &Place, most: usize) -> Result<Option<Object>, PublishError> {
        Ok(self.store().read(&place.to_string(), most)?)
    }

    fn write(
        &self,
        place: &Place,
        bytes: &[u8],
        condition: &Precondition,
    ) -> Result<PutOutcome, PublishError> {
        let key = place.to_string();
        Ok(self
            .store()
            .write(&key, bytes, condition, place.kind().served)?)
    }

    /// Returns whether all trust documents and heads in a journal are published.
    fn is_published(&self, journal: &Journal) -> Result<bool, PublishError> {
        for place in journal.places() {
            match self.registry.size(&place) {
                Ok(_) => {}
                Err(RegistryError::Missing { .. }) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }

    /// Returns whether a head in a journal is published.
    fn is_head(&self, noted: &Noted) -> Result<bool, PublishError> {
        let trust_chain = self.registry.trust_chain()?;
        let newest = heads::newest(&self.registry, trust_chain.as_ref())?;
        let is_in_line = newest.is_some_and(|newest| noted.version() <= Version::of(newest.body()));
        Ok(is_in_line && noted.find(&self.registry)?.is_some())
    }

    /// Refuses to continue with a head that has a successor or that later trust may drop.
    fn check_newest(&self, cursor: HeadCursor<'_>) -> Result<(), PublishError> {
        match cursor.is_newest(&self.registry)? {
            true => Ok(()),
            false => Err(PublishError::Overtaken),
        }
    }

    /// Replaces the copy of an earlier head that this run has read, if unchanged. Returns whether the copy is
    /// now that of `cursor`; the next slot is read once views are written (COM-17).
    fn advance_from_last(&self, cursor: HeadCursor<'_>) -> Result<bool, PublishError> {
        let Some(last) = self.registry.last_head() else {
            return Ok(false);
        };
        let Ok(copy) = Document::<Head>::parse(last.bytes) else {
            return Ok(false);
        };
        if copy.id() == cursor.head.id() {
            return Ok(true);
        }
        if Version::of(copy.body()) >= Version::of(cursor.head.body()) {
            return Ok(false);
        }
        let condition = Precondition::Is(last.version);
        let written = self.write(&Place::Head, cursor.head.bytes(), &condition)?;
        Ok(written == PutOutcome::Stored)
    }

    /// Returns whether copies replace links.
    fn copies_links(&self) -> bool {
        host::copies_links(self.registry.settings().host)
    }

    fn write_view(
        &self,
        (key, view, bytes): &ViewObject<'_>,
        condition: &Precondition,
    ) -> Result<PutOutcome, PublishError> {
        let how = Served {
            content_type: view.content_type,
            ..view.place.kind().served
        };
        Ok(self.store().write(key, bytes, condition, how)?)
    }

    /// Creates views that no version had, without reading them first (COM-18). Returns those that already
    /// exist, from another publisher or a killed run.
    fn create_views<'a>(
        &self,
        objects: Vec<ViewObject<'a>>,
    ) -> Result<Vec<ViewObject<'a>>, PublishError> {
        let mut there = Vec::new();
        for object in objects {
            if self.write_view(&object, &Precondition::Absent)? == PutOutcome::PreconditionFailed {
                there.push(object);
            }
        }
        Ok(there)
    }

    /// Makes the store copy the targets of links among `views`. Few stores copy conditionally: as with
    /// removals, a publisher that finds a newer version afterwards checks again and writes its copies.
    fn put_copies(&self, cursor: HeadCursor<'_>, views: &[View]) -> Result<(), PublishError> {
        if !self.copies_links() {
            return Ok(());
        }
        let links = views.iter().filter_map(|view| match &view.content {
            Content::Link { to, size } => Some((&view.place, to, *size)),
            Content::Bytes(_) => None,
        });
        for (place, to, size) in links {
            let Place::Blob(_, digest) = to else {
                continue;
            };
            let (from, key) = (to.to_string(), place.to_string());
            let found = self.store().copied(&key)?;
            if found.is_some_and(|found| found.digest == Some(*digest) && found.size == size) {
                continue;
            }
            // A missing or wrong image is a fault of its own: other views do not wait for it.
            if self.store().size(&from)? == Some(size) {
                self.check_newest(cursor)?;
                self.store()
                    .copy(&from, &key, digest, place.kind().served)?;
            }
        }
        Ok(())
    }

    fn last_journal(&self) -> MutexGuard<'_, Option<Object>> {
        let last = self.last_journal.lock();
        last.unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the journal by the result of `change`, retrying if another writer is faster. If `change`
    /// returns `None`, or there is no journal, it remains.
    fn change_journal(
        &self,
        change: impl Fn(Journal) -> Result<Option<Journal>, PublishError>,
    ) -> Result<(), PublishError> {
        let mut last = self.last_journal().take();
        for _ in 0..ATTEMPTS {
            let found = match last.take() {
                Some(last) => Some(last),
                None => self.store().read(JOURNAL, MAX_JOURNAL)?,
            };
            let Some(found) = found else {
                return Ok(());
            };
            let Some(next) = change(Journal::parse(&found.bytes))? else {
                return Ok(());
            };
            let condition = Precondition::Is(found.version);
            let written = self
                .store()
                .write(JOURNAL, &next.encode(), &condition, UNSERVED)?;
            if written == PutOutcome::Stored {
                return Ok(());
            }
        }
        Err(PublishError::Overtaken)
    }
}

/// Refuses a store that ignores conditions (COM-21): writes an existing object again under the condition that
/// it is absent, which changes nothing in any case.
fn check_conditions(registry: &Registry) -> Result<(), PublishError> {
    let key = Place::Settings.to_string();
    let bytes = registry.settings().encode();
    let again = registry.store().write(
        &key,
        &bytes,
        &Precondition::Absent,
        Place::Settings.kind().served,
    )?;
    match again {
        PutOutcome::PreconditionFailed => Ok(()),
        PutOutcome::Stored => Err(PublishError::Unconditional(registry.root().to_owned())),
    }
}

impl Puts for StoreWriter {
    fn put_if_absent(&self, place: &Place, bytes: &[u8]) -> Result<bool, PublishError> {
        if self.write(place, bytes, &Precondition::Absent)? == PutOutcome::Stored {
            self.registry.keep(place, bytes);
            return Ok(true);
        }
        match self.read(place, bytes.len())? {
            Some(found) if found.bytes == bytes || is_intact(place, &found.bytes) => Ok(false),
            // Replace a damaged object: LAY-3.
            _ => self.write(place, bytes, &Precondition::Any).map(|_| true),
        }
    }
}

impl Writer for StoreWriter {
    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn put_file(
        &self,
        place: &Place,
        file: &Path,
        stamp: &Stamp,
        _: LinkMode,
        observer: &dyn Observer,
    ) -> Result<(), PublishError> {
        let key = place.to_string();
        let journal = self.uploads.as_deref().map(|folder| {
            let name = Digest::of(format!("{}/{key}", self.store().name()).as_bytes());
            folder.join(format!("{}.json", name.hex()))
        });
        self.store().upload(
            &key,
            &Upload {
                file,
                size: stamp.size,
                served: place.kind().served,
                journal: journal.as_deref(),
                sent: &|bytes| observer.advance(bytes),
                is_cancelled: &|| observer.is_cancelled(),
            },
        )?;
        let after = std::fs::metadata(file).map_err(PublishError::read(file))?;
        if !Stamp::of(&after).has_same_content(stamp) {
            return Err(sreg_index::hasher::HashError::Changed {
                path: file.to_owned(),
            }
            .into());
        }
        Ok(())
    }

    /// After any answer but success the slot decides: a retried request may have met its own first attempt.
    fn create(
        &self,
        place: &Place,
        bytes: &[u8],
        invalid: Option<&[u8]>,
    ) -> Result<(), PublishError> {
        let mut condition = Precondition::Absent;
        for _ in 0..ATTEMPTS {
            let written = self.write(place, bytes, &condition);
            if matches!(written, Ok(PutOutcome::Stored)) {
                return Ok(());
            }
            condition = match self.read(place, bytes.len().max(document::MAX_BYTES))? {
                Some(found) if found.bytes == bytes => return Ok(()),
                Some(found) if Some(found.bytes.as_slice()) == invalid => {
                    let key = evidence(place, &found.bytes);
                    tracing::info!(%place, kept = key, "quarantining invalid slot content");
                    self.store()
                        .write(&key, &found.bytes, &Precondition::Absent, UNSERVED)?;
                    Precondition::Is(found.version)
                }
                Some(_) => return Err(PublishError::Conflict(self.registry.path(place))),
                None => Precondition::Absent,
            };
            // The store has already retried it.
            written?;
        }
        Err(PublishError::Overtaken)
    }

    /// Reads `head` before following the chain: if it belongs to the chain, it is found on the way.
    fn advance(&self, cursor: HeadCursor<'_>) -> Result<(), PublishError> {
        if self.advance_from_last(cursor)? {
            return Ok(());
        }
        let key = Place::Head.to_string();
        let mut newest = cursor.head.clone();
        for _ in 0..ATTEMPTS {
            let found = self.store().read(&key, document::MAX_BYTES)?;
            let trust_chain = cursor.trust_chain;
            let end = HeadCursor {
                trust_chain,
                head: &newest,
            }
            .end(&self.registry)?;
            newest = end.head;
            let copy = found
                .as_ref()
                .and_then(|found| Document::<Head>::parse(found.bytes.clone()).ok());
            if copy.as_ref().is_some_and(|copy| copy.id() == newest.id()) {
                return Ok(());
            }
            let is_later =
                copy.is_some_and(|copy| Version::of(copy.body()) > Version::of(newest.body()));
            // The publisher of later trust updates it.
            if is_later && !heads::is_settled(&self.registry, trust_chain)? {
                return Ok(());
            }
            let condition = found.map_or(Precondition::Absent, |found| {
                Precondition::Is(found.version)
            });
            let written =
                self.store()
                    .write(&key, newest.bytes(), &condition, Place::Head.kind().served)?;
            let cursor = HeadCursor {
                trust_chain,
                head: &newest,
            };
            if written == PutOutcome::Stored
                && !matches!(cursor.next(&self.registry)?, NextSlot::Head(_))
            {
                return Ok(());
            }
        }
        // Other publishers are so active that they will update it.
        Ok(())
    }

    /// Reads the stored views first, then checks that the head is still the newest: nobody has written a
    /// newer view before that, and a later writer changes the condition of this replacement.
    fn put_views(
        &self,
        cursor: HeadCursor<'_>,
        views: &[View],
        are_new: bool,
    ) -> Result<(), PublishError> {
        self.put_copies(cursor, views)?;
        let supports_trailing_slash = self.store().capabilities().trailing_slash;
        let mut objects: Vec<ViewObject<'_>> = views
            .iter()
            .filter_map(|view| Some((view, view.bytes()?)))
            .flat_map(|(view, bytes)| {
                let keys = keys_of(&view.place, supports_trailing_slash);
                keys.into_iter().map(move |key| (key, view, bytes))
            })
            .collect();
        if are_new {
            objects = self.create_views(objects)?;
        }
        let found = objects
            .par_iter()
            // One extra byte detects another object.
            .map(|(key, _, bytes)| self.store().read(key, bytes.len()))
            .collect::<Result<Vec<_>, _>>()?;
        let differs = |found: &Option<Object>, bytes: &[u8]| {
            found.as_ref().is_none_or(|found| found.bytes != bytes)
        };
        let changed: Vec<_> = objects
            .into_iter()
            .zip(found)
            .filter(|((.., bytes), found)| differs(found, bytes))
            .collect();
        changed.into_iter().try_for_each(|(object, found)| {
            // Objects under digests are the same in every version. Before any other, it is checked again: a writer
            // that stalls here and then dies could overwrite what a later version restored.
            if !object.1.place.kind().is_by_digest() {
                self.check_newest(cursor)?;
            }
            let condition = found.map_or(Precondition::Absent, |found| {
                Precondition::Is(found.version)
            });
            match self.write_view(&object, &condition)? {
                PutOutcome::Stored => Ok(()),
                // A retried request may have met its own first attempt: the next read decides.
                PutOutcome::PreconditionFailed => Err(PublishError::Overtaken),
            }
        })
    }

    /// Few stores remove conditionally: if a newer version comes in between, `show` checks again.
    fn remove(&self, cursor: HeadCursor<'_>, place: &Place) -> Result<(), PublishError> {
        // A link, which stores do not support.
        if place.kind().form == Form::Link && !self.copies_links() {
            return Ok(());
        }
        self.check_newest(cursor)?;
        let keys = keys_of(place, self.store().capabilities().trailing_slash);
        keys.iter()
            .try_for_each(|key| Ok(self.store().remove(key)?))
    }

    fn replace_settings(&mut self, settings: &Settings) -> Result<(), PublishError> {
        let key = Place::Settings.to_string();
        let how = Place::Settings.kind().served;
        self.store()
            .write(&key, &settings.encode(), &Precondition::Any, how)?;
        self.registry = Registry::with_settings(self.registry.store().clone(), settings.clone());
        Ok(())
    }

    fn sync(&self) -> Result<(), PublishError> {
        Ok(())
    }

    fn is_shared(&self) -> bool {
        true
    }

    /// Reads the journal, which is never removed. A client that may not list a bucket gets "not found" for an
    /// unreadable object, so one is written, which fails if the object exists.
    fn journal(&self) -> Result<Option<Journal>, PublishError> {
        for _ in 0..ATTEMPTS {
            if let Some(found) = self.store().read(JOURNAL, MAX_JOURNAL)? {
                let journal = Journal::parse(&found.bytes);
                *self.last_journal() = Some(found);
                return Ok(Some(journal));
            }
            let empty = Journal::new(None).encode();
            self.store()
                .write(JOURNAL, &empty, &Precondition::Absent, UNSERVED)?;
        }
        Err(RegistryError::Store(StoreError::Denied {
            name: format!("{}/{JOURNAL}", self.store().name()),
            what: "exists but cannot be read: publishing needs read access".to_owned(),
        })
        .into())
    }

    /// Notes the trust version that this run will publish; fails if the journal already has one of another run.
    /// Views need no note: until `end`, the journal names a version that all of them show.
    fn begin(&self, journal: &Journal) -> Result<(), PublishError> {
        if journal.trust.is_none() {
            return Ok(());
        }
        let conflict = || PublishError::Conflict(self.registry.root().join(JOURNAL));
        let found = self.store().read(JOURNAL, MAX_JOURNAL)?;
        let found = found.ok_or_else(conflict)?;
        let known = Journal::parse(&found.bytes);
        if known.trust.is_some() {
            return Err(conflict());
        }
        let next = Journal {
            views_at: known.views_at,
            ..journal.clone()
        };
        let condition = Precondition::Is(found.version);
        match self
            .store()
            .write(JOURNAL, &next.encode(), &condition, UNSERVED)?
        {
            PutOutcome::Stored => Ok(()),
            PutOutcome::PreconditionFailed => Err(conflict()),
        }
    }

    fn settle(&self, begun: &Journal) -> Result<(), PublishError> {
        // Another run may have begun meanwhile.
        self.change_journal(|found| Ok((found == *begun).then(|| Journal::new(begun.views_at))))
    }

    fn end(&self, views_at: &Document<Head>) -> Result<(), PublishError> {
        let views_at = Noted::of(views_at);
        self.change_journal(|found| {
            // A journal that names something else than a head is not by a writer that updated the views.
            let newest = match found.views_at {
                Some(found) if found.version() > views_at.version() && self.is_head(&found)? => {
                    found
                }
                _ => views_at,
            };
            // Another run's unfinished publication remains in the journal.
            let next = match self.is_published(&found)? {
                true => Journal::new(Some(newest)),
                false => Journal {
                    views_at: Some(newest),
                    ..found.clone()
                },
            };
            Ok((next != found).then_some(next))
        })
    }
}

/// Returns the keys of a view: also with a slash at the end, if a web server would serve the index of that
/// folder.
fn keys_of(place: &Place, supports_trailing_slash: bool) -> Vec<String> {
    let folder = place.folder().filter(|_| supports_trailing_slash);
    [Some(place.to_string()), folder]
        .into_iter()
        .flatten()
        .collect()
}

/// Returns whether bytes match the digest in their place.
fn is_intact(place: &Place, bytes: &[u8]) -> bool {
    let naming = place.kind().naming;
    naming.digest().is_some() && naming.digest_of(bytes) == naming.digest()
}
