//! What a command is pointed at: a tree, a reference in one, or an image file.

use std::path::{Path, PathBuf};

use sreg_model::Reference;

use crate::problem::Problem;

/// What a command is pointed at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A folder: a tree, or what should be one.
    Tree(PathBuf),
    /// A reference in a tree.
    Reference(PathBuf, Reference),
    /// A file.
    File(PathBuf),
}

impl Target {
    /// Reads a target. A bare `namespace/name:tag` is in `registry`, unless it is a path.
    pub(crate) fn parse(text: &str, registry: Option<&str>) -> Result<Self, Problem> {
        refuse_remote(text)?;
        if let Some((tree, reference)) = split(text) {
            return Ok(Self::Reference(
                PathBuf::from(tree),
                parse_reference(reference)?,
            ));
        }
        let path = Path::new(text);
        if path.is_dir() {
            return Ok(Self::Tree(path.to_owned()));
        }
        if path.exists() {
            return Ok(Self::File(path.to_owned()));
        }
        match (text.parse::<Reference>(), registry) {
            (Ok(reference), Some(registry)) => {
                refuse_remote(registry)?;
                Ok(Self::Reference(PathBuf::from(registry), reference))
            }
            (Ok(_), None) => Err(Problem::new(
                "missing-file",
                format!("{text} is no file or folder"),
            )
            .with_hint(format!(
                "for a reference, name its registry: TREE//{text}, or --registry TREE"
            ))),
            (Err(_), _) => Err(Problem::new(
                "missing-file",
                format!("{text} is no file or folder"),
            )),
        }
    }
}

/// A tree and what follows `//`, where there is one.
pub(crate) fn split(text: &str) -> Option<(&str, &str)> {
    let (tree, rest) = text.split_once("//")?;
    (!tree.is_empty() && !rest.is_empty()).then_some((tree, rest))
}

/// Whether a target is a URL.
pub(crate) fn is_remote(text: &str) -> bool {
    ["http://", "https://", "s3://"]
        .iter()
        .any(|scheme| text.starts_with(scheme))
}

pub(crate) fn refuse_remote(text: &str) -> Result<(), Problem> {
    if is_remote(text) {
        return Err(Problem::new(
            "not-supported",
            format!("{text}: this version works on local trees only"),
        ));
    }
    Ok(())
}

pub(crate) fn parse_reference(text: &str) -> Result<Reference, Problem> {
    text.parse()
        .map_err(|error: sreg_model::reference::ReferenceError| {
            Problem::new(
                "usage",
                format!("{text:?} is no reference: {}", sreg_tree::explain(&error)),
            )
        })
}
