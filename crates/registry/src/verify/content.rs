//! Verification of statements and blobs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use sreg_index::Chain;
use sreg_index::chain::{ChainBuilder, sidecar_len};
use sreg_index::hasher::{self, HashError};
use sreg_model::fault::Code;
use sreg_model::layout::Place;
use sreg_model::node::{ImageSize, TagEntry};
use sreg_model::statement::{Image, Statement};
use sreg_model::{Digest, Document, FoldedNames, Namespace};
use sreg_store::retry;

use super::nodes::Walked;
use super::{BlobCheck, Heads, Run, count};
use crate::derive::repository;
use crate::error::RegistryError;
use crate::reachable::content_of;

impl Run<'_> {
    /// Verifies the statements of every tag of the newest index, and its views if names `are_apart`. Returns
    /// whether every statement could be read.
    pub(super) fn tags(&self, heads: &Heads, walked: &Walked, are_apart: bool) -> bool {
        let unread = AtomicBool::new(false);
        walked.tags.par_iter().for_each(|(namespace, entries)| {
            if self.observer.is_cancelled() {
                return;
            }
            count(&self.counts.tags, entries.len() as u64);
            let statements: Vec<Document<Statement>> = entries
                .iter()
                .filter_map(|entry| self.statement_of(namespace, entry))
                .collect();
            // Views of a tag cannot be derived if a statement has a fault.
            if statements.len() != entries.len() {
                unread.store(true, Ordering::Relaxed);
            } else if are_apart {
                self.tag_views(heads, namespace, &entries[0], &statements);
            }
        });
        !unread.into_inner()
    }

    /// Verifies the statements of every tag that was found, and nothing more.
    pub(super) fn statements(&self, walked: &Walked) {
        for (namespace, entries) in &walked.tags {
            for entry in entries {
                self.statement_of(namespace, entry);
            }
        }
    }

    /// Returns whether all names differ by more than case and none is reserved; otherwise some views would
    /// replace others.
    pub(super) fn check_case(&self, walked: &Walked) -> bool {
        let mut names = FoldedNames::default();
        let mut are_apart = true;
        for (namespace, entries) in &walked.tags {
            let entry = &entries[0];
            if repository(namespace, entry).is_none() {
                let name = format!("{namespace}/{}", entry.key.name());
                are_apart = false;
                self.fault_of(
                    Code::ReservedName,
                    Place::Head,
                    Some(name),
                    "the index contains a reserved name",
                );
                continue;
            }
            let name = format!("{namespace}/{}", entry.key.as_str());
            if let Err(other) = names.insert(&name) {
                let message = format!("differs from {other} only in case");
                are_apart = false;
                self.fault_of(Code::CaseCollision, Place::Head, Some(name), message);
            }
        }
        are_apart
    }

    /// Returns the statement that an entry names, if it matches the entry.
    fn statement_of(&self, namespace: &Namespace, entry: &TagEntry) -> Option<Document<Statement>> {
        let reference = format!("{namespace}/{}", entry.key.as_str());
        let place = Place::Statement(entry.statement);
        let statement = self.load_statement(entry.statement, Some(&reference))?;
        let body = statement.body();
        self.hold_statement(&statement, &reference);
        let subject = &body.subject;
        let says = (
            subject.repository.namespace(),
            subject.repository.name(),
            &subject.tag,
            subject.arch,
        );
        let (name, tag) = (entry.key.name(), entry.key.tag());
        let image = body.image().map(|image| ImageSize {
            digest: image.digest,
            size: image.size,
        });
        if says != (namespace, &name, &tag, entry.arch) || image != entry.image {
            let message = format!("is for {subject}, or names another image than the index");
            self.fault_of(Code::StatementMismatch, &place, Some(reference), message);
            return None;
        }
        Some(statement)
    }

    pub(super) fn load_statement(
        &self,
        id: Digest,
        reference: Option<&String>,
    ) -> Option<Document<Statement>> {
        let place = Place::Statement(id);
        self.expect(&place);
        count(&self.counts.statements, 1);
        match self.registry.statement(&id) {
            Ok(statement) => Some(statement),
            Err(error) => {
                self.error(&place, reference.cloned(), &error);
                None
            }
        }
    }

    /// Verifies the digest chains, images and attachments of the newest index.
    pub(super) fn blobs(&self, walked: &Walked) {
        let mut attached: BTreeMap<(Place, u64), BTreeSet<String>> = BTreeMap::new();
        let mut images: BTreeMap<Place, (Image, Place, BTreeSet<String>)> = BTreeMap::new();
        for (namespace, entries) in &walked.tags {
            for entry in entries {
                // An unreadable statement is already reported.
                let Ok(statement) = self.registry.statement(&entry.statement) else {
                    continue;
                };
                let Some(image) = statement.body().image() else {
                    continue;
                };
                let repository = &statement.body().subject.repository;
                for place in content_of(&statement.body().subject, image) {
                    self.expect(&place);
                }
                let place = Place::blob(repository, image.digest);
                let chain = Place::blob(repository, image.chain);
                let references = &mut images
                    .entry(place)
                    .or_insert_with(|| (image.clone(), chain, BTreeSet::new()))
                    .2;
                let reference = format!("{namespace}/{}", entry.key.as_str());
                references.insert(reference.clone());
                for attachment in &image.attached {
                    let place = Place::blob(repository, attachment.digest);
                    let references = attached.entry((place, attachment.size)).or_default();
                    references.insert(reference.clone());
                }
            }
        }
        if self.options.blobs == BlobCheck::Full {
            let sizes = images.values().map(|(image, ..)| image.size);
            let more = attached.keys().map(|(_, size)| *size);
            self.observer.expect(sizes.chain(more).sum());
        }
        attached.par_iter().for_each(|((place, size), references)| {
            if !self.observer.is_cancelled() {
                self.attachment(place, *size, references.first().cloned());
            }
        });
        images
            .par_iter()
            .for_each(|(place, (image, chain_place, references))| {
                if self.observer.is_cancelled() {
                    return;
                }
                let reference = references.first().cloned();
                let chain = self.chain(chain_place, image, reference.as_ref());
                self.blob(place, image, chain.as_ref(), reference);
            });
    }

    fn chain(&self, place: &Place, image: &Image, reference: Option<&String>) -> Option<Chain> {
        count(&self.counts.chains, 1);
        let most = usize::try_from(sidecar_len(image.size)).unwrap_or(usize::MAX - 1);
        let sidecar = match self.registry.read(place, most) {
            Ok(sidecar) => sidecar,
            Err(error) => {
                self.error(place, reference.cloned(), &error);
                return None;
            }
        };
        let found = Digest::of(&sidecar);
        if found != image.chain {
            self.fault_of(
                Code::BlobMismatch,
                place,
                reference.cloned(),
                format!("digest is {found}"),
            );
            return None;
        }
        match Chain::parse(sidecar, image.size, &image.digest) {
            Ok(chain) => Some(chain),
            Err(error) => {
                self.fault_of(error.code(), place, reference.cloned(), error.to_string());
                None
            }
        }
    }

    fn blob(&self, place: &Place, image: &Image, chain: Option<&Chain>, reference: Option<String>) {
        if self.options.blobs == BlobCheck::None {
            return;
        }
        let size = self.registry.size(place);
        if matches!(size, Err(RegistryError::Missing { .. }))
            && self.registry.settings().blob_url.is_some()
        {
            return count(&self.counts.blobs_elsewhere, 1);
        }
        if size.is_ok() {
            count(&self.counts.blobs, 1);
        }
        if !self.has_size(place, size, image.size, reference.as_ref()) {
            return;
        }
        match chain {
            Some(chain) if self.registry.store().capabilities().folder.is_some() => {
                self.links(place, chain, reference);
            }
            _ => self.bytes(place, image.digest, image.size, reference),
        }
    }

    /// Verifies an attachment, which is always in the registry.
    fn attachment(&self, place: &Place, size: u64, reference: Option<String>) {
        if let Place::Blob(_, digest) = place
            && self.options.blobs != BlobCheck::None
            && self.has_size(place, self.registry.size(place), size, reference.as_ref())
        {
            self.bytes(place, *digest, size, reference);
        }
    }

    /// Checks the size of a blob. Returns whether it must be read.
    fn has_size(
        &self,
        place: &Place,
        found: Result<u64, RegistryError>,
        expected: u64,
        reference: Option<&String>,
    ) -> bool {
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                self.error(place, reference.cloned(), &error);
                return false;
            }
        };
        if found != expected {
            let message = format!("has {found} bytes, expected {expected}");
            self.fault_of(Code::BlobSize, place, reference.cloned(), message);
            return false;
        }
        let is_read = self.options.blobs != BlobCheck::Head;
        if is_read {
            count(&self.counts.bytes, expected);
        }
        is_read
    }

    /// Verifies an image in a folder by its digest chain, which shows where it is wrong.
    fn links(&self, place: &Place, chain: &Chain, reference: Option<String>) {
        let path = self.registry.path(place);
        let broken = hasher::verify(&path, chain, self.options.io, self.observer);
        self.judge(place, broken.map(|links| broken_links(&links)), reference);
    }

    /// Verifies a file by its digest.
    fn bytes(&self, place: &Place, digest: Digest, size: u64, reference: Option<String>) {
        if self.registry.store().capabilities().folder.is_none() {
            return self.bytes_elsewhere(place, digest, size, reference);
        }
        let hashed = hasher::hash(&self.registry.path(place), self.options.io, self.observer);
        let wrong = hashed.map(|hashed| wrong_digest(hashed.chain.digest(), digest));
        self.judge(place, wrong, reference);
    }

    fn judge(
        &self,
        place: &Place,
        wrong: Result<Option<String>, HashError>,
        reference: Option<String>,
    ) {
        match wrong {
            Ok(None) | Err(HashError::Cancelled) => {}
            Ok(Some(message)) => {
                self.fault_of(Code::BlobMismatch, place, reference, message);
            }
            Err(error) => self.fault_of(
                error.code(),
                place,
                reference,
                crate::error::explain(&error),
            ),
        }
    }

    /// Verifies a file from a server by its digest.
    fn bytes_elsewhere(&self, place: &Place, digest: Digest, size: u64, reference: Option<String>) {
        let mut chain = ChainBuilder::default();
        let key = place.to_string();
        let read = retry::read_range(&**self.registry.store(), &key, 0..size, &mut |part| {
            if self.observer.is_cancelled() {
                return Err(std::io::ErrorKind::Interrupted.into());
            }
            chain.update(part);
            self.observer.advance(part.len() as u64);
            Ok(())
        });
        if self.observer.is_cancelled() {
            return;
        }
        match read {
            Err(error) => self.error(place, reference, &error.into()),
            Ok(()) => {
                let wrong = wrong_digest(chain.finish().digest(), digest);
                self.judge(place, Ok(wrong), reference);
            }
        }
    }
}

/// Returns the message for a wrong digest; `None` if it is right.
fn wrong_digest(found: Digest, expected: Digest) -> Option<String> {
    (found != expected).then(|| format!("digest is {found}"))
}

/// Returns the message for wrong MiB; `None` if there are none.
fn broken_links(links: &[usize]) -> Option<String> {
    let (first, rest) = links.split_first()?;
    Some(match rest.len() {
        0 => format!("wrong bytes in MiB {first} (counted from 0)"),
        more => format!("wrong bytes in MiB {first} (counted from 0) and {more} more"),
    })
}
