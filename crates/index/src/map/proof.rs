//! Proofs that a key is in a map, or is not: the nodes on the path to it (`spec/index.md`).

use std::collections::BTreeMap;
use std::sync::Mutex;

use sreg_model::Digest;
use sreg_model::node::{Entry, MapName};

use crate::map::{self, MapError, MapRoot, NodeSource};

/// The nodes from a map's root to the leaf, or to the branch without a child, that decides a key.
/// Inclusion and absence have the same form: [`Proof::verify`] returns which it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    nodes: Vec<Vec<u8>>,
}

impl Proof {
    /// Makes a proof of the content of the map of `root` at `key`.
    ///
    /// # Errors
    /// [`MapError`] if a node on the path is missing or faulty.
    pub fn of<E: Entry>(
        source: &dyn NodeSource,
        map: &MapName,
        root: MapRoot,
        key: &str,
    ) -> Result<Self, MapError> {
        let recorder = Recorder {
            source,
            nodes: Mutex::default(),
        };
        map::look_up::<E>(&recorder, map, root, key)?;
        let nodes = recorder
            .nodes
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(Self { nodes })
    }

    /// Creates an unverified proof from its nodes, root first.
    #[must_use]
    pub fn from_nodes(nodes: Vec<Vec<u8>>) -> Self {
        Self { nodes }
    }

    /// Returns the nodes, root first.
    #[must_use]
    pub fn nodes(&self) -> &[Vec<u8>] {
        &self.nodes
    }

    /// Verifies the proof, and returns the lines of `key` in the map of `root`. No lines prove that the
    /// key is absent.
    ///
    /// # Errors
    /// [`MapError`] if the nodes do not lead from `root` to `key`.
    pub fn verify<E: Entry>(
        &self,
        map: &MapName,
        root: MapRoot,
        key: &str,
    ) -> Result<Vec<E>, MapError> {
        let nodes = self
            .nodes
            .iter()
            .map(|node| (Digest::of(node), node.as_slice()))
            .collect();
        map::look_up(&Given(nodes), map, root, key)
    }
}

struct Recorder<'a> {
    source: &'a dyn NodeSource,
    nodes: Mutex<Vec<Vec<u8>>>,
}

impl NodeSource for Recorder<'_> {
    fn load(&self, id: &Digest) -> Result<Vec<u8>, MapError> {
        let bytes = self.source.load(id)?;
        let mut nodes = self
            .nodes
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        nodes.push(bytes.clone());
        Ok(bytes)
    }
}

struct Given<'a>(BTreeMap<Digest, &'a [u8]>);

impl NodeSource for Given<'_> {
    fn load(&self, id: &Digest) -> Result<Vec<u8>, MapError> {
        self.0
            .get(id)
            .map(|bytes| bytes.to_vec())
            .ok_or(MapError::Missing(*id))
    }
}
