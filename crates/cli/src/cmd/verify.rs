//! `sreg verify`

use sreg_model::fault::Code;
use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;
use sreg_client::Warning;
use sreg_client::known::ExpectedRegistry;
use sreg_client::location::{Location, is_remote};
use sreg_image::Image;
use sreg_index::hasher::{self, Observer as _};
use sreg_registry::verify::{
    BlobCheck, Checked, Class, Fault, Options, Report, verify_reference, verify_registry,
};
use sreg_registry::{Registry, RegistryError};

use super::index::io;
use crate::args::{self, Blobs};
use crate::config::Config;
use crate::error::{CommandError, Line};
use crate::known::{self, keep_evidence};
use crate::output::{Output, counted, human_bytes};
use crate::progress::ProgressBar;
use crate::target::Target;
use crate::{exit, location};

#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    checked: Checked,
    faults: &'a [Fault],
    warnings: &'a [Fault],
}

pub(super) fn run(
    args: args::Verify,
    config: &Config,
    output: &Output,
) -> Result<u8, CommandError> {
    let registry = args.within.registry(config);
    let blobs = match args.blobs {
        Some(Blobs::None) => BlobCheck::None,
        Some(Blobs::Head) => BlobCheck::Head,
        Some(Blobs::Full) => BlobCheck::Full,
        None if is_remote(&args.target) => BlobCheck::Head,
        None => BlobCheck::Full,
    };
    let options = Options {
        now: args.judging.now(),
        ..Options::new(blobs, io(args.io))
    };
    let progress = ProgressBar::new(output, "verified");
    let target = Target::parse(&args.target, registry)?;
    let (registry, reference) = match &target {
        Target::File(_) => (None, None),
        Target::Registry(path) => (Some(location::registry(path)?), None),
        Target::Reference(path, reference) => (Some(location::registry(path)?), Some(reference)),
    };
    let location = registry
        .as_ref()
        .map(|registry| Location::new(registry.root()));
    let pins = known::pins(&args.judging.knowing);
    let id = match registry.as_ref().map(Registry::stated_id) {
        None => None,
        // In a folder, verification reports this fault with all others.
        Some(Err(RegistryError::Read { .. })) => None,
        Some(id) => id?,
    };
    let expected = match &location {
        Some(location) => pins.expect(location, id)?,
        _ if args.judging.knowing.trust.is_some() || args.judging.require_signed => {
            return Err(CommandError::new(
                Code::Usage,
                "an image file belongs to no registry: --trust and --require-signed do not apply",
            )
            .with_hint("run `sreg verify REGISTRY//namespace/name:tag`"));
        }
        _ => ExpectedRegistry::default(),
    };
    let options = Options {
        known: expected.pins().to_vec(),
        statements: expected.statements(),
        ..options
    };
    let mut report = match (&target, &registry, reference) {
        (_, Some(registry), Some(reference)) => {
            verify_reference(registry, reference, &options, &progress)?
        }
        (_, Some(registry), None) => verify_registry(registry, &options, &progress)?,
        (Target::File(path), ..) => verify_file(path, &options, &progress)?,
        _ => Report::default(),
    };
    let seconds = progress.seconds();
    drop(progress);
    keep_evidence(&pins, &expected, &report.forks, output)?;
    if registry.is_some() {
        report.check_confirmed(
            id.is_some(),
            expected.is_known(),
            args.judging.require_signed || expected.has_lock_file(),
        );
    }
    // A missing reference is an answer, not a fault of the registry's state.
    let is_well = report
        .faults
        .iter()
        .all(|fault| fault.code == Code::MissingReference);
    if let (Some(seen), Some(location), true) = (&report.seen, &location, is_well)
        && expected.is_recorded()
    {
        pins.record(location, seen)?;
    }
    let root = registry
        .as_ref()
        .and_then(|registry| registry.store().capabilities().folder);
    warn(&report.warnings, root, output);
    if output.is_json() {
        let ok = report.faults.is_empty();
        output.json(&Answer {
            ok,
            checked: report.checked,
            faults: &report.faults,
            warnings: &report.warnings,
        })?;
    } else {
        output.text(&text(&args.target, &report, seconds));
    }
    for fault in &report.faults {
        output.error(&line(fault, root));
    }
    let is_unknown = |fault: &Fault| fault.code == Code::MissingReference;
    if let (Target::Reference(_, reference), Some(registry)) = (&target, &registry)
        && report.faults.iter().any(is_unknown)
    {
        output.hint(&super::ls::tags_hint(registry, reference));
    }
    if let Some(registry) = &registry {
        for hint in crate::error::fault_hints(&report.faults, registry.root()) {
            output.hint(&hint);
        }
    }
    if blobs == BlobCheck::Head && args.blobs.is_none() {
        output.note("only the sizes of images were checked: add --blobs full to check every byte");
    }
    if report.checked.blobs_elsewhere > 0 {
        output.note(&format!(
            "{} on other servers: their bytes were not checked",
            counted(report.checked.blobs_elsewhere, "image")
        ));
    }
    if registry.is_some() && !args.judging.require_signed && id.is_none() {
        output.note(&Warning::Unsigned.to_string());
    }
    Ok(exit::worst(
        report.faults.iter().map(|fault| fault.class.exit()),
    ))
}

