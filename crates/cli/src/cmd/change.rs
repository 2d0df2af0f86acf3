//! What commands say that change a registry with keys, and what they share.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use serde::Serialize;
use sreg_client::known::ExpectedRegistry;
use sreg_client::location::Location;
use sreg_model::head::Head;
use sreg_model::lock::Pin;
use sreg_model::statement::Subject;
use sreg_model::trust::KeyState;
use sreg_model::{Digest, Document};
use sreg_sign::Signer;
use sreg_tree::history;
use sreg_tree::publish::{Destination, Keys, Publisher, Watch};
use sreg_tree::verify::Seen;
use sreg_tree::{TreeError, change};

use crate::args::Signing;
use crate::keys::Opened;
use crate::known;
use crate::output::Output;
use crate::place;
use crate::problem::{Line, Problem};
use crate::progress::Progress;

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

/// What is known of the registry in a tree, where it has keys.
pub(super) fn expected_of(root: &Path) -> Result<ExpectedRegistry, Problem> {
    let found = match place::tree(root) {
        Ok(tree) => tree.registry()?,
        // What cannot be read may be a registry that is known.
        Err(error @ TreeError::Store(_)) => return Err(error.into()),
        Err(_) => None,
    };
    Ok(known::own_pins().expect(&Location::new(root), found)?)
}

/// A change of the registry in a tree.
pub(super) fn change<'a>(
    keys: &'a Keys<'a>,
    known: &'a [Pin],
    watch: &'a dyn Watch,
) -> Result<change::Change<'a>, Problem> {
    Ok(change::Change {
        keys,
        known,
        now: crate::clock::stated()?,
        watch,
    })
}

/// Runs what publishes something at `root` with the keys at hand: what came of it, and how long it took. The
/// head that `newest` takes from that is remembered.
pub(super) fn publishing<T>(
    root: &Path,
    signing: &Signing,
    output: &Output,
    run: impl FnOnce(&Destination, Publisher<'_>) -> Result<T, TreeError>,
    newest: impl FnOnce(&T) -> &Document<Head>,
) -> Result<(T, f64), Problem> {
    let opened = Opened::open(signing, output)?;
    let keys = opened.keys(false, false);
    let keys = (!opened.signers().is_empty()).then_some(&keys);
    let expected = expected_of(root)?;
    let progress = Progress::new(output, "hashed and sent");
    let publisher = Publisher {
        keys,
        known: expected.pins(),
        now: crate::clock::stated()?,
        watch: &progress,
    };
    let published = run(&place::destination(root)?, publisher)?;
    let seconds = progress.seconds();
    drop(progress);
    if keys.is_some() {
        remember(root, newest(&published), output)?;
        name_unused(root, opened.signers(), output)?;
    }
    Ok((published, seconds))
}

/// Remembers what was published with a key at hand: whoever holds one knows the registry. It is
/// published in any case, so that a memory that cannot be written is only said.
pub(super) fn remember(root: &Path, head: &Document<Head>, output: &Output) -> Result<(), Problem> {
    let tree = place::tree(root)?;
    let Some(series) = history::series(&tree)? else {
        return Ok(());
    };
    let seen = Seen {
        registry: series.registry(),
        trust: series.newest().clone(),
        head: head.clone(),
        statements: Vec::new(),
    };
    if let Err(error) = known::own_pins().record(&Location::new(root), &seen) {
        let why = known::reason(error);
        output.note(&format!("what was published is not remembered: {why}"));
    }
    if head
        .body()
        .expires
        .is_some_and(|at| at <= crate::clock::now())
    {
        output.note("the head has expired already: look at the clock, and at SOURCE_DATE_EPOCH");
    }
    Ok(())
}

/// Names the keys at hand that can sign nothing in the registry.
pub(super) fn name_unused(
    root: &Path,
    signers: &[Box<dyn Signer>],
    output: &Output,
) -> Result<(), Problem> {
    let Some(series) = history::series(&place::tree(root)?)? else {
        return Ok(());
    };
    let trust = series.newest().body();
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
    Ok(())
}

/// Asks on the terminal. Where there is none, the answer is no.
///
/// # Errors
/// When the answer is no.
pub(super) fn confirm(question: &str, yes: bool) -> Result<(), Problem> {
    if yes {
        return Ok(());
    }
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return Err(Problem::new(
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
        _ => Err(Problem::new(
            "not-confirmed",
            "the answer was no; nothing was changed",
        )),
    }
}

/// Prints what came of a change.
pub(super) fn say(answer: &Answer, text: &str, output: &Output) -> Result<(), Problem> {
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
