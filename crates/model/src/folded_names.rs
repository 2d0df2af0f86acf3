//! Names that differ only in case (`spec/reference.md`).

use std::collections::BTreeMap;

/// References by what they are without their case: namespaces, names and tags may not differ
/// by case alone.
#[derive(Debug, Default)]
pub struct FoldedNames(BTreeMap<String, String>);

impl FoldedNames {
    /// Adds a reference, `namespace/name:tag`.
    ///
    /// # Errors
    /// The reference, or the part of one, that it collides with.
    pub fn insert(&mut self, reference: &str) -> Result<(), String> {
        let folded = reference.to_ascii_lowercase();
        for end in ends(reference) {
            let text = &reference[..end];
            let first = self
                .0
                .entry(folded[..end].to_owned())
                .or_insert_with(|| text.to_owned());
            if first != text {
                return Err(first.clone());
            }
        }
        Ok(())
    }

    /// Whether a part of what was added is `text` but for its case.
    pub fn has_folded(&self, text: &str) -> bool {
        self.0.contains_key(&text.to_ascii_lowercase())
    }

    /// What was added and collides with a reference.
    pub fn collision(&self, reference: &str) -> Option<&String> {
        let folded = reference.to_ascii_lowercase();
        ends(reference).into_iter().find_map(|end| {
            self.0
                .get(&folded[..end])
                .filter(|first| **first != reference[..end])
        })
    }
}

/// Where the parts of a reference end that are unique without their case: the namespace, the
/// repository, all of it.
fn ends(reference: &str) -> [usize; 3] {
    let end = |byte| reference.find(byte).unwrap_or(reference.len());
    [end('/'), end(':'), reference.len()]
}
