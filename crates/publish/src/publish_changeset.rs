//! Publishes a whole changeset at once: for tests and tools, which bring images and chains themselves.

use sreg_model::Document;
use sreg_model::head::Head;
use sreg_model::settings::Settings;
use sreg_registry::TreeError;

use crate::changeset::Edition;
use crate::commit::publish;
use crate::destination::Destination;
use crate::progress::Watch;
use crate::recover::recover;
use crate::signing::{Keys, signing};
use crate::version::Publication;

/// Publishes `edition` into a tree, which is made where it is absent. Images and chains that it
/// names are put there by the caller. In a registry with keys, `keys` sign.
///
/// # Errors
/// When the tree cannot be read or written, a name collides with another, something cannot be
/// signed as trust asks, or the run is stopped. What was published before is then still there,
/// whole.
pub fn publish_edition(
    destination: &Destination,
    edition: Edition,
    keys: Option<&Keys<'_>>,
    now: u64,
    watch: &dyn Watch,
) -> Result<Document<Head>, TreeError> {
    let mut writer = destination.open(&Settings::default(), watch)?;
    let writer = &mut *writer;
    let base = recover(writer, watch)?;
    let lines = base.lines(writer)?;
    watch.loaded();
    let signing = signing(writer.tree(), &base, keys, &edition, &lines, now)?;
    let publication = Publication {
        settings: writer.tree().settings().clone(),
        edition,
        signing,
        now,
    };
    publish(writer, &base, &lines, &publication, watch)
}
