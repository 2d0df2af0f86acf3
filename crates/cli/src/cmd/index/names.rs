//! The naming options of `sreg index`, and its reports about names: references that were read from paths,
//! names with two readings, and skipped files.

use sreg_model::fault::Code;
use std::path::Path;

use serde::Serialize;
use sreg_ingest::source::{Layout, NameMap, Naming};
use sreg_ingest::{Options, Outcome};

use crate::config::Index as Config;
use crate::error::{CommandError, Line};
use crate::output::Output;
use crate::{args, files};

/// The maximal size of a map, in bytes.
const MAX_MAP: usize = 64 << 20;
/// The maximal number of names with two readings that are printed.
const MOST_PRINTED: usize = 20;

/// A path and its reference.
#[derive(Serialize)]
pub(super) struct Reading<'a> {
    path: String,
    reference: String,
    arch: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    others: &'a [String],
}

/// Returns the rules for reading references, from the arguments and the configuration.
pub(super) fn naming(args: &args::Index, config: &Config) -> Result<Naming, CommandError> {
    let layout = args.layout.or(config.layout).unwrap_or_default();
    let given = args.namespace.clone().or(config.namespace.clone());
    let word = match layout {
        Layout::Galaxy => "biocontainers",
        _ => "library",
    };
    let default = || {
        word.parse()
            .map_err(|error| CommandError::new(Code::Bug, format!("{error}")))
    };
    let map = match args.map.as_ref().or(config.map.as_ref()) {
        None => NameMap::default(),
        Some(path) => read_map(path)?,
    };
    Ok(Naming {
        flat: given.map_or_else(default, Ok)?,
        layout,
        patterns: config.names.clone(),
        map,
    })
}

fn read_map(path: &Path) -> Result<NameMap, CommandError> {
    let wrong = |what: String| {
        CommandError::new(Code::NameMap, format!("{}: {what}", path.display())).with_hint(
            "write a path below the folder, a space, and namespace/name:tag on each line",
        )
    };
    let bytes = files::read_capped(path, MAX_MAP)?;
    if bytes.len() > MAX_MAP {
        return Err(wrong("longer than 64 MiB".to_owned()));
    }
    let text = String::from_utf8(bytes).map_err(|_| wrong("not UTF-8".to_owned()))?;
    NameMap::parse(&text).map_err(wrong)
}

/// Returns all paths with their references.
pub(super) fn all(outcome: &Outcome) -> impl Iterator<Item = Reading<'_>> {
    outcome.named.iter().map(shown)
}

/// Returns the paths whose names have two readings.
pub(super) fn of_two(outcome: &Outcome) -> impl Iterator<Item = Reading<'_>> {
    let two = outcome.named.iter().filter(|one| !one.others.is_empty());
    two.map(shown)
}

fn shown(one: &sreg_ingest::Reading) -> Reading<'_> {
    Reading {
        path: one.path.display().to_string(),
        reference: format!("{}:{}", one.subject.repository, one.subject.tag),
        arch: one.subject.arch.as_str(),
        others: &one.others,
    }
}

/// Returns the references of a dry run as a table.
pub(super) fn table(source: &Path, outcome: &Outcome) -> String {
    let rows = outcome.named.iter().map(|one| {
        let path = one.path.strip_prefix(source).unwrap_or(&one.path);
        (path.display().to_string(), one)
    });
    let rows: Vec<_> = rows.collect();
    let width = rows.iter().map(|(path, _)| path.chars().count()).max();
    let width = width.unwrap_or(0);
    let lines = rows.iter().map(|(path, one)| {
        let others = match one.others.is_empty() {
            true => String::new(),
            false => format!("  or {}", one.others.join(" or ")),
        };
        format!("{path:width$}  {}{others}\n", one.subject)
    });
    lines.collect()
}

/// Warns about names with two readings and about skipped files.
pub(super) fn warn(options: &Options, outcome: &Outcome, output: &Output) {
    for fault in &outcome.passed_over {
        let path = fault.path.display().to_string();
        output.warning(&Line {
            code: fault.code,
            message: format!("{path}: {}", fault.message),
            path: Some(path),
        });
    }
    for one in &outcome.named {
        if let Some(note) = one.note {
            output.note(&format!("{}: {note}", one.path.display()));
        }
    }
    let two: Vec<_> = of_two(outcome).collect();
    if two.is_empty() || options.dry_run {
        return;
    }
    for one in two.iter().take(MOST_PRINTED) {
        output.note(&format!(
            "{} is published as {}; did you mean {}?",
            one.path,
            one.reference,
            one.others.join(" or ")
        ));
    }
    let more = match two.len().checked_sub(MOST_PRINTED) {
        None | Some(0) => String::new(),
        Some(more) => format!("{more} more names can be read in two ways; "),
    };
    output.note(&format!(
        "{more}rename them to <name>_<version>.sif, or set their references with --map FILE; --dry-run lists all"
    ));
}
