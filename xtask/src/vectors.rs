//! Writes those areas of `spec/vectors` that are computed anew, byte for byte the same each time: what has
//! chains, maps, signatures, binary formats or whole registries in it. The other areas, whose inputs are
//! short texts, are written by hand; nothing here touches them (`spec/vectors/README.md`).
//!
//! What a vector expects does not come from the crates that it tests: documents are spelt out
//! here by hand, error words are written beside each fault, and ids, chains and maps come from
//! slow, direct forms of the definitions in the spec (`oracle.rs`).

mod artifact;
mod chain;
mod example;
mod image;
mod keys;
mod map;
mod oracle;
mod sif;
mod signature;
mod tree;
mod views;

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

/// One vector: a folder with `vector.json`, `input` and perhaps more.
pub(crate) struct Case {
    area: &'static str,
    name: String,
    ids: Vec<&'static str>,
    note: String,
    verdict: Verdict,
    parameters: Map<String, Value>,
    files: Vec<(&'static str, Vec<u8>)>,
}

enum Verdict {
    Valid(Value),
    Invalid(&'static str),
}

impl Case {
    /// Bytes that a reader accepts, and what it reads in them. `ids` are separated by spaces.
    fn valid(
        area: &'static str,
        name: &str,
        ids: &'static str,
        note: &str,
        input: impl Into<Vec<u8>>,
        expect: Value,
    ) -> Self {
        Self::new(area, name, ids, note, input.into(), Verdict::Valid(expect))
    }

    /// Bytes that a reader refuses, and the word of its error.
    fn invalid(
        area: &'static str,
        name: &str,
        ids: &'static str,
        note: &str,
        input: impl Into<Vec<u8>>,
        class: &'static str,
    ) -> Self {
        Self::new(area, name, ids, note, input.into(), Verdict::Invalid(class))
    }

    fn new(
        area: &'static str,
        name: &str,
        ids: &'static str,
        note: &str,
        input: Vec<u8>,
        verdict: Verdict,
    ) -> Self {
        Self {
            area,
            name: name.to_owned(),
            ids: ids.split(' ').collect(),
            note: note.to_owned(),
            verdict,
            parameters: Map::new(),
            files: vec![("input", input)],
        }
    }

    /// The same with one more field in `vector.json`: something the reader must know beforehand.
    fn with(mut self, key: &str, value: Value) -> Self {
        self.parameters.insert(key.to_owned(), value);
        self
    }

    /// The same with one more file, or another one of that name.
    fn file(mut self, name: &'static str, bytes: Vec<u8>) -> Self {
        self.files.retain(|(other, _)| *other != name);
        self.files.push((name, bytes));
        self
    }

    fn write(&self, vectors: &Path) -> anyhow::Result<()> {
        let mut fields = self.parameters.clone();
        fields.insert("ids".to_owned(), json!(self.ids));
        fields.insert("note".to_owned(), json!(self.note));
        let verdict = match &self.verdict {
            Verdict::Valid(expect) => {
                fields.insert("expect".to_owned(), expect.clone());
                "valid"
            }
            Verdict::Invalid(class) => {
                fields.insert("class".to_owned(), json!(class));
                "invalid"
            }
        };
        let folder = vectors.join(self.area).join(verdict).join(&self.name);
        if folder.exists() {
            anyhow::bail!("two vectors are named {}", folder.display());
        }
        fs::create_dir_all(&folder)?;
        let mut text = serde_json::to_vec_pretty(&fields)?;
        text.push(b'\n');
        fs::write(folder.join("vector.json"), text)?;
        for (name, bytes) in &self.files {
            fs::write(folder.join(name), bytes)?;
        }
        Ok(())
    }
}

/// Replaces the folders of the areas made here; other areas are left alone.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let vectors = root.join("spec/vectors");
    let mut cases = Vec::new();
    cases.extend(chain::cases());
    cases.extend(map::cases());
    cases.extend(views::cases());
    cases.extend(tree::cases());
    cases.extend(sif::cases());
    cases.extend(image::cases());
    cases.extend(signature::cases());
    let mut areas: Vec<&str> = cases.iter().map(|case| case.area).collect();
    areas.sort_unstable();
    areas.dedup();
    for area in areas {
        let folder = vectors.join(area);
        if folder.exists() {
            fs::remove_dir_all(&folder)?;
        }
    }
    for case in &cases {
        case.write(&vectors)?;
    }
    let invalid = cases
        .iter()
        .filter(|case| matches!(case.verdict, Verdict::Invalid(_)))
        .count();
    println!("{} vectors, {invalid} of them invalid", cases.len());
    Ok(())
}
