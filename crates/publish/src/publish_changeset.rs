//! Publishes a whole changeset at once: for tests and tools, which bring images and chains themselves.

use sreg_model::settings::Settings;
use sreg_registry::RegistryError;

use crate::changeset::Changeset;
use crate::commit::{Published, publish};
use crate::destination::Destination;
use crate::recover::recover;
use crate::session::Session;
use crate::signing::signing;
use crate::version::Publication;

/// Publishes `changeset` into a registry, which is made where it is absent. Images and chains that it
/// names are put there by the caller. In a registry with keys, the keys of the session sign.
///
/// # Errors
/// When the registry cannot be read or written, a name collides with another, something cannot be
/// signed as trust asks, or the run is stopped. What was published before is then still there,
/// whole.
pub fn publish_changeset(
    destination: &Destination,
    session: &Session<'_>,
    changeset: Changeset,
) -> Result<Published, RegistryError> {
    let progress = session.progress;
    let mut writer = destination.open(&Settings::default(), progress)?;
    let writer = &mut *writer;
    let base = recover(writer, progress)?;
    let lines = base.lines(writer)?;
    progress.loaded();
    let signing = signing(
        writer.registry(),
        &base,
        session.keys,
        &changeset,
        &lines,
        session.now,
    )?;
    let publication = Publication {
        settings: writer.registry().settings().clone(),
        changeset,
        signing,
        now: session.now,
    };
    publish(writer, &base, &lines, &publication, progress)
}
