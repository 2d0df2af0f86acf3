//! `sreg mirror`

use sreg_model::fault::Code;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use sreg_client::fetch::{self, Options, Source, Wanted};
use sreg_client::location::Location;
use sreg_index::hasher::Observer;
use sreg_model::{Digest, Document};
use sreg_publish::mirror::{Mirror, Mirrored, mirror};
use sreg_publish::{PublishError, Session};
use sreg_registry::verify::Seen;

use super::change;
use crate::error::CommandError;
use crate::output::{Output, counted, human_bytes};
use crate::progress::ProgressBar;
use crate::{args, config, exit, known, location};

#[derive(Serialize)]
struct Answer {
    registry: Option<Digest>,
    version: u64,
    versions: usize,
    images: usize,
    bytes: u64,
    seconds: f64,
}

pub(super) fn run(args: &args::Mirror, output: &Output) -> Result<u8, CommandError> {
    let from = location::registry(&args.from)?;
    let expected = change::expected_of(&args.from)?;
    let there = change::expected_of(&args.to)?;
    let to_server = sreg_store::is_url(&args.to.to_string_lossy());
    let scratch = scratch(args)?;
    let progress = ProgressBar::new(output, "copied");
    let config = location::config();
    let options = Options {
        retry: config.retry,
        min_bytes_per_window: config.timeouts.min_bytes_per_window,
        ..Options::default()
    };
    let pins = [expected.pins(), there.pins()].concat();
    let session = Session {
        keys: None,
        pins: &pins,
        now: crate::clock::now(),
        progress: &progress,
    };
    let mirrored = mirror(
        &location::destination(&args.to)?,
        &session,
        &Mirror {
            from: &from,
            scratch: &scratch,
            fetch: &|registry, place, chain, file| {
                let source = Source {
                    store: registry.store().clone(),
                    key: place.to_string(),
                };
                let wanted = Wanted::of(Arc::new(chain.clone()));
                let fetched = fetch::fetch(&wanted, &[source], file, &options, &Silent(&progress));
                fetched.map(|_| ()).map_err(|error| PublishError::Fetch {
                    code: error.code(),
                    source: Box::new(error),
                })
            },
        },
    )?;
    let seconds = progress.seconds();
    drop(progress);
    // Fails, as intended, if the folder is not empty.
    let _ = std::fs::remove_dir(&scratch);
    if let Some(staging) = scratch.parent().filter(|_| !to_server) {
        let _ = std::fs::remove_dir(staging);
    }
    remember(args, &mirrored, output);
    say(args, &mirrored, seconds, output)?;
    Ok(exit::OK)
}

/// Ignores downloaded bytes, because uploads count the same bytes.
struct Silent<'a>(&'a ProgressBar<'a>);

impl Observer for Silent<'_> {
    fn advance(&self, _: u64) {}

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}

/// Returns the folder for temporary files: beside the destination folder, so that they can be renamed.
fn scratch(args: &args::Mirror) -> Result<PathBuf, CommandError> {
    let of_folder = args.to.join(sreg_model::layout::STAGING).join("mirror");
    let temporary = std::env::temp_dir().join("sreg-mirror");
    let folders = match sreg_store::is_url(&args.to.to_string_lossy()) {
        false => vec![of_folder],
        // The home folder may be absent or not writable.
        true => config::cache_file("mirror")
            .into_iter()
            .chain([temporary])
            .collect(),
    };
    if !sreg_store::is_url(&args.from.to_string_lossy()) {
        return Ok(folders[0].clone());
    }
    let mut failed = None;
    for folder in folders {
        match std::fs::create_dir_all(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) => failed = Some(format!("{}: {error}", folder.display())),
        }
    }
    Err(CommandError::new(
        Code::Unwritable,
        failed.unwrap_or_default(),
    ))
}

/// Records the copy, because it is the same registry.
fn remember(args: &args::Mirror, mirrored: &Mirrored, output: &Output) {
    let Some(trust_chain) = &mirrored.trust_chain else {
        return;
    };
    let seen = Seen {
        registry: trust_chain.registry(),
        trust: trust_chain.newest().clone(),
        head: Document::clone(&mirrored.head),
        statements: Vec::new(),
    };
    let from = Location::new(&args.from);
    let is_known = known::registries()
        .and_then(|registries| Ok(registries.find(&seen.registry)?))
        .is_ok_and(|known| known.is_some_and(|known| !known.places().is_disjoint(from.aliases())));
    if !is_known {
        return;
    }
    if let Err(error) = known::own_pins().record(&Location::new(&args.to), &seen) {
        let why = known::reason(error);
        output.note(&format!("the copy was not recorded: {why}"));
    }
}

fn say(
    args: &args::Mirror,
    mirrored: &Mirrored,
    seconds: f64,
    output: &Output,
) -> Result<(), CommandError> {
    let version = mirrored.head.body().version;
    if output.is_json() {
        return output.json(&Answer {
            registry: mirrored
                .trust_chain
                .as_ref()
                .map(sreg_sign::TrustChain::registry),
            version,
            versions: mirrored.versions,
            images: mirrored.images,
            bytes: mirrored.bytes,
            seconds,
        });
    }
    let to = args.to.display();
    let what = match mirrored.versions {
        0 if mirrored.finished => "an interrupted run was finished".to_owned(),
        0 => "already up to date".to_owned(),
        versions => format!(
            "{} and {} copied, {}",
            counted(versions as u64, "version"),
            counted(mirrored.images as u64, "image"),
            human_bytes(mirrored.bytes)
        ),
    };
    output.text(&format!(
        "{to}: {what}\nversion {version}, {seconds:.1} s\n"
    ));
    Ok(())
}
