//! Changes of a registry with keys that bring no new image: it begins, is renewed, is signed anew, or
//! gets the next version of trust.

use sreg_index::hasher::Observer;
use sreg_index::stamp::Stamp;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::lock::Known;
use sreg_model::settings::Settings;
use sreg_model::statement::{Claim, Statement, Subject};
use sreg_model::trust::Trust;
use sreg_model::{Digest, Document, Reference, canonical};
use sreg_sign::policy::PolicyError;
use sreg_sign::{Author, Series};

use crate::error::TreeError;
use crate::history::{self, Line};
use crate::publish::{
    self, Base, Destination, Edition, Keys, Lines, Publication, Signing, Watch, check_newest,
    others, recover, recover_any,
};
use crate::tree::Tree;
use crate::writer::Writer;

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
    pub fn begin(
        &self,
        destination: &Destination,
        from: Option<&Tree>,
    ) -> Result<Document<Head>, TreeError> {
        if self.keys.signers.len() != 1 {
            return Err(TreeError::OneKey(self.keys.signers.len()));
        }
        let settings = from.map_or_else(Settings::default, |tree| tree.settings().clone());
        let (mut writer, base) = self.open(destination, &settings)?;
        if base.series.is_none() && base.head.is_some() {
            return Err(TreeError::Published(writer.tree().root().to_owned()));
        }
        if let Some(series) = &base.series {
            return Err(TreeError::HasKeys {
                place: writer.tree().root().display().to_string(),
                registry: series.registry(),
            });
        }
        let lines = base.lines(&*writer)?;
        let mut edition = Edition::default();
        if let Some(from) = from {
            edition.present = bring_all(&*writer, from, self.watch)?;
        }
        edition.again = others(&lines, &edition);
        self.publish(&mut *writer, &base, &lines, edition)
    }

    /// Publishes the same again, so that it holds longer.
    ///
    /// # Errors
    /// When the keys may not sign it, or the tree cannot be written.
    pub fn renew(&self, destination: &Destination) -> Result<Document<Head>, TreeError> {
        publish::until_won(self.watch, || self.sign_again(destination, &|_| false))
            .map(|(head, _)| head)
    }

    /// Signs anew what counts no longer, of the subjects that `chosen` takes: the head, and the
    /// subjects that were signed.
    ///
    /// # Errors
    /// When the keys may not sign it, or the tree cannot be written.
    pub fn sign_again(
        &self,
        destination: &Destination,
        chosen: &dyn Fn(&Subject) -> bool,
    ) -> Result<(Document<Head>, Vec<Subject>), TreeError> {
        let (mut writer, base) = self.open_there(destination)?;
        let Some(series) = &base.series else {
            return Err(TreeError::NoKeys(writer.tree().root().to_owned()));
        };
        let lines = base.lines(&*writer)?;
        let mut edition = Edition::default();
        for subject in others(&lines, &edition) {
            if !chosen(&subject) {
                continue;
            }
            match standing(writer.tree(), series, &lines, &subject)? {
                Standing::Counts => {}
                Standing::CountedOnce(_) => edition.again.push(subject),
                // Somebody who may sign heads has put it there.
                Standing::Never => return Err(TreeError::NeverCounted(subject.to_string())),
            }
        }
        let again = edition.again.clone();
        let head = self.publish(&mut *writer, &base, &lines, edition)?;
        Ok((head, again))
    }

    /// Publishes a version of trust that is fully signed, and a head with it where heads could count no
    /// longer: the newest head, and what others have published meanwhile that a new epoch leaves behind.
    /// `judged` are the head by which what is lost was judged, and what that is.
    ///
    /// # Errors
    /// When it does not follow the newest version, more would be lost than was judged, a head is needed
    /// that the keys may not sign, or the tree cannot be written.
    pub fn publish_trust(
        &self,
        destination: &Destination,
        trust: &Document<Trust>,
        judged: (Digest, &[Subject]),
    ) -> Result<(Document<Head>, Vec<Subject>), TreeError> {
        publish::until_won(self.watch, || {
            self.publish_trust_once(destination, trust, judged)
        })
    }

    fn publish_trust_once(
        &self,
        destination: &Destination,
        trust: &Document<Trust>,
        judged: (Digest, &[Subject]),
    ) -> Result<(Document<Head>, Vec<Subject>), TreeError> {
        Tree::in_store(destination.store.clone())?;
        let mut writer = destination.open(&Settings::default(), self.watch)?;
        let writer = &mut *writer;
        // A newest head that does not count is what a new epoch is begun for.
        let base = recover_any(writer, self.watch)?;
        base.check_known(writer.tree(), self.known)?;
        let Some(old) = base.series.clone() else {
            return Err(TreeError::NoKeys(writer.tree().root().to_owned()));
        };
        let mut series = old.clone();
        let path = writer.tree().path(&Place::Trust(trust.body().version));
        let followed = series.extend(trust.clone());
        followed.map_err(|source| match source {
            PolicyError::Version { .. } => TreeError::Meanwhile {
                path,
                what: "another version of trust was published".to_owned(),
            },
            source => TreeError::Policy { path, source },
        })?;
        let newest = base.head.clone();
        let base = match begins_epoch(&old, trust) {
            true => base_of_epoch(writer.tree(), base, trust.body())?,
            false => {
                if let Some(newest) = &newest {
                    check_newest(writer.tree(), Some(&old), newest)?;
                }
                base
            }
        };
        if newest.as_ref().map(Document::id) != Some(judged.0) {
            check_judged(writer.tree(), &old, trust, newest.as_ref(), &base, judged.1)?;
        }
        let lines = base.lines(writer)?;
        let signing = Signing {
            term: self
                .keys
                .head_term
                .unwrap_or_else(|| publish::term_of(base.head.as_ref())),
            author: Author::new(series, self.keys.signers),
            trust: Some(trust.clone()),
            renew: takes_from_heads(old.newest().body(), trust.body()),
        };
        let publication = Publication {
            edition: Edition::default(),
            settings: writer.tree().settings().clone(),
            signing: Some(signing),
            now: self.now,
        };
        let head = publish::publish(writer, &base, &lines, &publication, self.watch)?;
        let left = match (begins_epoch(&old, trust), newest) {
            (true, Some(newest)) => published_since(writer.tree(), &old, &newest)?,
            _ => Vec::new(),
        };
        Ok((head, left))
    }

    /// Opens a tree that must be there.
    fn open_there(&self, destination: &Destination) -> Result<(Box<dyn Writer>, Base), TreeError> {
        Tree::in_store(destination.store.clone())?;
        self.open(destination, &Settings::default())
    }

    fn open(
        &self,
        destination: &Destination,
        settings: &Settings,
    ) -> Result<(Box<dyn Writer>, Base), TreeError> {
        let writer = destination.open(settings, self.watch)?;
        let base = recover(&*writer, self.watch)?;
        base.check_known(writer.tree(), self.known)?;
        Ok((writer, base))
    }

    fn publish(
        &self,
        writer: &mut dyn Writer,
        base: &Base,
        lines: &Lines,
        edition: Edition,
    ) -> Result<Document<Head>, TreeError> {
        let signing = publish::signing(
            writer.tree(),
            base,
            Some(self.keys),
            &edition,
            lines,
            self.now,
        )?;
        let publication = Publication {
            edition,
            settings: writer.tree().settings().clone(),
            signing,
            now: self.now,
        };
        publish::publish(writer, base, lines, &publication, self.watch)
    }
}

