//! Writes into a store that others may be writing to at once (`spec/commit.md`, COM-14 to COM-20).
//!
//! Nobody has a lock. What is immutable is created where it is absent; the slot of a head decides
//! which of two runs has published; what can be derived is replaced only if it still is what it was
//! when the head was looked at last.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rayon::prelude::*;
use sreg_index::hasher::Observer;
use sreg_index::stamp::Stamp;
use sreg_model::head::Head;
use sreg_model::layout::{JOURNAL, Place};
use sreg_model::served::served;
use sreg_model::settings::Settings;
use sreg_model::{Digest, Document, document};
use sreg_registry::heads::{self, HeadCursor, NextSlot};
use sreg_registry::journal::{Journal, MAX_JOURNAL, Noted, Version};
use sreg_registry::{Registry, RegistryError};
use sreg_store::{Object, Precondition, PutOutcome, Served, Store, StoreError, Upload};
use sreg_views::{Content, View, host};

use crate::link::LinkMode;
use crate::writer::{Puts, Writer, evidence};

/// How often something is tried anew that others change meanwhile.
const ATTEMPTS: usize = 16;
/// How the journal is served: not at all, if the host can be told.
const UNSERVED: Served = Served {
    content_type: "application/json",
    cache_control: "no-store",
};

/// A key, the view that is stored under it, and its bytes.
type ViewObject<'a> = (String, &'a View, &'a [u8]);

/// One of the writers of a store.
pub(crate) struct StoreWriter {
    registry: Registry,
    /// Where it is noted what has arrived of an upload.
    uploads: Option<PathBuf>,
    /// The journal as this run has read it last, to be replaced on condition that it is still there.
    last_journal: Mutex<Option<Object>>,
    /// Whether it was looked what is published.
    has_looked: AtomicBool,
}

impl StoreWriter {
    /// Writes into the registry in `store`; makes one there with `settings` where there is none.
    pub(crate) fn open(
        store: &Arc<dyn Store>,
        settings: &Settings,
        uploads: Option<&Path>,
    ) -> Result<Self, RegistryError> {
        match Registry::in_store(store.clone()) {
            Err(RegistryError::NotARegistry(_)) => {}
            registry => return Self::of(registry?, uploads),
        }
        let key = Place::Settings.to_string();
        let how = served(&Place::Settings);
        // Of two that make one, the second finds the settings of the first.
        store.write(&key, &settings.encode(), &Precondition::Absent, how)?;
        Ok(Self {
            registry: Registry::in_store(store.clone())?,
            uploads: uploads.map(Path::to_owned),
            last_journal: Mutex::default(),
            has_looked: AtomicBool::new(false),
        })
    }

    /// Writes into a registry that is there.
    pub(crate) fn of(registry: Registry, uploads: Option<&Path>) -> Result<Self, RegistryError> {
        check_conditions(&registry)?;
        Ok(Self {
            registry,
            uploads: uploads.map(Path::to_owned),
            last_journal: Mutex::default(),
            has_looked: AtomicBool::new(false),
        })
    }

    fn store(&self) -> &dyn Store {
        &**self.registry.store()
    }

    fn read(&self, place: &Place, most: usize) -> Result<Option<Object>, RegistryError> {
        Ok(self.store().read(&place.to_string(), most)?)
    }

    fn write(
        &self,
        place: &Place,
        bytes: &[u8],
        condition: &Precondition,
    ) -> Result<PutOutcome, RegistryError> {
        let key = place.to_string();
        Ok(self.store().write(&key, bytes, condition, served(place))?)
    }

