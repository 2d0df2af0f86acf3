//! Downloads an image to a pipe instead of a file.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use sreg_index::chain::CHUNK;
use sreg_index::hasher::Observer;

use crate::fetch::check::{self, Quiet};
use crate::fetch::chunks::Chunks;
use crate::fetch::error::{Fault, SourceFault};
use crate::fetch::whole_file::{Flat, Prefix};
use crate::fetch::workers::{Output, WorkerPool};
use crate::fetch::{FetchError, Fetched, Options, Source, Wanted, Warning, disk};

/// How many chunks may be downloaded ahead of the next one to write.
const AHEAD: usize = 48;

/// Downloads an image to an unnamed file in `folder`, verifies all of it, and only then writes it to `out`.
///
/// # Errors
/// As [`crate::fetch::fetch`]; `Write` if `out` fails.
pub fn spool(
    wanted: &Wanted,
    sources: &[Source],
    folder: &Path,
    out: &mut dyn Write,
    options: &Options,
    watch: &dyn Observer,
) -> Result<Fetched, FetchError> {
    let failed = FetchError::write(folder);
    let file = Arc::new(tempfile::tempfile_in(folder).map_err(&failed)?);
    if let Some(size) = wanted.size {
        disk::check_room(folder, &file, size)?;
        disk::reserve(&file, size).map_err(&failed)?;
        watch.expect(size);
    }
    let (mut left, mut chain, mut warnings) = (Vec::new(), None, Vec::new());
    if let Some(given) = wanted.usable_chain() {
        let output = Output::File(Mutex::new(Arc::clone(&file)));
        let crew = WorkerPool::new(given, sources, options, at_start(given), output);
        let is_whole = crew.run(watch, &mut |_| Ok(()), &failed)?;
        left = crew.take_faults();
        if is_whole {
            chain = Some(Arc::clone(given));
        } else if !left.iter().any(is_broken) {
            return Err(FetchError::of(wanted.digest, left));
        }
    }
    if chain.is_none() {
        // The file is temporary: overwrite what was downloaded by the digest chain.
        let reading = Flat {
            digest: wanted.digest,
            size: wanted.size,
            sources,
            options,
            file: &file,
        };
        let read = reading.run(Prefix::default(), watch, &mut |_| Ok(()), &failed)?;
        match read.chain {
            Some(found) => chain = Some(Arc::new(found)),
            None => {
                left.extend(read.faults);
                return Err(FetchError::of(wanted.digest, left));
            }
        }
        if wanted.chain.is_some() {
            warnings.push(Warning::WrongChain(wanted.digest));
        }
        left = read.faults;
    }
    let Some(chain) = chain else {
        return Err(FetchError::of(wanted.digest, left));
    };
    file.set_len(chain.size()).map_err(&failed)?;
    if !check::is_whole(&file, &chain, &Quiet(watch)).map_err(&failed)? {
        let error = io::Error::new(
            io::ErrorKind::InvalidData,
            "returns other bytes than were written",
        );
        return Err(failed(error));
    }
    warnings.extend(left.into_iter().map(Warning::Left));
    copy(&file, chain.size(), out, watch)?;
    Ok(Fetched {
        size: chain.size(),
        resumed: 0,
        warnings,
    })
}

/// Downloads an image and writes each chunk to `out` once it and all chunks before it are valid. The last
/// bytes follow only after the whole digest chain is valid. Without them the earlier bytes are worthless, so
/// on failure the reader of `out` must be told.
///
/// # Errors
/// `Write` if the image has no usable digest chain or `out` fails; `Interrupted` if the observer cancels;
/// otherwise as [`crate::fetch::fetch`].
pub fn stream(
    wanted: &Wanted,
    sources: &[Source],
    out: &mut dyn Write,
    options: &Options,
    watch: &dyn Observer,
) -> Result<Fetched, FetchError> {
    let failed = FetchError::write(Path::new("standard output"));
    let Some(chain) = wanted.usable_chain() else {
        let what = "an image without a digest chain cannot be streamed";
        return Err(failed(io::Error::new(io::ErrorKind::Unsupported, what)));
    };
    watch.expect(chain.size());
    let crew = WorkerPool::new(chain, sources, options, at_start(chain), Output::Hand);
    crew.set_limit(0, AHEAD);
    let (mut next, mut waiting) = (0, BTreeMap::new());
    let ended = crew.run(
        watch,
        &mut |held| {
            waiting.insert(held.chunk, held.bytes);
            while let Some(bytes) = waiting.remove(&next) {
                out.write_all(&bytes).map_err(&failed)?;
                next += 1;
                crew.set_limit(next, AHEAD);
            }
            Ok(())
        },
        &failed,
    );
    let is_whole = ended?;
    let faults = crew.take_faults();
    if !is_whole {
        return Err(FetchError::of(wanted.digest, faults));
    }
    out.flush().map_err(&failed)?;
    Ok(Fetched {
        size: chain.size(),
        resumed: 0,
        warnings: faults.into_iter().map(Warning::Left).collect(),
    })
}

/// Returns the chunks that are complete from the start: an empty last one.
fn at_start(chain: &sreg_index::Chain) -> Chunks {
    let mut done = Chunks::none(chain.len());
    let last = chain.len() - 1;
    if chain.range(last).1 == 0 {
        done.insert(last);
    }
    done
}

fn is_broken(fault: &SourceFault) -> bool {
    matches!(fault.fault, Fault::Chunk(_))
}

fn copy(
    file: &std::fs::File,
    size: u64,
    out: &mut dyn Write,
    watch: &dyn Observer,
) -> Result<(), FetchError> {
    let failed = FetchError::write(Path::new("standard output"));
    let (mut buffer, mut at) = (vec![0; CHUNK], 0);
    while at < size {
        if watch.is_cancelled() {
            return Err(FetchError::Interrupted);
        }
        let take = usize::try_from(size - at).map_or(CHUNK, |left| left.min(CHUNK));
        file.read_exact_at(&mut buffer[..take], at)
            .and_then(|()| out.write_all(&buffer[..take]))
            .map_err(&failed)?;
        at += take as u64;
    }
    out.flush().map_err(failed)
}