/// Whether a version of trust begins an epoch of heads.
fn begins_epoch(before: &Series, trust: &Document<Trust>) -> bool {
    trust.body().head_base.epoch > before.newest().body().head_base.epoch
}

/// Whether there may be heads that count under `before` and not under `after`. Then a head goes with it,
/// so that its slot decides which heads were published before it and which were not (COM-24).
#[must_use]
pub fn takes_from_heads(before: &Trust, after: &Trust) -> bool {
    let (old, new) = (&before.roles.head, &after.roles.head);
    before.head_base != after.head_base
        || new.threshold > old.threshold
        || !old.keys.iter().all(|key| new.keys.contains(key))
}

/// What is published, up to the head that a new epoch begins after.
fn base_of_epoch(tree: &Tree, base: Base, trust: &Trust) -> Result<Base, TreeError> {
    let begun = &trust.head_base;
    let epoch = begun.epoch - 1;
    let newest = base.head.as_ref().map(|head| head.body().epoch);
    let Some(version) = begun.version.filter(|_| newest == Some(epoch)) else {
        return Ok(base);
    };
    let slot = Place::HeadSlot { epoch, version };
    // TRUST-20: else all that is published would be lost.
    match tree.head_slot(epoch, version)? {
        Some(head) if Some(head.id()) == begun.id => Ok(Base {
            head: Some(head),
            ..base
        }),
        _ => Err(TreeError::Mismatch {
            path: tree.path(&slot),
            what: "the new epoch is to begin after another head of that version".to_owned(),
        }),
    }
}

/// Somebody has published since it was judged what is lost: refuses, where that is more now.
fn check_judged(
    tree: &Tree,
    series: &Series,
    trust: &Document<Trust>,
    newest: Option<&Document<Head>>,
    base: &Base,
    judged: &[Subject],
) -> Result<(), TreeError> {
    let kept = base.head.as_ref().map(Document::body);
    let mut now_lost = lost(tree, series, trust.body(), kept)?;
    if let (Some(newest), Some(kept)) = (newest, kept)
        && newest.body() != kept
    {
        now_lost.extend(left_behind(tree, newest.body(), kept).unwrap_or_default());
    }
    match now_lost.iter().find(|subject| !judged.contains(subject)) {
        None => Ok(()),
        Some(subject) => Err(TreeError::Meanwhile {
            path: tree.path(&Place::Head),
            what: format!("{subject} was published, which would be lost, too"),
        }),
    }
}

