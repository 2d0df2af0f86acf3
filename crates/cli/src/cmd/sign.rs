//! `sreg sign`

use sreg_model::fault::Code;
use std::path::{Path, PathBuf};

use sreg_client::location::split;
use sreg_image::Image as ImageFile;
use sreg_index::hasher;
use sreg_ingest::statement_file;
use sreg_model::statement::{Claim, Image, Statement, Subject};
use sreg_model::{Document, Reference, document};
use sreg_publish::{PublishError, change as publish_change};
use sreg_registry::Registry;
use sreg_sign::policy::{self, PolicyError};
use sreg_sign::{Author, Purpose, sign};

use super::change::{self, Answer};
use super::index::io;
use crate::error::CommandError;
use crate::keys::Opened;
use crate::output::{Output, counted};
use crate::progress::ProgressBar;
use crate::{args, exit, files, location, target};

pub(super) fn run(args: &args::Sign, output: &Output) -> Result<u8, CommandError> {
    let opened = Opened::need(&args.signing, output)?;
    match &args.targets[..] {
        [image, reference] => sign_image(args, Path::new(image), reference, &opened, output),
        [target] if Path::new(target).is_file() => {
            add_signature(Path::new(target), &opened, output)
        }
        [target] => sign_again(args, target, &opened, output),
        _ => Err(CommandError::new(
            Code::Usage,
            "expected one target, or an image and its reference",
        )),
    }
}

/// Writes the next statement for a reference and an image.
fn sign_image(
    args: &args::Sign,
    image: &Path,
    reference: &str,
    opened: &Opened,
    output: &Output,
) -> Result<u8, CommandError> {
    let (root, reference) = split(reference).ok_or_else(|| no_reference(image, reference))?;
    let reference: Reference = target::parse_reference(reference)?;
    let tag = reference.tag_or_default().ok_or_else(|| {
        CommandError::new(Code::Usage, "sreg sign needs a tag, not only a digest")
    })?;
    let registry = location::registry(Path::new(root))?;
    check_known(&registry)?;
    let trust_chain = registry
        .trust_chain()?
        .ok_or_else(|| PublishError::NoKeys(PathBuf::from(root)))?;
    files::check_is_file(image)?;
    let opened_image =
        ImageFile::open(image).map_err(|error| CommandError::image(image, &error))?;
    let progress = ProgressBar::new(output, "hashed");
    let hashed = hasher::hash(image, io(args.io), &progress)?;
    drop(progress);
    let subject = Subject {
        repository: reference.repository().clone(),
        tag,
        arch: opened_image.arch(),
    };
    let claim = Claim::Present(Image {
        digest: hashed.chain.digest(),
        size: hashed.stamp.size,
        chain: hashed.chain.sidecar_digest(),
        format: opened_image.format(),
        frozen: args.frozen,
        urls: Vec::new(),
        attached: Vec::new(),
    });
    let now = crate::clock::stated()?;
    let body = publish_change::next_statement(&registry, &trust_chain, &subject, claim, now)?;
    let author = Author::new(trust_chain, opened.signers());
    let statement = author.draft_statement(body)?;
    let missing = missing(&author, &statement)?;
    let out = args.out.clone().unwrap_or_else(|| statement_file(image));
    files::write_whole(&out, statement.bytes())?;
    say(&out, &statement, missing, output)
}

/// Returns the error for a second argument that is not `REGISTRY//namespace/name:tag`. If it is a bare
/// reference, only the registry is missing; otherwise it may be the registry.
fn no_reference(image: &Path, text: &str) -> CommandError {
    let image = image.display();
    let (what, example) = match text.parse::<Reference>() {
        Ok(_) => ("registry", format!("REGISTRY//{text}")),
        Err(_) => ("reference", format!("{text}//namespace/name:tag")),
    };
    CommandError::new(Code::Usage, format!("{text} has no {what}"))
        .with_hint(format!("run `sreg sign {image} {example}`"))
}

/// Refuses a registry that is older than its pins.
fn check_known(registry: &Registry) -> Result<(), CommandError> {
    let target = registry.root().display().to_string();
    super::trust::source::read_held(&target, &args::Knowing::default()).map(drop)
}

