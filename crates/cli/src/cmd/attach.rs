//! `sreg attach`

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::Serialize;
use sreg_model::attachment::Attachment;
use sreg_model::{Arch, Digest};
use sreg_tree::attach::{Attach, Attached, attach};
use sreg_tree::publish::Publisher;

use super::change;
use super::index::io;
use crate::args;
use crate::config::Config;
use crate::exit;
use crate::keys::Opened;
use crate::output::{Output, human_bytes};
use crate::place;
use crate::problem::Problem;
use crate::progress::Progress;
use crate::target;

#[derive(Serialize)]
struct Answer {
    reference: String,
    arch: Arch,
    digest: Digest,
    media: String,
    name: String,
    size: u64,
    root: Digest,
    version: u64,
    changed: bool,
    seconds: f64,
}

pub(super) fn run(args: &args::Attach, config: &Config, output: &Output) -> Result<u8, Problem> {
    let registry = args.within.registry(config);
    let (root, reference) = target::reference(&args.reference, registry)?;
    if !args.file.is_file() {
        return Err(Problem::new(
            "missing-file",
            format!("{} is no file", args.file.display()),
        ));
    }
    check_public(&args.file)?;
    let attachment = described(args)?;
    let opened = Opened::open(&args.signing)?;
    let keys = opened.keys(false, false);
    let keys = (!opened.signers().is_empty()).then_some(&keys);
    let known = change::expected_of(&root)?.known;
    let progress = Progress::new(output, "hashed and sent");
    let attached = attach(
        &place::destination(&root)?,
        &Attach {
            file: &args.file,
            attachment,
            reference,
            arch: args.arch,
            io: io(args.io),
            publisher: Publisher {
                keys,
                known: &known,
                now: crate::clock::stated()?,
                watch: &progress,
            },
        },
    )?;
    let seconds = progress.seconds();
    drop(progress);
    if keys.is_some() {
        change::remember(&root, &attached.head, output)?;
    }
    say(attached, seconds, output)?;
    Ok(exit::OK)
}

/// What the arguments say of the file. Its digest and size are yet to be seen.
fn described(args: &args::Attach) -> Result<Attachment, Problem> {
    let own = args.file.file_name().and_then(|name| name.to_str());
    let name = match (&args.name, own) {
        (Some(name), _) => name.clone(),
        (None, own) => own.unwrap_or_default().to_owned(),
    };
    let mut annotations = args.annotations.clone();
    let key = |annotation: &String| annotation.split('=').next().map(str::to_owned);
    annotations.sort_by_key(key);
    let attachment = Attachment {
        annotations: (!annotations.is_empty()).then_some(annotations),
        digest: Digest::of(b""),
        media: args.media.clone(),
        name,
        size: 1,
    };
    let Err(error) = attachment.check() else {
        return Ok(attachment);
    };
    let file = args.file.display();
    let problem = Problem::new("usage", format!("{file} cannot be attached so: {error}"));
    let renamed = Attachment {
        name: "name".to_owned(),
        ..attachment
    };
    Err(match renamed.check() {
        Ok(()) => problem.with_hint("say under which name with --name NAME"),
        Err(_) => problem.with_hint("a media type is such as application/spdx+json, an annotation such as org.example.tool=syft"),
    })
}

/// Refuses what is surely not meant for everybody: what is published may be copied before it is gone.
fn check_public(file: &Path) -> Result<(), Problem> {
    let unread =
        |error: std::io::Error| Problem::new("unreadable", format!("{}: {error}", file.display()));
    let mut start = Vec::new();
    let opened = File::open(file).map_err(unread)?;
    opened.take(1024).read_to_end(&mut start).map_err(unread)?;
    let first = start
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    if String::from_utf8_lossy(first).contains("PRIVATE KEY") {
        let what = format!("{} is a private key; nothing was attached", file.display());
        return Err(Problem::new("usage", what));
    }
    Ok(())
}

fn say(attached: Attached, seconds: f64, output: &Output) -> Result<(), Problem> {
    let subject = &attached.subject;
    let reference = format!("{}:{}", subject.repository, subject.tag);
    let body = attached.head.body();
    let attachment = attached.attachment;
    if output.is_json() {
        return output.json(&Answer {
            reference,
            arch: subject.arch,
            digest: attachment.digest,
            media: attachment.media,
            name: attachment.name,
            size: attachment.size,
            root: body.index.digest,
            version: body.version,
            changed: attached.changed,
            seconds,
        });
    }
    let how = match attached.changed {
        true => "is attached",
        false => "was attached already",
    };
    output.text(&format!(
        "{} {how} to {reference}: {}, {}\n{}\nversion {}, {seconds:.1} s\n",
        attachment.name,
        attachment.media,
        human_bytes(attachment.size),
        attachment.digest,
        body.version
    ));
    Ok(())
}
