//! `sreg repair`

use serde::Serialize;
use sreg_model::fault::Code;
use sreg_publish::Session;
use sreg_publish::repair::repair;
use sreg_registry::verify::Fault;

use super::change;
use crate::error::{CommandError, Line};
use crate::output::{Output, counted};
use crate::progress::ProgressBar;
use crate::{args, exit, location};

#[derive(Serialize)]
struct Answer<'a> {
    ok: bool,
    mended: &'a [Fault],
    faults: &'a [Fault],
}

pub(super) fn run(args: &args::Repair, output: &Output) -> Result<u8, CommandError> {
    let known = change::expected_of(&args.registry)?.pins().to_vec();
    let progress = ProgressBar::new(output, "hashed");
    let destination = location::destination(&args.registry)?;
    let repaired = repair(
        &destination,
        &Session {
            keys: None,
            pins: &known,
            now: crate::clock::now(),
            progress: &progress,
        },
    )?;
    drop(progress);
    if output.is_json() {
        output.json(&Answer {
            ok: repaired.left.is_empty(),
            mended: &repaired.mended,
            faults: &repaired.left,
        })?;
    } else {
        let mut text: String = repaired
            .mended
            .iter()
            .map(|fault| format!("repaired {} ({})\n", fault.path, fault.code))
            .collect();
        text.push_str(&format!(
            "{}: {} repaired, {} left\n",
            args.registry.display(),
            counted(repaired.mended.len() as u64, "fault"),
            repaired.left.len()
        ));
        output.text(&text);
    }
    for fault in &repaired.left {
        output.error(&Line {
            code: fault.code,
            path: destination
                .store
                .capabilities()
                .folder
                .map(|folder| folder.join(&fault.path).display().to_string()),
            message: format!("{}: {}", fault.path, fault.message),
        });
    }
    output.note("images were not read: run `sreg verify` to check every byte");
    let in_the_way = |fault: &Fault| fault.code == Code::NotAFile;
    if repaired.left.iter().any(in_the_way) {
        output.note("move away the folder or special file, then run `sreg repair` again");
    }
    if !repaired.left.iter().all(in_the_way) {
        let bring = match destination.store.capabilities().folder {
            Some(_) => "sreg index",
            None => "sreg push",
        };
        output.note(&format!(
            "run {bring} to restore images, which cannot be derived from the index"
        ));
    }
    Ok(exit::worst(
        repaired.left.iter().map(|fault| fault.class.exit()),
    ))
}
