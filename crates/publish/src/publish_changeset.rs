//! Publishes a whole changeset: for tests and tools that provide images and digest chains themselves.

use sreg_model::settings::Settings;

use crate::changeset::Changeset;
use crate::commit::{Published, publish};
use crate::destination::Destination;
use crate::error::PublishError;
use crate::recover::recover;
use crate::session::Session;
use crate::signing::signing;
use crate::version::Publication;

/// Publishes `changeset` in a registry, which is created if absent. The caller stores the images and digest
/// chains. In a registry with keys, the keys of the session sign.
///
/// # Errors
/// `CaseCollision` if a name differs from another only in case; `Signed`, `Unsigned` or `Author` if signing
/// fails; `Cancelled` if the observer cancels; otherwise those of reading and writing. What was published
/// before remains whole.
pub fn publish_changeset(
    destination: &Destination,
    session: &Session<'_>,
    changeset: Changeset,
) -> Result<Published, PublishError> {
    let progress = session.progress;
    let mut writer = destination.open(&Settings::default(), progress)?;
    let writer = &mut *writer;
    let base = recover(writer, progress)?;
    let entries = base.entries(writer)?;
    progress.loaded();
    let signing = signing(
        writer.registry(),
        &base,
        session.keys,
        &changeset,
        &entries,
        session.now,
    )?;
    let publication = Publication {
        settings: writer.registry().settings().clone(),
        changeset,
        signing,
        now: session.now,
    };
    publish(writer, &base, &entries, &publication, progress)
}
