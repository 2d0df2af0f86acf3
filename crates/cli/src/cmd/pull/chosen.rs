//! Which image is pulled, and who says so: verified, before a byte of it is fetched.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sreg_client::Record;
use sreg_client::fetch::Source;
use sreg_index::hasher::{IoMode, Unobserved};
use sreg_ingest::source::{misread, pulled_name};
use sreg_model::layout::Place;
use sreg_model::statement::{Image, Statement};
use sreg_model::{Arch, Document, Reference, Repository};
use sreg_registry::Tree;
use sreg_registry::verify::{BlobCheck, Fault, Options, Report, Seen, resolve};
use sreg_sign::policy;
use sreg_store::Store;

use super::super::change;
use super::{locked, offline};
use crate::config::Config;
use crate::knowledge::{self, Expected};
use crate::output::Output;
use crate::problem::{Line, Problem};
use crate::{args, exit, place, target};

/// How often a registry is asked whose answer may be one of an old cache.
const ATTEMPTS: u32 = 3;
/// How long it is given between.
const PAUSE: Duration = Duration::from_millis(500);

/// An image, and all that vouches for it.
pub(super) struct Chosen {
    pub(super) statement: Document<Statement>,
    pub(super) image: Image,
    /// The version of the registry that says so; 0, where none was asked.
    pub(super) version: u64,
    /// Where it may be fetched from, the registry that vouches for it first.
    pub(super) trees: Vec<Tree>,
    pub(super) seen: Option<Seen>,
    /// Where it is remembered; nothing, where it is not to be.
    pub(super) places: BTreeSet<String>,
}

impl Chosen {
    pub(super) fn image(&self) -> &Image {
        &self.image
    }

    pub(super) fn repository(&self) -> &Repository {
        &self.statement.body().subject.repository
    }

