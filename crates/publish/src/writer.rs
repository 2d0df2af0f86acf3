//! What publishing needs of the place that it publishes to.

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
use sreg_registry::heads::HeadCursor;
use sreg_registry::journal::Journal;
use sreg_registry::{Registry, RegistryError};
use sreg_views::View;

use crate::link::LinkMode;

/// Takes what is immutable: statements and nodes.
pub trait Puts: Send + Sync {
    /// Writes an immutable file, unless it stands there already.
    ///
    /// # Errors
    /// `Write`, `Space` or `Store` if it cannot be written.
    fn put(&self, place: &Place, bytes: &[u8]) -> Result<(), RegistryError>;
}

/// Where the nodes of a map go.
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

/// Keeps what is to be written until it is known that it may be.
#[derive(Default)]
pub struct Deferred(Mutex<BTreeMap<Place, Vec<u8>>>);

impl Deferred {
    /// Writes all of it.
    ///
    /// # Errors
    /// `Write`, `Space` or `Store` if it cannot be written.
    pub fn write(self, to: &dyn Writer) -> Result<(), RegistryError> {
        let files = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        files
            .par_iter()
            .try_for_each(|(place, bytes)| to.put(place, bytes))
    }
}

impl Puts for Deferred {
    fn put(&self, place: &Place, bytes: &[u8]) -> Result<(), RegistryError> {
        let mut files = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        files.insert(place.clone(), bytes.to_vec());
        Ok(())
    }
}

/// A place that is published to: a folder that one run has to itself, or a store that many may be
/// writing to at once (`spec/commit.md`).
pub trait Writer: Puts {
    /// The registry as it can be read.
    fn registry(&self) -> &Registry;

    /// Brings a file to its place, whatever stands there, in a folder by `link`. The file must still be
    /// what `stamp` says.
    ///
    /// # Errors
    /// `Write`, `Space` or `Store` if it cannot be written. `Hash` if the file changed; `Cancelled` if the observer stops it.
    fn put_file(
        &self,
        place: &Place,
        file: &Path,
        stamp: &Stamp,
        link: LinkMode,
        observer: &dyn Observer,
    ) -> Result<(), RegistryError>;

    /// Creates a file, where there is none, or in the place of `junk`, of which a copy is kept:
    /// [`RegistryError::Conflict`] where something else stands. This is how trust and heads are committed.
    ///
    /// # Errors
    /// `Conflict` if something else is stored there. `Write`, `Space` or `Store` if it cannot be written.
    fn create(&self, place: &Place, bytes: &[u8], junk: Option<&[u8]>)
    -> Result<(), RegistryError>;

    /// Brings the copy of the newest head to the one of `line`, or to one that follows it.
    ///
    /// # Errors
    /// `Write`, `Space` or `Store` if it cannot be written.
    fn advance(&self, line: HeadCursor<'_>) -> Result<(), RegistryError>;

    /// Writes views that the head of `line` derives: [`RegistryError::Overtaken`] where it is no longer the
    /// newest.
    ///
    /// # Errors
    /// `Overtaken` if the head is no longer the newest. `Write`, `Space` or `Store` if it cannot be written.
    fn put_views(&self, line: HeadCursor<'_>, views: &[View]) -> Result<(), RegistryError>;

    /// Removes a view that the head of `line` does not derive: [`RegistryError::Overtaken`] where it is no
    /// longer the newest.
    ///
    /// # Errors
    /// `Overtaken` if the head is no longer the newest. `Write`, `Space` or `Store` if it cannot be written.
    fn remove(&self, line: HeadCursor<'_>, place: &Place) -> Result<(), RegistryError>;

    /// Replaces `sreg.json`.
    ///
    /// # Errors
    /// `Write`, `Space` or `Store` if it cannot be written.
    fn replace_settings(&mut self, settings: &Settings) -> Result<(), RegistryError>;

    /// Checks that there is room for so many small files, before anything is committed that they belong to.
    ///
    /// # Errors
    /// [`RegistryError::Space`].
    fn check_room(&self, _files: usize) -> Result<(), RegistryError> {
        Ok(())
    }

    /// Makes everything written so far durable.
    ///
    /// # Errors
    /// `Write` if the file system refuses it.
    fn sync(&self) -> Result<(), RegistryError>;

    /// Whether others may be writing at the same time.
    fn is_shared(&self) -> bool;

    /// What a run has begun and not finished. An unreadable journal says nothing: all views are to
    /// be written anew.
    ///
    /// # Errors
    /// When there is one that cannot be read: it may say that trust is about to be published.
    fn journal(&self) -> Result<Option<Journal>, RegistryError>;

    /// Notes what is begun, before the first thing that readers see changes. It is durable after the
    /// next [`Writer::sync`].
    ///
    /// # Errors
    /// `Conflict` if another publisher is about to publish trust. `Write`, `Space` or `Store` if it cannot be written.
    fn begin(&self, journal: &Journal) -> Result<(), RegistryError>;

    /// Notes that what a run has begun to publish is published, or never will be: nobody is to wait
    /// for it.
    ///
    /// # Errors
    /// `Write` or `Store` if the journal cannot be written.
    fn settle(&self, begun: &Journal) -> Result<(), RegistryError>;

    /// Notes that all views show `shown`.
    ///
    /// # Errors
    /// `Write` or `Store` if the journal cannot be written.
    fn end(&self, shown: &Document<Head>) -> Result<(), RegistryError>;
}

/// Where a copy of junk is kept that stood in a slot.
pub fn evidence(place: &Place, junk: &[u8]) -> String {
    let name = place.to_string().replace('/', "-");
    format!("{STAGING}/junk-{name}-{}", &Digest::of(junk).hex()[..16])
}
