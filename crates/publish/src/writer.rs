//! The interface to the place of a registry that publishing needs.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rayon::prelude::*;
use sreg_index::hasher::Observer;
use sreg_index::map::{MapError, NodeSink};
use sreg_index::stamp::Stamp;
use sreg_model::head::Head;
use sreg_model::layout::{Place, STAGING};
use sreg_model::settings::Settings;
use sreg_model::{Digest, Document};
use sreg_registry::Registry;
use sreg_registry::heads::HeadCursor;
use sreg_registry::journal::Journal;
use sreg_views::View;

use crate::error::PublishError;
use crate::link::LinkMode;

/// Writes immutable files: statements and nodes.
pub trait Puts: Send + Sync {
    /// Writes an immutable file unless it exists. Returns whether it was written.
    ///
    /// # Errors
    /// `Write`, `Space` or `Store` if it cannot be written.
    fn put_if_absent(&self, place: &Place, bytes: &[u8]) -> Result<bool, PublishError>;

    /// Writes an immutable file unless it exists.
    ///
    /// # Errors
    /// As [`Puts::put_if_absent`].
    fn put(&self, place: &Place, bytes: &[u8]) -> Result<(), PublishError> {
        self.put_if_absent(place, bytes).map(drop)
    }
}

/// The destination of the nodes of a map.
pub struct Nodes<'a>(pub &'a dyn Puts);

impl NodeSink for Nodes<'_> {
    fn store(&self, id: &Digest, bytes: &[u8]) -> Result<(), MapError> {
        let put = self.0.put(&Place::Node(*id), bytes);
        put.map_err(|error| MapError::Io {
            id: *id,
            source: io::Error::other(error),
        })
    }
}

/// Collects files to write until the version is known to be valid.
#[derive(Default)]
pub struct Deferred(Mutex<BTreeMap<Place, Vec<u8>>>);

impl Deferred {
    /// Returns the number of collected files.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Writes all collected files.
    ///
    /// # Errors
    /// `Write`, `Space` or `Store` if one cannot be written.
    pub fn write(self, to: &dyn Writer) -> Result<(), PublishError> {
        let files = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        files
            .par_iter()
            .try_for_each(|(place, bytes)| to.put(place, bytes))
    }
}

impl Puts for Deferred {
    fn put_if_absent(&self, place: &Place, bytes: &[u8]) -> Result<bool, PublishError> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(place.clone(), bytes.to_vec());
        Ok(true)
    }
}

/// A writer of a registry: in a folder that one run locks, or in a store with concurrent writers
/// (`spec/commit.md`).
pub trait Writer: Puts {
    /// Returns the registry, for reading.
    fn registry(&self) -> &Registry;

    /// Uploads a file to its place and replaces anything there, in a folder by `link`. The file must still
    /// match `stamp`.
    ///
    /// # Errors
    /// `Write`, `Space` or `Store` if it cannot be written; `Hash` if the file changed; `Cancelled` if the
    /// observer stops it.
    fn put_file(
        &self,
        place: &Place,
        file: &Path,
        stamp: &Stamp,
        link: LinkMode,
        observer: &dyn Observer,
    ) -> Result<(), PublishError>;

    /// Creates a file if its place is empty, or replaces the invalid content `invalid`, of which a copy is kept.
    /// This is how trust and heads are committed.
    ///
    /// # Errors
    /// `Conflict` if something else is stored there; `Write`, `Space` or `Store` if it cannot be written.
    fn create(
        &self,
        place: &Place,
        bytes: &[u8],
        invalid: Option<&[u8]>,
    ) -> Result<(), PublishError>;

    /// Updates the copy of the newest head to the one of `cursor`, or to a later one.
    ///
    /// # Errors
    /// `Write`, `Space` or `Store` if it cannot be written.
    fn advance(&self, cursor: HeadCursor<'_>) -> Result<(), PublishError>;

    /// Writes views that the head of `cursor` derives. `are_new` if no version that views show so far has them.
    ///
    /// # Errors
    /// `Overtaken` if the head is no longer the newest; `Write`, `Space` or `Store` if a view cannot be
    /// written.
    fn put_views(
        &self,
        cursor: HeadCursor<'_>,
        views: &[View],
        are_new: bool,
    ) -> Result<(), PublishError>;

    /// Removes a view that the head of `cursor` does not derive.
    ///
    /// # Errors
    /// `Overtaken` if the head is no longer the newest; `Write`, `Space` or `Store` if it cannot be removed.
    fn remove(&self, cursor: HeadCursor<'_>, place: &Place) -> Result<(), PublishError>;

    /// Replaces `sreg.json`.
    ///
    /// # Errors
    /// `Write`, `Space` or `Store` if it cannot be written.
    fn replace_settings(&mut self, settings: &Settings) -> Result<(), PublishError>;

    /// Checks that there is space for this many small files, before a commit that needs them.
    ///
    /// # Errors
    /// [`PublishError::Space`].
    fn check_room(&self, _files: usize) -> Result<(), PublishError> {
        Ok(())
    }

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// `Write` if the file system refuses it.
    fn sync(&self) -> Result<(), PublishError>;

    /// Returns whether there can be concurrent writers.
    fn is_shared(&self) -> bool;

    /// Returns the journal of an unfinished run. An invalid journal counts as empty: all views are rewritten.
    ///
    /// # Errors
    /// `Read` or `Store` if it exists but cannot be read: it may state that trust is about to be published.
    fn journal(&self) -> Result<Option<Journal>, PublishError>;

    /// Writes the journal, before readers see any change. It is durable after the next [`Writer::sync`].
    ///
    /// # Errors
    /// `Conflict` if another publisher is about to publish trust; `Write`, `Space` or `Store` if it cannot be
    /// written.
    fn begin(&self, journal: &Journal) -> Result<(), PublishError>;

    /// Notes that a publication is finished or will never be: nobody must wait for it.
    ///
    /// # Errors
    /// `Write` or `Store` if the journal cannot be written.
    fn settle(&self, begun: &Journal) -> Result<(), PublishError>;

    /// Makes [`remove`](Self::remove) leave these places: they contain files that sreg did not write. Stores do
    /// not list such files, and ignore this.
    fn leave(&self, _: Vec<Place>) {}

    /// Notes that all views show `views_at`.
    ///
    /// # Errors
    /// `Write` or `Store` if the journal cannot be written.
    fn end(&self, views_at: &Document<Head>) -> Result<(), PublishError>;
}

/// Returns the path for a copy of quarantined slot content.
pub fn evidence(place: &Place, content: &[u8]) -> String {
    let name = place.to_string().replace('/', "-");
    format!(
        "{STAGING}/quarantine-{name}-{}",
        &Digest::of(content).hex()[..16]
    )
}
