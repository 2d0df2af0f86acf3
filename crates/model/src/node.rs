//! Nodes of the Merkle index: files whose SHA-256 is their id (`spec/index.md`).
//!
//! The first line of a node names its map and its prefix, so that it is valid in one position only.
//! [`Node::parse`] checks all rules about one file. The crate `sreg-index` checks rules about two nodes
//! (a child's count, its kind) while it walks a map.

mod entry;
mod fault;
mod position;

pub use entry::{Entry, ImageSize, NamespaceEntry, TagEntry, TagKey, key_hash};
pub use fault::NodeError;
pub use position::{MapName, Position, Prefix};

use crate::canonical::{self, MAX_INTEGER};
use crate::digest::{Digest, HEX, nibble, shorten};

/// The maximal number of lines of a leaf. More lines become a branch.
pub const LEAF_LINES: usize = 32;
/// The longest leaf line in bytes, without its LF.
pub const MAX_LINE: usize = 1024;
/// The largest node file, in bytes.
pub const MAX_BYTES: usize = 64 << 10;
/// The number of hexadecimal digits of a key's hash, and the maximal depth of a leaf.
pub const MAX_DEPTH: usize = 64;

/// A child of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child {
    /// The next hexadecimal digit of the hashes of the keys below, 0 to 15.
    pub nibble: u8,
    /// The id of the child node.
    pub id: Digest,
    /// The number of leaf lines below, at least 1.
    pub count: u64,
}

/// A node: a leaf with lines, or a branch with children.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node<E> {
    /// At most [`LEAF_LINES`] entries, in order.
    Leaf(Vec<E>),
    /// Children in ascending order of their digit.
    Branch(Vec<Child>),
}

impl<E: Entry> Node<E> {
    /// Encodes this node at `position`. The caller must pass valid contents: entries in order and on the
    /// prefix, children ascending.
    #[must_use]
    pub fn encode(&self, position: &Position) -> Vec<u8> {
        use std::io::Write as _;
        let kind = match self {
            Self::Leaf(_) => "leaf",
            Self::Branch(_) => "branch",
        };
        let mut bytes = format!("sreg-node-v1 {kind} {position}\n").into_bytes();
        match self {
            Self::Leaf(entries) => {
                for entry in entries {
                    bytes.extend_from_slice(&encode_entry(entry));
                }
            }
            Self::Branch(children) => {
                for child in children {
                    let digit = char::from(HEX[usize::from(child.nibble & 15)]);
                    // Writing into a Vec cannot fail.
                    let _ = writeln!(bytes, "{digit} {} {}", child.id.hex(), child.count);
                }
            }
        }
        bytes
    }

    /// Returns the number of leaf lines at or below this node.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Leaf(entries) => entries.len() as u64,
            Self::Branch(children) => children.iter().map(|child| child.count).sum(),
        }
    }

    /// Parses the node at `position`.
    ///
    /// # Errors
    /// The first rule of `spec/index.md` that the file violates.
    pub fn parse(bytes: &[u8], position: &Position) -> Result<Self, NodeError> {
        if bytes.len() > MAX_BYTES {
            return Err(NodeError::TooLarge(bytes.len()));
        }
        let (header, mut rest) = split_line(bytes).ok_or(NodeError::Line(1))?;
        let leaf = check_header(header, position)?;
        let mut lines = Vec::new();
        while !rest.is_empty() {
            let (line, after) = split_line(rest).ok_or(NodeError::Line(lines.len() + 2))?;
            lines.push(line);
            rest = after;
        }
        if leaf {
            parse_leaf(&lines, position)
        } else {
            parse_branch(&lines, position)
        }
    }
}

/// Encodes an entry as a line, with its LF.
#[must_use]
pub fn encode_entry<E: Entry>(entry: &E) -> Vec<u8> {
    canonical::to_line(entry)
}

/// Splits off a non-empty line without its LF. Returns it and the rest.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match bytes.iter().position(|byte| *byte == b'\n') {
        None | Some(0) => None,
        Some(end) => Some((&bytes[..end], &bytes[end + 1..])),
    }
}

