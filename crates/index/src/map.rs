//! The Merkle map: build, change, look up, walk (`spec/index.md`).
//!
//! The shape of a map depends on its set of entries alone, so any order of changes that ends in
//! the same set ends in the same root. Nodes are loaded one by one from a [`NodeSource`] and
//! checked as they come: their hash, their position, and that counts add up.

use sreg_model::fault::Code;
use std::collections::BTreeMap;

use rayon::prelude::*;
use sreg_model::Digest;
use sreg_model::node::{Child, Entry, LEAF_LINES, MapName, Node, NodeError, Position, key_hash};

/// Hands out the bytes of nodes.
pub trait NodeSource: Sync {
    /// Returns the stored bytes of the node `id`, which need not be checked yet.
    ///
    /// # Errors
    /// [`MapError::Missing`] where there are none, [`MapError::Io`] where they cannot be read.
    fn load(&self, id: &Digest) -> Result<Vec<u8>, MapError>;

    /// These nodes will be loaded next: where each takes a while, they may be fetched at once.
    fn prefetch(&self, _ids: &[Digest]) {}
}

/// Takes the bytes of new nodes.
pub trait NodeSink: Sync {
    /// Stores a node. The same node may come more than once.
    ///
    /// # Errors
    /// As the storage says.
    fn store(&self, id: &Digest, bytes: &[u8]) -> Result<(), MapError>;
}

/// Why a map cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// There is no such node.
    #[error("node {0} is missing")]
    Missing(Digest),
    /// A node's bytes do not hash to its id.
    #[error("node {expected} has the digest {found}")]
    Mismatch {
        /// The node's id.
        expected: Digest,
        /// What its bytes hash to.
        found: Digest,
    },
    /// A node breaks a rule.
    #[error("node {id} at {position} is malformed")]
    Malformed {
        /// The node's id.
        id: Digest,
        /// Where it should stand.
        position: Box<Position>,
        /// The rule.
        source: Box<NodeError>,
    },
    /// A node has another number of lines below it than its parent says.
    #[error("node {id} at {position} counts {found} lines, but its parent says {expected}")]
    Count {
        /// The node's id.
        id: Digest,
        /// Where it stands.
        position: Box<Position>,
        /// The lines that it has.
        found: u64,
        /// The lines that its parent says.
        expected: u64,
    },
    /// The storage failed.
    #[error("cannot read or write node {id}")]
    Io {
        /// The node's id.
        id: Digest,
        /// Why.
        source: std::io::Error,
    },
}

impl MapError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Missing(_) => Code::MissingNode,
            Self::Mismatch { .. } => Code::NodeMismatch,
            Self::Malformed { source, .. } => source.code(),
            Self::Count { .. } => Code::NodeSum,
            Self::Io { .. } => Code::Unreadable,
        }
    }
}

/// The root of a map: its id, and the leaf lines below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapRoot {
    /// The id of the root node.
    pub id: Digest,
    /// The leaf lines of the whole map.
    pub count: u64,
}

/// Loads the node `id` that belongs at `position`, and checks all that one node shows. A map's
/// outermost root may come without an expected count; then the node says its own.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn load<E: Entry>(
    source: &dyn NodeSource,
    position: &Position,
    id: Digest,
    expected: Option<u64>,
) -> Result<Node<E>, MapError> {
    let bytes = source.load(&id)?;
    let found = Digest::of(&bytes);
    if found != id {
        return Err(MapError::Mismatch {
            expected: id,
            found,
        });
    }
    let node = Node::parse(&bytes, position).map_err(|source| MapError::Malformed {
        id,
        position: Box::new(position.clone()),
        source: Box::new(source),
    })?;
    let found = node.count();
    match expected {
        Some(expected) if expected != found => Err(MapError::Count {
            id,
            position: Box::new(position.clone()),
            found,
            expected,
        }),
        _ => Ok(node),
    }
}

