//! Files that no head knows.

use std::fs;
use std::path::Path;

use rayon::prelude::*;
use sreg_index::hasher;
use sreg_model::layout::{Place, STAGING};
use sreg_model::{Digest, document, manifest, node};

use super::views::MAX_VIEW;
use super::{BlobCheck, Class, Heads, Run, unlocked};
use crate::error::TreeError;
use crate::tree::read_capped;

impl Run<'_> {
    /// Looks at every file of the tree that was not met on the way from the head.
    pub(super) fn files(&self, heads: &Heads) {
        let mut strays = Vec::new();
        self.folder(self.tree.root(), "", &mut strays);
        strays.par_iter().for_each(|path| self.stray(heads, path));
    }

    fn folder(&self, folder: &Path, prefix: &str, strays: &mut Vec<String>) {
        if self.observer.is_cancelled() {
            return;
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                return self.fault("unreadable", Class::Unavailable, prefix, error.to_string());
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let path = format!("{prefix}{}", name.to_string_lossy());
            if path == STAGING {
                self.warn(
                    "interrupted-run",
                    Class::Stale,
                    &path,
                    "a run is going on, or one was interrupted: the next one tidies up",
                );
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    self.folder(&entry.path(), &format!("{path}/"), strays)
                }
                Ok(kind) if kind.is_file() && unlocked(&self.expected).contains(&path) => {}
                Ok(kind) if !kind.is_file() && Place::parse(&path).is_some() => {
                    self.fault(
                        "not-a-file",
                        Class::Malformed,
                        &path,
                        "it is not a regular file",
                    );
                }
                _ => strays.push(path),
            }
        }
    }

    fn stray(&self, heads: &Heads, path: &str) {
        let Some(place) = Place::parse(path) else {
            return self.warn(
                "foreign-file",
                Class::Malformed,
                path,
                "it is not a file of the registry",
            );
        };
        let name = match &place {
            Place::Settings | Place::Head => return,
            Place::HeadSlot { .. } => {
                return self.fault(
                    "stray-head",
                    Class::Conflict,
                    path,
                    "no head of the chain names it",
                );
            }
            Place::SeedTags(_) | Place::SeedManifest(..) => return self.stray_view(heads, &place),
            Place::Node(name)
            | Place::Statement(name)
            | Place::Blob(_, name)
            | Place::Manifest(_, name) => *name,
        };
        match self.digest_of(&place) {
            Ok(Some(found)) if found != name => {
                self.fault(
                    "blob-mismatch",
                    Class::Mismatch,
                    path,
                    format!("no newest version names it, and its digest is {found}"),
                );
            }
            Ok(_) => self.warn(
                "stray-file",
                Class::Stale,
                path,
                "the newest version does not name it: an older one does, or a run was interrupted",
            ),
            Err(error) => self.error(&place, None, &error),
        }
    }

    /// The digest by which a file should be named; nothing for an image that is not to be read.
    fn digest_of(&self, place: &Place) -> Result<Option<Digest>, TreeError> {
        let path = self.tree.path(place);
        let read = |most: usize| read_capped(&path, most).map_err(TreeError::read(&path));
        Ok(match place {
            Place::Node(_) => Some(Digest::of(&read(node::MAX_BYTES)?)),
            Place::Manifest(..) => Some(Digest::of(&read(manifest::MAX_BYTES)?)),
            Place::Statement(_) => {
                let bytes = read(document::MAX_BYTES)?;
                let line = bytes
                    .iter()
                    .position(|byte| *byte == b'\n')
                    .map_or(bytes.len(), |end| end + 1);
                Some(Digest::of(&bytes[..line]))
            }
            Place::Blob(..) if self.options.blobs == BlobCheck::Full => {
                match hasher::hash(&path, self.options.io, self.observer) {
                    Ok(hashed) => Some(hashed.chain.digest()),
                    Err(hasher::HashError::Cancelled) => return Err(TreeError::Cancelled),
                    Err(error) => return Err(error.into()),
                }
            }
            _ => None,
        })
    }

    /// A tag that clients see, and the index does not have.
    fn stray_view(&self, heads: &Heads, place: &Place) {
        let path = self.tree.path(place);
        match read_capped(&path, MAX_VIEW) {
            Ok(found) if self.is_stale(heads, place, &found) => {
                self.fault("stale-view", Class::Stale, place, "an older version had it; sreg repair removes it");
            }
            Ok(_) => self.fault("stray-view", Class::Mismatch, place, "no version of the registry derives it, but clients would read it; if it is yours, move it elsewhere, else delete it"),
            Err(error) => self.error(place, None, &TreeError::read(&path)(error)),
        }
    }
}
