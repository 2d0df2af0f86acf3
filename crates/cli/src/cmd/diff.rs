//! `sreg diff`

use serde::Serialize;
use sreg_index::diff::Difference;
use sreg_index::index::diff;
use sreg_index::map::MapError;
use sreg_model::node::{ImageSize, TagEntry};
use sreg_model::{Arch, Digest, Namespace};
use sreg_registry::RegistryError;

use crate::error::CommandError;
use crate::output::{Output, human_bytes};
use crate::{args, exit, location};

#[derive(Serialize)]
struct Change {
    reference: String,
    arch: Arch,
    change: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<Side>,
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<Side>,
}

#[derive(Serialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Added,
    Removed,
    Changed,
    /// The same image with another statement.
    Restated,
}

#[derive(Serialize, Clone, Copy)]
struct Side {
    digest: Digest,
    size: u64,
}

pub(super) fn run(args: &args::Diff, output: &Output) -> Result<u8, CommandError> {
    let (left, right) = (
        location::registry(&args.left)?,
        location::registry(&args.right)?,
    );
    let (left_head, right_head) = (left.head()?, right.head()?);
    let mut changes = Vec::new();
    let (left_index, right_index) = (left.index(left_head.body()), right.index(right_head.body()));
    diff(
        Some(left_index),
        Some(right_index),
        &mut |namespace: &Namespace, difference: Difference<TagEntry>| {
            changes.extend(of_key(namespace, &difference));
            Ok::<_, MapError>(())
        },
    )
    .map_err(|source| RegistryError::Map {
        path: args.right.clone(),
        source,
    })?;
    changes
        .sort_by(|left, right| (&left.reference, left.arch).cmp(&(&right.reference, right.arch)));
    if output.is_json() {
        output.json(&changes)?;
    } else {
        output.text(&changes.iter().map(text).collect::<String>());
    }
    Ok(if changes.is_empty() {
        exit::OK
    } else {
        exit::NEGATIVE
    })
}

/// Returns the changes of one tag, one for each architecture.
fn of_key(namespace: &Namespace, difference: &Difference<TagEntry>) -> Vec<Change> {
    let side =
        |entries: &[TagEntry], arch: Arch| entries.iter().find(|entry| entry.arch == arch).cloned();
    let mut archs: Vec<Arch> = difference
        .left
        .iter()
        .chain(&difference.right)
        .map(|entry| entry.arch)
        .collect();
    archs.sort();
    archs.dedup();
    archs
        .into_iter()
        .filter_map(|arch| {
            let (left, right) = (side(&difference.left, arch), side(&difference.right, arch));
            if left == right {
                return None;
            }
            let image = |entry: Option<TagEntry>| {
                entry
                    .and_then(|entry| entry.image)
                    .map(|ImageSize { digest, size }| Side { digest, size })
            };
            let (left, right) = (image(left), image(right));
            // Removed on both sides: no difference that can be pulled.
            if left.is_none() && right.is_none() {
                return None;
            }
            let change = match (&left, &right) {
                (None, Some(_)) => Kind::Added,
                (Some(_), None) => Kind::Removed,
                (Some(left), Some(right)) if left.digest != right.digest => Kind::Changed,
                _ => Kind::Restated,
            };
            Some(Change {
                reference: format!("{namespace}/{}", difference.key),
                arch,
                change,
                left,
                right,
            })
        })
        .collect()
}

fn text(change: &Change) -> String {
    let sign = match change.change {
        Kind::Added => '+',
        Kind::Removed => '-',
        Kind::Changed => '~',
        Kind::Restated => '=',
    };
    let side = |side: &Option<Side>| {
        side.map_or("-".to_owned(), |side| {
            format!(
                "sha256:{} {}",
                &side.digest.hex()[..12],
                human_bytes(side.size)
            )
        })
    };
    let what = match change.change {
        Kind::Restated => format!("{}, same image, statement changed", side(&change.left)),
        _ => format!("{} → {}", side(&change.left), side(&change.right)),
    };
    format!("{sign} {} ({})  {what}\n", change.reference, change.arch)
}
