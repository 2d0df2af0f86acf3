//! `sreg attach`

use sreg_model::fault::Code;
use std::io::Read as _;
use std::path::Path;

use serde::Serialize;
use sreg_model::document::DocumentError;
use sreg_model::{Arch, Digest, attachment};
use sreg_publish::attach::{Attach, Attached, attach};
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
    media: String,
    name: String,
    size: u64,
    root: Digest,
    version: u64,
    changed: bool,
    seconds: f64,
}

pub(super) fn run(
    args: &args::Attach,
    config: &Config,
    output: &Output,
) -> Result<u8, CommandError> {
    let registry = args.within.registry(config);
    let (root, reference) = target::reference(&args.reference, registry)?;
    files::check_is_file(&args.file)?;
    check_public(&args.file)?;
    let name = name(args)?;
    check(args, attachment::check_media(&args.media), MEDIA_HINT)?;
    let annotations = annotations(args)?;
    let run = |destination: &Destination, session: &Session<'_>| {
        let attach_this = Attach {
            file: &args.file,
            media: args.media.clone(),
            name,
            annotations,
            reference,
            arch: args.arch,
            io: io(args.io),
        };
        attach(destination, session, &attach_this)
    };
    let (attached, seconds) = change::publishing(&root, &args.signing, output, run, |attached| {
        &attached.published
    })?;
    say(attached, seconds, output)?;
    Ok(exit::OK)
}

const NAME_HINT: &str = "add --name NAME to set the name";
const MEDIA_HINT: &str = "use a media type such as application/spdx+json";
const ANNOTATION_HINT: &str = "use an annotation such as org.example.tool=syft";

/// Checks the name, media type and annotations of the file; the error has a hint.
fn check(
    args: &args::Attach,
    checked: Result<(), DocumentError>,
    hint: &str,
) -> Result<(), CommandError> {
    checked.map_err(|error| {
        let what = format!("invalid attachment {}: {error}", args.file.display());
        CommandError::new(Code::Usage, what).with_hint(hint)
    })
}

/// Returns the name to publish the file under.
fn name(args: &args::Attach) -> Result<String, CommandError> {
    let own = args.file.file_name().and_then(|name| name.to_str());
    let name = args.name.as_deref().or(own).unwrap_or_default();
    check(args, attachment::check_name(name), NAME_HINT)?;
    Ok(name.to_owned())
}

/// Parses the annotations.
fn annotations(args: &args::Attach) -> Result<Vec<String>, CommandError> {
    let mut annotations = args.annotations.clone();
    annotations.sort_by(|left, right| left.split('=').next().cmp(&right.split('=').next()));
    if !annotations.is_empty() {
        let checked = attachment::check_annotations(&annotations);
        check(args, checked, ANNOTATION_HINT)?;
    }
    Ok(annotations)
}

/// Refuses private keys: published bytes may be copied before they can be removed.
fn check_public(file: &Path) -> Result<(), CommandError> {
    let unread = |error: std::io::Error| {
        CommandError::new(Code::Unreadable, format!("{}: {error}", file.display()))
    };
    let mut start = Vec::new();
    let opened = sreg_files::open(file).map_err(unread)?;
    opened.take(1024).read_to_end(&mut start).map_err(unread)?;
    let first = start
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    if String::from_utf8_lossy(first).contains("PRIVATE KEY") {
        let what = format!("{} is a private key; nothing was attached", file.display());
        return Err(CommandError::new(Code::Usage, what));
    }
    Ok(())
}

fn say(attached: Attached, seconds: f64, output: &Output) -> Result<(), CommandError> {
    let subject = &attached.subject;
    let reference = format!("{}:{}", subject.repository, subject.tag);
    let body = attached.published.head.body();
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
            changed: attached.published.changed,
            seconds,
        });
    }
    let how = match attached.published.changed {
        true => "attached",
        false => "already attached",
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
