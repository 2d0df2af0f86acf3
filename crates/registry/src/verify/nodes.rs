//! Verification of the nodes of all indexes.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;
use sreg_index::map;
use sreg_model::fault::Code;
use sreg_model::layout::Place;
use sreg_model::node::{
    Entry, MapName, NamespaceEntry, Node, Position, TagEntry, TagKey, key_hash,
};
use sreg_model::{Digest, Namespace, Reference};

use super::{Heads, Run, count, unlocked};

/// The entries that were found.
#[derive(Default)]
pub(super) struct Walked {
    /// The entries of the newest index, grouped by key.
    pub(super) tags: Vec<(Namespace, Vec<TagEntry>)>,
    /// Statements that older indexes name.
    pub(super) old: HashSet<Digest>,
    /// Whether every node of the newest index could be read.
    pub(super) whole: bool,
}

impl Run<'_> {
    /// Verifies the nodes of every head's index, and reads shared nodes once.
    pub(super) fn nodes(&self, heads: &Heads) -> Walked {
        let mut walked = Walked::default();
        let seen = Mutex::new(HashSet::new());
        for (age, head) in heads.iter().enumerate() {
            let found = Mutex::new(Vec::new());
            let total = Mutex::new(0u64);
            let walk = Walk {
                run: self,
                seen: &seen,
                every: age == 0,
                unread: AtomicBool::new(false),
            };
            walk.node(
                &Position::root(MapName::Namespaces),
                head.body().index.digest,
                None,
                &|entries: Vec<NamespaceEntry>| {
                    entries.into_par_iter().for_each(|entry| {
                        *unlocked(&total) += entry.tags;
                        let position = Position::root(MapName::Tags(entry.namespace.clone()));
                        walk.node(
                            &position,
                            entry.digest,
                            Some(entry.tags),
                            &|tags: Vec<TagEntry>| {
                                unlocked(&found).push((entry.namespace.clone(), tags));
                            },
                        );
                    });
                },
            );
            let found = found
                .into_inner()
                .unwrap_or_else(std::sync::PoisonError::into_inner);
            if age > 0 {
                walked.old.extend(
                    found
                        .iter()
                        .flat_map(|(_, tags)| tags)
                        .map(|entry| entry.statement),
                );
                continue;
            }
            walked.whole = !walk.unread.into_inner();
            let total = *unlocked(&total);
            if walked.whole && total != head.body().index.tags {
                let message = format!(
                    "the namespaces contain {total} entries, but the head states {}",
                    head.body().index.tags
                );
                self.fault(
                    Code::NodeSum,
                    Place::Node(head.body().index.digest),
                    message,
                );
            }
            walked.tags = found
                .into_iter()
                .flat_map(|(namespace, tags)| by_key(&namespace, tags))
                .collect();
            walked
                .tags
                .sort_by(|left, right| (&left.0, &left.1[0].key).cmp(&(&right.0, &right.1[0].key)));
        }
        walked
    }

    /// Verifies the nodes on the way to one reference.
    pub(super) fn path_to(&self, heads: &Heads, reference: &Reference) -> Walked {
        let mut walked = Walked::default();
        let Some(head) = heads.first() else {
            return walked;
        };
        let (repository, tag) = (reference.repository(), reference.tag_or_default());
        let namespace = repository.namespace();
        let unknown = |what: String| {
            self.fault_of(
                Code::MissingReference,
                Place::Head,
                Some(reference.to_string()),
                what,
            )
        };
        let root = Position::root(MapName::Namespaces);
        let Some(namespaces) = self.descend::<NamespaceEntry>(
            root,
            head.body().index.digest,
            None,
            namespace.as_str(),
        ) else {
            return walked;
        };
        let Some(entry) = namespaces.into_iter().next() else {
            unknown(format!("namespace {namespace} not found"));
            return walked;
        };
        let position = Position::root(MapName::Tags(namespace.clone()));
        let found = match &tag {
            Some(tag) => {
                let key = TagKey::new(repository.name(), tag);
                self.descend::<TagEntry>(position, entry.digest, Some(entry.tags), key.as_str())
            }
            // With only a digest, every entry of the repository is read.
            None => {
                let found = Mutex::new(Vec::new());
                let walk = Walk {
                    run: self,
                    seen: &Mutex::default(),
                    every: true,
                    unread: AtomicBool::new(false),
                };
                walk.node(
                    &position,
                    entry.digest,
                    Some(entry.tags),
                    &|tags: Vec<TagEntry>| unlocked(&found).extend(tags),
                );
                let found = found
                    .into_inner()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                Some(
                    found
                        .into_iter()
                        .filter(|entry| entry.key.name() == *repository.name())
                        .collect(),
                )
            }
        };
        let Some(mut entries) = found else {
            return walked;
        };
        entries.retain(|entry| match (reference.digest(), &entry.image) {
            (_, None) => false,
            (Some(digest), Some(image)) => image.digest == *digest,
            (None, Some(_)) => true,
        });
        if entries.is_empty() {
            unknown("no image published under this reference".to_owned());
        }
        walked.tags = by_key(namespace, entries);
        walked
    }

    /// Returns the entries of `key`; `None` if a node on the way has a fault.
    fn descend<E: Entry>(
        &self,
        mut position: Position,
        mut id: Digest,
        mut expected: Option<u64>,
        key: &str,
    ) -> Option<Vec<E>> {
        let hash = key_hash(key);
        loop {
            match self.load::<E>(&position, id, expected)? {
                Node::Leaf(entries) => {
                    return Some(
                        entries
                            .into_iter()
                            .filter(|entry| entry.key() == key)
                            .collect(),
                    );
                }
                Node::Branch(children) => {
                    let nibble = hash.nibble(position.prefix.depth());
                    let Some(child) = children.into_iter().find(|child| child.nibble == nibble)
                    else {
                        return Some(Vec::new());
                    };
                    (position, id, expected) =
                        (position.child(nibble), child.id, Some(child.count));
                }
            }
        }
    }

    fn load<E: Entry>(
        &self,
        position: &Position,
        id: Digest,
        expected: Option<u64>,
    ) -> Option<Node<E>> {
        let place = Place::Node(id);
        self.expect(&place);
        count(&self.counts.nodes, 1);
        let error = match map::load::<E>(self.registry, position, id, expected) {
            Ok(node) => return Some(node),
            Err(error) => error,
        };
        self.error(&place, None, &self.registry.map_error(error));
        None
    }
}

