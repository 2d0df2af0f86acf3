//! `sreg index`

mod host;
mod names;

use std::path::{Path, PathBuf};

use serde::Serialize;
use sreg_files::Modes;
use sreg_index::hasher::IoMode;
use sreg_ingest::{IngestError, Options, Outcome, index_folder};
use sreg_model::Digest;
use sreg_model::fault::Code;
use sreg_model::lock::Pin;
use sreg_publish::{LinkMode, PublishError, Session};
use sreg_registry::{Registry, RegistryError};
use sreg_store::Scheme;

use super::change;
use crate::args::{self, Io, Link};
use crate::config::{self, Index as Config};
use crate::error::{CommandError, Line};
use crate::keys::Opened;
use crate::output::{Output, counted, human_bytes, verb};
use crate::progress::ProgressBar;
use crate::{exit, location};

#[derive(Serialize)]
struct Answer<'a> {
    root: Option<Digest>,
    version: Option<u64>,
    images: usize,
    bytes: u64,
    hashed: usize,
    reused: usize,
    removed: Vec<String>,
    kept: Vec<String>,
    skipped: Vec<Skipped<'a>>,
    readings: Vec<names::Reading<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<Vec<names::Reading<'a>>>,
    host: Option<host::Said>,
    seconds: f64,
}

#[derive(Serialize)]
struct Skipped<'a> {
    code: Code,
    path: String,
    message: &'a str,
}

pub(super) fn run(args: args::Index, config: Config, output: &Output) -> Result<u8, CommandError> {
    let (signing, no_init, is_new) = (args.signing.clone(), args.no_init, args.new);
    let options = options(args, config)?;
    let opened = Opened::open(&signing, output)?;
    if !opened.signers().is_empty() && !no_init {
        refuse_second(&options, output)?;
    }
    let keys = opened.keys(!no_init, false);
    let keys = (!opened.signers().is_empty()).then_some(&keys);
    let pins = known(&options, is_new)?;
    let progress = ProgressBar::new(output, "hashed");
    let session = Session {
        keys,
        pins: &pins,
        now: crate::clock::stated()?,
        progress: &progress,
    };
    let outcome = index_folder(&options, &session).map_err(|error| {
        let is_of_images = matches!(error, IngestError::Publish(PublishError::Source(_)));
        match (CommandError::from(error), is_of_images) {
            (problem, true) if options.source.is_file() => problem.with_hint(format!(
                "name a folder, or run `sreg push {} {}//namespace/name:tag` to publish one image",
                options.source.display(),
                options.out.display()
            )),
            (problem, true) => problem.with_hint(
                "fix or move these files, or add --skip-invalid to publish the rest (nothing was published)",
            ),
            (problem, false) => problem,
        }
    })?;
    let seconds = progress.seconds();
    drop(progress);
    for fault in &outcome.skipped {
        let message = format!("{}: {}", fault.path.display(), fault.message);
        output.warning(&Line {
            code: fault.code,
            path: Some(fault.path.display().to_string()),
            message,
        });
    }
    names::warn(&options, &outcome, output);
    host::warn(&outcome, output);
    for (path, subject, digest) in &outcome.files {
        output.detail(&format!("{} is {subject}, {digest}", path.display()));
    }
    if output.is_json() {
        output.json(&answer(&options, &outcome, seconds))?;
    } else {
        output.text(&text(&options, &outcome, seconds));
    }
    if let (Some(_), Some(published)) = (keys, &outcome.published) {
        change::remember(&options.out, published, output);
        let chain = published.trust_chain.as_ref();
        change::name_unused(&options.out, chain, opened.signers(), output);
    }
    notes(&options, &outcome, keys.is_some(), output);
    Ok(
        if outcome.skipped.is_empty() && outcome.too_large.is_empty() {
            exit::OK
        } else {
            exit::PARTIAL
        },
    )
}

