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
use crate::staging::{Journal, Version, parse};
use crate::tree::Tree;
use crate::views;
use crate::writer::Writer;

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

    /// All trust once `trust` is published, too.
    pub(crate) fn series_after(&self, trust: Option<&Document<Trust>>) -> Option<Series> {
        let Some(trust) = trust else {
            return self.series.clone();
        };
        match self.series.clone() {
            None => Series::begin(trust.clone()).ok(),
            Some(mut series) => series.extend(trust.clone()).is_ok().then_some(series),
        }
    }

    /// All lines of the index.
    pub(crate) fn lines(&self, writer: &dyn Writer) -> Result<Lines, TreeError> {
        lines(writer.tree(), self.head.as_ref().map(Document::body))
    }
}

/// Finishes what a killed run began: publishes what it had signed, moves `head` on to the newest
/// version, and brings the views to it.
///
/// # Errors
/// When trust or the newest head is malformed or not signed as it should be, or the tree cannot be
/// written.
pub(crate) fn recover(writer: &dyn Writer, observer: &dyn Observer) -> Result<Base, TreeError> {
    let tree = writer.tree();
    let journal = writer.journal();
    let mut series = history::series(tree)?;
    if let Some(journal) = &journal {
        series = finish(writer, journal, series)?;
    }
    let Some(newest) = history::newest(tree, series.as_ref())? else {
        writer.end(None)?;
        return Ok(Base {
            series,
            head: None,
            shown: None,
        });
    };
    check_newest(tree, series.as_ref(), &newest)?;
    // In a store whoever commits next moves it on.
    if !writer.is_shared() {
        writer.advance(&newest)?;
    }
    if let Some(journal) = journal {
        let shown = match journal.shown {
            Some(Version { epoch, version }) => tree.head_slot(epoch, version)?,
            None => None,
        };
        // Whoever is publishing meanwhile brings them along; so does this run, once it has.
        if writer.is_shared() {
            if journal.trust.is_some() {
                writer.end(shown.as_ref())?;
            }
            return Ok(Base {
                series,
                shown,
                head: Some(newest),
            });
        }
        views::roll_forward(
            writer,
            shown.as_ref().map(Document::body),
            newest.body(),
            observer,
        )?;
        writer.end(Some(&newest))?;
    }
    Ok(Base {
        series,
        shown: Some(newest.clone()),
        head: Some(newest),
    })
}

/// Nothing is published on top of a head that readers refuse.
pub(crate) fn check_newest(
    tree: &Tree,
    series: Option<&Series>,
    newest: &Document<Head>,
) -> Result<(), TreeError> {
    let (epoch, version) = (newest.body().epoch, newest.body().version);
    let path = tree.path(&Place::HeadSlot { epoch, version });
    match series {
        Some(series) if series.newest().body().head_base.epoch == epoch => series
            .check_newest_head(newest)
            .map_err(|source| TreeError::Policy { path, source }),
        None if newest.body().registry.is_some() => Err(TreeError::Missing {
            tree: tree.root().to_owned(),
            place: Box::new(Place::Trust(1)),
        }),
        _ => Ok(()),
    }
}

/// Publishes the trust, and the head with it, that a killed run had signed and begun to publish.
/// What does not follow was never begun by a run that checks as this one does.
fn finish(
    writer: &dyn Writer,
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
        return void(writer, series);
    };
    let head = parse::<Head>(journal.head.as_deref());
    if head
        .as_ref()
        .is_some_and(|head| extended.check_newest_head(head).is_err())
    {
        return void(writer, series);
    }
    publish_once(writer, &Place::Trust(version), &trust)?;
    if let Some(head) = head {
        let (epoch, version) = (head.body().epoch, head.body().version);
        publish_once(writer, &Place::HeadSlot { epoch, version }, &head)?;
    }
    Ok(Some(extended))
}

/// What was begun is void: nobody else is to wait for it.
fn void(writer: &dyn Writer, series: Option<Series>) -> Result<Option<Series>, TreeError> {
    if writer.is_shared() {
        writer.end(None)?;
    }
    Ok(series)
}

/// Publishes what a killed run had signed, unless somebody was faster.
fn publish_once<T: Body>(
    writer: &dyn Writer,
    place: &Place,
    document: &Document<T>,
) -> Result<(), TreeError> {
    match writer.create(place, document.bytes()) {
        Err(TreeError::Conflict(path)) => {
            let found = writer.tree().read(place, T::MAX_BYTES)?;
            match Document::<T>::parse(found).is_ok_and(|found| found.id() == document.id()) {
                true => Ok(()),
                // Another run has published instead: what was begun is void.
                false => writer.end(None).and(Err(TreeError::Conflict(path))),
            }
        }
        created => created,
    }
}
