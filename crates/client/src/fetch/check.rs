//! Checks bytes on disk against their digest chain, on all cores.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rayon::prelude::*;
use sreg_index::Chain;
use sreg_index::chain::{CHUNK, ChainBuilder};
use sreg_index::hasher::Observer;

use crate::fetch::Wanted;
use crate::fetch::chunks::Chunks;

/// Returns which of `chunks` are valid in an open file. The open file is checked and later renamed, even if
/// its name changes meanwhile.
pub(crate) fn held(
    file: &File,
    chain: &Chain,
    chunks: &Chunks,
    watch: &dyn Observer,
) -> io::Result<Chunks> {
    let asked: Vec<usize> = (0..chunks.length())
        .filter(|chunk| chunks.contains(*chunk))
        .collect();
    let found: io::Result<Vec<Option<usize>>> = asked
        .into_par_iter()
        .map_init(Vec::new, |buffer: &mut Vec<u8>, chunk| {
            if watch.is_cancelled() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let (offset, length) = chain.range(chunk);
            buffer.resize(length, 0);
            match file.read_exact_at(buffer, offset) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
                read => read.map(|()| chain.holds(chunk, buffer).then_some(chunk)),
            }
        })
        .collect();
    let mut held = Chunks::none(chunks.length());
    for chunk in found?.into_iter().flatten() {
        held.insert(chunk);
    }
    Ok(held)
}

/// Returns whether a file's bytes match the whole digest chain, without further bytes: then its SHA-256 is
/// the digest.
pub(crate) fn is_whole(file: &File, chain: &Chain, watch: &dyn Observer) -> io::Result<bool> {
    if file.metadata()?.len() != chain.size() {
        return Ok(false);
    }
    let all = Chunks::none(chain.len()).others();
    Ok(held(file, chain, &all, watch)? == all)
}

/// Hashes the first `length` bytes of a file.
pub(crate) fn hash(file: &File, length: u64, watch: &dyn Observer) -> io::Result<ChainBuilder> {
    let (mut builder, mut buffer, mut at) = (ChainBuilder::default(), vec![0; CHUNK], 0);
    while at < length {
        if watch.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let take = usize::try_from(length - at).map_or(CHUNK, |left| left.min(CHUNK));
        file.read_exact_at(&mut buffer[..take], at)?;
        builder.update(&buffer[..take]);
        at += take as u64;
    }
    Ok(builder)
}

/// Returns the size of the file at a path, if it is a regular file with the wanted bytes.
pub(crate) fn find(path: &Path, wanted: &Wanted, watch: &dyn Observer) -> io::Result<Option<u64>> {
    let is_file = std::fs::symlink_metadata(path).is_ok_and(|found| found.is_file());
    if !is_file {
        return Ok(None);
    }
    let file = match sreg_files::open(path) {
        Err(error) if sreg_files::is_absent(&error) => return Ok(None),
        file => file?,
    };
    is_wanted(&file, wanted, watch)
}

/// Returns the size of an open file, if it has the wanted bytes.
pub(crate) fn is_wanted(
    file: &File,
    wanted: &Wanted,
    watch: &dyn Observer,
) -> io::Result<Option<u64>> {
    let size = file.metadata()?.len();
    if wanted.size.is_some_and(|wanted| wanted != size) {
        return Ok(None);
    }
    let holds = match wanted.usable_chain() {
        Some(chain) => is_whole(file, chain, &Quiet(watch))?,
        None => false,
    };
    // The digest chain may be wrong although the bytes are right.
    let holds = holds || hash(file, size, watch)?.finish().digest() == wanted.digest;
    Ok(holds.then_some(size))
}

/// An observer for work that is not progress.
pub(crate) struct Quiet<'a>(pub(crate) &'a dyn Observer);

impl Observer for Quiet<'_> {
    fn advance(&self, _bytes: u64) {}

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}
