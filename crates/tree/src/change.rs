//! Changes of a registry with keys that bring no new image: it begins, is renewed, is signed anew, or
//! gets the next version of trust.

use std::path::Path;

use sreg_index::hasher::Observer;
use sreg_index::stamp::Stamp;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::lock::Known;
use sreg_model::settings::Settings;
use sreg_model::statement::{Claim, Statement, Subject};
use sreg_model::trust::Trust;
use sreg_model::{Document, Reference, canonical};
use sreg_sign::{Author, Series};

use crate::error::TreeError;
use crate::history;
use crate::publish::{
    self, Base, Edition, Keys, Lines, Publication, Signing, Watch, others, recover,
};
use crate::staging::{LinkMode, Writer};
use crate::tree::Tree;

/// What every change is made with.
pub struct Change<'a> {
    /// The keys that sign.
    pub keys: &'a Keys<'a>,
    /// What is known of the registry, if it is known.
    pub known: &'a [Known],
    /// The time to state, in Unix seconds.
    pub now: u64,
    /// Who watches over the run.
    pub watch: &'a dyn Watch,
}

impl Change<'_> {
    /// Makes a registry with one key that does everything, at `root`; with the images that the
    /// registry `from` has, where one is given.
    ///
    /// # Errors
    /// When there is a registry with keys already, or the tree cannot be written.
    pub fn begin(&self, root: &Path, from: Option<&Tree>) -> Result<Document<Head>, TreeError> {
        let settings = from.map_or_else(Settings::default, |tree| tree.settings().clone());
        let (mut writer, base) = self.open(root, &settings)?;
        if let Some(series) = &base.series {
            return Err(TreeError::HasKeys {
                place: root.display().to_string(),
                registry: series.registry(),
            });
        }
        let lines = base.lines(&writer)?;
        let mut edition = Edition::default();
        if let Some(from) = from {
            edition.present = bring_all(&writer, from, self.watch)?;
        }
        edition.again = others(&lines, &edition);
        self.publish(&mut writer, &base, &lines, edition)
    }

    /// Publishes the same again, so that it holds longer.
    ///
    /// # Errors
    /// When the keys may not sign it, or the tree cannot be written.
    pub fn renew(&self, root: &Path) -> Result<Document<Head>, TreeError> {
        self.sign_again(root, &|_| false).map(|(head, _)| head)
    }

    /// Signs anew what counts no longer, of the subjects that `chosen` takes: the head, and the
    /// subjects that were signed.
    ///
    /// # Errors
    /// When the keys may not sign it, or the tree cannot be written.
    pub fn sign_again(
        &self,
        root: &Path,
        chosen: &dyn Fn(&Subject) -> bool,
    ) -> Result<(Document<Head>, Vec<Subject>), TreeError> {
        let settings = Settings::default();
        let (mut writer, base) = self.open(Tree::open(root)?.root(), &settings)?;
        let Some(series) = &base.series else {
            return Err(TreeError::NoKeys(root.to_owned()));
        };
        let lines = base.lines(&writer)?;
        let mut edition = Edition::default();
        for subject in others(&lines, &edition) {
            if chosen(&subject) && !counts(writer.tree(), series, &lines, &subject)? {
                edition.again.push(subject);
            }
        }
        let again = edition.again.clone();
        let head = self.publish(&mut writer, &base, &lines, edition)?;
        Ok((head, again))
    }

    /// Publishes a version of trust that is fully signed, and a head with it where the newest one
    /// would count no longer.
    ///
    /// # Errors
    /// When it does not follow the newest version, a head is needed that the keys may not sign, or
    /// the tree cannot be written.
    pub fn publish_trust(
        &self,
        root: &Path,
        trust: Document<Trust>,
    ) -> Result<Document<Head>, TreeError> {
        let settings = Settings::default();
        let (mut writer, base) = self.open(Tree::open(root)?.root(), &settings)?;
        let Some(mut series) = base.series.clone() else {
            return Err(TreeError::NoKeys(root.to_owned()));
        };
        let path = writer.tree().path(&Place::Trust(trust.body().version));
        series
            .extend(trust.clone())
            .map_err(|source| TreeError::Policy { path, source })?;
        let begins = series.newest().body().head_base.epoch;
        let base = Base {
            head: base_of_epoch(writer.tree(), &base, &series, begins)?,
            ..base
        };
        let lines = base.lines(&writer)?;
        let signing = Signing {
            term: self
                .keys
                .head_term
                .unwrap_or_else(|| publish::term_of(base.head.as_ref())),
            author: Author::new(series, self.keys.signers),
            trust: Some(trust),
            renew: false,
        };
        let publication = Publication {
            edition: Edition::default(),
            settings: writer.tree().settings().clone(),
            signing: Some(signing),
            now: self.now,
        };
        publish::publish(&mut writer, &base, &lines, &publication, self.watch)
    }

    fn open(&self, root: &Path, settings: &Settings) -> Result<(Writer, Base), TreeError> {
        let writer = Writer::open(root, settings, self.watch, &|| self.watch.waiting())?;
        let base = recover(&writer, self.watch)?;
        base.check_known(writer.tree(), self.known)?;
        Ok((writer, base))
    }

    fn publish(
        &self,
        writer: &mut Writer,
        base: &Base,
        lines: &Lines,
        edition: Edition,
    ) -> Result<Document<Head>, TreeError> {
        let signing = publish::signing(writer, base, Some(self.keys), &edition, lines, self.now)?;
        let publication = Publication {
            edition,
            settings: writer.tree().settings().clone(),
            signing,
            now: self.now,
        };
        publish::publish(writer, base, lines, &publication, self.watch)
    }
}

