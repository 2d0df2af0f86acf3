//! Bytes on disk against their chain, on all cores.

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

/// Which of `chunks` hold in an open file. It is the open file that is checked and later renamed,
/// whatever has its name meanwhile.
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

/// Whether all links hold over a file's bytes, and it has no more: then its SHA-256 is the digest.
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

/// The size of the file at a path, where it is a regular one with the bytes that are wanted.
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

/// The size of an open file, where its bytes are those that are wanted.
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
    // A chain may be wrong where the bytes are right.
    let holds = holds || hash(file, size, watch)?.finish().digest() == wanted.digest;
    Ok(holds.then_some(size))
}

/// An observer of work that is no progress.
pub(crate) struct Quiet<'a>(pub(crate) &'a dyn Observer);

impl Observer for Quiet<'_> {
    fn advance(&self, _bytes: u64) {}

    fn is_cancelled(&self) -> bool {
        self.0.is_cancelled()
    }
}
