//! Output and helpers that the commands share which change a registry with keys.

use sreg_model::fault::Code;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use serde::Serialize;
use sreg_client::known::ExpectedRegistry;
use sreg_client::location::Location;
use sreg_model::Digest;
use sreg_model::lock::Pin;
use sreg_model::statement::Subject;
use sreg_model::trust::KeyState;
use sreg_publish::{Destination, Keys, Progress, PublishError, Published, Session};
use sreg_registry::verify::Seen;
use sreg_registry::{Registry, RegistryError};
use sreg_sign::{Signer, TrustChain};

use crate::args::Signing;
use crate::error::{CommandError, Line};
use crate::keys::Opened;
use crate::output::Output;
use crate::progress::ProgressBar;
use crate::{known, location};

/// The result of a change.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// The file of the document, if it was not published.
    pub(super) file: Option<String>,
    /// The id of the new document.
    pub(super) id: Digest,
    /// The references whose statements are no longer valid.
    pub(super) invalid: Vec<String>,
    /// The signatures that are missing.
    pub(super) missing: Vec<String>,
    /// Whether the document was published.
    pub(super) published: bool,
    /// The version of the document.
    pub(super) version: u64,
}

impl Answer {
    /// Returns the answer for a published document.
    pub(super) fn published(id: Digest, version: u64) -> Self {
        Self {
            file: None,
            id,
            invalid: Vec::new(),
            missing: Vec::new(),
            published: true,
            version,
        }
    }
}

/// Returns the expected registry at `root`, with its pins.
pub(super) fn expected_of(root: &Path) -> Result<ExpectedRegistry, CommandError> {
    expected_in(root, opened(location::registry(root))?.as_ref())
}

/// Returns the same for a registry that is already open.
fn expected_in(root: &Path, registry: Option<&Registry>) -> Result<ExpectedRegistry, CommandError> {
    let found = match registry {
        Some(registry) => registry.stated_id()?,
        None => None,
    };
    Ok(known::own_pins().expect(&Location::new(root), found)?)
}

/// Returns the registry, or `None` if there is none: a caller that needs it reports the error.
fn opened(registry: Result<Registry, RegistryError>) -> Result<Option<Registry>, CommandError> {
    match registry {
        Ok(registry) => Ok(Some(registry)),
        // An unreadable registry may be a known one.
        Err(error @ RegistryError::Store(_)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// Returns the session for a change.
pub(super) fn session<'a>(
    keys: &'a Keys<'a>,
    pins: &'a [Pin],
    progress: &'a dyn Progress,
) -> Result<Session<'a>, CommandError> {
    Ok(Session {
        keys: Some(keys),
        pins,
        now: crate::clock::stated()?,
        progress,
    })
}

/// Runs `published`, which publishes something at `root`, and records the result. Returns it with the seconds
/// that it took. Opens the registry once.
pub(super) fn publishing<T>(
    root: &Path,
    signing: &Signing,
    output: &Output,
    run: impl FnOnce(&Destination, &Session<'_>) -> Result<T, PublishError>,
    published: impl FnOnce(&T) -> &Published,
) -> Result<(T, f64), CommandError> {
    let found = Opened::open(signing, output)?;
    let keys = found.keys(false, false);
    let keys = (!found.signers().is_empty()).then_some(&keys);
    let mut destination = location::destination(root)?;
    destination.registry = opened(Registry::in_store(destination.store.clone()))?;
    let expected = expected_in(root, destination.registry.as_ref())?;
    let progress = ProgressBar::new(output, "hashed and sent");
    let session = Session {
        keys,
        pins: expected.pins(),
        now: crate::clock::stated()?,
        progress: &progress,
    };
    let ran = run(&destination, &session)?;
    let seconds = progress.seconds();
    drop(progress);
    if keys.is_some() {
        let published = published(&ran);
        remember(root, published, output);
        name_unused(
            root,
            published.trust_chain.as_ref(),
            found.signers(),
            output,
        );
    }
    Ok((ran, seconds))
}

/// Records a published version, because the holder of a key knows the registry. Failure to record is only a
/// note: the version is published in any case.
pub(super) fn remember(root: &Path, published: &Published, output: &Output) {
    let Some(trust_chain) = &published.trust_chain else {
        return;
    };
    let seen = Seen {
        registry: trust_chain.registry(),
        trust: trust_chain.newest().clone(),
        head: published.head.clone(),
        statements: Vec::new(),
    };
    if let Err(error) = known::own_pins().record(&Location::new(root), &seen) {
        let why = known::reason(error);
        output.note(&format!("the new version was not recorded: {why}"));
    }
    let expires = published.head.body().expires;
    if expires.is_some_and(|at| at <= crate::clock::now()) {
        output.note("the head has already expired: check the clock and SOURCE_DATE_EPOCH");
    }
}

/// Warns about keys that can sign nothing in the registry.
pub(super) fn name_unused(
    root: &Path,
    trust_chain: Option<&TrustChain>,
    signers: &[Box<dyn Signer>],
    output: &Output,
) {
    let Some(trust_chain) = trust_chain else {
        return;
    };
    let trust = trust_chain.newest().body();
    for signer in signers {
        let key = signer.key().fingerprint();
        let what = match trust.state(&key) {
            Some(KeyState::Active) => continue,
            Some(state) => format!("it is {state:?}").to_lowercase(),
            None => "trust does not list it".to_owned(),
        };
        output.warning(&Line {
            code: Code::UnusedKey,
            path: None,
            message: format!(
                "the key {key} signs nothing in {}: {what}; run `sreg trust show {}` to list the keys",
                root.display(),
                root.display()
            ),
        });
    }
}

/// Asks a question on the terminal.
///
/// # Errors
/// `not-confirmed` if the answer is no, or if there is no terminal.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(CommandError::new(
            Code::NotConfirmed,
            format!("cannot ask for confirmation without a terminal: {question}"),
        )
        .with_hint("add --yes to confirm"));
    }
    let mut stderr = io::stderr().lock();
    // If the question cannot be shown, the answer below is no.
    let _ = write!(
        stderr,
        "{} [y/N] ",
        crate::output::printable(question, true)
    );
    let _ = stderr.flush();
    let mut answer = String::new();
    let _ = io::stdin().lock().read_line(&mut answer);
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(CommandError::new(
            Code::NotConfirmed,
            "not confirmed: nothing was changed",
        )),
    }
}

/// Prints the result of a change.
pub(super) fn say(answer: &Answer, text: &str, output: &Output) -> Result<(), CommandError> {
    if output.is_json() {
        output.json(answer)
    } else {
        output.text(text);
        Ok(())
    }
}

/// Returns the references of subjects, sorted and without duplicates.
pub(super) fn references(subjects: &[Subject]) -> Vec<String> {
    let mut references: Vec<String> = subjects
        .iter()
        .map(|subject| format!("{}:{}", subject.repository, subject.tag))
        .collect();
    references.sort();
    references.dedup();
    references
}
