//! The Merkle map: build, change, look up, walk (`spec/index.md`).
//!
//! The shape of a map depends on its set of entries alone: any order of changes that ends in the same
//! set ends in the same root. Nodes are loaded one by one from a [`NodeSource`]. Each is checked: its
//! hash, its position, and its counts.

pub mod diff;
pub mod index;
pub mod proof;

use sreg_model::fault::Code;
use std::collections::BTreeMap;

use rayon::prelude::*;
use sreg_model::Digest;
use sreg_model::node::{Child, Entry, LEAF_LINES, MapName, Node, NodeError, Position, key_hash};

/// A source of nodes.
pub trait NodeSource: Sync {
    /// Loads the stored bytes of the node `id`, unverified.
    ///
    /// # Errors
    /// [`MapError::Missing`] if the node does not exist; [`MapError::Io`] if it cannot be read.
    fn load(&self, id: &Digest) -> Result<Vec<u8>, MapError>;

    /// Announces nodes that will be loaded next, so that a slow source can fetch them together.
    fn prefetch(&self, _ids: &[Digest]) {}
}

/// A sink for new nodes.
pub trait NodeSink: Sync {
    /// Stores a node. The same node may be stored more than once.
    ///
    /// # Errors
    /// [`MapError::Io`] if the node cannot be stored.
    fn store(&self, id: &Digest, bytes: &[u8]) -> Result<(), MapError>;
}

/// Why a map cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The node does not exist.
    #[error("node {0} is missing")]
    Missing(Digest),
    /// A node's bytes do not hash to its id.
    #[error("node {expected} hashes to {found}")]
    Mismatch {
        /// The node's id.
        expected: Digest,
        /// The digest of its bytes.
        found: Digest,
    },
    /// A node violates a rule.
    #[error("node {id} at {position} is malformed")]
    Malformed {
        /// The node's id.
        id: Digest,
        /// Its expected position.
        position: Box<Position>,
        /// The rule.
        source: Box<NodeError>,
    },
    /// The number of lines below a node differs from the count in its parent.
    #[error("node {id} at {position} has {found} lines, expected {expected} as in its parent")]
    Count {
        /// The node's id.
        id: Digest,
        /// Its position.
        position: Box<Position>,
        /// The number of its lines.
        found: u64,
        /// The count in its parent.
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

/// Loads the node `id` at `position`, and checks everything that one node shows. For the root of a whole
/// map the expected count may be unknown, and is then that of the node.
///
/// # Errors
/// The first fault of the node.
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

/// Looks up all lines with `key`. Returns none if the key is not in the map.
///
/// # Errors
/// [`MapError`] if a node on the path is missing or faulty.
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
/// [`MapError`] if a node is missing or faulty, or the error of `visit`.
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

/// A callback for the id and the bytes of a node.
pub type NodeVisitor<'a, X> = &'a (dyn Fn(&Digest, &[u8]) -> Result<(), X> + Sync);

/// Calls `visit` for each node that an older map of the same name does not have at the same position,
/// children before their parents. Both maps are loaded from `source`.
///
/// # Errors
/// [`MapError`] if a node is missing or faulty, or the error of `visit`.
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

/// The new lines of each key. An empty list removes the key.
pub type Changes<E> = BTreeMap<String, Vec<E>>;

/// Applies changes to a map, or builds a new one without `root`. Stores changed nodes in `sink`, and
/// loads only nodes on the path to a changed key.
///
/// # Errors
/// [`MapError`] if a node on the path is missing or faulty, or the error of `sink`.
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

/// The new content of a part of a map.
enum Subtree<E> {
    /// Lines that are few enough for a leaf of the parent.
    Lines(Vec<Line<E>>),
    /// A stored node.
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
    /// Applies `changes`, which are sorted by hash, to the part of the map at `position`.
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

    /// Builds a part of a map from its lines.
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

/// Splits `items` by the digit of their hash at `depth`.
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

/// Nodes in memory, for proofs and tests.
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
