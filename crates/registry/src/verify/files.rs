//! Verification of files that no head leads to.

use std::collections::HashSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use sreg_index::hasher;
use sreg_model::fault::Code;
use sreg_model::layout::{Form, Place, STAGING};
use sreg_model::manifest::{self, Manifest};
use sreg_model::{Arch, Digest, attachment, image_index};
use sreg_views::{View, host};

use super::{Heads, Run, unlocked};
use crate::derive;
use crate::error::RegistryError;

impl Run<'_> {
    /// Checks every file that was not reached from the head. If the newest index was not `read_in_full`, it
    /// may name them, so only their own content is checked.
    pub(super) fn files(&self, heads: &Heads, read_in_full: bool) {
        // Further objects of a bucket or server are not listed.
        let Some(root) = self.registry.store().capabilities().folder else {
            return;
        };
        let faulty = unlocked(&self.faults)
            .iter()
            .map(|fault| fault.path.clone())
            .collect();
        let mut strays = Vec::new();
        self.folder(root, "", &faulty, &mut strays);
        let basis = Basis {
            heads,
            chain: heads
                .last()
                .is_some_and(|head| head.body().previous.is_none()),
            index: read_in_full,
            passed_over: AtomicBool::new(false),
        };
        strays.par_iter().for_each(|path| self.stray(&basis, path));
        if basis.passed_over.into_inner() {
            self.warn(
                Code::NotJudged,
                Place::Head,
                "the index is not complete: files that it may name were not checked",
            );
        }
    }

    /// Collects the files of a folder that were not reached. Skips `faulty` ones, which are already reported.
    fn folder(
        &self,
        folder: &Path,
        prefix: &str,
        faulty: &HashSet<String>,
        strays: &mut Vec<String>,
    ) {
        if self.observer.is_cancelled() {
            return;
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                return self.fault(Code::Unreadable, prefix, error.to_string());
            }
        };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let path = format!("{prefix}{}", name.to_string_lossy());
            if path == STAGING {
                self.staging(&entry.path());
                continue;
            }
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    self.folder(&entry.path(), &format!("{path}/"), faulty, strays)
                }
                Ok(_) if is_link(&path) => {
                    if !unlocked(&self.expected).contains(&path) {
                        strays.push(path);
                    }
                }
                Ok(kind) if kind.is_file() && unlocked(&self.expected).contains(&path) => {}
                Ok(kind) if !kind.is_file() && faulty.contains(&path) => {}
                Ok(kind) if !kind.is_file() && self.place(&path).is_some() => {
                    self.not_a_file(&path, None)
                }
                _ => strays.push(path),
            }
        }
    }

    /// Checks the remains of runs. Quarantined files alone are no sign of an interrupted run.
    fn staging(&self, folder: &Path) {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        let is_aside =
            |name: &String| name.starts_with("damaged-") || name.starts_with("quarantine-");
        match !names.is_empty() && names.iter().all(is_aside) {
            true => self.warn(
                Code::StrayFile,
                STAGING,
                "contains only quarantined files: check them, then delete the folder",
            ),
            false => self.warn(
                Code::InterruptedRun,
                STAGING,
                "a run is in progress or was interrupted: the next run finishes it",
            ),
        }
    }

    /// Returns the place of a path, if it belongs to the registry; a file for another host than that of the
    /// settings does not.
    fn place(&self, path: &str) -> Option<Place> {
        let place = Place::parse(path)?;
        let is_own = |view: View| view.place == place;
        let is_ours = !host::places().contains(&place)
            || self
                .registry
                .settings()
                .host
                .and_then(host::file)
                .is_some_and(is_own);
        is_ours.then_some(place)
    }

    fn stray(&self, basis: &Basis<'_>, path: &str) {
        let Some(place) = self.place(path) else {
            return self.warn(Code::ForeignFile, path, "not a file of the registry");
        };
        let name = match &place {
            Place::Settings | Place::Head => return,
            Place::HeadSlot { epoch, version }
                if (self.keys.trust_chain())
                    .is_some_and(|trust_chain| trust_chain.is_abandoned(*epoch, *version)) =>
            {
                return self.warn(
                    Code::AbandonedHead,
                    path,
                    "dropped by a later epoch of heads",
                );
            }
            Place::HeadSlot { .. } if !basis.chain => return basis.pass_over(),
            Place::HeadSlot { .. } => {
                return self.fault(Code::StrayHead, path, "not in the chain of heads");
            }
            Place::Trust(_) => {
                return self.fault(
                    Code::StrayTrust,
                    path,
                    "does not follow any trust version in the registry",
                );
            }
            other => match other.kind().naming.digest() {
                Some(name) => name,
                // All others are views, which a later version replaces.
                None if basis.index => return self.stray_view(basis.heads, other),
                None => return basis.pass_over(),
            },
        };
        match self.digest_of(&place) {
            Ok(Some(found)) if found != name => {
                self.fault(
                    Code::BlobMismatch,
                    path,
                    format!("digest is {found}, and the newest version does not name it"),
                );
            }
            Ok(_) if !basis.index => basis.pass_over(),
            Ok(_) => self.warn_stray(path),
            Err(error) => self.error(&place, None, &error),
        }
    }

    fn warn_stray(&self, path: &str) {
        self.warn(
            Code::StrayFile,
            path,
            "not named by the newest version: an older version names it, or a run was interrupted",
        );
    }

    /// Returns the digest that the file must have; `None` for an image that need not be read.
    fn digest_of(&self, place: &Place) -> Result<Option<Digest>, RegistryError> {
        let kind = place.kind();
        if kind.form != Form::Blob {
            // No document is longer than a manifest.
            let bytes = self.registry.read(place, manifest::MAX_BYTES)?;
            return Ok(kind.naming.digest_of(&bytes));
        }
        if !self.options.strays {
            return Ok(None);
        }
        let path = self.registry.path(place);
        match hasher::hash(&path, self.options.io, self.observer) {
            Ok(hashed) => Ok(Some(hashed.chain.digest())),
            Err(hasher::HashError::Cancelled) => Err(RegistryError::Cancelled),
            Err(error) => Err(error.into()),
        }
    }

    /// Returns whether bytes are a list of referrers with artifacts that exist in the registry, for a
    /// document that an older head names.
    fn is_list_of_referrers(&self, place: &Place, found: &[u8]) -> bool {
        let (Place::Referrers(repository, subject) | Place::ReferrersTag(repository, subject)) =
            place
        else {
            return false;
        };
        let artifact = |digest: Digest| {
            let place = Place::Manifest(repository.clone(), digest);
            let bytes = self.registry.read(&place, manifest::MAX_BYTES).ok()?;
            let artifact = Manifest::parse(bytes).ok()?;
            let refers = artifact.subject()?.digest() == subject;
            (refers && artifact.digest() == digest).then(|| artifact.descriptor())
        };
        // Each entry costs a read, and the list could have millions.
        let listed = image_index::listed(found).filter(|listed| listed.len() <= MOST_LISTED);
        let listed = listed.and_then(|listed| {
            let listed = listed.into_iter().map(artifact);
            listed.collect::<Option<Vec<_>>>()
        });
        listed.is_some_and(|listed| image_index::encode(&listed) == found)
    }

    /// Reports a tag that clients see, but the index does not have.
    fn stray_view(&self, heads: &Heads, place: &Place) {
        if place.is_referrers() {
            return match derive::read(self.registry, place, MAX_LIST) {
                Ok(found) if self.is_list_of_referrers(place, &found) => {
                    self.warn_stray(&place.to_string());
                }
                Ok(_) => self.fault(
                    Code::StrayView,
                    place,
                    "lists missing or unrelated manifests, and clients would read it: delete it",
                ),
                Err(error) => self.error(place, None, &error),
            };
        }
        let found = derive::read(self.registry, place, 0);
        match found.and_then(|_| self.is_stale_stray(heads, place)) {
            Ok(true) => {
                self.fault(Code::StaleView, place, "left by an older version: run `sreg repair` to remove it");
            }
            Ok(false) => self.fault(Code::StrayView, place, "not derived from any version, and clients would read it: move it away or delete it"),
            Err(error) => self.error(place, None, &error),
        }
    }
}

/// The maximal size of a list of referrers in bytes: each entry may have a manifest's annotations.
const MAX_LIST: usize = manifest::MAX_BYTES;
/// More artifacts than one manifest can have: signatures and attachments of each architecture.
const MOST_LISTED: usize = Arch::ALL.len() * (attachment::MOST + 1);

/// Returns whether a path is for a symbolic link.
fn is_link(path: &str) -> bool {
    Place::parse(path).is_some_and(|place| place.kind().form == Form::Link)
}

/// The knowledge for checking files that were not reached.
struct Basis<'a> {
    heads: &'a Heads,
    /// Whether all heads back to the first could be read.
    chain: bool,
    /// Whether the newest index could be read in full.
    index: bool,
    /// Whether some file could not be checked.
    passed_over: AtomicBool,
}

impl Basis<'_> {
    fn pass_over(&self) {
        self.passed_over.store(true, Ordering::Relaxed);
    }
}
