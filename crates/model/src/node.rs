//! Nodes of the Merkle index: files whose SHA-256 is their id (`spec/index.md`).
//!
//! A node says in its first line which map and which prefix it belongs to, so it is valid in
//! one position only. [`Node::parse`] checks everything that can be seen in one file; what
//! needs two (a child's count, its kind) is checked where a map is walked, in `sreg-index`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::canonical::{self, CanonicalError, MAX_INTEGER};
use crate::digest::{Digest, HEX, nibble, shorten};
use crate::reference::{Name, Namespace, Tag};

/// The most lines of a leaf. A map with more becomes a branch.
pub const LEAF_LINES: usize = 32;
/// The longest leaf line in bytes, without its LF.
pub const MAX_LINE: usize = 1024;
/// The largest node file, in bytes.
pub const MAX_BYTES: usize = 64 << 10;
/// The hexadecimal digits of a key's hash: the deepest a leaf can stand.
pub const MAX_DEPTH: usize = 64;

/// Why a file is not the node that belongs in a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// Longer than [`MAX_BYTES`].
    #[error("the node has {0} bytes, over the limit of 65536")]
    TooLarge(usize),
    /// Line 1 is not a node header.
    #[error("the header {0:?} is not \"sreg-node-v1 leaf|branch <map> <prefix|->\"")]
    Header(String),
    /// The node belongs to another map.
    #[error("the node is of map {found:?}, expected {expected:?}")]
    Map {
        /// What the header says.
        found: String,
        /// What the position requires.
        expected: String,
    },
    /// The node belongs to another prefix.
    #[error("the node is of prefix {found:?}, expected {expected:?}")]
    Prefix {
        /// What the header says.
        found: String,
        /// What the position requires.
        expected: String,
    },
    /// The last line has no LF, or a line is empty.
    #[error("line {0} is empty or does not end with an LF")]
    Line(usize),
    /// A leaf line over [`MAX_LINE`].
    #[error("line {0} has more than 1024 bytes")]
    LineLength(usize),
    /// A leaf line that is not the canonical JSON of an entry.
    #[error("line {line} is not an entry")]
    Entry {
        /// The line, counted from 1.
        line: usize,
        /// Why.
        source: CanonicalError,
    },
    /// A branch line that is not `<nibble> <64 hex> <count>`.
    #[error("line {0} is not \"<nibble> <64 hex digits> <count>\"")]
    Child(usize),
    /// Lines out of order.
    #[error("line {0} is not in ascending order")]
    Order(usize),
    /// A line twice.
    #[error("line {0} stands twice")]
    Duplicate(usize),
    /// A key whose hash does not start with the node's prefix.
    #[error("line {line}: key {key:?} hashes to {hash}, off the prefix {prefix}")]
    OffPrefix {
        /// The line, counted from 1.
        line: usize,
        /// The key.
        key: String,
        /// The start of its hash.
        hash: String,
        /// The node's prefix.
        prefix: String,
    },
    /// A leaf with more than [`LEAF_LINES`] lines.
    #[error("the leaf has {0} lines, over the limit of 32")]
    LeafTooLong(usize),
    /// A leaf below a branch without any line.
    #[error("the leaf is empty, which only a map's root may be")]
    EmptyLeaf,
    /// A branch that should have been a leaf.
    #[error("the branch holds {0} lines in all: up to 32 belong in a leaf")]
    BranchTooShort(u64),
    /// Counts that add up to more than 2^53 − 1.
    #[error("the counts of the branch are over 2^53-1")]
    Count,
    /// A branch at the depth where a key's hash ends.
    #[error("a branch at depth 64, where a key's hash has no more digits")]
    Depth,
}