/// Groups entries by key. The entries of one key are in one leaf, in order.
fn by_key(namespace: &Namespace, entries: Vec<TagEntry>) -> Vec<(Namespace, Vec<TagEntry>)> {
    let mut groups: Vec<(Namespace, Vec<TagEntry>)> = Vec::new();
    for entry in entries {
        match groups.last_mut() {
            Some((_, group)) if group[0].key == entry.key => group.push(entry),
            _ => groups.push((namespace.clone(), vec![entry])),
        }
    }
    groups
}

/// A walk over all nodes of a map.
struct Walk<'a> {
    run: &'a Run<'a>,
    /// The nodes that were already read, for this head or a newer one.
    seen: &'a Mutex<HashSet<Digest>>,
    /// Whether to continue below a node that was already read.
    every: bool,
    /// Whether a node could not be read.
    unread: AtomicBool,
}

impl Walk<'_> {
    fn node<E: Entry>(
        &self,
        position: &Position,
        id: Digest,
        expected: Option<u64>,
        leaf: &(dyn Fn(Vec<E>) + Sync),
    ) {
        let new = unlocked(self.seen).insert(id);
        if (!new && !self.every) || self.run.observer.is_cancelled() {
            return;
        }
        match self.run.load::<E>(position, id, expected) {
            None => self.unread.store(true, Ordering::Relaxed),
            Some(Node::Leaf(entries)) => leaf(entries),
            Some(Node::Branch(children)) => children.into_par_iter().for_each(|child| {
                self.node(
                    &position.child(child.nibble),
                    child.id,
                    Some(child.count),
                    leaf,
                )
            }),
        }
    }
}