/// What was published behind `newest` while a new epoch was begun that leaves it behind.
fn published_since(
    tree: &Tree,
    series: &Series,
    newest: &Document<Head>,
) -> Result<Vec<Subject>, TreeError> {
    let line = Line {
        series: Some(series),
        head: newest,
    };
    let end = line.end(tree)?;
    // What a thief has published may be unreadable; it is left behind in any case.
    Ok(left_behind(tree, end.head.body(), newest.body()).unwrap_or_default())
}

/// Links or copies every image of another registry, and gives what is published of them.
fn bring_all(
    writer: &dyn Writer,
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
            writer.put_image(&place, &file, &stamp, observer)?;
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
enum Standing {
    Counts,
    /// It did, under an earlier trust.
    CountedOnce(Option<Digest>),
    Never,
}

fn standing(
    tree: &Tree,
    series: &Series,
    lines: &Lines,
    subject: &Subject,
) -> Result<Standing, TreeError> {
    let key = sreg_model::node::TagKey::new(subject.repository.name(), &subject.tag);
    let lines = lines.get(subject.repository.namespace());
    let lines = lines.and_then(|keys| keys.get(key.as_str()));
    let line = lines.and_then(|lines| lines.iter().find(|line| line.arch == subject.arch));
    match line {
        Some(line) => {
            let statement = tree.statement(&line.statement)?;
            Ok(match series.check_statement(&statement) {
                Ok(_) => Standing::Counts,
                Err(_) if series.counted_once(&statement) => {
                    Standing::CountedOnce(line.image.map(|image| image.digest))
                }
                Err(_) => Standing::Never,
            })
        }
        None => Ok(Standing::Counts),
    }
}

/// The subjects of `head`, removed ones too, whose statements count under the newest trust, and would
/// not under `next`.
///
/// # Errors
/// When the tree cannot be read, or `next` does not follow.
pub fn lost(
    tree: &Tree,
    series: &Series,
    next: &Trust,
    head: Option<&Head>,
) -> Result<Vec<Subject>, TreeError> {
    let next = Document::new(next.clone()).map_err(|source| TreeError::Document {
        path: tree.path(&Place::Trust(next.version)),
        source,
    })?;
    let lines = publish::lines(tree, head)?;
    let mut lost = Vec::new();
    for line in lines.values().flat_map(|keys| keys.values()).flatten() {
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
    if let Some(head) = &head {
        let path = tree.path(&Place::Head);
        let checked = series.check_newest_head(head);
        checked.map_err(|source| TreeError::Policy { path, source })?;
    }
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
        && !series.counted_once(before)
    {
        return Err(TreeError::NeverCounted(subject.to_string()));
    }
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

/// The references that a new epoch of heads drops, or takes back to an older image: those of the newest
/// head that are others in the head that the epoch begins after.
///
/// # Errors
/// When an index cannot be read.
pub fn left_behind(
    tree: &Tree,
    newest: &Head,
    begins_after: &Head,
) -> Result<Vec<Subject>, TreeError> {
    let (newest, kept) = (
        publish::lines(tree, Some(newest))?,
        publish::lines(tree, Some(begins_after))?,
    );
    let mut left = Vec::new();
    for (namespace, keys) in &newest {
        for (key, lines) in keys {
            let stay = kept.get(namespace).and_then(|keys| keys.get(key));
            let stays = |line: &&sreg_model::node::TagEntry| {
                !stay.is_some_and(|lines| lines.contains(line))
            };
            for line in lines.iter().filter(stays) {
                if let Some(repository) = crate::views::repository(namespace, line) {
                    left.push(Subject {
                        repository,
                        tag: line.key.tag(),
                        arch: line.arch,
                    });
                }
            }
        }
    }
    Ok(left)
}

/// What may be signed anew below a name, as `sreg ls` takes it: each subject whose statement counts no
/// longer, and its image.
///
/// # Errors
/// When the tree cannot be read, it has nothing below that name, or a statement was never signed by
/// those who might.
pub fn to_sign_again(
    tree: &Tree,
    below: &str,
) -> Result<Vec<(Subject, Option<Digest>)>, TreeError> {
    let series = history::series(tree)?;
    let series = series.ok_or_else(|| TreeError::NoKeys(tree.root().to_owned()))?;
    let head = history::newest(tree, Some(&series))?;
    let lines = publish::lines(tree, head.as_ref().map(Document::body))?;
    let (mut found, mut any) = (Vec::new(), below.is_empty());
    for subject in others(&lines, &Edition::default()) {
        if !is_below(&subject, below) {
            continue;
        }
        any = true;
        match standing(tree, &series, &lines, &subject)? {
            Standing::Counts => {}
            Standing::CountedOnce(digest) => found.push((subject, digest)),
            Standing::Never => return Err(TreeError::NeverCounted(subject.to_string())),
        }
    }
    match any {
        true => Ok(found),
        false => Err(TreeError::NothingBelow(below.to_owned())),
    }
}
