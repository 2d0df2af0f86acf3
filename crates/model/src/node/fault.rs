//! Why a file is not the node that belongs in a position.

use crate::canonical::CanonicalError;
use crate::fault::Code;

/// Why a file is not the node that belongs in a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// Longer than [`super::MAX_BYTES`].
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
    /// A leaf line over [`super::MAX_LINE`].
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
    /// A leaf with more than [`super::LEAF_LINES`] lines.
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
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::TooLarge(_) => Code::NodeTooLarge,
            Self::Header(_) => Code::NodeHeader,
            Self::Map { .. } => Code::NodeMap,
            Self::Prefix { .. } => Code::NodePrefix,
            Self::Line(_) => Code::NodeLine,
            Self::LineLength(_) => Code::NodeLineLength,
            Self::Entry { .. } => Code::NodeEntry,
            Self::Child(_) => Code::NodeChild,
            Self::Order(_) => Code::NodeOrder,
            Self::Duplicate(_) => Code::NodeDuplicate,
            Self::OffPrefix { .. } => Code::NodeOffPrefix,
            Self::LeafTooLong(_) => Code::NodeLeafTooLong,
            Self::EmptyLeaf => Code::NodeEmptyLeaf,
            Self::BranchTooShort(_) => Code::NodeBranchTooShort,
            Self::Count => Code::NodeCount,
            Self::Depth => Code::NodeDepth,
        }
    }
}
