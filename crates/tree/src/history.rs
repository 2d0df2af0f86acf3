//! The chain of heads (`spec/head.md`), and the series of trust behind it (`spec/trust.md`).

use sreg_model::Document;
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_sign::Series;

use crate::error::TreeError;
use crate::tree::Tree;
use crate::verify::read_trust;

/// How many versions of trust are read from a server.
const MOST_VERSIONS: u64 = 1024;

/// The version of trust that is not looked for: a server may have new ones for ever.
pub(crate) fn most_versions(tree: &Tree) -> u64 {
    match tree.store().folder() {
        Some(_) => u64::MAX,
        None => MOST_VERSIONS + 1,
    }
}

/// Every version of trust, verified; nothing where the registry has no keys.
///
/// # Errors
/// When a version is malformed, does not follow, or is not signed as it should be.
pub fn series(tree: &Tree) -> Result<Option<Series>, TreeError> {
    let mut series: Option<Series> = None;
    for version in 1..most_versions(tree) {
        let trust = match read_trust(tree, version) {
            Err(TreeError::Missing { .. }) => break,
            trust => trust?,
        };
        let extended = match series {
            None => Series::begin(trust),
            Some(mut series) => series.extend(trust).map(|()| series),
        };
        let path = tree.path(&Place::Trust(version));
        series = Some(extended.map_err(|source| TreeError::Policy { path, source })?);
    }
    Ok(series)
}

/// The newest head of all: the one in `head`, or a later one whose run was killed before it
/// could move `head` on. Where the slot of its version holds another document, the slot counts:
/// `head` is only a copy. With keys, it is one of the epoch that trust is at, or the one that
/// this epoch begins after.
///
/// # Errors
/// When `head` or a slot is malformed.
pub fn newest(tree: &Tree, series: Option<&Series>) -> Result<Option<Document<Head>>, TreeError> {
    match tree.head() {
        Ok(head) if head.body().epoch == epoch(series) => {
            let kept = tree.head_slot(head.body().epoch, head.body().version)?;
            newest_after(tree, kept.unwrap_or(head)).map(Some)
        }
        Ok(_) | Err(TreeError::NoHead(_)) => newest_slot(tree, series),
        Err(error) => Err(error),
    }
}

/// The newest head by the slots alone, whatever `head` says.
///
/// # Errors
/// When a slot is malformed.
pub fn newest_slot(
    tree: &Tree,
    series: Option<&Series>,
) -> Result<Option<Document<Head>>, TreeError> {
    let epoch = epoch(series);
    if let Some(first) = tree.head_slot(epoch, 1)? {
        return newest_after(tree, first).map(Some);
    }
    // Nothing was published in this epoch yet.
    match series.and_then(|series| series.newest().body().head_base.version) {
        Some(version) => tree.head_slot(epoch - 1, version),
        None => Ok(None),
    }
}

fn epoch(series: Option<&Series>) -> u64 {
    series.map_or(0, |series| series.newest().body().head_base.epoch)
}

fn newest_after(tree: &Tree, mut newest: Document<Head>) -> Result<Document<Head>, TreeError> {
    loop {
        let body = newest.body();
        match tree.head_slot(body.epoch, body.version.saturating_add(1))? {
            Some(next) => newest = next,
            None => return Ok(newest),
        }
    }
}

/// The slot of the head before `head`; nothing before the first of all, or where it takes trust to
/// say it and trust is not known.
pub(crate) fn slot_before(head: &Head, series: Option<&Series>) -> Option<Place> {
    if head.version > 1 {
        let (epoch, version) = (head.epoch, head.version - 1);
        return Some(Place::HeadSlot { epoch, version });
    }
    let epoch = head.epoch.checked_sub(1)?;
    let version = series?.base(head.epoch)?.version?;
    Some(Place::HeadSlot { epoch, version })
}

/// The head before `head`, where there is one.
///
/// # Errors
/// When its slot is empty or malformed, or holds another head, or the first head of an epoch follows
/// another than trust says.
pub fn before(
    tree: &Tree,
    head: &Head,
    series: Option<&Series>,
) -> Result<Option<Document<Head>>, TreeError> {
    if head.version == 1
        && let Some(base) = series.and_then(|series| series.base(head.epoch))
        && base.id != head.previous
    {
        let (epoch, version) = (head.epoch, head.version);
        return Err(TreeError::Mismatch {
            path: tree.path(&Place::HeadSlot { epoch, version }),
            what: "it does not follow the head that trust begins its epoch after".to_owned(),
        });
    }
    let (Some(id), Some(slot)) = (head.previous, slot_before(head, series)) else {
        return Ok(None);
    };
    let Place::HeadSlot { epoch, version } = slot else {
        return Ok(None);
    };
    let mismatch = |what: String| TreeError::Mismatch {
        path: tree.path(&slot),
        what,
    };
    let previous = tree
        .head_slot(epoch, version)?
        .ok_or_else(|| mismatch("there is no such head, but a later one names it".to_owned()))?;
    match previous.id() {
        found if found == id => Ok(Some(previous)),
        found => Err(mismatch(format!(
            "its id is {found}, but the next head names {id}"
        ))),
    }
}