fn options(args: args::Index, config: Config) -> Result<Options, CommandError> {
    let naming = names::naming(&args, &config)?;
    let source = args
        .source
        .or(config.source)
        .unwrap_or_else(|| PathBuf::from("."));
    let out = args.out.or(config.out).ok_or_else(|| {
        CommandError::new(Code::Usage, "no output folder").with_hint(format!(
            "run `sreg index {} --out public`",
            source.display()
        ))
    })?;
    crate::target::check_scheme(&out.to_string_lossy())?;
    let out = match out.to_str() {
        Some(url) if url.starts_with("file://") => sreg_store::file_path(url)?,
        _ => out,
    };
    if sreg_store::is_url(&out.to_string_lossy()) {
        return Err(CommandError::new(
            Code::NotSupported,
            format!(
                "{} is a URL: sreg index publishes in folders",
                out.display()
            ),
        )
        .with_hint(match Scheme::of(&out.to_string_lossy()).is_bucket() {
            true => format!(
                "run `sreg index {} --out public`, then `sreg mirror public {}`",
                source.display(),
                out.display()
            ),
            false => format!(
                "run `sreg index {} --out FOLDER` with the folder that is served there",
                source.display()
            ),
        }));
    }
    if !source.exists() {
        return Err(CommandError::new(
            Code::MissingFile,
            format!("{} not found", source.display()),
        ));
    }
    let name = |kind: &str, paths: &[&Path]| format!("{kind}/{}.json", fingerprint(paths));
    Ok(Options {
        cache: (!args.no_cache)
            .then(|| config::cache_file(&name("index", &[&source])))
            .flatten(),
        origin: config::state_file(&name("indexed", &[&source, &out])),
        naming,
        link: link(args.link.or(config.link).unwrap_or_default()),
        io: super::index::io(args.io.or(config.io)),
        base_url: args.base_url.or(config.base_url),
        blob_url: args.blob_url.or(config.blob_url),
        host: args.host.or(config.host),
        prune: args.prune,
        allow_removals: args.allow_removals,
        skip_invalid: args.skip_invalid,
        dry_run: args.dry_run,
        source,
        out,
    })
}

/// Returns the pins of the registry in the output folder. If a known registry is gone from there, a new one
/// needs `--new`.
fn known(options: &Options, is_new: bool) -> Result<Vec<Pin>, CommandError> {
    let out = options.out.display();
    let is_there = !matches!(
        Registry::open(&options.out),
        Err(RegistryError::NotARegistry(_))
    );
    if is_new && is_there {
        let what = format!("{out} already contains a registry: --new is for an empty folder");
        return Err(CommandError::new(Code::Usage, what));
    }
    let known = change::expected_of(&options.out)?.pins().to_vec();
    let Some(gone) = known.first().filter(|_| !is_there) else {
        return Ok(known);
    };
    if is_new {
        return Ok(Vec::new());
    }
    let what = format!("the known registry {} is gone from {out}", gone.id);
    Err(
        CommandError::new(Code::NotARegistry, what).with_hint(format!(
            "run `sreg mirror COPY {out}` to restore it, or add --new to create another registry"
        )),
    )
}

/// Refuses to create a second registry for a URL that already serves one.
fn refuse_second(options: &Options, output: &Output) -> Result<(), CommandError> {
    let has_keys = match location::registry(&options.out) {
        Ok(registry) => registry.stated_id()?.is_some(),
        Err(_) => false,
    };
    let Some(url) = options.base_url.as_ref().filter(|_| !has_keys) else {
        return Ok(());
    };
    match super::trust::source::registry_at(&url.to_string()) {
        Ok(Some(registry)) => Err(PublishError::HasKeys {
            place: url.to_string(),
            registry,
        }
        .into()),
        Ok(None) => Ok(()),
        // The URL is probably not served yet.
        Err(problem) => {
            let why = problem.lines.first().map_or("", |line| &line.message);
            output.note(&format!("cannot check {url} for a registry: {why}"));
            Ok(())
        }
    }
}

/// Returns a name for folders that does not depend on the current folder.
fn fingerprint(paths: &[&Path]) -> String {
    let mut text = Vec::new();
    for path in paths {
        let path = std::path::absolute(path).unwrap_or_else(|_| (*path).to_owned());
        let path = path.canonicalize().unwrap_or(path);
        text.extend_from_slice(path.as_os_str().as_encoded_bytes());
        text.push(0);
    }
    Digest::of(&text).hex()
}

fn link(link: Link) -> LinkMode {
    match link {
        Link::Auto => LinkMode::Auto,
        Link::Hard => LinkMode::Hard,
        Link::Reflink => LinkMode::Reflink,
        Link::Copy => LinkMode::Copy,
    }
}