/// Returns descriptions of the signatures that a statement lacks.
fn missing(
    author: &Author<'_>,
    statement: &Document<Statement>,
) -> Result<Vec<String>, CommandError> {
    match policy::check_new_statement(author.trust(), statement) {
        Ok(_) => Ok(Vec::new()),
        // One key has signed, and more keys must sign.
        Err(error @ PolicyError::Threshold { signed: 1.., .. }) => Ok(vec![error.to_string()]),
        Err(error) => Err(error.into()),
    }
}

fn say(
    out: &Path,
    statement: &Document<Statement>,
    missing: Vec<String>,
    output: &Output,
) -> Result<u8, CommandError> {
    let body = statement.body();
    let mut text = format!(
        "{}: statement {} for {}\nimage    {}\nregistry {}\n",
        out.display(),
        body.seq,
        body.subject,
        body.image().map_or_else(
            || "none (removal)".to_owned(),
            |image| format!("{}, {} bytes", image.digest, image.size)
        ),
        body.registry
            .map_or_else(|| "none".to_owned(), |id| id.to_string())
    );
    for one in &missing {
        text.push_str(&format!("missing  {one}\n"));
    }
    let answer = Answer {
        file: Some(out.display().to_string()),
        missing,
        published: false,
        ..Answer::published(statement.id(), body.seq)
    };
    change::say(&answer, &text, output)?;
    Ok(exit::OK)
}

/// Adds a signature to a statement in a file.
fn add_signature(file: &Path, opened: &Opened, output: &Output) -> Result<u8, CommandError> {
    let wrong = |code, what: String| CommandError::new(code, format!("{}: {what}", file.display()));
    let hint = || {
        format!(
            "run `sreg sign {} REGISTRY//namespace/name:tag` to sign an image",
            file.display()
        )
    };
    let bytes = files::read_capped(file, document::MAX_BYTES)?;
    if bytes.len() > document::MAX_BYTES {
        return Err(wrong(Code::Usage, "too large for a statement".to_owned()).with_hint(hint()));
    }
    let statement = Document::<Statement>::parse(bytes)
        .map_err(|error| wrong(error.code(), sreg_registry::explain(&error)).with_hint(hint()))?;
    let signers = opened.signers().iter().map(AsRef::as_ref);
    let statement = sign(statement, Purpose::Image, signers)?;
    files::write_whole(file, statement.bytes())?;
    say(file, &statement, Vec::new(), output)
}

/// Re-signs statements that are no longer valid.
fn sign_again(
    args: &args::Sign,
    target: &str,
    opened: &Opened,
    output: &Output,
) -> Result<u8, CommandError> {
    let (root, below) = split(target).unwrap_or((target, ""));
    let root = Path::new(root);
    let keys = opened.keys(false, false);
    let registry = location::registry(root)?;
    let candidates = publish_change::to_sign_again(&registry, below)?;
    for (subject, digest) in &candidates {
        let what = digest.map_or_else(|| "removed".to_owned(), |digest| digest.to_string());
        output.note(&format!(
            "statement for {subject} is no longer valid: {what}"
        ));
    }
    if !candidates.is_empty() {
        change::confirm("Re-sign these statements unchanged?", args.yes)?;
    }
    let expected = change::expected_of(root)?;
    let progress = ProgressBar::new(output, "hashed");
    let session = change::session(&keys, expected.pins(), &progress)?;
    let chosen = |subject: &Subject| candidates.iter().any(|(one, _)| one == subject);
    let (published, again) = session.sign_again(&location::destination(root)?, &chosen)?;
    drop(progress);
    change::remember(root, &published, output);
    let signed = change::references(&again);
    let mut text: String = signed
        .iter()
        .map(|one| format!("signed   {one}\n"))
        .collect();
    text.push_str(&format!(
        "{}: version {}, {} re-signed\n",
        root.display(),
        published.head.body().version,
        counted(signed.len() as u64, "reference")
    ));
    change::say(
        &Answer::published(published.head.id(), published.head.body().version),
        &text,
        output,
    )?;
    Ok(exit::OK)
}
