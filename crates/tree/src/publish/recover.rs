//! What a writer finds: it finishes what a killed run began before it goes on.

use sreg_index::hasher::Observer;
use sreg_model::Document;
use sreg_model::document::Body;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::lock::Known;
use sreg_model::trust::Trust;
use sreg_sign::policy::PolicyError;
use sreg_sign::{Series, check_known_head, check_seen_slot, seen_slot};

use super::{Lines, lines};
use crate::error::TreeError;
use crate::history;
use crate::staging::{Journal, Version, Writer};
use crate::tree::{Tree, read_capped};
use crate::views;

/// A document that a journal holds.
fn parse<T: Body>(text: Option<&str>) -> Option<Document<T>> {
    Document::parse(text?.as_bytes().to_vec()).ok()
}

/// What is published already.
pub(crate) struct Base {
    /// Every version of trust; nothing where the registry has no keys.
    pub(crate) series: Option<Series>,
    /// The newest head; nothing where nothing was published yet. Where a new epoch of heads has
    /// begun and has none yet, the one that it begins after.
    pub(crate) head: Option<Document<Head>>,
    /// The head that the views show.
    pub(crate) shown: Option<Document<Head>>,
}

impl Base {
    /// Refuses to go on from what is older than what is known, or from another registry.
    pub(crate) fn check_known(&self, tree: &Tree, known: &[Known]) -> Result<(), TreeError> {
        let refused = |place: Place| {
            let path = tree.path(&place);
            move |source| TreeError::Policy { path, source }
        };
        for known in known {
            let series = self.series.as_ref();
            let series = series.ok_or(PolicyError::Unsigned(known.id));
            let series = series.map_err(refused(Place::Trust(1)))?;
            let newest = Place::Trust(series.newest().body().version);
            series.check_known(known).map_err(refused(newest))?;
            if let Some(head) = &self.head {
                check_known_head(known, head).map_err(refused(Place::Head))?;
                if let Some(slot) = seen_slot(known, series)
                    && let Place::HeadSlot { epoch, version } = slot
                    && let Some(found) = tree.head_slot(epoch, version)?
                {
                    check_seen_slot(known, &found).map_err(refused(slot))?;
                }
            }
        }
        Ok(())
    }

    /// All lines of the index.
    pub(crate) fn lines(&self, writer: &Writer) -> Result<Lines, TreeError> {
        lines(writer.tree(), self.head.as_ref().map(Document::body))
    }
}

/// Finishes what a killed run began: publishes what it had signed, moves `head` on to the newest
/// version, and brings the views to it.
///
/// # Errors
/// When trust or the newest head is malformed or not signed as it should be, or the tree cannot be
/// written.
pub(crate) fn recover(writer: &Writer, observer: &dyn Observer) -> Result<Base, TreeError> {
    let tree = writer.tree();
    let journal = writer.journal();
    let mut series = history::series(tree)?;
    if let Some(journal) = &journal {
        series = finish(writer, journal, series)?;
    }
    let Some(newest) = history::newest(tree, series.as_ref())? else {
        writer.clear_journal()?;
        return Ok(Base {
            series,
            head: None,
            shown: None,
        });
    };
    check_newest(writer, series.as_ref(), &newest)?;
    writer.put(&Place::Head, newest.bytes())?;
    if let Some(journal) = journal {
        let shown = match journal.shown {
            Some(Version { epoch, version }) => tree.head_slot(epoch, version)?,
            None => None,
        };
        views::roll_forward(
            writer,
            shown.as_ref().map(Document::body),
            newest.body(),
            observer,
        )?;
        writer.clear_journal()?;
    }
    Ok(Base {
        series,
        shown: Some(newest.clone()),
        head: Some(newest),
    })
}

/// Nothing is published on top of a head that readers refuse.
fn check_newest(
    writer: &Writer,
    series: Option<&Series>,
    newest: &Document<Head>,
) -> Result<(), TreeError> {
    let (epoch, version) = (newest.body().epoch, newest.body().version);
    let path = writer.tree().path(&Place::HeadSlot { epoch, version });
    match series {
        Some(series) if series.newest().body().head_base.epoch == epoch => series
            .check_newest_head(newest)
            .map_err(|source| TreeError::Policy { path, source }),
        None if newest.body().registry.is_some() => Err(TreeError::Missing {
            tree: writer.tree().root().to_owned(),
            place: Box::new(Place::Trust(1)),
        }),
        _ => Ok(()),
    }
}

/// Publishes the trust, and the head with it, that a killed run had signed and begun to publish.
/// What does not follow was never begun by a run that checks as this one does.
fn finish(
    writer: &Writer,
    journal: &Journal,
    series: Option<Series>,
) -> Result<Option<Series>, TreeError> {
    let Some(trust) = parse::<Trust>(journal.trust.as_deref()) else {
        return Ok(series);
    };
    let version = trust.body().version;
    let extended = match &series {
        // It is there already, and its head may still be missing.
        Some(series)
            if series
                .version(version)
                .is_some_and(|there| there.id() == trust.id()) =>
        {
            Ok(series.clone())
        }
        None => Series::begin(trust.clone()),
        Some(series) => {
            let mut series = series.clone();
            series.extend(trust.clone()).map(|()| series)
        }
    };
    let Ok(extended) = extended else {
        return Ok(series);
    };
    let head = parse::<Head>(journal.head.as_deref());
    if head
        .as_ref()
        .is_some_and(|head| extended.check_newest_head(head).is_err())
    {
        return Ok(series);
    }
    publish_once(writer, &Place::Trust(version), &trust)?;
    if let Some(head) = head {
        let (epoch, version) = (head.body().epoch, head.body().version);
        publish_once(writer, &Place::HeadSlot { epoch, version }, &head)?;
    }
    Ok(Some(extended))
}

/// Publishes what a killed run had signed, unless somebody was faster.
fn publish_once<T: Body>(
    writer: &Writer,
    place: &Place,
    document: &Document<T>,
) -> Result<(), TreeError> {
    match writer.create(place, document.bytes()) {
        Err(TreeError::Conflict(path)) => {
            let found = read_capped(&path, T::MAX_BYTES).map_err(TreeError::read(&path))?;
            match Document::<T>::parse(found).is_ok_and(|found| found.id() == document.id()) {
                true => Ok(()),
                // Another run has published instead: what was begun is void.
                false => writer.clear_journal().and(Err(TreeError::Conflict(path))),
            }
        }
        created => created,
    }
}
