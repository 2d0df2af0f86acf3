//! A download to a partial file, until its rename.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use sreg_index::Chain;
use sreg_index::chain::CHUNK;
use sreg_index::hasher::Observer;

use crate::fetch::check::{self, Quiet};
use crate::fetch::chunks::Chunks;
use crate::fetch::disk::{self, Flusher};
use crate::fetch::error::{Fault, SourceFault};
use crate::fetch::part_file::PartFile;
use crate::fetch::whole_file::{Flat, Prefix};
use crate::fetch::workers::{Output, WorkerPool};
use crate::fetch::{FetchError, Fetched, Options, Source, Wanted, Warning};

/// The minimal interval of journal writes.
const EVERY: Duration = Duration::from_millis(300);
/// How often to download chunks again that the disk returns wrong.
const ROUNDS: usize = 3;

/// Downloads the missing chunks of a partial file, verifies all of it, and renames it to its target.
pub(crate) fn fetch_into(
    mut part: PartFile,
    wanted: &Wanted,
    sources: &[Source],
    options: &Options,
    watch: &dyn Observer,
) -> Result<Fetched, FetchError> {
    if wanted.chain.is_some() && wanted.usable_chain().is_none() {
        return in_spite_of_the_chain(part, wanted, sources, options, watch, Vec::new());
    }
    let Some(chain) = wanted.usable_chain() else {
        return flat(part, wanted, sources, options, watch);
    };
    let held = check_hint(&part, chain, watch)?;
    part.remember(&held)?;
    part.reserve(chain.size())?;
    let resumed = bytes_of(chain, &held);
    watch.expect(chain.size() - resumed);
    let (mut done, mut warnings) = (held, Vec::new());
    for round in 1.. {
        let flusher = Flusher::start(part.file());
        if done.count() < done.length() {
            let faults = chunks(&mut part, chain, sources, options, watch, &mut done)?;
            if done.count() < done.length() {
                let broken = faults
                    .iter()
                    .any(|fault| matches!(fault.fault, Fault::Chunk(_)));
                return match broken {
                    true => in_spite_of_the_chain(part, wanted, sources, options, watch, faults),
                    false => Err(FetchError::of(wanted.digest, faults)),
                };
            }
            warnings.extend(faults.into_iter().map(Warning::Left));
        }
        // In any case, the bytes on disk decide.
        flusher.flush();
        let found = check::held(part.file(), chain, &done, &Quiet(watch));
        let found = found.and_then(|found| flusher.end().map(|()| found));
        let found = found.map_err(FetchError::write(part.path()))?;
        let is_whole = found.count() == found.length();
        done = found;
        if is_whole {
            break;
        }
        part.remember_if_possible(&done);
        if round == ROUNDS {
            let error = io::Error::new(io::ErrorKind::InvalidData, OTHER_BYTES);
            return Err(FetchError::write(part.path())(error));
        }
    }
    part.settle(options.executable)?;
    Ok(Fetched {
        size: chain.size(),
        resumed,
        warnings,
    })
}

const OTHER_BYTES: &str = "the file system returns other bytes than were written";

/// Returns the valid chunks on disk, out of those that an earlier run reported complete.
fn check_hint(part: &PartFile, chain: &Chain, watch: &dyn Observer) -> Result<Chunks, FetchError> {
    let hint = Chunks::of(chain.len(), part.hint());
    let mut held = check::held(part.file(), chain, &hint, &Quiet(watch))
        .map_err(FetchError::write(part.path()))?;
    let last = chain.len() - 1;
    if chain.range(last).1 == 0 {
        held.insert(last);
    }
    Ok(held)
}

fn bytes_of(chain: &Chain, chunks: &Chunks) -> u64 {
    (0..chunks.length())
        .filter(|chunk| chunks.contains(*chunk))
        .map(|chunk| chain.range(chunk).1 as u64)
        .sum()
}

/// Downloads the missing chunks in parallel. Returns the faults of sources.
fn chunks(
    part: &mut PartFile,
    chain: &Arc<Chain>,
    sources: &[Source],
    options: &Options,
    watch: &dyn Observer,
    done: &mut Chunks,
) -> Result<Vec<SourceFault>, FetchError> {
    let output = Output::File(Mutex::new(Arc::clone(part.file())));
    let crew = WorkerPool::new(chain, sources, options, done.clone(), output);
    let failed = FetchError::write(part.path());
    let mut written = Instant::now();
    let ended = crew.run(
        watch,
        &mut |_| {
            if written.elapsed() >= EVERY {
                part.remember_if_possible(&crew.done());
                written = Instant::now();
            }
            Ok(())
        },
        &failed,
    );
    *done = crew.done();
    part.remember_if_possible(done);
    ended?;
    Ok(crew.take_faults())
}