pub(super) fn io(io: Option<Io>) -> IoMode {
    match io.unwrap_or_default() {
        Io::Auto => IoMode::Auto,
        Io::Mmap => IoMode::Mmap,
        Io::Read => IoMode::Read,
    }
}

fn answer<'a>(options: &Options, outcome: &'a Outcome, seconds: f64) -> Answer<'a> {
    let head = outcome.head.as_ref().map(|head| head.body());
    Answer {
        root: head.map(|head| head.index.digest),
        version: head.map(|head| head.version),
        images: outcome.images,
        bytes: outcome.bytes,
        hashed: outcome.hashed,
        reused: outcome.reused,
        removed: outcome.removed.iter().map(ToString::to_string).collect(),
        kept: outcome.kept.iter().map(ToString::to_string).collect(),
        skipped: outcome
            .skipped
            .iter()
            .chain(&outcome.passed_over)
            .map(|fault| Skipped {
                code: fault.code,
                path: fault.path.display().to_string(),
                message: &fault.message,
            })
            .collect(),
        readings: names::of_two(outcome).collect(),
        names: options.dry_run.then(|| names::all(outcome).collect()),
        host: host::said(outcome),
        seconds,
    }
}

fn text(options: &Options, outcome: &Outcome, seconds: f64) -> String {
    let mut text = String::new();
    let out = options.out.display();
    let images = counted(outcome.images as u64, "image");
    let bytes = human_bytes(outcome.bytes);
    let work = format!("{} hashed, {} unchanged", outcome.hashed, outcome.reused);
    for subject in &outcome.removed {
        text.push_str(&format!("removed  {subject}\n"));
    }
    if options.dry_run {
        text.push_str(&names::table(&options.source, outcome));
        text.push_str(&format!(
            "would index {images}, {bytes}: {work}; nothing was written\n"
        ));
        text.push_str(&host::table(outcome));
        return text;
    }
    if let Some(head) = &outcome.head {
        let (root, version) = (head.body().index.digest, head.body().version);
        text.push_str(&format!("{out}: version {version}, {images}, {bytes}: {work} in {seconds:.1} s\nindex    {root}\n"));
    }
    if let Some(registry) = &outcome.begun {
        text.push_str(&format!("registry {registry}\n"));
    }
    if outcome.settings_changed {
        text.push_str("settings changed: views rewritten\n");
    }
    text.push_str(&host::table(outcome));
    text
}

fn notes(options: &Options, outcome: &Outcome, is_signed: bool, output: &Output) {
    if !outcome.kept.is_empty() {
        let examples: Vec<String> = outcome
            .kept
            .iter()
            .take(3)
            .map(ToString::to_string)
            .collect();
        output.note(&format!(
            "{} not in {} {} published, such as {}; run `sreg rm {}//REFERENCE --reason TEXT` to remove one",
            counted(outcome.kept.len() as u64, "reference"),
            options.source.display(),
            verb(outcome.kept.len() as u64, "remains", "remain"),
            examples.join(", "),
            options.out.display()
        ));
    }
    if options.dry_run {
        return;
    }
    if outcome.begun.is_some() {
        output.note("this key may sign everything in the registry: keep a copy, because nobody can publish here without it");
        if outcome.adopted > 0 {
            output.note(&format!(
                "{} not in {} {}",
                counted(outcome.adopted as u64, "reference"),
                options.source.display(),
                verb(
                    outcome.adopted as u64,
                    "was signed unchanged",
                    "were signed unchanged"
                )
            ));
        }
    }
    // These notes stay true, so the first run prints them.
    if !outcome.is_new {
        return;
    }
    if !is_signed {
        output.note(
            "the registry is unsigned: digests show that bytes are whole, not who published them",
        );
    }
    if let Ok(modes) = Modes::of(&options.out)
        && !modes.are_public()
    {
        output.note(&format!(
            "{out} is not readable by other users, such as a web server's: run `chmod -R a+rX {out}`; later files get the mode of the folder",
            out = options.out.display()
        ));
    }
    if options.base_url.is_none() {
        output.note("links in the registry are relative: add --base-url https://… to make them absolute, for curl");
    }
}