impl NodeError {
    /// The error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge(_) => "node-too-large",
            Self::Header(_) => "node-header",
            Self::Map { .. } => "node-map",
            Self::Prefix { .. } => "node-prefix",
            Self::Line(_) => "node-line",
            Self::LineLength(_) => "node-line-length",
            Self::Entry { .. } => "node-entry",
            Self::Child(_) => "node-child",
            Self::Order(_) => "node-order",
            Self::Duplicate(_) => "node-duplicate",
            Self::OffPrefix { .. } => "node-off-prefix",
            Self::LeafTooLong(_) => "node-leaf-too-long",
            Self::EmptyLeaf => "node-empty-leaf",
            Self::BranchTooShort(_) => "node-branch-too-short",
            Self::Count => "node-count",
            Self::Depth => "node-depth",
        }
    }
}

/// Which map a node belongs to.
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
    /// The prefix of a map's root: no digits.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The prefix of the child at `nibble` (0 to 15).
    #[must_use]
    pub fn child(&self, nibble: u8) -> Self {
        let mut digits = self.0.clone();
        digits.push(nibble & 15);
        Self(digits)
    }

    /// How many digits there are.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.0.len()
    }

    /// Whether `hash` starts with this prefix.
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

/// The place in a map that a node is for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Position {
    /// The map.
    pub map: MapName,
    /// The prefix.
    pub prefix: Prefix,
}

impl Position {
    /// The root of a map.
    #[must_use]
    pub fn root(map: MapName) -> Self {
        Self {
            map,
            prefix: Prefix::root(),
        }
    }

    /// The child at `nibble`.
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

/// A line of a leaf.
pub trait Entry: Clone + Serialize + for<'de> Deserialize<'de> + Send + Sync {
    /// The bytes whose hash decides where the line stands.
    fn key(&self) -> &str;
    /// The order of lines in a leaf: by key, then by what tells apart the lines of one key.
    fn order(&self, other: &Self) -> std::cmp::Ordering;
}

/// The hash whose digits lead to a key.
#[must_use]
pub fn key_hash(key: &str) -> Digest {
    Digest::of(key.as_bytes())
}

/// A line of the map of namespaces: a namespace and the root of its map of tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NamespaceEntry {
    /// The id of the root node of the namespace's map of tags.
    pub digest: Digest,
    /// The namespace.
    #[serde(rename = "key")]
    pub namespace: Namespace,
    /// The leaf lines of that map, removals included; at least 1.
    #[serde(deserialize_with = "at_least_one")]
    pub tags: u64,
}

fn at_least_one<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    match u64::deserialize(deserializer)? {
        0 => Err(serde::de::Error::custom(
            "a namespace without tags has no line",
        )),
        tags => Ok(tags),
    }
}

impl Entry for NamespaceEntry {
    fn key(&self) -> &str {
        self.namespace.as_str()
    }

    fn order(&self, other: &Self) -> std::cmp::Ordering {
        self.namespace.cmp(&other.namespace)
    }
}

/// A line of a map of tags: one (name, tag, architecture), and the statement about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TagFields", into = "TagFields")]
pub struct TagEntry {
    /// The architecture.
    pub arch: Arch,
    /// The image; absent where the subject was removed.
    pub image: Option<ImageSize>,
    /// `name:tag`.
    pub key: TagKey,
    /// The id of the statement.
    pub statement: Digest,
}

/// The digest and the size of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageSize {
    /// The SHA-256 of the file.
    pub digest: Digest,
    /// The file's size in bytes.
    pub size: u64,
}

impl Entry for TagEntry {
    fn key(&self) -> &str {
        self.key.as_str()
    }

    fn order(&self, other: &Self) -> std::cmp::Ordering {
        self.key
            .text
            .cmp(&other.key.text)
            .then_with(|| self.arch.cmp(&other.arch))
    }
}

/// The key of a map of tags: `name:tag`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagKey {
    text: String,
    colon: usize,
}

impl TagKey {
    /// Joins a name and a tag.
    #[must_use]
    pub fn new(name: &Name, tag: &Tag) -> Self {
        Self {
            text: format!("{name}:{tag}"),
            colon: name.as_str().len(),
        }
    }

