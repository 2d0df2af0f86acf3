//! `sreg inspect`

use sreg_model::fault::Code;
use std::path::{Path, PathBuf};

use sreg_image::{Chain, Image, Limits, Report, ReportedObject};
use sreg_index::chain::links;
use sreg_index::hasher::{self, Observer as _};
use sreg_ingest::source::holds_images;
use sreg_model::layout::Place;
use sreg_model::statement::Statement;
use sreg_model::{Arch, Digest, Reference};

use super::image_content;
use super::index::io;
use crate::config::Config;
use crate::error::CommandError;
use crate::output::{Output, counted, human_bytes};
use crate::progress::ProgressBar;
use crate::target::Target;
use crate::{args, exit, location};

pub(super) fn run(
    args: args::Inspect,
    config: &Config,
    output: &Output,
) -> Result<u8, CommandError> {
    let registry = args.within.registry(config);
    let (path, stated) = match Target::parse(&args.target, registry)? {
        Target::File(path) => (path, None),
        Target::Registry(path) => {
            return Err(folder(&path));
        }
        Target::Reference(registry, reference) => {
            let (path, statement) = resolve(&registry, &reference, args.arch)?;
            (path, Some(statement))
        }
    };
    let image = Image::open(&path).map_err(|error| CommandError::image(&path, &error))?;
    let content = image.content_through(image_content::command(), &Limits::default());
    let mut report = Report::new(&image, content);
    if args.digest {
        let progress = ProgressBar::new(output, "hashed");
        progress.expect(image.size());
        let hashed = hasher::hash(&path, io(args.io), &progress)?.chain;
        report.digest = Some(hashed.digest());
        report.chain = Some(Chain {
            digest: hashed.sidecar_digest(),
            chunks: hashed.len() as u64,
        });
    } else if let Some(image) = stated.as_ref().and_then(Statement::image) {
        report.digest = Some(image.digest);
        report.chain = Some(Chain {
            digest: image.chain,
            chunks: links(image.size),
        });
    }
    if output.is_json() {
        output.json(&report)?;
    } else {
        output.text(&text(&path, &report, stated.as_ref()));
    }
    Ok(exit::OK)
}

fn folder(path: &Path) -> CommandError {
    let problem = CommandError::new(
        Code::Usage,
        format!("{} is a folder, not an image", path.display()),
    );
    if location::registry(path).is_ok() {
        return problem.with_hint(format!(
            "run `sreg ls {}` to list its images",
            path.display()
        ));
    }
    if holds_images(path) {
        return problem.with_hint("name an image file in it");
    }
    problem
}

/// Returns the image file and the statement of a reference.
fn resolve(
    root: &Path,
    reference: &Reference,
    arch: Option<Arch>,
) -> Result<(PathBuf, Statement), CommandError> {
    let registry = location::registry(root)?;
    if registry.store().capabilities().folder.is_none() {
        return Err(CommandError::new(
            Code::NotSupported,
            format!(
                "{} is on a server: sreg inspect reads images in folders only",
                root.display()
            ),
        )
        .with_hint(format!(
            "run `sreg pull {}//{reference}`, then inspect the file",
            root.display()
        )));
    }
    let head = registry.head()?;
    let mut found: Vec<(Arch, Digest)> = registry
        .entries(head.body(), reference)?
        .into_iter()
        .filter(|line| line.image.is_some() && arch.is_none_or(|arch| arch == line.arch))
        .map(|line| (line.arch, line.statement))
        .collect();
    found.sort_by_key(|(arch, _)| (*arch != Arch::Amd64, *arch));
    let Some((_, id)) = found.first() else {
        let of = arch.map_or(String::new(), |arch| format!(" for {arch}"));
        return Err(CommandError::new(
            Code::MissingReference,
            format!("{reference}{of} not found in {}", root.display()),
        )
        .with_hint(match arch {
            Some(_) => super::ls::list_hint(&registry),
            None => super::ls::tags_hint(&registry, reference),
        }));
    };
    let statement = registry.statement(id)?.body().clone();
    let Some(image) = statement.image() else {
        return Err(CommandError::new(
            Code::StatementMismatch,
            format!("the statement {id} is of a removal, not of an image"),
        ));
    };
    let path = registry.path(&Place::blob(&statement.subject.repository, image.digest));
    if !path.exists() {
        let place = match registry.settings().blob_url {
            Some(_) => format!(
                "stored at {}, not in the registry",
                registry.settings().image_url(&statement.subject, image)
            ),
            None => format!("no file {}", path.display()),
        };
        return Err(CommandError::new(
            Code::MissingBlob,
            format!("image of {reference} not found: {place}"),
        ));
    }
    Ok((path, statement))
}