/// Returns all lines with `key`: none where the key is not in the map.
///
/// # Errors
/// What is wrong with a node on the way.
pub fn look_up<E: Entry>(
    source: &dyn NodeSource,
    map: &MapName,
    root: MapRoot,
    key: &str,
) -> Result<Vec<E>, MapError> {
    let hash = key_hash(key);
    let mut position = Position::root(map.clone());
    let mut at = root;
    loop {
        match load::<E>(source, &position, at.id, Some(at.count))? {
            Node::Leaf(entries) => {
                return Ok(entries
                    .into_iter()
                    .filter(|entry| entry.key() == key)
                    .collect());
            }
            Node::Branch(children) => {
                let nibble = hash.nibble(position.prefix.depth());
                let Some(child) = children.iter().find(|child| child.nibble == nibble) else {
                    return Ok(Vec::new());
                };
                position = position.child(nibble);
                at = root_of(child);
            }
        }
    }
}

/// Visits every line of a map, leaf by leaf in the order of hashes.
///
/// # Errors
/// What is wrong with a node, or what `visit` returns.
pub fn walk<E: Entry, X: From<MapError>>(
    source: &dyn NodeSource,
    map: &MapName,
    root: MapRoot,
    visit: &mut dyn FnMut(E) -> Result<(), X>,
) -> Result<(), X> {
    walk_from(source, &Position::root(map.clone()), root, visit)
}

fn walk_from<E: Entry, X: From<MapError>>(
    source: &dyn NodeSource,
    position: &Position,
    root: MapRoot,
    visit: &mut dyn FnMut(E) -> Result<(), X>,
) -> Result<(), X> {
    match load::<E>(source, position, root.id, Some(root.count))? {
        Node::Leaf(entries) => entries.into_iter().try_for_each(visit),
        Node::Branch(children) => {
            let ids: Vec<Digest> = children.iter().map(|child| child.id).collect();
            source.prefetch(&ids);
            children.iter().try_for_each(|child| {
                walk_from(source, &position.child(child.nibble), root_of(child), visit)
            })
        }
    }
}

/// Takes nodes: the id and the bytes of each.
pub type NodeVisitor<'a, X> = &'a (dyn Fn(&Digest, &[u8]) -> Result<(), X> + Sync);

/// Gives the nodes of a map to `visit` that an older map of the same name does not have at the same
/// position, children before their parents. Both are loaded from `source`.
///
/// # Errors
/// What is wrong with a node, or what `visit` returns.
pub fn new_nodes<E: Entry, X: From<MapError> + Send>(
    source: &dyn NodeSource,
    map: &MapName,
    old: Option<MapRoot>,
    new: MapRoot,
    visit: NodeVisitor<'_, X>,
) -> Result<(), X> {
    new_nodes_from::<E, X>(source, &Position::root(map.clone()), old, new, visit)
}

fn new_nodes_from<E: Entry, X: From<MapError> + Send>(
    source: &dyn NodeSource,
    position: &Position,
    old: Option<MapRoot>,
    new: MapRoot,
    visit: NodeVisitor<'_, X>,
) -> Result<(), X> {
    if old.is_some_and(|old| old.id == new.id) {
        return Ok(());
    }
    let node = load::<E>(source, position, new.id, Some(new.count))?;
    if let Node::Branch(children) = &node {
        let before = match old {
            Some(old) => match load::<E>(source, position, old.id, Some(old.count))? {
                Node::Branch(children) => children,
                Node::Leaf(_) => Vec::new(),
            },
            None => Vec::new(),
        };
        children.par_iter().try_for_each(|child| {
            let old = before.iter().find(|old| old.nibble == child.nibble);
            let position = position.child(child.nibble);
            new_nodes_from::<E, X>(source, &position, old.map(root_of), root_of(child), visit)
        })?;
    }
    visit(&new.id, &node.encode(position))
}

pub(crate) fn root_of(child: &Child) -> MapRoot {
    MapRoot {
        id: child.id,
        count: child.count,
    }
}

/// For each key, the lines that it is to have: none removes the key.
pub type Changes<E> = BTreeMap<String, Vec<E>>;

