//! Verification of images that stand where a link to them should be: copies in a bucket, and what tools that
//! follow links have left.

use std::path::Path;
use std::{fs, io};

use sreg_index::chain::ChainBuilder;
use sreg_index::hasher;
use sreg_model::fault::Code;
use sreg_model::layout::Place;
use sreg_store::{StoreError, retry};
use sreg_views::{Content, View};

use super::views::Owner;
use super::{BlobCheck, Heads, Run, count};
use crate::error::RegistryError;

impl Run<'_> {
    /// Verifies the copy of an image in a store without links. Reads its bytes only if all bytes are checked;
    /// otherwise its size and the note of its copying are enough.
    pub(super) fn copy(
        &self,
        heads: &Heads,
        view: &View,
        image: (&Place, u64),
        (owner, reference): (Option<&Owner>, Option<&str>),
    ) {
        count(&self.counts.views, 1);
        let reference = reference.map(str::to_owned);
        let (code, message) = match self.is_copied(&view.place, image) {
            Ok(Some(true)) => return,
            Ok(Some(false)) => match self.is_stale_copy(heads, owner, &view.place) {
                Ok(true) => (
                    Code::StaleView,
                    "shows an older version: run `sreg repair` to copy the image again",
                ),
                Ok(false) => (
                    Code::ViewMismatch,
                    "not the image that the index names: run `sreg repair` to copy it again",
                ),
                Err(error) => return self.error(&view.place, reference, &error),
            },
            Ok(None) => (
                Code::MissingView,
                "missing: run `sreg repair` to copy the image",
            ),
            Err(error) => return self.error(&view.place, reference, &error.into()),
        };
        self.fault_of(code, &view.place, reference, message);
    }

    /// Returns whether an object is a copy of an image; `None` if it does not exist.
    fn is_copied(
        &self,
        place: &Place,
        (image, size): (&Place, u64),
    ) -> Result<Option<bool>, StoreError> {
        let (store, key) = (self.registry.store(), place.to_string());
        let (Some(copy), Place::Blob(_, digest)) = (store.copied(&key)?, image) else {
            return Ok(None);
        };
        if copy.digest.is_some_and(|noted| noted != *digest) || copy.size != size {
            return Ok(Some(false));
        }
        if self.options.blobs != BlobCheck::Full {
            return Ok(Some(true));
        }
        let mut chain = ChainBuilder::default();
        retry::read_range(&**store, &key, 0..copy.size, &mut |part| {
            if self.observer.is_cancelled() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            chain.update(part);
            Ok(())
        })?;
        Ok(Some(chain.finish().digest() == *digest))
    }

    /// Returns whether an object is a copy of the image that an older head names for its place.
    fn is_stale_copy(
        &self,
        heads: &Heads,
        owner: Option<&Owner>,
        place: &Place,
    ) -> Result<bool, RegistryError> {
        let Some(owner) = owner else {
            return Ok(false);
        };
        for head in heads.iter().skip(1) {
            for view in self.views_then(head.body(), owner)? {
                if let Content::Link { to, size } = &view.content
                    && view.place == *place
                    && self.is_copied(place, (to, *size))? == Some(true)
                {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    /// Returns whether the image itself is stored in place of a link, as copying tools that follow links do.
    pub(super) fn is_copy(&self, view: &View) -> bool {
        let Content::Link {
            to: place @ Place::Blob(_, digest),
            ..
        } = &view.content
        else {
            return false;
        };
        let path = self.registry.path(&view.place);
        let size = |path: &Path| match fs::symlink_metadata(path) {
            Ok(found) if found.is_file() => Some(found.len()),
            _ => None,
        };
        let found = size(&path);
        found.is_some()
            && found == size(&self.registry.path(place))
            && (self.options.blobs != BlobCheck::Full
                || hasher::hash(&path, self.options.io, self.observer)
                    .is_ok_and(|hashed| hashed.chain.digest() == *digest))
    }
}
