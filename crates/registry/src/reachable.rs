//! What a head reaches: the content that its index and its statements name, and the views that they derive.
//!
//! Heads and trust documents are never removed, so they are not listed.

use std::collections::{BTreeMap, HashSet};
use std::sync::Mutex;

use rayon::prelude::*;
use sreg_index::index::new_nodes;
use sreg_index::map::MapError;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::statement::{Image, Statement, Subject};
use sreg_model::{Digest, Document, Namespace, Repository, Tag};
use sreg_views::{registry_views, repository_views, tag_views};

use crate::derive;
use crate::error::RegistryError;
use crate::registry::Registry;

/// Returns every place that a head reaches: nodes, statements with their predecessors, the content of the
/// images that are published, and views. Images that only predecessors name are not listed. Views that are
/// links need not exist in a store without links.
///
/// # Errors
/// `Read` or `Store` if a file cannot be read; `Map` if the index is damaged; `Missing`, `Document` or
/// `Mismatch` if a statement is missing or invalid.
pub fn reachable(registry: &Registry, head: &Head) -> Result<HashSet<Place>, RegistryError> {
    let mut reached: HashSet<Place> = nodes(registry, head)?
        .into_iter()
        .map(Place::Node)
        .collect();
    let settings = registry.settings();
    let views = |views: Vec<sreg_views::View>| views.into_iter().map(|view| view.place);
    reached.extend(views(registry_views(settings)));

    let entries = derive::entries(registry, Some(head))?;
    let of_tags: Vec<(&Namespace, &Vec<_>)> = entries
        .iter()
        .flat_map(|(namespace, keys)| keys.values().map(move |entries| (namespace, entries)))
        .collect();
    let statements = of_tags.par_iter().map(|(_, entries)| {
        let ids = entries.iter().map(|entry| entry.statement);
        ids.map(|id| registry.statement(&id)).collect()
    });
    let statements: Vec<Vec<Document<Statement>>> = statements.collect::<Result<_, _>>()?;
    let mut tags: BTreeMap<Repository, Vec<Tag>> = BTreeMap::new();
    for ((namespace, entries), statements) in of_tags.iter().zip(&statements) {
        reached.extend(views(tag_views(settings, statements)));
        for statement in statements {
            if let Some(image) = statement.body().image() {
                reached.extend(content_of(&statement.body().subject, image));
            }
        }
        if entries.iter().any(|entry| entry.image.is_some())
            && let Some(repository) = derive::repository(namespace, &entries[0])
        {
            tags.entry(repository)
                .or_default()
                .push(entries[0].key.tag());
        }
    }
    for (repository, tags) in &tags {
        reached.extend(views(repository_views(repository, tags)));
    }
    for statement in statements.iter().flatten() {
        reached.insert(Place::Statement(statement.id()));
        let mut before = statement.body().previous;
        while let Some(id) = before {
            // A predecessor of two statements was already followed.
            if !reached.insert(Place::Statement(id)) {
                break;
            }
            before = registry.statement(&id)?.body().previous;
        }
    }
    Ok(reached)
}

/// Returns the places of the content of an image: its bytes, its sidecar and its attachments.
pub fn content_of(subject: &Subject, image: &Image) -> impl Iterator<Item = Place> {
    let attached = image.attached.iter().map(|attachment| attachment.digest);
    [image.digest, image.chain]
        .into_iter()
        .chain(attached)
        .map(|digest| Place::blob(&subject.repository, digest))
}

/// Returns all nodes of the index of a head.
fn nodes(registry: &Registry, head: &Head) -> Result<Vec<Digest>, RegistryError> {
    let found = Mutex::new(Vec::new());
    let walked = new_nodes(registry, None, &head.index, &|id, _| {
        found
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(*id);
        Ok::<_, MapError>(())
    });
    walked.map_err(|error| registry.map_error(error))?;
    Ok(found
        .into_inner()
        .unwrap_or_else(std::sync::PoisonError::into_inner))
}