/// Applies changes to a map, or builds one where there is no `root`. Nodes that change are
/// given to `sink`; only those on the way to a changed key are loaded.
///
/// # Errors
/// What is wrong with a node on the way, or what `sink` returns.
pub fn update<E: Entry>(
    source: &dyn NodeSource,
    sink: &dyn NodeSink,
    map: &MapName,
    root: Option<MapRoot>,
    changes: Changes<E>,
) -> Result<MapRoot, MapError> {
    let mut changes: Vec<Change<E>> = changes
        .into_par_iter()
        .map(|(key, entries)| Change {
            hash: key_hash(&key),
            key,
            entries,
        })
        .collect();
    changes.par_sort_by(|left, right| left.hash.cmp(&right.hash));
    let writer = Writer { source, sink };
    let position = Position::root(map.clone());
    match writer.apply(&position, root, changes)? {
        Subtree::Stored(root) => Ok(root),
        Subtree::Lines(lines) => writer.store_leaf(&position, lines),
    }
}

struct Change<E> {
    hash: Digest,
    key: String,
    entries: Vec<E>,
}

/// A line with the hash of its key.
struct Line<E> {
    hash: Digest,
    entry: E,
}

/// What a part of a map has become.
enum Subtree<E> {
    /// So few lines that the parent may still take them into a leaf of its own.
    Lines(Vec<Line<E>>),
    /// A node that is stored.
    Stored(MapRoot),
}

impl<E> Subtree<E> {
    fn count(&self) -> u64 {
        match self {
            Self::Lines(lines) => lines.len() as u64,
            Self::Stored(root) => root.count,
        }
    }
}

struct Writer<'a> {
    source: &'a dyn NodeSource,
    sink: &'a dyn NodeSink,
}

impl Writer<'_> {
    /// Returns the part of the map at `position` with `changes`, which are sorted by hash.
    fn apply<E: Entry>(
        &self,
        position: &Position,
        root: Option<MapRoot>,
        changes: Vec<Change<E>>,
    ) -> Result<Subtree<E>, MapError> {
        let Some(root) = root else {
            return self.build(position, new_lines(changes));
        };
        if changes.is_empty() {
            return Ok(Subtree::Stored(root));
        }
        match load::<E>(self.source, position, root.id, Some(root.count))? {
            Node::Leaf(entries) => {
                let changed = |entry: &E| changes.iter().any(|change| change.key == entry.key());
                let mut lines: Vec<Line<E>> = entries
                    .into_iter()
                    .filter(|entry| !changed(entry))
                    .map(line)
                    .collect();
                lines.extend(new_lines(changes));
                self.build(position, lines)
            }
            Node::Branch(children) => self.apply_to_branch(position, &children, changes),
        }
    }

    fn apply_to_branch<E: Entry>(
        &self,
        position: &Position,
        children: &[Child],
        changes: Vec<Change<E>>,
    ) -> Result<Subtree<E>, MapError> {
        let parts = buckets(changes, position.prefix.depth(), |change| change.hash);
        let parts = parts
            .into_par_iter()
            .enumerate()
            .map(|(nibble, changes)| {
                let nibble = nibble_of(nibble);
                let root = children
                    .iter()
                    .find(|child| child.nibble == nibble)
                    .map(root_of);
                self.apply(&position.child(nibble), root, changes)
            })
            .collect::<Result<Vec<_>, _>>()?;
        if parts.iter().map(Subtree::count).sum::<u64>() > LEAF_LINES as u64 {
            return self.store_branch(position, parts);
        }
        // So few lines are left that they merge back into one leaf.
        let mut lines = Vec::new();
        for (nibble, part) in parts.into_iter().enumerate() {
            match part {
                Subtree::Lines(part) => lines.extend(part),
                Subtree::Stored(root) => {
                    walk_from(
                        self.source,
                        &position.child(nibble_of(nibble)),
                        root,
                        &mut |entry: E| {
                            lines.push(line(entry));
                            Ok::<_, MapError>(())
                        },
                    )?;
                }
            }
        }
        Ok(Subtree::Lines(lines))
    }

    /// Returns a part of a map from its lines alone.
    fn build<E: Entry>(
        &self,
        position: &Position,
        lines: Vec<Line<E>>,
    ) -> Result<Subtree<E>, MapError> {
        if lines.len() <= LEAF_LINES {
            return Ok(Subtree::Lines(lines));
        }
        let parts = buckets(lines, position.prefix.depth(), |line| line.hash);
        let parts = parts
            .into_par_iter()
            .enumerate()
            .map(|(nibble, lines)| self.build(&position.child(nibble_of(nibble)), lines))
            .collect::<Result<Vec<_>, _>>()?;
        self.store_branch(position, parts)
    }

    fn store_branch<E: Entry>(
        &self,
        position: &Position,
        parts: Vec<Subtree<E>>,
    ) -> Result<Subtree<E>, MapError> {
        let mut children = Vec::new();
        for (nibble, part) in parts.into_iter().enumerate() {
            let nibble = nibble_of(nibble);
            let root = match part {
                Subtree::Lines(lines) if lines.is_empty() => continue,
                Subtree::Lines(lines) => self.store_leaf(&position.child(nibble), lines)?,
                Subtree::Stored(root) => root,
            };
            children.push(Child {
                nibble,
                id: root.id,
                count: root.count,
            });
        }
        Ok(Subtree::Stored(
            self.store(position, &Node::<E>::Branch(children))?,
        ))
    }

    fn store_leaf<E: Entry>(
        &self,
        position: &Position,
        lines: Vec<Line<E>>,
    ) -> Result<MapRoot, MapError> {
        let mut entries: Vec<E> = lines.into_iter().map(|line| line.entry).collect();
        entries.sort_by(Entry::order);
        self.store(position, &Node::Leaf(entries))
    }

    fn store<E: Entry>(&self, position: &Position, node: &Node<E>) -> Result<MapRoot, MapError> {
        let bytes = node.encode(position);
        let id = Digest::of(&bytes);
        self.sink.store(&id, &bytes)?;
        Ok(MapRoot {
            id,
            count: node.count(),
        })
    }
}