/// The head that a new epoch begins after; in the current one, the newest.
fn base_of_epoch(
    tree: &Tree,
    base: &Base,
    series: &Series,
    epoch: u64,
) -> Result<Option<Document<Head>>, TreeError> {
    let current = base.head.as_ref().map(|head| head.body().epoch);
    match series.newest().body().head_base.version {
        Some(version) if current == Some(epoch - 1) => tree.head_slot(epoch - 1, version),
        _ => Ok(base.head.clone()),
    }
}

/// Links or copies every image of another registry, and gives what is published of them.
fn bring_all(
    writer: &Writer,
    from: &Tree,
    observer: &dyn Observer,
) -> Result<Vec<(Subject, sreg_model::statement::Image)>, TreeError> {
    let series = history::series(from)?;
    let head = history::newest(from, series.as_ref())?;
    let lines = publish::lines(from, head.as_ref().map(Document::body))?;
    let mut present = Vec::new();
    for line in lines.values().flat_map(|keys| keys.values()).flatten() {
        let statement = from.statement(&line.statement)?;
        let Some(image) = statement.body().image() else {
            continue;
        };
        let subject = statement.body().subject.clone();
        let mut digests = vec![image.chain];
        if from.settings().blob_url.is_none() {
            digests.push(image.digest);
        }
        for digest in digests {
            let place = Place::blob(&subject.repository, digest);
            let file = from.path(&place);
            let metadata =
                std::fs::metadata(&file).map_err(TreeError::read_place(from.root(), &place))?;
            let stamp = Stamp::of(&metadata);
            writer.import(&place, &file, &stamp, LinkMode::Auto, observer)?;
        }
        let image = sreg_model::statement::Image {
            frozen: false,
            ..image.clone()
        };
        present.push((subject, image));
    }
    Ok(present)
}

/// Whether the newest statement about a subject counts.
fn counts(
    tree: &Tree,
    series: &Series,
    lines: &Lines,
    subject: &Subject,
) -> Result<bool, TreeError> {
    let key = sreg_model::node::TagKey::new(subject.repository.name(), &subject.tag);
    let lines = lines.get(subject.repository.namespace());
    let lines = lines.and_then(|keys| keys.get(key.as_str()));
    let line = lines.and_then(|lines| lines.iter().find(|line| line.arch == subject.arch));
    match line {
        Some(line) => {
            let statement = tree.statement(&line.statement)?;
            Ok(series.check_statement(&statement).is_ok())
        }
        None => Ok(true),
    }
}

/// The images whose statements count under the newest trust, and would not under `next`.
///
/// # Errors
/// When the tree cannot be read, or `next` does not follow.
pub fn lost(tree: &Tree, series: &Series, next: &Trust) -> Result<Vec<Subject>, TreeError> {
    let next = Document::new(next.clone()).map_err(|source| TreeError::Document {
        path: tree.path(&Place::Trust(next.version)),
        source,
    })?;
    let head = history::newest(tree, Some(series))?;
    let lines = publish::lines(tree, head.as_ref().map(Document::body))?;
    let mut lost = Vec::new();
    for line in lines.values().flat_map(|keys| keys.values()).flatten() {
        if line.image.is_none() {
            continue;
        }
        let statement = tree.statement(&line.statement)?;
        let counted = series.check_statement(&statement).is_ok();
        if counted && sreg_sign::policy::check_statement(&next, &statement).is_err() {
            lost.push(statement.body().subject.clone());
        }
    }
    Ok(lost)
}

/// The next statement about a subject in a tree, not signed yet.
///
/// # Errors
/// When the tree cannot be read, or the tag is frozen.
pub fn next_statement(
    tree: &Tree,
    series: &Series,
    subject: &Subject,
    claim: Claim,
    now: u64,
) -> Result<Statement, TreeError> {
    let head = history::newest(tree, Some(series))?;
    let tag = subject.tag.clone();
    let reference = Reference::tagged(subject.repository.clone(), tag);
    let lines = match &head {
        Some(head) => tree.lines(head.body(), &reference)?,
        None => Vec::new(),
    };
    let line = lines.iter().find(|line| line.arch == subject.arch);
    let previous = line
        .map(|line| tree.statement(&line.statement))
        .transpose()?;
    if let Some(before) = &previous
        && before.body().image().is_some_and(|image| image.frozen)
    {
        return Err(TreeError::Frozen(subject.to_string()));
    }
    Ok(Statement {
        subject: subject.clone(),
        registry: None,
        epoch: 0,
        seq: previous.as_ref().map_or(1, |before| before.body().seq + 1),
        previous: previous.as_ref().map(Document::id),
        issued: now.min(canonical::MAX_INTEGER),
        expires: None,
        claim,
    })
}

/// The subjects of a tree below a namespace or a reference, as `sreg ls` takes it; all where it is
/// empty.
#[must_use]
pub fn is_below(subject: &Subject, below: &str) -> bool {
    let reference = format!("{}:{}", subject.repository, subject.tag);
    reference
        .strip_prefix(below.trim_end_matches('/'))
        .is_some_and(|rest| below.is_empty() || rest.is_empty() || rest.starts_with(['/', ':']))
}

/// The keys that signed the newest statement of a line and count.
///
/// # Errors
/// When the statement cannot be read, or does not count.
pub fn signers(
    tree: &Tree,
    series: &Series,
    line: &sreg_model::node::TagEntry,
) -> Result<Vec<sreg_model::Fingerprint>, TreeError> {
    let statement = tree.statement(&line.statement)?;
    series
        .check_statement(&statement)
        .map_err(|source| TreeError::Policy {
            path: tree.path(&Place::Statement(line.statement)),
            source,
        })
}