/// Downloads an image without a digest chain, and resumes.
fn flat(
    mut part: PartFile,
    wanted: &Wanted,
    sources: &[Source],
    options: &Options,
    watch: &dyn Observer,
) -> Result<Fetched, FetchError> {
    let failed = FetchError::write(part.path());
    let there = part.file().metadata().map_err(&failed)?.len();
    // Only a prefix is useful.
    let first = part.hint().first().filter(|range| range.start == 0);
    let length = first.map_or(0, |range| range.end.saturating_mul(CHUNK as u64));
    let length = length.min(there).min(wanted.size.unwrap_or(u64::MAX));
    let builder = check::hash(part.file(), length, watch).map_err(&failed)?;
    part.remember(&start(length))?;
    match wanted.size {
        Some(size) => part.reserve(size)?,
        None if part.hint().is_empty() => part.file().set_len(0).map_err(&failed)?,
        None => {}
    }
    if let Some(size) = wanted.size {
        watch.expect(size - length);
    }
    let file = Arc::clone(part.file());
    let reading = Flat {
        digest: wanted.digest,
        size: wanted.size,
        sources,
        options,
        file: &file,
    };
    let flusher = Flusher::start(&file);
    let mut reached = length;
    let mut written = Instant::now();
    let ended = reading.run(
        Prefix { builder, length },
        watch,
        &mut |length| {
            reached = length;
            if written.elapsed() >= EVERY {
                part.remember_if_possible(&start(reached));
                written = Instant::now();
            }
            Ok(())
        },
        &failed,
    );
    part.remember_if_possible(&start(reached));
    let read = ended?;
    let Some(chain) = read.chain else {
        return Err(FetchError::of(wanted.digest, read.faults));
    };
    part.file().set_len(chain.size()).map_err(&failed)?;
    flusher.flush();
    if !check::is_whole(part.file(), &chain, &Quiet(watch)).map_err(&failed)? {
        let error = io::Error::new(io::ErrorKind::InvalidData, OTHER_BYTES);
        return Err(failed(error));
    }
    flusher.end().map_err(&failed)?;
    part.settle(options.executable)?;
    Ok(Fetched {
        size: chain.size(),
        resumed: length,
        warnings: read.faults.into_iter().map(Warning::Left).collect(),
    })
}

/// Returns the complete chunks of the first `length` bytes.
fn start(length: u64) -> Chunks {
    let chunks = length / CHUNK as u64;
    Chunks::none(usize::try_from(chunks).unwrap_or(usize::MAX)).others()
}

/// Downloads an image as a whole from the sources with invalid chunks, because the digest chain itself may be
/// wrong. Chunks that were downloaded remain until this is known.
fn in_spite_of_the_chain(
    part: PartFile,
    wanted: &Wanted,
    sources: &[Source],
    options: &Options,
    watch: &dyn Observer,
    left: Vec<SourceFault>,
) -> Result<Fetched, FetchError> {
    let is_broken = |source: &&Source| {
        let name = source.name();
        left.is_empty()
            || left
                .iter()
                .any(|fault| fault.source_name == name && matches!(fault.fault, Fault::Chunk(_)))
    };
    let sources: Vec<Source> = sources.iter().filter(is_broken).cloned().collect();
    let target = part.target().to_owned();
    let failed = FetchError::write(&target);
    let whole = disk::beside(&target).map_err(&failed)?;
    let size = wanted.size.unwrap_or(0);
    match disk::check_room(whole.path(), whole.as_file(), size) {
        Err(FetchError::NoRoom { .. }) if !left.is_empty() => {
            // More space would probably show the same.
            return Err(FetchError::of(wanted.digest, left));
        }
        room => room?,
    }
    let file = Arc::new(whole.as_file().try_clone().map_err(&failed)?);
    let reading = Flat {
        digest: wanted.digest,
        size: wanted.size,
        sources: &sources,
        options,
        file: &file,
    };
    let read = reading.run(Prefix::default(), &Quiet(watch), &mut |_| Ok(()), &failed)?;
    let Some(chain) = read.chain else {
        let mut faults = left;
        faults.extend(read.faults);
        return Err(FetchError::of(wanted.digest, faults));
    };
    file.set_len(chain.size()).map_err(&failed)?;
    if !check::is_whole(&file, &chain, &Quiet(watch)).map_err(&failed)? {
        let error = io::Error::new(io::ErrorKind::InvalidData, OTHER_BYTES);
        return Err(failed(error));
    }
    disk::settle(&file, whole.path(), &target, options.executable)?;
    // It has another name now.
    let _ = whole.into_temp_path().keep();
    part.discard();
    let mut warnings = vec![Warning::WrongChain(wanted.digest)];
    warnings.extend(read.faults.into_iter().map(Warning::Left));
    Ok(Fetched {
        size: chain.size(),
        resumed: 0,
        warnings,
    })
}
