//! `sreg init`

use sreg_index::hasher::IoMode;
use sreg_tree::verify::{BlobCheck, Options, verify_tree};
use sreg_tree::{Tree, history};

use super::change::{self, Answer};
use crate::args;
use crate::exit;
use crate::keys::Opened;
use crate::output::Output;
use crate::problem::Problem;
use crate::progress::Progress;

/// Refuses to sign what a tree has whose bytes, signatures or history are at fault. That it has
/// expired is no fault here: its key may be lost.
fn check_source(from: &Tree, output: &Output) -> Result<(), Problem> {
    let progress = Progress::new(output, "verified");
    let options = Options {
        now: crate::clock::now(),
        known: change::expected_of(from.root())?.known,
        ..Options::new(BlobCheck::Full, IoMode::Auto)
    };
    let report = verify_tree(from, &options, &progress)?;
    let faults = report.faults.iter();
    let mut faults = faults.filter(|fault| !fault.code.starts_with("expired-"));
    match faults.next() {
        None => Ok(()),
        Some(fault) => {
            let what = format!("{}: {}", fault.path, fault.message);
            let hint = format!("list all of it with: sreg verify {}", from.root().display());
            Err(Problem::new(fault.code, what).with_hint(hint))
        }
    }
}

pub(super) fn run(args: &args::Init, output: &Output) -> Result<u8, Problem> {
    let opened = Opened::need(&args.signing)?;
    let keys = opened.keys(true, false);
    let from = args.from.as_deref().map(Tree::open).transpose()?;
    if let Some(from) = &from {
        check_source(from, output)?;
    }
    let progress = Progress::new(output, "copied");
    let change = change::change(&keys, &[], &progress)?;
    let head = change.begin(&args.dir, from.as_ref())?;
    drop(progress);
    change::remember(&args.dir, &head)?;
    let tree = Tree::open(&args.dir)?;
    let registry = history::series(&tree)?.map(|series| series.registry());
    let registry = registry.ok_or_else(|| Problem::new("bug", "a registry without trust"))?;
    let dir = args.dir.display();
    let text =
        format!("{dir}: a new registry with one key that does everything\nregistry {registry}\n");
    change::say(&Answer::published(registry, 1), &text, output)?;
    output.note(&format!(
        "publish images with: sreg index IMAGES --out {dir} --key {}",
        args.signing.keys[0].display()
    ));
    output.note("keep a copy of the key: without it nobody can publish in this registry again");
    Ok(exit::OK)
}
