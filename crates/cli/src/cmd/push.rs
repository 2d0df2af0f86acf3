//! `sreg push`

use sreg_model::fault::Code;
use std::path::Path;

use serde::Serialize;
use sreg_ingest::statement_file;
use sreg_model::{Arch, Digest, Document, document};
use sreg_publish::changeset::Provided;
use sreg_publish::push::{Push, Pushed, push};
use sreg_publish::{Destination, Session};

use super::change;
use super::index::io;
use crate::config::Config;
use crate::error::CommandError;
use crate::output::{Output, human_bytes};
use crate::{args, exit, files, target};

#[derive(Serialize)]
struct Answer {
    reference: String,
    arch: Arch,
    digest: Digest,
    size: u64,
    root: Digest,
    version: u64,
    sent: bool,
    changed: bool,
    seconds: f64,
}

pub(super) fn run(args: &args::Push, config: &Config, output: &Output) -> Result<u8, CommandError> {
    let registry = args.within.registry(config);
    let (root, reference) = target::reference(&args.reference, registry)?;
    let tag = reference.tag_or_default().ok_or_else(|| {
        CommandError::new(Code::Usage, "sreg push needs a tag, not only a digest")
    })?;
    if let Some(digest) = reference.digest() {
        return Err(CommandError::new(
            Code::Usage,
            format!("{digest} is the digest of an image: push to namespace/name:tag"),
        ));
    }
    files::check_is_file(&args.image)?;
    let statement = statement(&args.image, args.statement.as_deref())?;
    let run = |destination: &Destination, session: &Session<'_>| {
        let push_this = Push {
            image: &args.image,
            repository: reference.repository().clone(),
            tag,
            arch: args.arch,
            frozen: args.frozen,
            statement,
            io: io(args.io),
        };
        push(destination, session, &push_this)
    };
    let (pushed, seconds) = change::publishing(&root, &args.signing, output, run, |pushed| {
        &pushed.published
    })?;
    say(&pushed, seconds, output)?;
    Ok(exit::OK)
}

fn say(pushed: &Pushed, seconds: f64, output: &Output) -> Result<(), CommandError> {
    let subject = &pushed.subject;
    let reference = format!("{}:{}", subject.repository, subject.tag);
    let body = pushed.published.head.body();
    if output.is_json() {
        return output.json(&Answer {
            reference,
            arch: subject.arch,
            digest: pushed.digest,
            size: pushed.size,
            root: body.index.digest,
            version: body.version,
            sent: pushed.sent,
            changed: pushed.published.changed,
            seconds,
        });
    }
    let what = match (pushed.published.changed, pushed.sent) {
        (false, _) => "is unchanged: already published".to_owned(),
        (true, false) => "published; its bytes were already there".to_owned(),
        (true, true) => format!("published, {} sent", human_bytes(pushed.size)),
    };
    output.text(&format!(
        "{reference} {what}\n{}\nversion {}, {seconds:.1} s\n",
        pushed.digest, body.version
    ));
    Ok(())
}

/// Reads the statement that the arguments name, or the one beside the image.
fn statement(image: &Path, named: Option<&Path>) -> Result<Option<Provided>, CommandError> {
    let beside = statement_file(image);
    let path = match named {
        Some(path) => path.to_owned(),
        None if beside.exists() => beside,
        None => return Ok(None),
    };
    let bytes = files::read_capped(&path, document::MAX_BYTES)?;
    let statement = Document::parse(bytes).map_err(|error| {
        let what = format!("{}: {}", path.display(), sreg_registry::explain(&error));
        CommandError::new(error.code(), what)
    })?;
    Ok(Some(Provided { path, statement }))
}
