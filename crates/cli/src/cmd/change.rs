//! What commands say that change a registry with keys, and what they share.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use serde::Serialize;
use sreg_client::known::ExpectedRegistry;
use sreg_client::location::Location;
use sreg_model::Digest;
use sreg_model::lock::Pin;
use sreg_model::statement::Subject;
use sreg_model::trust::KeyState;
use sreg_publish::{Destination, Keys, Progress, Published, Session};
use sreg_registry::verify::Seen;
use sreg_registry::{Registry, RegistryError};
use sreg_sign::{Signer, TrustChain};

use crate::args::Signing;
use crate::error::{CommandError, Line};
use crate::keys::Opened;
use crate::output::Output;
use crate::progress::ProgressBar;
use crate::{known, location};

/// What came of a change.
#[derive(Debug, Serialize)]
pub(super) struct Answer {
    /// Where the document was written, if it was not published.
    pub(super) file: Option<String>,
    /// The id of the document that was made.
    pub(super) id: Digest,
    /// References whose statements count no longer.
    pub(super) lost: Vec<String>,
    /// The signatures that it lacks.
    pub(super) missing: Vec<String>,
    /// Whether it was published.
    pub(super) published: bool,
    /// The version of the document.
    pub(super) version: u64,
}

impl Answer {
    /// A document that was published.
    pub(super) fn published(id: Digest, version: u64) -> Self {
        Self {
            file: None,
            id,
            lost: Vec::new(),
            missing: Vec::new(),
            published: true,
            version,
        }
    }
}

/// What is known of the registry in a registry, where it has keys.
pub(super) fn expected_of(root: &Path) -> Result<ExpectedRegistry, CommandError> {
    expected_in(root, opened(location::registry(root))?.as_ref())
}

/// The same of a registry that was opened already.
fn expected_in(root: &Path, registry: Option<&Registry>) -> Result<ExpectedRegistry, CommandError> {
    let found = match registry {
        Some(registry) => registry.stated_id()?,
        None => None,
    };
    Ok(known::own_pins().expect(&Location::new(root), found)?)
}

/// A registry that was opened, if it could be: whoever needs it says why not.
fn opened(registry: Result<Registry, RegistryError>) -> Result<Option<Registry>, CommandError> {
    match registry {
        Ok(registry) => Ok(Some(registry)),
        // What cannot be read may be a registry that is known.
        Err(error @ RegistryError::Store(_)) => Err(error.into()),
        Err(_) => Ok(None),
    }
}

/// What a change of a registry is run with.
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

/// Runs what publishes something at `root` with the keys at hand: what came of it, and how long it took. What
/// `published` takes from that is remembered. The registry is opened once.
pub(super) fn publishing<T>(
    root: &Path,
    signing: &Signing,
    output: &Output,
    run: impl FnOnce(&Destination, &Session<'_>) -> Result<T, RegistryError>,
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

/// Remembers what was published with a key at hand: whoever holds one knows the registry. It is
/// published in any case, so that a memory that cannot be written is only said.
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
        output.note(&format!("what was published is not remembered: {why}"));
    }
    let expires = published.head.body().expires;
    if expires.is_some_and(|at| at <= crate::clock::now()) {
        output.note("the head has expired already: look at the clock, and at SOURCE_DATE_EPOCH");
    }
}

/// Names the keys at hand that can sign nothing in the registry.
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
            Some(state) => format!("is {state:?} there").to_lowercase(),
            None => "is not listed there".to_owned(),
        };
        output.warning(&Line {
            code: "unused-key",
            path: None,
            message: format!(
                "the key {key} signs nothing in {}: it {what}; list its keys with: sreg trust show {}",
                root.display(),
                root.display()
            ),
        });
    }
}

/// Asks on the terminal. Where there is none, the answer is no.
///
/// # Errors
/// When the answer is no.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(CommandError::new(
            "not-confirmed",
            format!("cannot ask for confirmation without a terminal: {question}"),
        )
        .with_hint("add --yes to confirm"));
    }
    let mut stderr = io::stderr().lock();
    // A question that cannot be shown is answered with no below.
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
            "not-confirmed",
            "the answer was no; nothing was changed",
        )),
    }
}

/// Prints what came of a change.
pub(super) fn say(answer: &Answer, text: &str, output: &Output) -> Result<(), CommandError> {
    if output.is_json() {
        output.json(answer)
    } else {
        output.text(text);
        Ok(())
    }
}

/// References, each once, in order.
pub(super) fn references(subjects: &[Subject]) -> Vec<String> {
    let mut references: Vec<String> = subjects
        .iter()
        .map(|subject| format!("{}:{}", subject.repository, subject.tag))
        .collect();
    references.sort();
    references.dedup();
    references
}