/// Checks the header. Returns whether it is that of a leaf.
fn check_header(header: &[u8], position: &Position) -> Result<bool, NodeError> {
    let wrong = || NodeError::Header(shorten(&String::from_utf8_lossy(header)));
    let text = std::str::from_utf8(header).map_err(|_| wrong())?;
    let words: Vec<&str> = text.splitn(5, ' ').collect();
    let [magic, kind, map, prefix] = words[..] else {
        return Err(wrong());
    };
    if magic != "sreg-node-v1" {
        return Err(wrong());
    }
    let leaf = match kind {
        "leaf" => true,
        "branch" => false,
        _ => return Err(wrong()),
    };
    let expected = position.map.to_string();
    if map != expected {
        return Err(NodeError::Map {
            found: shorten(map),
            expected,
        });
    }
    let expected = position.prefix.to_string();
    if prefix != expected {
        return Err(NodeError::Prefix {
            found: shorten(prefix),
            expected,
        });
    }
    Ok(leaf)
}

fn parse_leaf<E: Entry>(lines: &[&[u8]], position: &Position) -> Result<Node<E>, NodeError> {
    if lines.len() > LEAF_LINES {
        return Err(NodeError::LeafTooLong(lines.len()));
    }
    if lines.is_empty() && position.prefix.depth() > 0 {
        return Err(NodeError::EmptyLeaf);
    }
    let mut entries: Vec<E> = Vec::with_capacity(lines.len());
    for (number, line) in (2..).zip(lines) {
        if line.len() > MAX_LINE {
            return Err(NodeError::LineLength(number));
        }
        let entry: E = canonical::from_slice(line).map_err(|source| NodeError::Entry {
            line: number,
            source,
        })?;
        let hash = key_hash(entry.key());
        if !position.prefix.covers(&hash) {
            return Err(NodeError::OffPrefix {
                line: number,
                key: entry.key().to_owned(),
                hash: hash.hex(),
                prefix: position.prefix.to_string(),
            });
        }
        match entries.last().map(|last| last.order(&entry)) {
            Some(std::cmp::Ordering::Equal) => return Err(NodeError::Duplicate(number)),
            Some(std::cmp::Ordering::Greater) => return Err(NodeError::Order(number)),
            _ => entries.push(entry),
        }
    }
    Ok(Node::Leaf(entries))
}

fn parse_branch<E: Entry>(lines: &[&[u8]], position: &Position) -> Result<Node<E>, NodeError> {
    if position.prefix.depth() >= MAX_DEPTH {
        return Err(NodeError::Depth);
    }
    let mut children: Vec<Child> = Vec::with_capacity(lines.len().min(16));
    let mut total = 0u64;
    for (number, line) in (2..).zip(lines) {
        let child = parse_child(line).ok_or(NodeError::Child(number))?;
        match children.last().map(|last| last.nibble.cmp(&child.nibble)) {
            Some(std::cmp::Ordering::Equal) => return Err(NodeError::Duplicate(number)),
            Some(std::cmp::Ordering::Greater) => return Err(NodeError::Order(number)),
            _ => {}
        }
        // Each count is at most 2^53 - 1 and there are at most 16: no overflow.
        total += child.count;
        children.push(child);
    }
    if total > MAX_INTEGER {
        return Err(NodeError::Count);
    }
    if total <= LEAF_LINES as u64 {
        return Err(NodeError::BranchTooShort(total));
    }
    Ok(Node::Branch(children))
}

fn parse_child(line: &[u8]) -> Option<Child> {
    let text = std::str::from_utf8(line).ok()?;
    let words: Vec<&str> = text.splitn(4, ' ').collect();
    let [digit, hex, count] = words[..] else {
        return None;
    };
    let [digit] = digit.as_bytes() else {
        return None;
    };
    let plain = !count.is_empty()
        && count.len() <= 16
        && !count.starts_with('0')
        && count.bytes().all(|byte| byte.is_ascii_digit());
    let count: u64 = if plain {
        count.parse().ok()?
    } else {
        return None;
    };
    (count <= MAX_INTEGER).then_some(Child {
        nibble: nibble(*digit)?,
        id: Digest::from_hex(hex).ok()?,
        count,
    })
}

#[cfg(test)]
mod tests;