fn text(path: &Path, report: &Report, stated: Option<&Statement>) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    if let Some(statement) = stated {
        lines.push(("reference", statement.subject.to_string()));
        lines.extend(
            statement
                .manifest()
                .map(|manifest| ("manifest", manifest.digest().to_string())),
        );
    }
    lines.push(("file", path.display().to_string()));
    let compression = report
        .compression
        .map_or(String::new(), |compression| format!(", {compression}"));
    lines.push(("format", format!("{}{compression}", report.format)));
    lines.push(("arch", report.arch.to_string()));
    lines.push((
        "size",
        format!("{} ({} bytes)", human_bytes(report.size), report.size),
    ));
    lines.extend(report.digest.map(|digest| ("digest", digest.to_string())));
    lines.extend(report.chain.as_ref().map(|chain| {
        (
            "chain",
            format!("{} ({})", chain.digest, counted(chain.chunks, "chunk")),
        )
    }));
    if let Some(sif) = &report.sif {
        lines.push(("id", sif.id.clone()));
        lines.extend(sif.created.clone().map(|created| ("created", created)));
        lines.extend(sif.modified.clone().map(|modified| ("modified", modified)));
        lines.extend(
            sif.objects
                .iter()
                .map(|object| ("object", object_text(object))),
        );
    }
    for signature in &report.signatures {
        let by = signature
            .fingerprint
            .as_ref()
            .map_or(String::new(), |fingerprint| format!(" by {fingerprint}"));
        lines.push((
            "signature",
            format!(
                "{} in object {}{by}, not verified",
                signature.kind, signature.object
            ),
        ));
    }
    lines.extend(
        report
            .labels
            .iter()
            .map(|(label, value)| ("label", format!("{label} = {value}"))),
    );
    for (name, app) in &report.apps {
        lines.push(("app", name.clone()));
        let labels = app.labels.iter();
        lines.extend(
            labels.map(|(label, value)| ("app label", format!("{name}: {label} = {value}"))),
        );
    }
    lines.extend(report.notes.iter().map(|note| ("note", note.clone())));
    let mut text: String = lines
        .iter()
        .map(|(name, value)| format!("{name:<10} {}\n", plain(value)))
        .collect();
    for (name, block) in blocks(report) {
        text.push_str(&format!(
            "\n--- {}\n{}\n",
            plain(&name),
            plain(block.trim_end())
        ));
    }
    text
}

/// Returns the texts in an image, with their titles.
fn blocks(report: &Report) -> Vec<(String, &String)> {
    fn named<'a>(what: &str, text: Option<&'a String>) -> Option<(String, &'a String)> {
        Some((what.to_owned(), text?))
    }
    let mut blocks: Vec<_> = [
        named("recipe", report.recipe.as_ref()),
        named("help", report.help.as_ref()),
        named("runscript", report.runscript.as_ref()),
        named("startscript", report.startscript.as_ref()),
        named("test", report.test.as_ref()),
    ]
    .into_iter()
    .flatten()
    .collect();
    let environment = report.environment.iter();
    blocks.extend(environment.map(|(path, script)| (path.clone(), script)));
    for (name, app) in &report.apps {
        let parts = [
            ("help", &app.help),
            ("runscript", &app.runscript),
            ("test", &app.test),
        ];
        let parts = parts.into_iter();
        blocks.extend(
            parts.filter_map(|(part, text)| {
                named(&format!("{part} of the app {name}"), text.as_ref())
            }),
        );
        let environment = app.environment.iter();
        blocks.extend(environment.map(|(path, script)| (path.clone(), script)));
    }
    blocks
}

fn object_text(object: &ReportedObject) -> String {
    let words = [
        object.filesystem,
        object.partition,
        object.arch.map(|arch| arch.as_str()),
        object.hash,
        object.format,
        object.message,
    ];
    let words: Vec<&str> = words.into_iter().flatten().collect();
    let words = if words.is_empty() {
        String::new()
    } else {
        format!(" ({})", words.join("/"))
    };
    let name = if object.name.is_empty() {
        String::new()
    } else {
        format!(" {:?}", object.name)
    };
    let group = object
        .group
        .map_or(String::new(), |group| format!(", group {group}"));
    let link = match (object.link, object.link_to_group) {
        (Some(link), Some(true)) => format!(", linked to group {link}"),
        (Some(link), _) => format!(", linked to object {link}"),
        (None, _) => String::new(),
    };
    format!(
        "{} {}{words}{name}, {} bytes at {}{group}{link}",
        object.id, object.object_type, object.size, object.offset
    )
}

/// Escapes text of an image for a terminal: no control characters but line ends and tabs.
fn plain(text: &str) -> String {
    text.chars()
        .map(|character| {
            if character.is_control() && !matches!(character, '\n' | '\t') {
                '\u{fffd}'
            } else {
                character
            }
        })
        .collect()
}
