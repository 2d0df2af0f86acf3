//! Verification of views, which must be what the index derives.

use std::collections::{BTreeMap, HashMap};

use rayon::prelude::*;
use sreg_index::map::MapError;
use sreg_model::fault::Code;
use sreg_model::head::Head;
use sreg_model::layout::{FoldedRepository, FoldedTag, Place};
use sreg_model::node::TagEntry;
use sreg_model::statement::Statement;
use sreg_model::{Document, Namespace, Repository, Tag};
use sreg_views::{
    Content, View, host, nothing_beside, registry_views, repository_views, tag_views,
};

use super::nodes::Walked;
use super::{Heads, Run, count};
use crate::derive::{self, repository};
use crate::error::RegistryError;

impl Run<'_> {
    /// Verifies the views of one tag.
    pub(super) fn tag_views(
        &self,
        heads: &Heads,
        namespace: &Namespace,
        entry: &TagEntry,
        statements: &[Document<Statement>],
    ) {
        let reference = format!("{namespace}/{}", entry.key.as_str());
        let owner =
            repository(namespace, entry).map(|repository| Owner::Tag(repository, entry.key.tag()));
        for view in tag_views(self.registry.settings(), statements) {
            self.view(heads, &view, owner.as_ref(), Some(&reference));
            if let Some(place) = nothing_beside(self.registry.settings(), &view) {
                self.nothing(heads, &place, owner.as_ref(), &reference);
            }
        }
    }

    /// Verifies that a place is empty where clients would look.
    fn nothing(&self, heads: &Heads, place: &Place, owner: Option<&Owner>, reference: &str) {
        let reference = Some(reference.to_owned());
        let found = match derive::read(self.registry, place, 0) {
            Err(RegistryError::Missing { .. }) => return,
            found => found.and_then(|_| self.is_stale(heads, owner, place)),
        };
        // The fault is reported here.
        self.expect(place);
        let (code, message) = match found {
            Err(error) => return self.error(place, reference, &error),
            Ok(true) => (
                Code::StaleView,
                "left by an older version: run `sreg repair` to remove it",
            ),
            Ok(false) => (
                Code::StrayView,
                "not in the registry, and clients would read it: delete it",
            ),
        };
        self.fault_of(code, place, reference, message);
    }

    /// Verifies the repository-wide views of every repository whose tags are all known.
    pub(super) fn repositories(&self, heads: &Heads, walked: &Walked) {
        if !walked.whole {
            return;
        }
        let mut repositories: BTreeMap<Repository, Vec<Tag>> = BTreeMap::new();
        for (namespace, entries) in &walked.tags {
            if entries.iter().any(|entry| entry.image.is_some())
                && let Some(repository) = derive::repository(namespace, &entries[0])
            {
                repositories
                    .entry(repository)
                    .or_default()
                    .push(entries[0].key.tag());
            }
        }
        for view in registry_views(self.registry.settings()) {
            self.view(heads, &view, None, None);
        }
        repositories.par_iter().for_each(|(repository, tags)| {
            let owner = Owner::Repository(repository.clone());
            for view in repository_views(repository, tags) {
                self.view(heads, &view, Some(&owner), Some(&repository.to_string()));
            }
        });
    }

    fn view(&self, heads: &Heads, view: &View, owner: Option<&Owner>, reference: Option<&str>) {
        if let Content::Link { to, size } = &view.content
            && self.registry.store().capabilities().folder.is_none()
        {
            if host::copies_links(self.registry.settings().host) {
                self.copy(heads, view, (to, *size), (owner, reference));
            }
            return;
        }
        count(&self.counts.views, 1);
        self.expect(&view.place);
        let reference = reference.map(str::to_owned);
        let expected = derive::stored(view);
        let found = match derive::read(self.registry, &view.place, expected.len()) {
            Ok(found) if found == *expected => return,
            Ok(_) if self.is_copy(view) => return,
            found => found.and_then(|_| self.is_stale(heads, owner, &view.place)),
        };
        let (code, message) = match found {
            Ok(true) => (
                Code::StaleView,
                "shows an older version: run `sreg repair` to rewrite it",
            ),
            Ok(false) => (
                Code::ViewMismatch,
                "does not match the index: run `sreg repair` to rewrite it",
            ),
            Err(RegistryError::Missing { .. }) if self.interrupted => (
                Code::StaleView,
                "missing, because a run was interrupted: run `sreg repair` to write it",
            ),
            // At any place, because a config is derived, too.
            Err(RegistryError::Missing { .. }) => {
                (Code::MissingView, "missing: run `sreg repair` to write it")
            }
            Err(error) => {
                return self.error(&view.place, reference, &error);
            }
        };
        self.fault_of(code, &view.place, reference, message);
    }

    /// Returns whether a view without an owner belongs to an older head or an unfinished run.
    pub(super) fn is_stale_stray(
        &self,
        heads: &Heads,
        place: &Place,
    ) -> Result<bool, RegistryError> {
        let owner = self.owner(heads, place)?;
        self.is_stale(heads, owner.as_ref(), place)
    }

    /// Returns whether the stored content of a view of `owner` belongs to an older head or an unfinished run.
    /// Reads at most one byte more than such a head derives.
    fn is_stale(
        &self,
        heads: &Heads,
        owner: Option<&Owner>,
        place: &Place,
    ) -> Result<bool, RegistryError> {
        if self.interrupted {
            return Ok(true);
        }
        let Some(owner) = owner else {
            return Ok(false);
        };
        let mut found: Option<Vec<u8>> = None;
        for head in heads.iter().skip(1) {
            for view in self.views_then(head.body(), owner)? {
                if view.place != *place {
                    continue;
                }
                let derived = derive::stored(&view);
                let read = match found.take() {
                    Some(found) if found.len() > derived.len() => found,
                    _ => derive::read(self.registry, place, derived.len())?,
                };
                if read == *derived {
                    return Ok(true);
                }
                found = Some(read);
            }
        }
        Ok(false)
    }

    /// Returns the views of `owner` that an older head derives; none if its content is missing or has a
    /// fault.
    pub(super) fn views_then(
        &self,
        head: &Head,
        owner: &Owner,
    ) -> Result<Vec<View>, RegistryError> {
        let index = self.registry.index(head);
        let derived = match owner {
            Owner::Tag(repository, tag) => {
                derive::views_of_tag(self.registry, index, repository, tag)
            }
            Owner::Repository(repository) => {
                derive::present_tags(self.registry, index, repository.namespace()).map(
                    |mut tags| {
                        let tags = tags.remove(repository);
                        tags.map_or_else(Vec::new, |tags| repository_views(repository, &tags))
                    },
                )
            }
        };
        match derived {
            Err(error) if !error.is_unread() => Ok(Vec::new()),
            derived => derived,
        }
    }

    /// Returns the owner of a view, with names as in the index; `None` if the index has no such names.
    fn owner(&self, heads: &Heads, place: &Place) -> Result<Option<Owner>, RegistryError> {
        let spelt = |folded| self.spelt(heads, folded);
        Ok(match place {
            Place::StaticTags(repository) => Some(Owner::Repository(repository.clone())),
            Place::TagsList(folded) => spelt(folded).map(Owner::Repository),
            Place::StaticManifest(repository, tag) | Place::Shub(repository, tag) => {
                Some(Owner::Tag(repository.clone(), tag.clone()))
            }
            Place::TagManifest(folded, tag) | Place::TagIndex(folded, tag) => {
                spelt(folded).map(|repository| Owner::Tag(repository, tag.clone()))
            }
            Place::LibraryImage(_, folded, tag) | Place::LibraryFile(_, folded, tag) => {
                let (Some(repository), Some(newest)) = (spelt(folded), heads.first()) else {
                    return Ok(None);
                };
                let index = self.registry.index(newest.body());
                let entries =
                    derive::entries_of_namespace(self.registry, index, repository.namespace())?;
                let entry = entries.iter().find(|entry| {
                    entry.key.name() == *repository.name()
                        && FoldedTag::new(&entry.key.tag()) == *tag
                });
                entry.map(|entry| Owner::Tag(repository, entry.key.tag()))
            }
            _ => None,
        })
    }

    /// Returns the repository of the newest index with this name in lower case. Removed entries remain in the
    /// index, so it has those of older heads, too.
    fn spelt(&self, heads: &Heads, folded: &FoldedRepository) -> Option<Repository> {
        let spellings = self.spellings.get_or_init(|| {
            let mut spellings = HashMap::new();
            if let Some(newest) = heads.first() {
                // Unreadable nodes are already reported.
                let _ = self.registry.index(newest.body()).walk(
                    &mut |namespace: &Namespace, entry: TagEntry| {
                        if let Some(repository) = derive::repository(namespace, &entry) {
                            spellings.insert(FoldedRepository::new(&repository), repository);
                        }
                        Ok::<_, MapError>(())
                    },
                );
            }
            spellings
        });
        spellings.get(folded).cloned()
    }
}

/// The owner of a view.
pub(super) enum Owner {
    Tag(Repository, Tag),
    Repository(Repository),
}
