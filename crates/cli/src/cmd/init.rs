//! `sreg init`

use sreg_model::fault::Code;
use std::path::Path;

use sreg_client::location::is_remote as is_server;
use sreg_index::hasher::IoMode;
use sreg_publish::changeset::Changeset;
use sreg_publish::{Destination, PublishError, Session, publish_changeset};
use sreg_registry::verify::{BlobCheck, Options, verify_registry};
use sreg_registry::{Registry, RegistryError};
use sreg_store::Store;

use super::change::{self, Answer};
use crate::error::CommandError;
use crate::keys::{KeySource, Opened};
use crate::output::Output;
use crate::progress::ProgressBar;
use crate::{args, exit, location};

/// Refuses a source registry with faults in its bytes, signatures or history. Expiry is accepted, because the
/// source's key may be lost.
fn check_source(from: &Registry, output: &Output) -> Result<(), CommandError> {
    let progress = ProgressBar::new(output, "verified");
    let options = Options {
        now: crate::clock::now(),
        known: change::expected_of(from.root())?.pins().to_vec(),
        ..Options::new(BlobCheck::Full, IoMode::Auto)
    };
    let report = verify_registry(from, &options, &progress)?;
    let faults = report.faults.iter();
    let mut faults = faults.filter(|fault| {
        let expired = [
            Code::ExpiredTrust,
            Code::ExpiredHead,
            Code::ExpiredStatement,
        ];
        !expired.contains(&fault.code)
    });
    match faults.next() {
        None => Ok(()),
        Some(fault) => {
            let what = format!("{}: {}", fault.path, fault.message);
            let hint = format!(
                "run `sreg verify {}` to list all faults",
                from.root().display()
            );
            Err(CommandError::new(fault.code, what).with_hint(hint))
        }
    }
}

/// Refuses a store that ignores conditional writes, because concurrent publishing would lose data.
fn refuse_ignored_conditions(store: &dyn Store) -> Result<(), CommandError> {
    match sreg_store::supports_conditional_writes(store)? {
        true => Ok(()),
        false => Err(PublishError::Unconditional(store.name().into()).into()),
    }
}

/// Creates an empty registry without keys.
fn without_keys(
    args: &args::Init,
    destination: &Destination,
    output: &Output,
) -> Result<u8, CommandError> {
    match location::registry(&args.dir) {
        Ok(_) => return Err(PublishError::Published(args.dir.clone()).into()),
        Err(RegistryError::NotARegistry(_)) => {}
        Err(error) => return Err(error.into()),
    }
    let progress = ProgressBar::new(output, "copied");
    let now = crate::clock::stated()?;
    let session = Session {
        keys: None,
        pins: &[],
        now,
        progress: &progress,
    };
    let head = publish_changeset(destination, &session, Changeset::default())?.head;
    drop(progress);
    let dir = args.dir.display();
    let text = format!("{dir}: new registry without keys\n");
    change::say(&Answer::published(head.id(), 1), &text, output)?;
    output.note(&format!(
        "run `sreg push IMAGE {dir}//namespace/name:tag` to publish an image"
    ));
    Ok(exit::OK)
}

fn is_remote(place: &Path) -> bool {
    is_server(&place.display().to_string())
}

pub(super) fn run(args: &args::Init, output: &Output) -> Result<u8, CommandError> {
    let destination = location::destination(&args.dir)?;
    if destination.store.capabilities().folder.is_none() {
        refuse_ignored_conditions(&*destination.store)?;
        if KeySource::all(&args.signing.keys)?.is_empty() && args.from.is_none() {
            return without_keys(args, &destination, output);
        }
    }
    if let Some(from) = args.from.as_deref().filter(|from| is_remote(from)) {
        let from = from.display();
        return Err(CommandError::new(
            Code::NotSupported,
            format!("{from} is not a folder: --from takes a folder"),
        )
        .with_hint(format!(
            "run `sreg mirror {from} FOLDER`, then pass --from FOLDER"
        )));
    }
    let opened = Opened::need(&args.signing, output)?;
    let keys = opened.keys(true, false);
    let from = args.from.as_deref().map(location::registry).transpose()?;
    if let Some(from) = &from {
        check_source(from, output)?;
    }
    let progress = ProgressBar::new(output, "copied");
    let session = change::session(&keys, &[], &progress)?;
    let published = session.begin(&destination, from.as_ref())?;
    drop(progress);
    change::remember(&args.dir, &published, output);
    let registry = published
        .trust_chain
        .map(|trust_chain| trust_chain.registry());
    let registry =
        registry.ok_or_else(|| CommandError::new(Code::Bug, "a registry without trust"))?;
    let dir = args.dir.display();
    let copied = match &args.from {
        Some(from) => format!(" with the images of {}", from.display()),
        None => String::new(),
    };
    let text = format!(
        "{dir}: new registry{copied}; its one key may sign everything\nregistry {registry}\n"
    );
    change::say(&Answer::published(registry, 1), &text, output)?;
    let key = opened.option();
    if from.is_none() {
        output.note(&match destination.store.capabilities().folder {
            Some(_) => format!("run `sreg index IMAGES --out {dir}{key}` to publish images"),
            None => {
                format!("run `sreg push IMAGE {dir}//namespace/name:tag{key}` to publish an image")
            }
        });
    }
    output.note("keep a copy of the key: nobody can publish in this registry without it");
    Ok(exit::OK)
}
