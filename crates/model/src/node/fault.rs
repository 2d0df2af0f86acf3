//! Why a file is not the node of a position.

use crate::canonical::CanonicalError;
use crate::fault::Code;

/// Why a file is not the node of a position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// Longer than [`super::MAX_BYTES`].
    #[error("the node has {0} bytes, expected at most 65536")]
    TooLarge(usize),
    /// Line 1 is not the header of a node.
    #[error("the header {0:?} is not \"sreg-node-v1 leaf|branch <map> <prefix|->\"")]
    Header(String),
    /// The node belongs to another map.
    #[error("the node belongs to map {found:?}, expected {expected:?}")]
    Map {
        /// The value in the header.
        found: String,
        /// The value of the position.
        expected: String,
    },
    /// The node belongs to another prefix.
    #[error("the node has prefix {found:?}, expected {expected:?}")]
    Prefix {
        /// The value in the header.
        found: String,
        /// The value of the position.
        expected: String,
    },
    /// The last line has no LF, or a line is empty.
    #[error("line {0} is empty or does not end with an LF")]
    Line(usize),
    /// A leaf line is longer than [`super::MAX_LINE`].
    #[error("line {0} has more than 1024 bytes")]
    LineLength(usize),
    /// A leaf line is not the canonical JSON of an entry.
    #[error("line {line} is not an entry")]
    Entry {
        /// The line, counted from 1.
        line: usize,
        /// Why.
        source: CanonicalError,
    },
    /// A branch line is not `<nibble> <64 hex> <count>`.
    #[error("line {0} is not \"<nibble> <64 hex digits> <count>\"")]
    Child(usize),
    /// The lines are not in ascending order.
    #[error("line {0} is not in ascending order")]
    Order(usize),
    /// A line occurs twice.
    #[error("line {0} occurs twice")]
    Duplicate(usize),
    /// The hash of a key does not start with the node's prefix.
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
    /// A leaf has more than [`super::LEAF_LINES`] lines.
    #[error("the leaf has {0} lines, expected at most 32")]
    LeafTooLong(usize),
    /// A leaf below a branch has no line.
    #[error("the leaf is empty, which only a map's root may be")]
    EmptyLeaf,
    /// A branch has so few lines that it must be a leaf.
    #[error("the branch has {0} lines in all, expected more than 32")]
    BranchTooShort(u64),
    /// The counts add up to more than 2^53 − 1.
    #[error("the counts of the branch are over 2^53-1")]
    Count,
    /// A branch is at the depth where a key's hash ends.
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