fn line<E: Entry>(entry: E) -> Line<E> {
    Line {
        hash: key_hash(entry.key()),
        entry,
    }
}

fn new_lines<E>(changes: Vec<Change<E>>) -> Vec<Line<E>> {
    changes
        .into_iter()
        .flat_map(|Change { hash, entries, .. }| {
            entries.into_iter().map(move |entry| Line { hash, entry })
        })
        .collect()
}

/// Parts `items` by the digit of their hash at `depth`.
pub(crate) fn buckets<T>(items: Vec<T>, depth: usize, hash: impl Fn(&T) -> Digest) -> [Vec<T>; 16] {
    let mut parts: [Vec<T>; 16] = Default::default();
    for item in items {
        let nibble = hash(&item).nibble(depth);
        parts[usize::from(nibble)].push(item);
    }
    parts
}

pub(crate) fn nibble_of(index: usize) -> u8 {
    // There are sixteen of them.
    u8::try_from(index).unwrap_or(15)
}

/// Nodes in memory: for proofs, and for tests.
#[derive(Debug, Default)]
pub struct MemoryNodes(std::sync::RwLock<BTreeMap<Digest, Vec<u8>>>);

impl MemoryNodes {
    /// Returns all nodes, by id.
    #[must_use]
    pub fn into_nodes(self) -> BTreeMap<Digest, Vec<u8>> {
        self.0
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl NodeSource for MemoryNodes {
    fn load(&self, id: &Digest) -> Result<Vec<u8>, MapError> {
        let nodes = self
            .0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        nodes.get(id).cloned().ok_or(MapError::Missing(*id))
    }
}

impl NodeSink for MemoryNodes {
    fn store(&self, id: &Digest, bytes: &[u8]) -> Result<(), MapError> {
        let mut nodes = self
            .0
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        nodes.insert(*id, bytes.to_vec());
        Ok(())
    }
}
