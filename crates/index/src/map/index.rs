//! The index of a registry: the map of namespaces, and a map of tags for each of them (`spec/index.md`).

use std::collections::BTreeMap;

use sreg_model::head::IndexRoot;
use sreg_model::node::{MapName, NamespaceEntry, Position, TagEntry, TagKey};
use sreg_model::{Digest, Namespace, Repository, Tag};

use crate::diff::{Difference, Side, diff as diff_map};
use crate::map::{self, Changes, MapError, MapRoot, NodeSink, NodeSource};

/// The new lines of each namespace and key. An empty list removes the key.
pub type IndexChanges = BTreeMap<Namespace, Changes<TagEntry>>;

/// An index: its root, and the source of its nodes.
#[derive(Clone, Copy)]
pub struct Index<'a> {
    source: &'a dyn NodeSource,
    root: Digest,
    tags: u64,
}

impl<'a> Index<'a> {
    /// Returns the index that a head names.
    #[must_use]
    pub fn new(source: &'a dyn NodeSource, root: &IndexRoot) -> Self {
        Self {
            source,
            root: root.digest,
            tags: root.tags,
        }
    }

    /// Returns the root of the map of namespaces. The head does not count its lines; the node itself
    /// does.
    fn namespaces_root(&self) -> Result<MapRoot, MapError> {
        let position = Position::root(MapName::Namespaces);
        let node = map::load::<NamespaceEntry>(self.source, &position, self.root, None)?;
        Ok(MapRoot {
            id: self.root,
            count: node.count(),
        })
    }

    /// Visits all namespaces, and checks that their tags add up to the number in the head.
    ///
    /// # Errors
    /// [`MapError`] if a node is missing or faulty, or the error of `visit`.
    pub fn namespaces<X: From<MapError>>(
        &self,
        visit: &mut dyn FnMut(NamespaceEntry) -> Result<(), X>,
    ) -> Result<(), X> {
        let root = self.namespaces_root()?;
        let mut tags = 0u64;
        map::walk(
            self.source,
            &MapName::Namespaces,
            root,
            &mut |entry: NamespaceEntry| {
                tags = tags.saturating_add(entry.tags);
                visit(entry)
            },
        )?;
        if tags != self.tags {
            return Err(MapError::Count {
                id: self.root,
                position: Box::new(Position::root(MapName::Namespaces)),
                found: tags,
                expected: self.tags,
            }
            .into());
        }
        Ok(())
    }

    /// Visits all lines of all maps of tags.
    ///
    /// # Errors
    /// [`MapError`] if a node is missing or faulty, or the error of `visit`.
    pub fn walk<X: From<MapError>>(
        &self,
        visit: &mut dyn FnMut(&Namespace, TagEntry) -> Result<(), X>,
    ) -> Result<(), X> {
        let source = self.source;
        self.namespaces(&mut |entry: NamespaceEntry| {
            let namespace = entry.namespace.clone();
            map::walk(
                source,
                &MapName::Tags(namespace.clone()),
                tags_root(&entry),
                &mut |tag: TagEntry| visit(&namespace, tag),
            )
        })
    }

    /// Looks up the line of a namespace.
    ///
    /// # Errors
    /// [`MapError`] if a node on the path is missing or faulty.
    pub fn namespace(&self, namespace: &Namespace) -> Result<Option<NamespaceEntry>, MapError> {
        let root = self.namespaces_root()?;
        let entries = map::look_up(self.source, &MapName::Namespaces, root, namespace.as_str())?;
        Ok(entries.into_iter().next())
    }

    /// Looks up all lines of one tag, one for each architecture, removed ones included.
    ///
    /// # Errors
    /// [`MapError`] if a node on the path is missing or faulty.
    pub fn look_up(&self, repository: &Repository, tag: &Tag) -> Result<Vec<TagEntry>, MapError> {
        let Some(entry) = self.namespace(repository.namespace())? else {
            return Ok(Vec::new());
        };
        let map = MapName::Tags(entry.namespace.clone());
        map::look_up(
            self.source,
            &map,
            tags_root(&entry),
            TagKey::new(repository.name(), tag).as_str(),
        )
    }
}

