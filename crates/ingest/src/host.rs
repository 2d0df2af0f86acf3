//! The requirements of the registry's host (`spec/layout.md`).

use crate::error::IngestError;
use sreg_model::settings::Settings;
use sreg_model::statement::Subject;
use sreg_registry::Registry;
use sreg_registry::RegistryError;
use sreg_registry::derive::{self, Entries};
use sreg_views::host;

/// Refuses to overwrite a foreign file with the one for a host.
pub(crate) fn check_file(registry: &Registry, settings: &Settings) -> Result<(), IngestError> {
    let known = registry.settings().host.and_then(host::file);
    let wanted = settings.host.and_then(host::file);
    let Some(view) = wanted.filter(|view| known.as_ref() != Some(view)) else {
        return Ok(());
    };
    match derive::read(registry, &view.place, derive::stored(&view).len()) {
        Err(RegistryError::Missing { .. }) => Ok(()),
        Ok(found) if found == *derive::stored(&view) => Ok(()),
        Ok(_) => Err(IngestError::InTheWay(registry.path(&view.place))),
        Err(error) => Err(error.into()),
    }
}

/// Returns the images that are too large for the host and are not stored elsewhere, with their sizes: of
/// those `present` in the source, and of those that remain without it.
pub(crate) fn too_large(
    settings: &Settings,
    entries: &Entries,
    present: impl Iterator<Item = (Subject, u64)>,
    kept: &[Subject],
) -> Vec<(Subject, u64)> {
    let elsewhere = settings.blob_url.is_some();
    let Some(most) = settings
        .host
        .filter(|_| !elsewhere)
        .and_then(host::largest_file)
    else {
        return Vec::new();
    };
    let size = |subject: &Subject| {
        let keys = entries.get(subject.repository.namespace())?;
        let key = format!("{}:{}", subject.repository.name(), subject.tag);
        let line = keys
            .get(&key)?
            .iter()
            .find(|line| line.arch == subject.arch)?;
        Some((subject.clone(), line.image.as_ref()?.size))
    };
    present
        .chain(kept.iter().filter_map(size))
        .filter(|(_, size)| *size > most)
        .collect()
}