    /// `name:tag`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The name.
    ///
    /// # Panics
    /// Never: both parts were checked when the key was made.
    #[must_use]
    pub fn name(&self) -> Name {
        self.text[..self.colon]
            .parse()
            .expect("the name of a key was checked")
    }

    /// The tag.
    ///
    /// # Panics
    /// Never: both parts were checked when the key was made.
    #[must_use]
    pub fn tag(&self) -> Tag {
        self.text[self.colon + 1..]
            .parse()
            .expect("the tag of a key was checked")
    }
}

impl FromStr for TagKey {
    type Err = crate::reference::ReferenceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || crate::reference::ReferenceError::Components(shorten(text));
        let (name, tag) = text.split_once(':').ok_or_else(wrong)?;
        Ok(Self::new(&name.parse()?, &tag.parse()?))
    }
}

impl Serialize for TagKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> Deserialize<'de> for TagKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        canonical::from_text(deserializer)
    }
}

/// A child of a branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child {
    /// The next hexadecimal digit of the hashes of the keys below, 0 to 15.
    pub nibble: u8,
    /// The id of the child node.
    pub id: Digest,
    /// The leaf lines below, at least 1.
    pub count: u64,
}

/// A node: some lines, or the way to more of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node<E> {
    /// At most [`LEAF_LINES`] entries, in order.
    Leaf(Vec<E>),
    /// Children in ascending order of their digit.
    Branch(Vec<Child>),
}

impl<E: Entry> Node<E> {
    /// The bytes of this node at `position`. The caller gives valid contents: entries in order
    /// and on the prefix, children ascending.
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

    /// The leaf lines at or below this node.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Leaf(entries) => entries.len() as u64,
            Self::Branch(children) => children.iter().map(|child| child.count).sum(),
        }
    }

    /// Reads the node that belongs at `position`.
    ///
    /// # Errors
    /// The first rule of `spec/index.md` that the file breaks.
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

/// The line of an entry, with its LF.
#[must_use]
pub fn encode_entry<E: Entry>(entry: &E) -> Vec<u8> {
    canonical::to_line(entry)
}

/// A non-empty line without its LF, and what follows.
fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    match bytes.iter().position(|byte| *byte == b'\n') {
        None | Some(0) => None,
        Some(end) => Some((&bytes[..end], &bytes[end + 1..])),
    }
}

/// Whether the header is that of a leaf.
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

/// A tag's line as it stands in the file: `digest` and `size` stand together or not at all.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TagFields {
    arch: Arch,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    key: TagKey,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    statement: Digest,
}

impl TryFrom<TagFields> for TagEntry {
    type Error = &'static str;

    fn try_from(fields: TagFields) -> Result<Self, Self::Error> {
        let image = match (fields.digest, fields.size) {
            (Some(digest), Some(size)) if size > 0 => Some(ImageSize { digest, size }),
            (None, None) => None,
            _ => return Err("digest and a size over 0 stand together or not at all"),
        };
        Ok(Self {
            arch: fields.arch,
            image,
            key: fields.key,
            statement: fields.statement,
        })
    }
}