    pub(super) fn arch(&self) -> Arch {
        self.statement.body().subject.arch
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    pub(super) fn trees(&self) -> &[Tree] {
        &self.trees
    }

    pub(super) fn reference(&self) -> String {
        let subject = &self.statement.body().subject;
        format!("{}:{}", subject.repository, subject.tag)
    }

    /// `<name>_<tag>` with the ending of its format.
    pub(super) fn file_name(&self) -> String {
        let subject = &self.statement.body().subject;
        let ending = self.image.format.extension();
        pulled_name(self.repository(), &subject.tag, ending)
    }

    /// What `sreg index` reads from that name, where it is not this name and tag alone.
    pub(super) fn misread(&self) -> Option<String> {
        misread(self.repository(), &self.statement.body().subject.tag)
    }

    /// The keys that signed it, and count.
    pub(super) fn signers(&self) -> Vec<String> {
        let Some(seen) = &self.seen else {
            return Vec::new();
        };
        policy::check_statement(&seen.trust, &self.statement)
            .map(|keys| keys.iter().map(ToString::to_string).collect())
            .unwrap_or_default()
    }

    /// Where the image may be: in the registry and its mirrors, where `sreg.json` says, where its
    /// publisher says.
    pub(super) fn sources(&self) -> Result<Vec<Source>, Problem> {
        let subject = &self.statement.body().subject;
        let key = Place::blob(self.repository(), self.image.digest).to_string();
        let mut sources = Vec::new();
        for tree in &self.trees {
            match &tree.settings().blob_url {
                None => sources.push(Source {
                    store: tree.store().clone(),
                    key: key.clone(),
                }),
                Some(_) => {
                    let url = tree.settings().image_url(subject, &self.image);
                    sources.push(web(&**tree.store(), &url)?);
                }
            }
        }
        // Hints: what is no web address is none.
        if let Some(tree) = self.trees.first() {
            let web = |url: &String| web(&**tree.store(), url).ok();
            sources.extend(self.image.urls.iter().filter_map(web));
        }
        Ok(sources)
    }

    /// Remembers what was seen of a registry that is known.
    pub(super) fn remember(&self, output: &Output) -> Result<(), Problem> {
        let (Some(seen), false) = (&self.seen, self.places.is_empty()) else {
            return Ok(());
        };
        let seen = Seen {
            statements: vec![self.statement.clone()],
            ..seen.clone()
        };
        // The image is there: that is what was asked for.
        if let Err(problem) = knowledge::remember(&self.places, &seen) {
            let why = problem.lines.first().map_or("", |line| &line.message);
            output.note(&format!("what was seen is not remembered: {why}"));
        }
        Ok(())
    }
}

/// A file that a registry or a publisher names: it is not led from https to plain http.
fn web(store: &dyn Store, url: &str) -> Result<Source, Problem> {
    let root = store.name();
    if root.starts_with("https://") && !url.starts_with("https://") {
        return Err(Problem::new(
            "malformed-url",
            format!(
                "{} is no https:// URL, and {root} is",
                sreg_store::shown(url)
            ),
        ));
    }
    Ok(Source {
        store: std::sync::Arc::new(place::file_beside(store, url)?),
        key: String::new(),
    })
}

/// Finds the image that a reference names, in the registry or the first of its mirrors that is whole.
pub(super) fn choose(
    args: &args::Pull,
    config: &Config,
    output: &Output,
) -> Result<Chosen, Problem> {
    let registry = args.within.registry(config);
    let (root, reference) = target::reference(&args.reference, registry)?;
    if args.offline {
        return offline::choose(args, &root, &reference, output);
    }
    let mut roots: Vec<PathBuf> = vec![root.clone()];
    roots.extend(args.mirrors.iter().map(PathBuf::from));
    let mut first: Option<Problem> = None;
    for (number, at) in roots.iter().enumerate() {
        match choose_at(args, &root, at, &reference, output) {
            Ok(mut chosen) => {
                for (other, at) in roots.iter().enumerate() {
                    if other != number
                        && let Ok(tree) = place::tree_beside(&root, at)
                    {
                        chosen.trees.push(tree);
                    }
                }
                return Ok(chosen);
            }
            Err(problem) => {
                if number + 1 < roots.len() {
                    for line in &problem.lines {
                        output.note(&format!("{}: {}", at.display(), line.message));
                    }
                }
                first.get_or_insert(problem);
            }
        }
    }
    Err(first.unwrap_or_else(|| Problem::new("bug", "no registry was asked")))
}

/// Finds it in one registry. What is known is what is known of the registry at `root`, of which this
/// may be a mirror.
fn choose_at(
    args: &args::Pull,
    root: &Path,
    at: &Path,
    reference: &Reference,
    output: &Output,
) -> Result<Chosen, Problem> {
    let tree = place::tree_beside(root, at)?;
    let places = knowledge::places(&root.display().to_string());
    let expected = knowledge::expected(&args.judging.knowing, &places, tree.registry()?)?;
    let report = look(args, &tree, reference, &expected)?;
    // What was not read yet is not absent.
    if crate::stop::requested() {
        return Err(sreg_registry::TreeError::Cancelled.into());
    }
    knowledge::keep_evidence(&expected, &report.forks, output)?;
    if let Some(problem) = refusal(&report, &tree, reference) {
        return Err(problem);
    }
    let head = report.head.as_ref().map(Document::body);
    let version = head.map_or(0, |head| head.version);
    let statement = of_arch(args.arch, report.statements, reference, output)?;
    let image = statement.body().image().cloned();
    let image = image.ok_or_else(|| gone(&tree, reference, &statement))?;
    let pins = vouch(
        args,
        (root, &tree),
        reference,
        report.seen.as_ref(),
        &expected,
        output,
    )?;
    Ok(Chosen {
        statement,
        image,
        version,
        trees: vec![tree],
        seen: report.seen,
        places: match pins || expected.is_remembered {
            true => places,
            false => BTreeSet::new(),
        },
    })
}

/// Looks at the registry, again where an old cache may have answered, and at last by the newest head
/// that was seen before.
fn look(
    args: &args::Pull,
    tree: &Tree,
    reference: &Reference,
    expected: &Expected,
) -> Result<Report, Problem> {
    if args.locked {
        return locked::look(args, tree, reference, expected);
    }
    let options = Options {
        now: args.judging.now(),
        known: expected.known.clone(),
        statements: expected.statements.clone(),
        ..Options::new(BlobCheck::None, IoMode::Auto)
    };
    // Under an old head are old statements.
    let is_old = |report: &Report| {
        let mut faults = report.faults.iter();
        faults.clone().any(|fault| fault.path == "head")
            && faults.all(|fault| fault.code == "rolled-back")
    };
    let mut attempts = 0;
    let report = loop {
        attempts += 1;
        let report = resolve(tree, reference, None, &options, &Unobserved)?;
        if !is_old(&report) || attempts == ATTEMPTS {
            break report;
        }
        place::config().retry.interrupt.sleep(PAUSE)?;
    };
    match expected.record().and_then(Record::head) {
        Some(stored) if is_old(&report) => {
            let by_stored = resolve(tree, reference, Some(stored), &options, &Unobserved)?;
            // An old copy need not have what a newer head leads to.
            Ok(match by_stored.faults.is_empty() {
                true => by_stored,
                false => report,
            })
        }
        _ => Ok(report),
    }
}

/// Why nothing is pulled, where something is at fault.
fn refusal(report: &Report, tree: &Tree, reference: &Reference) -> Option<Problem> {
    if report.faults.is_empty() {
        return None;
    }
    let root = tree.root().display();
    let line = |fault: &Fault| Line {
        code: fault.code,
        path: Some(fault.path.clone()),
        message: match fault.code {
            "missing-reference" => format!("{root} has no {reference}: {}", fault.message),
            _ => format!("{root}/{}: {}", fault.path, fault.message),
        },
    };
    let is_missing = report
        .faults
        .iter()
        .all(|fault| fault.code == "missing-reference");
    let problem = Problem {
        lines: report.faults.iter().map(line).collect(),
        below: String::new(),
        hint: None,
    };
    Some(match is_missing {
        true => problem.with_hint(super::super::ls::tags_hint(tree, reference)),
        false => match crate::problem::fault_hints(&report.faults, tree.root())
            .into_iter()
            .next()
        {
            Some(hint) => problem.with_hint(hint),
            None => problem,
        },
    })
}

fn gone(tree: &Tree, reference: &Reference, statement: &Document<Statement>) -> Problem {
    let why = match &statement.body().claim {
        sreg_model::statement::Claim::Removed { reason } => format!(": {reason}"),
        sreg_model::statement::Claim::Present(_) => String::new(),
    };
    let root = tree.root().display();
    Problem::new(
        "missing-reference",
        format!("{root} has {reference} no longer{why}"),
    )
}

/// The statement about an architecture: the one that is named, else this machine's, else the only one.
pub(super) fn of_arch(
    named: Option<Arch>,
    statements: Vec<Document<Statement>>,
    reference: &Reference,
    output: &Output,
) -> Result<Document<Statement>, Problem> {
    let arch = |statement: &Document<Statement>| statement.body().subject.arch;
    let listed: Vec<String> = statements.iter().map(|one| arch(one).to_string()).collect();
    let wanted = named.or_else(here);
    let find = |wanted: Arch| statements.iter().find(|one| arch(one) == wanted);
    match (wanted.and_then(find), named, &statements[..]) {
        (Some(found), ..) => Ok(found.clone()),
        (None, None, [only]) => {
            if arch(only) != Arch::Unknown {
                output.note(&format!(
                    "it is for {}, and this machine is another",
                    arch(only)
                ));
            }
            Ok(only.clone())
        }
        _ => Err(Problem::new(
            "missing-reference",
            format!("{reference} is not there for this architecture"),
        )
        .with_hint(format!("choose one with --arch: {}", listed.join(", ")))),
    }
}

/// This machine's architecture.
fn here() -> Option<Arch> {
    match std::env::consts::ARCH {
        "x86_64" => Some(Arch::Amd64),
        "x86" => "386".parse().ok(),
        "aarch64" => "arm64".parse().ok(),
        "powerpc64" => "ppc64le".parse().ok(),
        other => other.parse().ok(),
    }
}

/// Whether somebody vouches for the registry: whether it is to be known from now on.
fn vouch(
    args: &args::Pull,
    (root, tree): (&Path, &Tree),
    reference: &Reference,
    seen: Option<&Seen>,
    expected: &Expected,
    output: &Output,
) -> Result<bool, Problem> {
    // A digest says what the image is to be, whoever gives it.
    if reference.digest().is_some() && !args.judging.require_signed {
        return Ok(false);
    }
    let Some(seen) = seen else {
        if args.judging.require_signed || expected.has_lock {
            return Err(Problem::new(
                "unsigned",
                format!("{} is not signed", tree.root().display()),
            ));
        }
        output.note(
            "the registry is unsigned: digests show that bytes are whole, not who published them",
        );
        return Ok(false);
    };
    if expected.is_known() {
        return Ok(false);
    }
    // What a mirror has is to be known as the registry that it is a copy of.
    let at = match tree.root() == root {
        true => root.display().to_string(),
        false => format!(
            "{}, by its mirror {},",
            root.display(),
            tree.root().display()
        ),
    };
    let question = format!(
        "{at} is the registry {}, which is not known yet. Is that the id that its owner tells you?",
        seen.registry
    );
    match change::confirm(&question, false) {
        Ok(()) => Ok(true),
        Err(problem) if problem.exit() == exit::USAGE => Err(Problem::new(
            "untrusted-registry",
            format!(
                "{at} is the registry {}, and nobody knows it",
                seen.registry
            ),
        )
        .with_hint(format!(
            "compare the id with what its owner tells you, then: sreg pull --trust {} {}",
            seen.registry, args.reference
        ))),
        Err(problem) => Err(problem),
    }
}
