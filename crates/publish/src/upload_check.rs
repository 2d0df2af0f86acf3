//! Checks uploads, and whether a file is already stored.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::Path;

use sreg_index::Chain;
use sreg_index::chain::CHUNK;
use sreg_index::hasher::Observer;
use sreg_index::stamp::Stamp;
use sreg_model::layout::Place;
use sreg_registry::Registry;
use sreg_store::retry;

use crate::error::PublishError;
use crate::link::LinkMode;
use crate::writer::Writer;
use sreg_registry::RegistryError;

/// One of this many chunks is read back after an upload.
const SAMPLE: usize = 64;
/// Files of at most this many chunks are read back completely.
const SMALL: usize = 8;

/// Uploads a file unless it exists, and checks the upload. Returns whether it was uploaded. In a folder, puts
/// it there by `link`. Does not look for a file that `is_absent`.
pub(crate) fn ensure_uploaded(
    writer: &dyn Writer,
    place: &Place,
    file: &Path,
    (stamp, chain): (&Stamp, &Chain),
    (link, is_absent): (LinkMode, bool),
    observer: &dyn Observer,
) -> Result<bool, PublishError> {
    if !is_absent && is_uploaded(writer.registry(), place, chain)? {
        observer.advance(stamp.size);
        return Ok(false);
    }
    writer.put_file(place, file, stamp, link, observer)?;
    match has_samples(writer.registry(), place, chain)? {
        true => Ok(true),
        false => Err(RegistryError::Mismatch {
            path: writer.registry().path(place),
            what: "the stored object differs from what was sent".to_owned(),
        }
        .into()),
    }
}

/// Returns whether a file is stored, judged by its size and some chunks, which are read back.
pub(crate) fn is_uploaded(
    registry: &Registry,
    place: &Place,
    chain: &Chain,
) -> Result<bool, PublishError> {
    match registry.size(place) {
        Err(RegistryError::Missing { .. }) => return Ok(false),
        Err(error) => return Err(error.into()),
        Ok(size) if size != chain.size() => return Ok(false),
        Ok(_) => {}
    }
    has_samples(registry, place, chain)
}

/// Returns whether some chunks of a file match the digest chain, and nothing follows the last one.
fn has_samples(registry: &Registry, place: &Place, chain: &Chain) -> Result<bool, PublishError> {
    for links in samples(chain) {
        let (start, _) = chain.range(links.start);
        let (last, length) = chain.range(links.end - 1);
        let end = last + length as u64;
        // One extra byte detects a longer file.
        let more = u64::from(links.end == chain.len());
        let bytes = read_bytes(registry, place, start..end + more)?;
        let is_right = bytes.len() as u64 == end - start
            && links
                .clone()
                .zip(bytes.chunks(CHUNK))
                .all(|(link, bytes)| chain.holds(link, bytes));
        if !is_right {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns the ranges of chunks to read back: all of a small file; the first, the last, and one of each
/// [`SAMPLE`] of a large one.
fn samples(chain: &Chain) -> Vec<Range<usize>> {
    if chain.len() <= SMALL {
        return std::iter::once(0..chain.len()).collect();
    }
    let scatter = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| now.subsec_nanos() as usize);
    let last = chain.len() - 1;
    let some = (0..chain.len()).step_by(SAMPLE);
    let some = some.map(|start| (start + scatter % SAMPLE).min(last));
    let links: BTreeSet<usize> = some.chain([0, last]).collect();
    links.into_iter().map(|link| link..link + 1).collect()
}

fn read_bytes(
    registry: &Registry,
    place: &Place,
    range: Range<u64>,
) -> Result<Vec<u8>, PublishError> {
    let mut bytes = Vec::new();
    let key = place.to_string();
    retry::read_range(&**registry.store(), &key, range, &mut |part| {
        bytes.extend_from_slice(part);
        Ok(())
    })?;
    Ok(bytes)
}
