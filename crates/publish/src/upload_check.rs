//! What has arrived in a store, or is there already.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use sreg_index::Chain;
use sreg_index::chain::CHUNK;
use sreg_index::hasher::Observer;
use sreg_index::stamp::Stamp;
use sreg_model::layout::Place;
use sreg_registry::{Registry, RegistryError};
use sreg_store::retry;

use crate::link::LinkMode;
use crate::writer::Writer;

/// Of so many chunks of a file, one is read back once it has arrived.
const SAMPLE: usize = 64;

/// Brings a file to its place, unless it is there, and checks that it arrived: whether it was sent. In a
/// folder it is brought by `link`.
pub(crate) fn ensure_uploaded(
    writer: &dyn Writer,
    place: &Place,
    file: &Path,
    (stamp, chain): (&Stamp, &Chain),
    link: LinkMode,
    observer: &dyn Observer,
) -> Result<bool, RegistryError> {
    if is_uploaded(writer.registry(), place, chain)? {
        observer.advance(stamp.size);
        return Ok(false);
    }
    writer.put_file(place, file, stamp, link, observer)?;
    match is_uploaded(writer.registry(), place, chain)? {
        true => Ok(true),
        false => Err(RegistryError::Mismatch {
            path: writer.registry().path(place),
            what: "what has arrived there is not what was sent".to_owned(),
        }),
    }
}

/// Whether a file is there: its size, and some of its chunks, which are read back.
pub(crate) fn is_uploaded(
    registry: &Registry,
    place: &Place,
    chain: &Chain,
) -> Result<bool, RegistryError> {
    match registry.size(place) {
        Err(RegistryError::Missing { .. }) => return Ok(false),
        Err(error) => return Err(error),
        Ok(size) if size != chain.size() => return Ok(false),
        Ok(_) => {}
    }
    let scatter = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos() as usize);
    let last = chain.len() - 1;
    let some = (0..chain.len()).step_by(SAMPLE);
    let some = some.map(|start| (start + scatter % SAMPLE).min(last));
    let links: BTreeSet<usize> = some.chain([0, last]).collect();
    for link in links {
        let (offset, length) = chain.range(link);
        let bytes = read_chunk(registry, place, offset..offset + length as u64)?;
        if !chain.holds(link, &bytes) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read_chunk(
    registry: &Registry,
    place: &Place,
    range: Range<u64>,
) -> Result<Vec<u8>, RegistryError> {
    let mut bytes = Vec::with_capacity(CHUNK);
    let key = place.to_string();
    retry::read_range(&**registry.store(), &key, range, &mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })?;
    Ok(bytes)
}