impl From<TagEntry> for TagFields {
    fn from(entry: TagEntry) -> Self {
        Self {
            arch: entry.arch,
            digest: entry.image.map(|image| image.digest),
            key: entry.key,
            size: entry.image.map(|image| image.size),
            statement: entry.statement,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, arch: Arch) -> TagEntry {
        TagEntry {
            arch,
            image: Some(ImageSize {
                digest: Digest::of(name.as_bytes()),
                size: 7,
            }),
            key: name.parse().unwrap(),
            statement: Digest::of(b"statement"),
        }
    }

    fn root() -> Position {
        Position::root(MapName::Tags("lab".parse().unwrap()))
    }

    fn leaf(lines: &[&str]) -> Vec<u8> {
        format!("sreg-node-v1 leaf tags/lab -\n{}", lines.concat()).into_bytes()
    }

    #[test]
    fn encode_then_parse_is_identity() {
        let removed = TagEntry {
            image: None,
            ..entry("b:1", Arch::Amd64)
        };
        let node = Node::Leaf(vec![
            entry("a:1", Arch::Amd64),
            entry("a:1", Arch::Arm64),
            removed,
        ]);
        let bytes = node.encode(&root());
        assert!(
            bytes.starts_with(b"sreg-node-v1 leaf tags/lab -\n{\"arch\":\"amd64\",\"digest\":")
        );
        assert_eq!(Node::parse(&bytes, &root()), Ok(node));

        let id = Digest::of(b"child");
        let branch: Node<TagEntry> = Node::Branch(vec![
            Child {
                nibble: 3,
                id,
                count: 32,
            },
            Child {
                nibble: 15,
                id,
                count: 1,
            },
        ]);
        let bytes = branch.encode(&root());
        assert_eq!(branch.count(), 33);
        assert_eq!(Node::parse(&bytes, &root()), Ok(branch));
    }

    #[test]
    fn each_fault_has_its_own_word() {
        let line = |name: &str| String::from_utf8(encode_entry(&entry(name, Arch::Amd64))).unwrap();
        let (a, b) = (line("a:1"), line("b:1"));
        let hex = Digest::of(b"child").hex();
        let branch = |lines: &str| format!("sreg-node-v1 branch tags/lab -\n{lines}").into_bytes();
        let many: Vec<String> = (10..43)
            .map(|number| line(&format!("a:{number}")))
            .collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        for (bytes, word) in [
            (vec![b'x'; MAX_BYTES + 1], "node-too-large"),
            (b"".to_vec(), "node-line"),
            (b"sreg-node-v2 leaf tags/lab -\n".to_vec(), "node-header"),
            (b"sreg-node-v1 twig tags/lab -\n".to_vec(), "node-header"),
            (b"sreg-node-v1 leaf tags/lab - \n".to_vec(), "node-header"),
            (b"sreg-node-v1 leaf tags/lab2 -\n".to_vec(), "node-map"),
            (b"sreg-node-v1 leaf tags/lab a\n".to_vec(), "node-prefix"),
            (leaf(&[a.trim_end()]), "node-line"),
            (leaf(&[&a, "\n"]), "node-line"),
            (leaf(&[&"x".repeat(1025), "\n"]), "node-line-length"),
            (leaf(&["{}\n"]), "node-entry"),
            (leaf(&[&a.replace("\"size\":7,", "")]), "node-entry"),
            (leaf(&[&b, &a]), "node-order"),
            (leaf(&[&a, &a]), "node-duplicate"),
            (leaf(&many), "node-leaf-too-long"),
            (branch("x\n"), "node-child"),
            (branch(&format!("A {hex} 40\n")), "node-child"),
            (branch(&format!("a {hex} 0\n")), "node-child"),
            (branch(&format!("a {hex} 040\n")), "node-child"),
            (branch(&format!("a {hex} 40\n3 {hex} 40\n")), "node-order"),
            (
                branch(&format!("a {hex} 40\na {hex} 40\n")),
                "node-duplicate",
            ),
            (branch(&format!("a {hex} 32\n")), "node-branch-too-short"),
            (
                branch(&format!("a {hex} {MAX_INTEGER}\nb {hex} 1\n")),
                "node-count",
            ),
        ] {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let error = Node::<TagEntry>::parse(&bytes, &root()).unwrap_err();
            assert_eq!(error.code(), word, "{text}");
        }
        let below = root().child(key_hash("a:1").nibble(0) ^ 1);
        let bytes = Node::Leaf(vec![entry("a:1", Arch::Amd64)]).encode(&below);
        let error = Node::<TagEntry>::parse(&bytes, &below).unwrap_err();
        assert_eq!(error.code(), "node-off-prefix");
        let bytes = Node::<TagEntry>::Leaf(vec![]).encode(&below);
        let error = Node::<TagEntry>::parse(&bytes, &below).unwrap_err();
        assert_eq!(error.code(), "node-empty-leaf");
    }
}
