//! The commit: head and trust become what readers see, then the views follow (`spec/commit.md`).

use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::trust::{self, Trust};
use sreg_model::{Document, document};
use sreg_sign::Series;

use super::{ATTEMPTS, Base, Prepared, Watch};
use crate::error::TreeError;
use crate::history::{self, Line, Next, has_later_trust};
use crate::staging::{Journal, Version};
use crate::tree::Tree;
use crate::views;
use crate::writer::Writer;

/// Publishes what is prepared: the head that then is the newest. Statements, nodes, images and chains
/// are in the tree already.
///
/// Up to the commit nothing that readers see changes; what comes after it is finished by the next run
/// if this one is killed.
pub(crate) fn carry_out(
    writer: &mut dyn Writer,
    base: &Base,
    prepared: &Prepared,
    watch: &dyn Watch,
) -> Result<Document<Head>, TreeError> {
    let nothing = || TreeError::NoHead(writer.tree().root().to_owned());
    if prepared.is_nothing(writer.tree()) {
        let newest = base.head.clone().ok_or_else(nothing)?;
        writer.advance(Line {
            series: base.series.as_ref(),
            head: &newest,
        })?;
        // A run that was killed may have left them behind, and nobody else may come after it.
        if base.shown.as_ref().map(Document::id) != Some(newest.id()) {
            let shown = base.shown.as_ref().map(Document::body);
            show(writer, base.series.clone(), shown, &newest, watch)?;
        }
        return Ok(newest);
    }
    let (trust, next) = (prepared.trust.as_ref(), prepared.next.as_ref());
    let same_settings = *writer.tree().settings() == prepared.settings;
    // Where a new epoch begins, others may still have written views of what it leaves behind.
    let epoch = |head: Option<&Document<Head>>| head.map(|head| head.body().epoch);
    let same_epoch = next.is_none() || epoch(next) == epoch(base.head.as_ref());
    let shown = base
        .shown
        .as_ref()
        .filter(|_| same_settings && same_epoch)
        .map(Document::body);
    writer.begin(&Journal::new(shown.map(Version::of)).with(trust, next))?;
    writer.sync()?;
    let series = base.series_after(trust);
    let newest = commit(writer, base, series.as_ref(), trust, next)?;
    let newest = newest.or(base.head.as_ref()).ok_or_else(nothing)?;
    if !same_settings {
        writer.replace_settings(&prepared.settings)?;
    }
    watch.committed(newest.body());
    show(writer, series, shown, newest, watch)?;
    Ok(newest.clone())
}

/// Notes that views are to be written, before the first thing that readers see changes.
pub(crate) fn begin_views(writer: &dyn Writer, base: &Base) -> Result<(), TreeError> {
    let shown = base.shown.as_ref().map(|shown| Version::of(shown.body()));
    writer.begin(&Journal::new(shown))?;
    writer.sync()
}

/// Brings the views to the newest head, from those of `shown`; also to those that others publish
/// meanwhile.
pub(crate) fn show(
    writer: &dyn Writer,
    mut series: Option<Series>,
    mut shown: Option<&Head>,
    committed: &Document<Head>,
    watch: &dyn Watch,
) -> Result<(), TreeError> {
    let mut newest = committed.clone();
    for _ in 0..ATTEMPTS {
        let line = Line {
            series: series.as_ref(),
            head: &newest,
        };
        let rolled = match views::roll_forward(writer, shown, line, watch) {
            // What they show cannot be read: a thief's head that a new epoch leaves behind, say.
            Err(TreeError::Map { .. }) if shown.is_some() => {
                views::roll_forward(writer, None, line, watch)
            }
            rolled => rolled,
        };
        let is_shown = !matches!(rolled, Err(TreeError::Overtaken));
        if is_shown {
            rolled?;
            writer.sync()?;
            writer.end(&newest)?;
        }
        if !writer.is_shared() {
            return Ok(());
        }
        let tree = writer.tree();
        let is_last = matches!(line.next(tree)?, Next::Empty | Next::Junk(_));
        if is_shown && is_last && !has_later_trust(tree, series.as_ref())? {
            return Ok(());
        }
        series = history::series(tree)?;
        let Some(found) = history::newest(tree, series.as_ref())? else {
            return Ok(());
        };
        if found.body().epoch > newest.body().epoch {
            // What was shown here is left behind: which views that were is not noted.
            shown = None;
        }
        newest = found;
    }
    // So many publish that they will write the views, too.
    Ok(())
}

/// Makes head and trust what readers see. The slot of the head comes first: it decides whether both
/// are published, or somebody else was faster (COM-24). Readers come to it by the trust.
fn commit<'a>(
    writer: &dyn Writer,
    base: &Base,
    series: Option<&Series>,
    trust: Option<&Document<Trust>>,
    head: Option<&'a Document<Head>>,
) -> Result<Option<&'a Document<Head>>, TreeError> {
    if let Some(trust) = trust {
        check_unpublished(writer.tree(), trust)?;
    }
    if let Some(head) = head {
        let (epoch, version) = (head.body().epoch, head.body().version);
        let slot = Place::HeadSlot { epoch, version };
        // No other trust can begin its epoch now, so that no other head can be the first of it.
        let before_the_first = match (trust, version) {
            (Some(_), 1) => writer.tree().read(&slot, document::MAX_BYTES).ok(),
            _ => None,
        };
        let junk = before_the_first.as_ref().or(base.junk.as_ref());
        writer.create(&slot, head.bytes(), junk.map(Vec::as_slice))?;
    }
    if let Some(trust) = trust {
        writer.create(&Place::Trust(trust.body().version), trust.bytes(), None)?;
    }
    if let Some(head) = head {
        if trust.is_none() && writer.is_shared() {
            check_not_left_behind(writer.tree(), series, head)?;
        }
        writer.advance(Line { series, head })?;
    }
    Ok(head)
}

/// Refuses trust of which another was published since it was made. It is noted in the journal already,
/// so that nobody publishes one after this look.
fn check_unpublished(tree: &Tree, trust: &Document<Trust>) -> Result<(), TreeError> {
    let place = Place::Trust(trust.body().version);
    match tree.read(&place, trust::MAX_BYTES) {
        Err(TreeError::Missing { .. }) => Ok(()),
        Ok(found) if found == trust.bytes() => Ok(()),
        Ok(_) => Err(TreeError::Conflict(tree.path(&place))),
        Err(error) => Err(error),
    }
}

/// Refuses to say that a head is published, where trust that was published meanwhile begins an epoch before it (COM-25).
fn check_not_left_behind(
    tree: &Tree,
    series: Option<&Series>,
    head: &Document<Head>,
) -> Result<(), TreeError> {
    if !has_later_trust(tree, series)? {
        return Ok(());
    }
    let (epoch, version) = (head.body().epoch, head.body().version);
    let series = history::series(tree)?;
    match series.is_some_and(|series| series.is_abandoned(epoch, version)) {
        true => Err(TreeError::Overtaken),
        false => Ok(()),
    }
}