/// Checks the structure of an image file and reports its digest, which has nothing to be compared with.
fn verify_file(
    path: &Path,
    options: &Options,
    progress: &ProgressBar<'_>,
) -> Result<Report, CommandError> {
    let mut report = Report::default();
    let name = path.display().to_string();
    let image = match Image::open(path) {
        Ok(image) => image,
        Err(error) => {
            let message = sreg_registry::explain(&error);
            report.faults.push(Fault {
                code: error.code(),
                class: error.code().class(),
                path: name,
                reference: None,
                message,
            });
            return Ok(report);
        }
    };
    progress.expect(image.size());
    report.checked.blobs = 1;
    if options.blobs == BlobCheck::Full {
        let hashed = hasher::hash(path, options.io, progress)?;
        report.checked.bytes = image.size();
        let message = format!(
            "well formed, digest {}; not compared with a registry: run `sreg verify REGISTRY//namespace/name:tag` to compare it",
            hashed.chain.digest()
        );
        report.warnings.push(Fault {
            code: Code::NothingToCompare,
            class: Class::Untrusted,
            path: name,
            reference: None,
            message,
        });
    }
    if progress.is_cancelled() {
        return Err(sreg_registry::RegistryError::Cancelled.into());
    }
    Ok(report)
}

/// The maximal number of warnings of one kind that are printed one by one.
const MOST_PRINTED: usize = 5;

/// Prints warnings, and summarizes kinds with many of them in one line.
fn warn(warnings: &[Fault], root: Option<&Path>, output: &Output) {
    let mut codes: Vec<Code> = warnings.iter().map(|warning| warning.code).collect();
    codes.dedup();
    let mut said = BTreeSet::new();
    for code in codes.into_iter().filter(|code| said.insert(*code)) {
        let of_code = || warnings.iter().filter(|warning| warning.code == code);
        let count = of_code().count();
        let Some(first) = of_code().next().filter(|_| count > MOST_PRINTED) else {
            of_code().for_each(|warning| output.warning(&line(warning, root)));
            continue;
        };
        let what = match code {
            Code::StrayFile => "; they are harmless, and readers of earlier versions may need them",
            Code::ForeignFile => {
                "; sreg never changes them: move them away if they must not be served"
            }
            _ => "",
        };
        output.warning(&Line {
            message: format!(
                "{count} files, such as {}: {}{what}; --format json lists all",
                first.path, first.message
            ),
            ..line(first, root)
        });
    }
}

fn line(fault: &Fault, root: Option<&Path>) -> Line {
    let reference = fault
        .reference
        .as_ref()
        .map_or(String::new(), |reference| format!(" ({reference})"));
    Line {
        code: fault.code,
        path: match root {
            Some(root) => Some(root.join(&fault.path).display().to_string()),
            None => Some(fault.path.clone()).filter(|path| Path::new(path).exists()),
        },
        message: format!("{}{reference}: {}", fault.path, fault.message),
    }
}

fn text(target: &str, report: &Report, seconds: f64) -> String {
    let checked = &report.checked;
    let verdict = match report.faults.len() {
        0 => "ok".to_owned(),
        faults => counted(faults as u64, "fault"),
    };
    let counts = [
        (checked.heads, "head"),
        (checked.nodes, "node"),
        (checked.statements, "statement"),
        (checked.views, "view"),
        (checked.chains, "chain"),
        (checked.blobs, "image"),
    ];
    let counts: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| counted(*count, what))
        .collect();
    let read = human_bytes(checked.bytes);
    let counts = match counts.is_empty() {
        true => "nothing".to_owned(),
        false => counts.join(", "),
    };
    format!("{target}: {verdict}; checked {counts}; {read} read in {seconds:.1} s\n")
}
