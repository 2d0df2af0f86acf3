//! `sreg ls`

use sreg_model::fault::Code;
use std::path::Path;

use comfy_table::{Table, presets};
use serde::Serialize;
use sreg_client::location::split;
use sreg_index::map::MapError;
use sreg_model::attachment::Attachment;
use sreg_model::head::Head;
use sreg_model::node::TagEntry;
use sreg_model::{Arch, Digest, Namespace, Reference, Tag};
use sreg_publish::change;
use sreg_registry::{Registry, RegistryError};
use sreg_sign::TrustChain;

use crate::error::CommandError;
use crate::output::{Output, human_bytes, moment};
use crate::{args, exit, location};

#[derive(Serialize)]
struct Row {
    reference: String,
    arch: Arch,
    digest: Digest,
    manifest: Option<Digest>,
    size: u64,
    signers: Vec<String>,
    created: Option<String>,
    attached: Vec<Attachment>,
}

pub(super) fn run(args: &args::Ls, output: &Output) -> Result<u8, CommandError> {
    let (root, below) = split(&args.target).unwrap_or((&args.target, ""));
    let registry = location::registry(Path::new(root))?;
    let head = registry.head()?;
    let trust_chain = registry.trust_chain()?;
    let mut rows = Vec::new();
    for (namespace, entry) in entries(&registry, head.body())? {
        let reference = format!("{namespace}/{}", entry.key.as_str());
        if let Some(image) = entry.image
            && is_below(&reference, below)
        {
            let statement = registry.statement(&entry.statement)?;
            let body = statement.body();
            rows.push(Row {
                reference,
                arch: entry.arch,
                digest: image.digest,
                manifest: body.manifest().map(|manifest| manifest.digest()),
                size: image.size,
                signers: signers(&registry, trust_chain.as_ref(), &entry),
                created: moment(body.issued),
                attached: body
                    .image()
                    .map_or_else(Vec::new, |image| image.attached.clone()),
            });
        }
    }
    if rows.is_empty() && !below.is_empty() {
        return Err(CommandError::new(
            Code::MissingReference,
            format!("{root} contains nothing below {below}"),
        ));
    }
    rows.sort_by(|left, right| (&left.reference, left.arch).cmp(&(&right.reference, right.arch)));
    if output.is_json() {
        output.json(&rows)?;
    } else {
        output.text(&table(&rows));
    }
    Ok(exit::OK)
}

/// Returns the keys that validly signed the statement of an entry; none if trust does not accept it.
fn signers(registry: &Registry, trust_chain: Option<&TrustChain>, line: &TagEntry) -> Vec<String> {
    let signers =
        trust_chain.and_then(|trust_chain| change::signers(registry, trust_chain, line).ok());
    let signers = signers.unwrap_or_default();
    signers.iter().map(ToString::to_string).collect()
}

/// Returns all entries of the newest index.
pub(super) fn entries(
    registry: &Registry,
    head: &Head,
) -> Result<Vec<(Namespace, TagEntry)>, CommandError> {
    let mut entries = Vec::new();
    registry
        .index(head)
        .walk(&mut |namespace: &Namespace, entry: TagEntry| {
            entries.push((namespace.clone(), entry));
            Ok::<_, MapError>(())
        })
        .map_err(|source| RegistryError::Map {
            path: registry.root().to_owned(),
            source,
        })?;
    Ok(entries)
}

/// The maximal number of tags in a hint.
const MOST_TAGS: usize = 10;

/// Returns a hint for a missing reference: the tags of its repository.
pub(super) fn tags_hint(registry: &Registry, reference: &Reference) -> String {
    let repository = reference.repository();
    let tags = registry
        .head()
        .and_then(|head| registry.tags(head.body(), repository))
        .unwrap_or_default();
    if tags.is_empty() {
        return list_hint(registry);
    }
    let more = match tags.len().saturating_sub(MOST_TAGS) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let tags: Vec<&str> = tags.iter().take(MOST_TAGS).map(Tag::as_str).collect();
    format!("{repository} has the tags {}{more}", tags.join(", "))
}

/// Returns a hint to list a registry.
pub(super) fn list_hint(registry: &Registry) -> String {
    format!(
        "run `sreg ls {}` to list its references",
        registry.root().display()
    )
}

/// Returns whether a reference is below a namespace, below a repository, or is the reference itself.
fn is_below(reference: &str, below: &str) -> bool {
    reference
        .strip_prefix(below.trim_end_matches('/'))
        .is_some_and(|rest| below.is_empty() || rest.is_empty() || rest.starts_with(['/', ':']))
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header([
        "REFERENCE",
        "ARCH",
        "SIZE",
        "DIGEST",
        "CREATED",
    ]);
    for row in rows {
        table.add_row([
            row.reference.as_str(),
            row.arch.as_str(),
            &human_bytes(row.size),
            &short(&row.digest),
            row.created.as_deref().unwrap_or("-"),
        ]);
        for one in &row.attached {
            table.add_row([
                &format!("+ {}", one.name),
                "",
                &human_bytes(one.size),
                &short(&one.digest),
                &one.media,
            ]);
        }
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim().to_owned() + "\n")
        .collect();
    lines.concat()
}

fn short(digest: &Digest) -> String {
    format!("sha256:{}", &digest.hex()[..12])
}