/// Calls `visit` for each node of an index that an older index does not have, children before their
/// parents. `source` has all nodes of both.
///
/// # Errors
/// [`MapError`] if a node is missing or faulty, or the error of `visit`.
pub fn new_nodes<X: From<MapError> + Send>(
    source: &dyn NodeSource,
    old: Option<&IndexRoot>,
    new: &IndexRoot,
    visit: map::NodeVisitor<'_, X>,
) -> Result<(), X> {
    let old = old.map(|root| Index::new(source, root));
    let new = Index::new(source, new);
    let old_root = old.map(|index| index.namespaces_root()).transpose()?;
    let new_root = new.namespaces_root()?;
    diff_map(
        &MapName::Namespaces,
        Side {
            source,
            root: old_root,
        },
        Side {
            source,
            root: Some(new_root),
        },
        &mut |difference: Difference<NamespaceEntry>| {
            let Some(entry) = difference.right.first() else {
                return Ok(());
            };
            let map = MapName::Tags(entry.namespace.clone());
            let old = difference.left.first().map(tags_root);
            map::new_nodes::<TagEntry, X>(source, &map, old, tags_root(entry), visit)
        },
    )?;
    let map = MapName::Namespaces;
    map::new_nodes::<NamespaceEntry, X>(source, &map, old_root, new_root, visit)
}

fn tags_root(entry: &NamespaceEntry) -> MapRoot {
    MapRoot {
        id: entry.digest,
        count: entry.tags,
    }
}

/// Applies changes to an index, or builds a new one.
///
/// # Errors
/// [`MapError`] if a node on the path is missing or faulty, or the error of `sink`.
pub fn update(
    source: &dyn NodeSource,
    sink: &dyn NodeSink,
    index: Option<&IndexRoot>,
    changes: IndexChanges,
) -> Result<IndexRoot, MapError> {
    let old = index.map(|root| Index::new(source, root));
    let root = old.map(|index| index.namespaces_root()).transpose()?;
    let mut tags = index.map_or(0, |root| root.tags);
    let mut namespaces: Changes<NamespaceEntry> = BTreeMap::new();
    for (namespace, changes) in changes {
        let before = old
            .map(|index| index.namespace(&namespace))
            .transpose()?
            .flatten();
        let map = MapName::Tags(namespace.clone());
        let after = map::update(source, sink, &map, before.as_ref().map(tags_root), changes)?;
        tags = tags - before.map_or(0, |entry| entry.tags) + after.count;
        let lines = match after.count {
            0 => Vec::new(),
            count => vec![NamespaceEntry {
                digest: after.id,
                namespace: namespace.clone(),
                tags: count,
            }],
        };
        namespaces.insert(namespace.as_str().to_owned(), lines);
    }
    let root = map::update(source, sink, &MapName::Namespaces, root, namespaces)?;
    Ok(IndexRoot {
        digest: root.id,
        tags,
    })
}

/// A callback for a tag whose lines differ between two indexes.
pub type DiffVisitor<'a, X> = &'a mut dyn FnMut(&Namespace, Difference<TagEntry>) -> Result<(), X>;

/// Calls `visit` for every tag whose lines differ between two indexes.
///
/// # Errors
/// [`MapError`] if a node is missing or faulty, or the error of `visit`.
pub fn diff<X: From<MapError>>(
    left: Option<Index<'_>>,
    right: Option<Index<'_>>,
    visit: DiffVisitor<'_, X>,
) -> Result<(), X> {
    let empty = map::MemoryNodes::default();
    let left_root = left.map(|index| index.namespaces_root()).transpose()?;
    let right_root = right.map(|index| index.namespaces_root()).transpose()?;
    let left_source: &dyn NodeSource = left.map_or(&empty, |index| index.source);
    let right_source: &dyn NodeSource = right.map_or(&empty, |index| index.source);
    diff_map(
        &MapName::Namespaces,
        Side {
            source: left_source,
            root: left_root,
        },
        Side {
            source: right_source,
            root: right_root,
        },
        &mut |difference: Difference<NamespaceEntry>| {
            let one = difference.left.first().or(difference.right.first());
            let Some(namespace) = one.map(|entry| entry.namespace.clone()) else {
                return Ok(());
            };
            diff_map(
                &MapName::Tags(namespace.clone()),
                Side {
                    source: left_source,
                    root: difference.left.first().map(tags_root),
                },
                Side {
                    source: right_source,
                    root: difference.right.first().map(tags_root),
                },
                &mut |tags: Difference<TagEntry>| visit(&namespace, tags),
            )
        },
    )
}
