//! The position of a node: its map, and the digits of the keys' hashes that lead to it.

use std::fmt;

use super::MAX_DEPTH;
use crate::digest::Digest;
use crate::reference::Namespace;

/// The map of a node.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MapName {
    /// The map from namespaces to their maps of tags.
    Namespaces,
    /// The map of tags of one namespace.
    Tags(Namespace),
}

impl fmt::Display for MapName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Namespaces => f.write_str("ns"),
            Self::Tags(namespace) => write!(f, "tags/{namespace}"),
        }
    }
}

/// The leading hexadecimal digits that the hashes of all keys below a node share.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Prefix(Vec<u8>);

impl Prefix {
    /// Returns the prefix of a map's root: no digits.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// Returns the prefix of the child at `nibble` (0 to 15).
    #[must_use]
    pub fn child(&self, nibble: u8) -> Self {
        let mut digits = self.0.clone();
        digits.push(nibble & 15);
        Self(digits)
    }

    /// Returns the number of digits.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.len()
    }

    /// Returns whether `hash` starts with this prefix.
    #[must_use]
    pub fn covers(&self, hash: &Digest) -> bool {
        self.0.len() <= MAX_DEPTH
            && self
                .0
                .iter()
                .enumerate()
                .all(|(depth, digit)| hash.nibble(depth) == *digit)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("-");
        }
        self.0.iter().try_for_each(|digit| write!(f, "{digit:x}"))
    }
}

/// The position of a node in a map.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Position {
    /// The map.
    pub map: MapName,
    /// The prefix.
    pub prefix: Prefix,
}

impl Position {
    /// Returns the position of the root of a map.
    #[must_use]
    pub fn root(map: MapName) -> Self {
        Self {
            map,
            prefix: Prefix::root(),
        }
    }

    /// Returns the position of the child at `nibble`.
    #[must_use]
    pub fn child(&self, nibble: u8) -> Self {
        Self {
            map: self.map.clone(),
            prefix: self.prefix.child(nibble),
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.map, self.prefix)
    }
}