    /// Whether all trust and heads stand there that a run has noted before it published them.
    fn is_published(&self, journal: &Journal) -> Result<bool, RegistryError> {
        for place in journal.places() {
            match self.registry.size(&place) {
                Ok(_) => {}
                Err(RegistryError::Missing { .. }) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Whether a head is published that a journal names.
    fn is_head(&self, noted: &Noted) -> Result<bool, RegistryError> {
        let trust_chain = self.registry.trust_chain()?;
        let newest = heads::newest(&self.registry, trust_chain.as_ref())?;
        let is_in_line = newest.is_some_and(|newest| noted.version() <= Version::of(newest.body()));
        Ok(is_in_line && noted.find(&self.registry)?.is_some())
    }

    /// Refuses to go on for a head that another has followed, or that later trust may have left behind.
    fn check_newest(&self, line: HeadCursor<'_>) -> Result<(), RegistryError> {
        match line.is_newest(&self.registry)? {
            true => Ok(()),
            false => Err(RegistryError::Overtaken),
        }
    }

    /// Replaces the copy of an earlier head that this run has read, if it is still there. Returns whether the
    /// copy is that of `line` now; the next slot is read once views are written (COM-17).
    fn advance_from_last(&self, line: HeadCursor<'_>) -> Result<bool, RegistryError> {
        let Some(last) = self.registry.last_head() else {
            return Ok(false);
        };
        let Ok(copy) = Document::<Head>::parse(last.bytes) else {
            return Ok(false);
        };
        if copy.id() == line.head.id() {
            return Ok(true);
        }
        if Version::of(copy.body()) >= Version::of(line.head.body()) {
            return Ok(false);
        }
        let condition = Precondition::Is(last.version);
        let written = self.write(&Place::Head, line.head.bytes(), &condition)?;
        Ok(written == PutOutcome::Stored)
    }

    /// Whether copies stand in the place of links.
    fn copies_links(&self) -> bool {
        host::copies_links(self.registry.settings().host)
    }

    fn write_view(
        &self,
        (key, view, bytes): &ViewObject<'_>,
        condition: &Precondition,
    ) -> Result<PutOutcome, RegistryError> {
        let how = Served {
            content_type: view.content_type,
            ..served(&view.place)
        };
        Ok(self.store().write(key, bytes, condition, how)?)
    }

    /// Creates views that no version has had, without reading them first (COM-18). Returns those that are there
    /// already: another publisher's, or a killed run's.
    fn create_views<'a>(
        &self,
        objects: Vec<ViewObject<'a>>,
    ) -> Result<Vec<ViewObject<'a>>, RegistryError> {
        let mut there = Vec::new();
        for object in objects {
            if self.write_view(&object, &Precondition::Absent)? == PutOutcome::PreconditionFailed {
                there.push(object);
            }
        }
        Ok(there)
    }

    /// Has the store copy what links among `views` would lead to. Few stores copy under a condition: as with
    /// what is removed, whoever finds a newer version afterwards looks again, and writes that one's copies.
    fn put_copies(&self, line: HeadCursor<'_>, views: &[View]) -> Result<(), RegistryError> {
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
            // That an image is missing, or another, is a fault of its own: other views do not wait for it.
            if self.store().size(&from)? == Some(size) {
                self.check_newest(line)?;
                self.store().copy(&from, &key, digest, served(place))?;
            }
        }
        Ok(())
    }

    fn last_journal(&self) -> MutexGuard<'_, Option<Object>> {
        let last = self.last_journal.lock();
        last.unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the journal by what `change` makes of it, until nobody comes in between; where `change`
    /// gives nothing, or there is none, it stays.
    fn change_journal(
        &self,
        change: impl Fn(Journal) -> Result<Option<Journal>, RegistryError>,
    ) -> Result<(), RegistryError> {
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
        Err(RegistryError::Overtaken)
    }
}

/// Refuses a store that does not look at conditions (COM-21): what is there is written once more,
/// under the condition that it is not, which changes nothing in any case.
fn check_conditions(registry: &Registry) -> Result<(), RegistryError> {
    let key = Place::Settings.to_string();
    let bytes = registry.settings().encode();
    let again = registry.store().write(
        &key,
        &bytes,
        &Precondition::Absent,
        served(&Place::Settings),
    )?;
    match again {
        PutOutcome::PreconditionFailed => Ok(()),
        PutOutcome::Stored => Err(RegistryError::Unconditional(registry.root().to_owned())),
    }
}

