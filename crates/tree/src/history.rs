//! The chain of heads (`spec/head.md`).

use sreg_model::Document;
use sreg_model::head::Head;

use crate::error::TreeError;
use crate::tree::Tree;

/// The newest head of all: the one in `head`, or a later one whose run was killed before it
/// could move `head` on. Where the slot of its version holds another document, the slot counts:
/// `head` is only a copy.
///
/// # Errors
/// When `head` or a slot is malformed.
pub fn newest(tree: &Tree) -> Result<Option<Document<Head>>, TreeError> {
    match tree.head() {
        Ok(head) => {
            let kept = tree.head_slot(head.body().epoch, head.body().version)?;
            newest_after(tree, Some(kept.unwrap_or(head)))
        }
        Err(TreeError::NoHead(_)) => newest_slot(tree),
        Err(error) => Err(error),
    }
}

/// The newest head by the slots alone, whatever `head` says.
///
/// # Errors
/// When a slot is malformed.
pub fn newest_slot(tree: &Tree) -> Result<Option<Document<Head>>, TreeError> {
    newest_after(tree, None)
}

fn newest_after(
    tree: &Tree,
    mut newest: Option<Document<Head>>,
) -> Result<Option<Document<Head>>, TreeError> {
    loop {
        let (epoch, version) = newest
            .as_ref()
            .map_or((0, 0), |head| (head.body().epoch, head.body().version));
        match tree.head_slot(epoch, version + 1)? {
            Some(next) => newest = Some(next),
            None => return Ok(newest),
        }
    }
}

/// The head before `head`, where it is not the first of its epoch.
///
/// # Errors
/// When its slot is empty or malformed, or holds another head.
pub fn before(tree: &Tree, head: &Head) -> Result<Option<Document<Head>>, TreeError> {
    let Some(id) = head.previous.filter(|_| head.version > 1) else {
        return Ok(None);
    };
    let slot = sreg_model::layout::Place::HeadSlot {
        epoch: head.epoch,
        version: head.version - 1,
    };
    let mismatch = |what: String| TreeError::Mismatch {
        path: tree.path(&slot),
        what,
    };
    let previous = tree
        .head_slot(head.epoch, head.version - 1)?
        .ok_or_else(|| mismatch("there is no such head, but a later one names it".to_owned()))?;
    match previous.id() {
        found if found == id => Ok(Some(previous)),
        found => Err(mismatch(format!(
            "its id is {found}, but the next head names {id}"
        ))),
    }
}
