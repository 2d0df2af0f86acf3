//! Views: each is byte for byte what the index derives.

use std::collections::BTreeMap;

use rayon::prelude::*;
use sreg_model::layout::Place;
use sreg_model::node::TagEntry;
use sreg_model::statement::Statement;
use sreg_model::{Namespace, Repository, Tag};
use sreg_site::{View, repository_views, tag_views};

use super::nodes::Walked;
use super::{Class, Heads, Run, count};
use crate::error::TreeError;
use crate::views;

/// More than any view, in bytes; what is longer is none.
pub(crate) const MAX_VIEW: usize = 256 << 20;

impl Run<'_> {
    /// Verifies the views of one tag.
    pub(super) fn tag_views(
        &self,
        heads: &Heads,
        namespace: &Namespace,
        line: &TagEntry,
        statements: &[Statement],
    ) {
        let reference = format!("{namespace}/{}", line.key.as_str());
        for view in tag_views(self.tree.settings(), statements) {
            self.view(heads, &view, &reference);
        }
    }

    /// Verifies the views of every repository as a whole, where all its tags are known.
    pub(super) fn repositories(&self, heads: &Heads, walked: &Walked) {
        if !walked.whole {
            return;
        }
        let mut repositories: BTreeMap<Repository, Vec<Tag>> = BTreeMap::new();
        for (namespace, lines) in &walked.tags {
            if lines.iter().any(|line| line.image.is_some())
                && let Some(repository) = views::repository(namespace, &lines[0])
            {
                repositories
                    .entry(repository)
                    .or_default()
                    .push(lines[0].key.tag());
            }
        }
        repositories.par_iter().for_each(|(repository, tags)| {
            for view in repository_views(repository, tags) {
                self.view(heads, &view, &repository.to_string());
            }
        });
    }

    fn view(&self, heads: &Heads, view: &View, reference: &str) {
        count(&self.counts.views, 1);
        self.expect(&view.place);
        let (code, class, message) = match self.tree.read(&view.place, MAX_VIEW) {
            Ok(found) if found == view.bytes => return,
            Ok(found) if self.is_stale(heads, &view.place, &found) => (
                "stale-view",
                Class::Stale,
                "it shows an older version; sreg repair writes it anew",
            ),
            Ok(_) => (
                "view-mismatch",
                Class::Mismatch,
                "it is not what the index says; sreg repair writes it anew",
            ),
            Err(TreeError::Missing { .. }) if self.interrupted => (
                "stale-view",
                Class::Stale,
                "a run was interrupted before it was written; sreg repair writes it",
            ),
            // Whatever its place: a config is derived, too.
            Err(TreeError::Missing { .. }) => (
                "missing-view",
                Class::NotFound,
                "it is missing; sreg repair writes it",
            ),
            Err(error) => {
                return self.error(&view.place, Some(reference.to_owned()), &error);
            }
        };
        self.fault_of(
            code,
            class,
            &view.place,
            Some(reference.to_owned()),
            message,
        );
    }

    /// Whether a view is one of an older head, or of a run that is not finished.
    pub(super) fn is_stale(&self, heads: &Heads, place: &Place, found: &[u8]) -> bool {
        self.interrupted || was_derived(self.tree, heads, place, found)
    }
}

/// Whether one of the older `heads` derives exactly these bytes for a seed view.
pub(crate) fn was_derived(tree: &crate::Tree, heads: &Heads, place: &Place, found: &[u8]) -> bool {
    heads.iter().skip(1).any(|head| {
        let index = tree.index(head.body());
        let derived = match place {
            Place::SeedManifest(repository, tag) => {
                views::views_of_tag(tree, index, repository, tag).ok()
            }
            Place::SeedTags(repository) => {
                let tags = views::present_tags(tree, index, repository.namespace()).ok();
                tags.and_then(|mut tags| tags.remove(repository))
                    .map(|tags| repository_views(repository, &tags))
            }
            _ => None,
        };
        derived.is_some_and(|views| {
            views
                .iter()
                .any(|view| view.place == *place && view.bytes == found)
        })
    })
}
