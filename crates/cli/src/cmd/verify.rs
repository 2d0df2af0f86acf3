//! `sreg verify`

use std::path::Path;

use serde::Serialize;
use sreg_image::Image;
use sreg_index::hasher::{self, Observer as _};
use sreg_tree::Tree;
use sreg_tree::verify::{
    BlobCheck, Checked, Class, Fault, Options, Report, verify_reference, verify_tree,
};

use super::index::io;
use crate::args::{self, Blobs};
use crate::config::Config;
use crate::exit;
use crate::output::{Output, counted, human_bytes};
use crate::problem::{Line, Problem};
use crate::progress::Progress;
use crate::target::Target;

#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    checked: Checked,
    faults: &'a [Fault],
    warnings: &'a [Fault],
}

pub(super) fn run(args: args::Verify, config: &Config, output: &Output) -> Result<u8, Problem> {
    let registry = args.registry.as_deref().or(config.registry.as_deref());
    let blobs = match args.blobs {
        Blobs::None => BlobCheck::None,
        Blobs::Head => BlobCheck::Head,
        Blobs::Full => BlobCheck::Full,
    };
    let options = Options {
        blobs,
        io: io(args.io),
    };
    let progress = Progress::new(output, "verified");
    let target = Target::parse(&args.target, registry)?;
    let (mut report, tree) = match &target {
        Target::File(path) => (verify_file(path, options, &progress)?, None),
        Target::Tree(path) => {
            let tree = Tree::open(path)?;
            (verify_tree(&tree, options, &progress)?, Some(tree))
        }
        Target::Reference(path, reference) => {
            let tree = Tree::open(path)?;
            (
                verify_reference(&tree, reference, options, &progress)?,
                Some(tree),
            )
        }
    };
    let seconds = progress.seconds();
    drop(progress);
    if args.require_signed {
        let message = "nothing here is signed by a key that is trusted".to_owned();
        report.faults.push(Fault {
            code: "unsigned",
            class: Class::Untrusted,
            path: "head".to_owned(),
            reference: None,
            message,
        });
    }
    for warning in &report.warnings {
        output.warning(&line(warning));
    }
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
        output.error(&line(fault));
    }
    let is_unknown = |fault: &Fault| fault.code == "missing-reference";
    if let (Target::Reference(_, reference), Some(tree)) = (&target, &tree)
        && report.faults.iter().any(is_unknown)
    {
        output.hint(&super::ls::tags_hint(tree, reference));
    }
    if report.checked.blobs_elsewhere > 0 {
        output.note(&format!(
            "{} elsewhere; their bytes were not looked at",
            counted(report.checked.blobs_elsewhere, "image")
        ));
    }
    let claims_keys = report
        .faults
        .iter()
        .any(|fault| fault.code == "signature-unchecked");
    if tree.is_some() && !args.require_signed && !claims_keys {
        output.note(
            "the registry is unsigned: digests show that bytes are whole, not who published them",
        );
    }
    Ok(exit::worst(
        report
            .faults
            .iter()
            .map(|fault| exit::of_class(fault.class)),
    ))
}

/// An image file on its own: its structure is checked and its digest shown, but nothing says
/// what the digest should be.
fn verify_file(path: &Path, options: Options, progress: &Progress<'_>) -> Result<Report, Problem> {
    let mut report = Report::default();
    let name = path.display().to_string();
    let image = match Image::open(path) {
        Ok(image) => image,
        Err(error) => {
            let class = match exit::of_word(error.code()) {
                exit::UNAVAILABLE => Class::Unavailable,
                _ => Class::Malformed,
            };
            let message = sreg_tree::explain(&error);
            report.faults.push(Fault {
                code: error.code(),
                class,
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
            "it is well formed and its digest is {}; no registry was named that says what it should be",
            hashed.chain.digest()
        );
        report.warnings.push(Fault {
            code: "nothing-to-compare",
            class: Class::Untrusted,
            path: name,
            reference: None,
            message,
        });
    }
    if progress.is_cancelled() {
        return Err(sreg_tree::TreeError::Cancelled.into());
    }
    Ok(report)
}

fn line(fault: &Fault) -> Line {
    let reference = fault
        .reference
        .as_ref()
        .map_or(String::new(), |reference| format!(" ({reference})"));
    Line {
        code: fault.code,
        path: Some(fault.path.clone()),
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
    format!(
        "{target}: {verdict}: {}; {read} read in {seconds:.1} s\n",
        counts.join(", ")
    )
}