impl Puts for StoreWriter {
    fn put_if_absent(&self, place: &Place, bytes: &[u8]) -> Result<bool, RegistryError> {
        if self.write(place, bytes, &Precondition::Absent)? == PutOutcome::Stored {
            self.registry.keep(place, bytes);
            return Ok(true);
        }
        match self.read(place, bytes.len())? {
            Some(found) if found.bytes == bytes || is_intact(place, &found.bytes) => Ok(false),
            // It is damaged: LAY-3.
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
    ) -> Result<(), RegistryError> {
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
                served: served(place),
                journal: journal.as_deref(),
                sent: &|bytes| observer.advance(bytes),
                is_cancelled: &|| observer.is_cancelled(),
            },
        )?;
        let after = std::fs::metadata(file).map_err(RegistryError::read(file))?;
        if !Stamp::of(&after).has_same_content(stamp) {
            return Err(sreg_index::hasher::HashError::Changed {
                path: file.to_owned(),
            }
            .into());
        }
        Ok(())
    }

    /// After any answer but success the slot tells what has happened: a request that was sent again
    /// may have met its own first sending.
    fn create(
        &self,
        place: &Place,
        bytes: &[u8],
        junk: Option<&[u8]>,
    ) -> Result<(), RegistryError> {
        let mut condition = Precondition::Absent;
        for _ in 0..ATTEMPTS {
            let written = self.write(place, bytes, &condition);
            if matches!(written, Ok(PutOutcome::Stored)) {
                return Ok(());
            }
            condition = match self.read(place, bytes.len().max(document::MAX_BYTES))? {
                Some(found) if found.bytes == bytes => return Ok(()),
                Some(found) if Some(found.bytes.as_slice()) == junk => {
                    let key = evidence(place, &found.bytes);
                    tracing::info!(%place, kept = key, "quarantining invalid slot content");
                    self.store()
                        .write(&key, &found.bytes, &Precondition::Absent, UNSERVED)?;
                    Precondition::Is(found.version)
                }
                Some(_) => return Err(RegistryError::Conflict(self.registry.path(place))),
                None => Precondition::Absent,
            };
            // The store has tried it as often as it may be.
            written?;
        }
        Err(RegistryError::Overtaken)
    }

    /// What stands in `head` is read before the line is followed: if it belongs to it, it is met on the
    /// way.
    fn advance(&self, line: HeadCursor<'_>) -> Result<(), RegistryError> {
        if self.advance_from_last(line)? {
            return Ok(());
        }
        let key = Place::Head.to_string();
        let mut newest = line.head.clone();
        for _ in 0..ATTEMPTS {
            let found = self.store().read(&key, document::MAX_BYTES)?;
            let trust_chain = line.trust_chain;
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
            // Whoever publishes later trust moves it on.
            if is_later && !heads::is_settled(&self.registry, trust_chain)? {
                return Ok(());
            }
            let condition = found.map_or(Precondition::Absent, |found| {
                Precondition::Is(found.version)
            });
            let written =
                self.store()
                    .write(&key, newest.bytes(), &condition, served(&Place::Head))?;
            let line = HeadCursor {
                trust_chain,
                head: &newest,
            };
            if written == PutOutcome::Stored
                && !matches!(line.next(&self.registry)?, NextSlot::Head(_))
            {
                return Ok(());
            }
        }
        // So many publish that they will move it on.
        Ok(())
    }

    /// What stands there is read first, then it is made sure that the head is still the newest: then
    /// nobody has written a newer view before that, and whoever writes one after it changes what is
    /// replaced here.
    fn put_views(
        &self,
        line: HeadCursor<'_>,
        views: &[View],
        are_new: bool,
    ) -> Result<(), RegistryError> {
        self.put_copies(line, views)?;
        let supports_trailing_slash = self.store().supports_trailing_slash();
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
            // One byte more tells that it is another one.
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
        // What is by digest is the same in every version.
        if changed
            .iter()
            .any(|((_, view, _), _)| !view.place.is_by_digest())
        {
            self.check_newest(line)?;
        }
        changed.into_iter().try_for_each(|(object, found)| {
            let condition = found.map_or(Precondition::Absent, |found| {
                Precondition::Is(found.version)
            });
            match self.write_view(&object, &condition)? {
                PutOutcome::Stored => Ok(()),
                // A request that was sent again may have met itself: the next look tells.
                PutOutcome::PreconditionFailed => Err(RegistryError::Overtaken),
            }
        })
    }

    /// Few stores remove under a condition: where a newer version comes in between, `show` looks again.
    fn remove(&self, line: HeadCursor<'_>, place: &Place) -> Result<(), RegistryError> {
        // A link, which no store has.
        if matches!(place, Place::LibraryFile(..)) && !self.copies_links() {
            return Ok(());
        }
        self.check_newest(line)?;
        let keys = keys_of(place, self.store().supports_trailing_slash());
        keys.iter()
            .try_for_each(|key| Ok(self.store().remove(key)?))
    }

    fn replace_settings(&mut self, settings: &Settings) -> Result<(), RegistryError> {
        let key = Place::Settings.to_string();
        let how = served(&Place::Settings);
        self.store()
            .write(&key, &settings.encode(), &Precondition::Any, how)?;
        self.registry = Registry::with_settings(self.registry.store().clone(), settings.clone());
        Ok(())
    }

    fn sync(&self) -> Result<(), RegistryError> {
        Ok(())
    }

    fn is_first_look(&self) -> bool {
        !self.has_looked.swap(true, Ordering::Relaxed)
    }

    fn is_shared(&self) -> bool {
        true
    }

    /// Once there, it stays. Who may not list a bucket hears of what may not be read that it is not
    /// there: so that one is written, which fails where there is one.
    fn journal(&self) -> Result<Option<Journal>, RegistryError> {
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
        }))
    }

    /// The journal is there, and notes as much as is to be noted of views: its run has not finished. Where
    /// trust is to be published, nobody else may have begun to.
    fn begin(&self, journal: &Journal) -> Result<(), RegistryError> {
        if journal.trust.is_none() {
            return Ok(());
        }
        let conflict = || RegistryError::Conflict(self.registry.root().join(JOURNAL));
        let found = self.store().read(JOURNAL, MAX_JOURNAL)?;
        let found = found.ok_or_else(conflict)?;
        let known = Journal::parse(&found.bytes);
        if known.trust.is_some() {
            return Err(conflict());
        }
        let next = Journal {
            shown: known.shown,
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

    fn settle(&self, begun: &Journal) -> Result<(), RegistryError> {
        // Somebody else may have begun meanwhile.
        self.change_journal(|found| Ok((found == *begun).then(|| Journal::new(begun.shown))))
    }

    fn end(&self, shown: &Document<Head>) -> Result<(), RegistryError> {
        let shown = Noted::of(shown);
        self.change_journal(|found| {
            // One that names what is no head was written by nobody who has shown it.
            let newest = match found.shown {
                Some(found) if found.version() > shown.version() && self.is_head(&found)? => found,
                _ => shown,
            };
            // What somebody else has begun to publish stays, until it is.
            let next = match self.is_published(&found)? {
                true => Journal::new(Some(newest)),
                false => Journal {
                    shown: Some(newest),
                    ..found.clone()
                },
            };
            Ok((next != found).then_some(next))
        })
    }
}

/// The keys of a view: with a slash at the end, too, where a web server would give the index of that
/// folder.
fn keys_of(place: &Place, supports_trailing_slash: bool) -> Vec<String> {
    let folder = place.folder().filter(|_| supports_trailing_slash);
    [Some(place.to_string()), folder]
        .into_iter()
        .flatten()
        .collect()
}

/// Whether the bytes at a place that carries a digest have it.
fn is_intact(place: &Place, bytes: &[u8]) -> bool {
    match place {
        Place::Node(id) | Place::Blob(_, id) => Digest::of(bytes) == *id,
        Place::Statement(id) => {
            let end = bytes.iter().position(|byte| *byte == b'\n');
            Digest::of(&bytes[..end.map_or(bytes.len(), |end| end + 1)]) == *id
        }
        _ => false,
    }
}
