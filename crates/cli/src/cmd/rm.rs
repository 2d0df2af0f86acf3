//! `sreg rm`

use serde::Serialize;
use sreg_client::location::is_remote;
use sreg_model::fault::Code;
use sreg_model::{Arch, Digest};
use sreg_publish::remove::{Remove, Removed, remove};
use sreg_publish::{Destination, Session};

use super::change;
use crate::config::Config;
use crate::error::CommandError;
use crate::output::Output;
use crate::{args, exit, target};

#[derive(Serialize)]
struct Answer<'a> {
    reference: String,
    archs: Vec<Arch>,
    reason: &'a str,
    root: Digest,
    version: u64,
    seconds: f64,
}

pub(super) fn run(args: &args::Rm, config: &Config, output: &Output) -> Result<u8, CommandError> {
    let registry = args.within.registry(config);
    let (root, reference) = target::reference(&args.reference, registry)?;
    if reference.tag().is_none() {
        let what = format!("{} has no tag: sreg rm removes a tag", args.reference);
        return Err(CommandError::new(Code::Usage, what)
            .with_hint(format!("run `sreg ls {}` to list the tags", root.display())));
    }
    sreg_model::statement::check_reason(&args.reason)
        .map_err(|error| CommandError::new(Code::Usage, format!("invalid --reason: {error}")))?;
    let named = reference.clone();
    let run = |destination: &Destination, session: &Session<'_>| {
        let remove_this = Remove {
            reference,
            arch: args.arch,
            reason: args.reason.clone(),
        };
        remove(destination, session, &remove_this)
    };
    let (removed, seconds) = change::publishing(&root, &args.signing, output, run, |removed| {
        &removed.published
    })?;
    say(&removed, &named.to_string(), &args.reason, seconds, output)?;
    if !is_remote(&root.display().to_string()) {
        output.note(
            "if an indexed folder still has the image, the next `sreg index` publishes it again",
        );
    }
    Ok(exit::OK)
}

fn say(
    removed: &Removed,
    reference: &str,
    reason: &str,
    seconds: f64,
    output: &Output,
) -> Result<(), CommandError> {
    let body = removed.published.head.body();
    let archs: Vec<Arch> = removed
        .subjects
        .iter()
        .map(|subject| subject.arch)
        .collect();
    if output.is_json() {
        return output.json(&Answer {
            reference: reference.to_owned(),
            archs,
            reason,
            root: body.index.digest,
            version: body.version,
            seconds,
        });
    }
    let archs: Vec<&str> = archs.iter().map(|arch| arch.as_str()).collect();
    output.text(&format!(
        "{reference} removed ({})\nversion {}, {seconds:.1} s\n",
        archs.join(", "),
        body.version
    ));
    Ok(())
}
