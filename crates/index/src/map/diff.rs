//! Compares two maps, and reads only the nodes that differ (`spec/index.md`).

use std::collections::BTreeMap;

use sreg_model::node::{Entry, MapName, Node, Position, key_hash};

use crate::map::{MapError, MapRoot, NodeSource, buckets, load, nibble_of, root_of};

/// A map to compare.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The source of its nodes.
    pub source: &'a dyn NodeSource,
    /// The root.
    pub root: Option<MapRoot>,
}

/// The lines of one key, which differ between both sides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference<E> {
    /// The key.
    pub key: String,
    /// Its lines on the left, empty if the key is absent.
    pub left: Vec<E>,
    /// Its lines on the right, empty if the key is absent.
    pub right: Vec<E>,
}

/// Calls `visit` for every key whose lines differ, in the order of the keys' hashes.
///
/// # Errors
/// [`MapError`] if a node is missing or faulty, or the error of `visit`.
pub fn diff<E: Entry + PartialEq, X: From<MapError>>(
    map: &MapName,
    left: Side<'_>,
    right: Side<'_>,
    visit: &mut dyn FnMut(Difference<E>) -> Result<(), X>,
) -> Result<(), X> {
    let (left_part, right_part) = (Part::of(left.root), Part::of(right.root));
    Comparison {
        left: left.source,
        right: right.source,
        visit,
    }
    .compare(&Position::root(map.clone()), left_part, right_part)
}

/// A part of a map, loaded or not.
enum Part<E> {
    Stored(MapRoot),
    Lines(Vec<E>),
}

impl<E> Part<E> {
    fn of(root: Option<MapRoot>) -> Self {
        root.map_or_else(|| Self::Lines(Vec::new()), Self::Stored)
    }
}

/// A key with its hash, which determines the order of visits.
type HashedKey<'a> = (sreg_model::Digest, &'a str);

/// The lines of a key on the left and on the right.
type Sides<E> = (Vec<E>, Vec<E>);

struct Comparison<'a, E, X> {
    left: &'a dyn NodeSource,
    right: &'a dyn NodeSource,
    visit: &'a mut dyn FnMut(Difference<E>) -> Result<(), X>,
}

impl<E: Entry + PartialEq, X: From<MapError>> Comparison<'_, E, X> {
    fn compare(&mut self, position: &Position, left: Part<E>, right: Part<E>) -> Result<(), X> {
        if let (Part::Stored(left), Part::Stored(right)) = (&left, &right)
            && left == right
        {
            return Ok(());
        }
        let left = open(self.left, position, left)?;
        let right = open(self.right, position, right)?;
        if let (Opened::Lines(left), Opened::Lines(right)) = (&left, &right) {
            return self.compare_lines(left, right);
        }
        let depth = position.prefix.depth();
        let pairs = left.split(depth).into_iter().zip(right.split(depth));
        for (nibble, (left, right)) in pairs.enumerate() {
            self.compare(&position.child(nibble_of(nibble)), left, right)?;
        }
        Ok(())
    }

    fn compare_lines(&mut self, left: &[E], right: &[E]) -> Result<(), X> {
        let mut keys: BTreeMap<HashedKey<'_>, Sides<E>> = BTreeMap::new();
        for entry in left {
            keys.entry((key_hash(entry.key()), entry.key()))
                .or_default()
                .0
                .push(entry.clone());
        }
        for entry in right {
            keys.entry((key_hash(entry.key()), entry.key()))
                .or_default()
                .1
                .push(entry.clone());
        }
        for ((_, key), (left, right)) in keys {
            if left != right {
                (self.visit)(Difference {
                    key: key.to_owned(),
                    left,
                    right,
                })?;
            }
        }
        Ok(())
    }
}

enum Opened<E> {
    Lines(Vec<E>),
    Children(Box<[Option<MapRoot>; 16]>),
}

fn open<E: Entry>(
    source: &dyn NodeSource,
    position: &Position,
    part: Part<E>,
) -> Result<Opened<E>, MapError> {
    let root = match part {
        Part::Lines(lines) => return Ok(Opened::Lines(lines)),
        Part::Stored(root) => root,
    };
    Ok(
        match load::<E>(source, position, root.id, Some(root.count))? {
            Node::Leaf(lines) => Opened::Lines(lines),
            Node::Branch(children) => {
                let mut roots = Box::new([None; 16]);
                for child in &children {
                    roots[usize::from(child.nibble)] = Some(root_of(child));
                }
                Opened::Children(roots)
            }
        },
    )
}

impl<E: Entry> Opened<E> {
    /// Returns the sixteen parts below.
    fn split(self, depth: usize) -> Vec<Part<E>> {
        match self {
            Self::Lines(lines) => buckets(lines, depth, |entry| key_hash(entry.key()))
                .into_iter()
                .map(Part::Lines)
                .collect(),
            Self::Children(roots) => (*roots).into_iter().map(Part::of).collect(),
        }
    }
}
