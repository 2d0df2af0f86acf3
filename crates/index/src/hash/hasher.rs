//! Hashes files, and verifies them by their chains, on all cores (`spec/digest-chain.md`).
//!
//! A chain is computed sequentially within a file, and many files are hashed at once. Verification is
//! parallel within the file. Bytes are mapped, or read if mapping fails or is unsafe: on network file
//! systems a lost connection would be a signal, not an error.

use sreg_model::fault::Code;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;

use crate::chain::{CHUNK, Chain, ChainBuilder};
use crate::hash::mmap::{Mapping, Truncated};
use crate::stamp::Stamp;

/// How the bytes of a file are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IoMode {
    /// [`IoMode::Mmap`] on local file systems, [`IoMode::Read`] on others or if mapping fails.
    #[default]
    Auto,
    /// Map the file, and fail if that is impossible.
    Mmap,
    /// Read the file into buffers.
    Read,
}

/// Observes long work, and can stop it.
pub trait Observer: Sync {
    /// Called with a number of bytes that will be read, once it is known.
    fn expect(&self, _bytes: u64) {}
    /// Called with a number of bytes that were processed.
    fn advance(&self, bytes: u64);
    /// Returns whether to stop.
    fn is_cancelled(&self) -> bool;
}

/// An observer that does nothing.
#[derive(Debug, Clone, Copy)]
pub struct Unobserved;

impl Observer for Unobserved {
    fn advance(&self, _bytes: u64) {}

    fn is_cancelled(&self) -> bool {
        false
    }
}

/// Why a file could not be hashed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HashError {
    /// The file cannot be opened or read.
    #[error("cannot read {path}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file was written, truncated or replaced while it was read.
    #[error("{path} changed while it was read", path = path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The observer asked to stop.
    #[error("interrupted")]
    Cancelled,
}

impl HashError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Io { .. } => Code::Unreadable,
            Self::Changed { .. } => Code::FileChanged,
            Self::Cancelled => Code::Interrupted,
        }
    }
}

/// A file's chain, and its stamp.
#[derive(Debug, Clone)]
pub struct Hashed {
    /// The chain, which ends in the digest.
    pub chain: Chain,
    /// The stamp after the file was read. The content did not change while it was read.
    pub stamp: Stamp,
}

/// Computes the digest and the chain of a file in one pass.
///
/// # Errors
/// `Changed` if the file's stamp changed or the file lost bytes; `Cancelled` if the observer stopped it;
/// `Io` otherwise.
pub fn hash(path: &Path, mode: IoMode, observer: &dyn Observer) -> Result<Hashed, HashError> {
    let file = OpenFile::open(path, mode)?;
    let mut builder = ChainBuilder::default();
    match &file.mapping {
        Some(mapping) => hash_mapped(&file, mapping, &mut builder, observer)?,
        None => hash_read(&file, &mut builder, observer)?,
    }
    let stamp = file.unchanged()?;
    Ok(Hashed {
        chain: builder.finish(),
        stamp,
    })
}

/// The size of the window that is prefetched and released: large enough that the calls cost nothing, and
/// small enough for a cache.
const WINDOW: usize = 2 * CHUNK;

fn hash_mapped(
    file: &OpenFile,
    mapping: &Mapping,
    builder: &mut ChainBuilder,
    observer: &dyn Observer,
) -> Result<(), HashError> {
    let size = file.mapped_size()?;
    let mut start = 0;
    while start < size {
        if observer.is_cancelled() {
            return Err(HashError::Cancelled);
        }
        let window = start..size.min(start + WINDOW);
        mapping.prefetch(window.clone());
        mapping
            .read(window.clone(), |bytes| builder.update(bytes))
            .map_err(|Truncated| file.changed())?;
        mapping.release(window.clone());
        observer.advance(window.len() as u64);
        start = window.end;
    }
    Ok(())
}

fn hash_read(
    file: &OpenFile,
    builder: &mut ChainBuilder,
    observer: &dyn Observer,
) -> Result<(), HashError> {
    let mut buffer = vec![0; WINDOW];
    let mut offset = 0;
    while offset < file.before.size {
        if observer.is_cancelled() {
            return Err(HashError::Cancelled);
        }
        let length = (file.before.size - offset).min(WINDOW as u64);
        let bytes = &mut buffer[..usize::try_from(length).unwrap_or(WINDOW)];
        file.read_exact_at(bytes, offset)?;
        builder.update(bytes);
        observer.advance(length);
        offset += length;
    }
    Ok(())
}

/// Verifies a file against its chain, on all cores. Returns the links that do not hold, ascending,
/// counted from 0. If there are none, the file's SHA-256 is the chain's digest.
///
/// # Errors
/// `Io` if the file cannot be read; `Changed` if it loses bytes meanwhile; `Cancelled` if the observer
/// stopped it. A file of another size fails every link.
pub fn verify(
    path: &Path,
    chain: &Chain,
    mode: IoMode,
    observer: &dyn Observer,
) -> Result<Vec<usize>, HashError> {
    let file = OpenFile::open(path, mode)?;
    if file.before.size != chain.size() {
        return Ok((0..chain.len()).collect());
    }
    let broken: Result<Vec<Option<usize>>, HashError> = (0..chain.len())
        .into_par_iter()
        .map_init(Vec::new, |buffer, link| {
            if observer.is_cancelled() {
                return Err(HashError::Cancelled);
            }
            let (offset, length) = chain.range(link);
            let holds = match &file.mapping {
                Some(mapping) => {
                    let start = usize::try_from(offset).map_err(|_| file.changed())?;
                    let range = start..start + length;
                    mapping.prefetch(range.clone());
                    let holds = mapping
                        .read(range.clone(), |bytes| chain.holds(link, bytes))
                        .map_err(|Truncated| file.changed())?;
                    mapping.release(range);
                    holds
                }
                None => {
                    buffer.resize(length, 0);
                    file.read_exact_at(buffer, offset)?;
                    chain.holds(link, buffer)
                }
            };
            observer.advance(length as u64);
            Ok((!holds).then_some(link))
        })
        .collect();
    // No look at the stamp: what was read is what the links say, whatever came after.
    Ok(broken?.into_iter().flatten().collect())
}

/// A file that is being read.
struct OpenFile<'a> {
    path: &'a Path,
    file: File,
    before: Stamp,
    mapping: Option<Mapping>,
}

impl<'a> OpenFile<'a> {
    fn open(path: &'a Path, mode: IoMode) -> Result<Self, HashError> {
        let error = |source| HashError::Io {
            path: path.to_owned(),
            source,
        };
        let file = sreg_files::open(path).map_err(error)?;
        let before = Stamp::of(&file.metadata().map_err(error)?);
        let mapping = match mode {
            _ if before.size == 0 => None,
            IoMode::Read => None,
            IoMode::Mmap => Some(Mapping::new(&file, before.size).map_err(error)?),
            IoMode::Auto if is_remote(&file) => None,
            IoMode::Auto => Mapping::new(&file, before.size)
                .inspect_err(|error| {
                    tracing::debug!(path = %path.display(), %error, "it is read, as it cannot be mapped");
                })
                .ok(),
        };
        if mapping.is_none() {
            // Advice only.
            let _ = rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::Sequential);
        }
        Ok(Self {
            path,
            file,
            before,
            mapping,
        })
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<(), HashError> {
        self.file
            .read_exact_at(buffer, offset)
            .map_err(|source| match source.kind() {
                io::ErrorKind::UnexpectedEof => self.changed(),
                _ => HashError::Io {
                    path: self.path.to_owned(),
                    source,
                },
            })
    }

    fn mapped_size(&self) -> Result<usize, HashError> {
        usize::try_from(self.before.size).map_err(|_| self.changed())
    }

    /// Returns the stamp, if it has not changed.
    fn unchanged(&self) -> Result<Stamp, HashError> {
        let after = self.file.metadata().map_err(|source| HashError::Io {
            path: self.path.to_owned(),
            source,
        })?;
        let after = Stamp::of(&after);
        if after.has_same_content(&self.before) {
            Ok(after)
        } else {
            Err(self.changed())
        }
    }

    fn changed(&self) -> HashError {
        HashError::Changed {
            path: self.path.to_owned(),
        }
    }
}

/// File systems on which a read can fail for reasons outside the machine, by the magic numbers
/// of Linux's `statfs`.
const REMOTE: &[u64] = &[
    0x6969,      // NFS
    0x517b,      // SMB
    0xff53_4d42, // CIFS
    0xfe53_4d42, // SMB2
    0x0bd0_0bd0, // Lustre
    0x4750_4653, // GPFS
    0x1983_0326, // BeeGFS
    0x00c3_6400, // Ceph
    0x5346_414f, // AFS
    0x6b41_4653, // kAFS
    0x7375_7245, // Coda
    0x0102_1997, // 9P
    0x6573_5546, // FUSE
    0x2003_0528, // OrangeFS
    0x7461_636f, // OCFS2
    0x0116_1970, // GFS2
    0xaad7_aaea, // PanFS
];

fn is_remote(file: &File) -> bool {
    // The type of `f_type` differs between platforms; only its low 32 bits are a magic number.
    rustix::fs::fstatfs(file)
        .is_ok_and(|fs| REMOTE.contains(&(u64::try_from(fs.f_type).unwrap_or(0) & 0xffff_ffff)))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::sync::atomic::{AtomicU64, Ordering};

    use sreg_model::Digest;

    use super::*;

    fn file(size: usize) -> (tempfile::NamedTempFile, Vec<u8>) {
        let bytes: Vec<u8> = (0..size)
            .map(|i| (i ^ (i >> 8) ^ (i >> 16) ^ (i >> 20)).to_le_bytes()[0])
            .collect();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        (file, bytes)
    }

    #[test]
    fn both_ways_of_reading_agree() {
        for size in [0, 1, CHUNK - 1, CHUNK, 5 * CHUNK + 7] {
            let (file, bytes) = file(size);
            for mode in [IoMode::Auto, IoMode::Mmap, IoMode::Read] {
                let hashed = hash(file.path(), mode, &Unobserved).unwrap();
                assert_eq!(hashed.chain.digest(), Digest::of(&bytes), "{size} {mode:?}");
                assert!(
                    verify(file.path(), &hashed.chain, mode, &Unobserved)
                        .unwrap()
                        .is_empty()
                );
            }
        }
    }

    #[test]
    fn a_changed_byte_is_found_in_its_link() {
        let (file, _) = file(3 * CHUNK);
        let chain = hash(file.path(), IoMode::Auto, &Unobserved).unwrap().chain;
        file.as_file()
            .write_all_at(b"\xff\xff", 2 * CHUNK as u64 - 1)
            .unwrap();
        for mode in [IoMode::Mmap, IoMode::Read] {
            assert_eq!(
                verify(file.path(), &chain, mode, &Unobserved).unwrap(),
                [1, 2]
            );
        }
        file.as_file().set_len(1).unwrap();
        assert_eq!(
            verify(file.path(), &chain, IoMode::Auto, &Unobserved).unwrap(),
            [0, 1, 2, 3]
        );
    }

    /// Truncates the file when half of it is hashed.
    struct Truncating<'a> {
        file: &'a File,
        done: AtomicU64,
    }

    impl Observer for Truncating<'_> {
        fn advance(&self, bytes: u64) {
            if self.done.fetch_add(bytes, Ordering::Relaxed) == 0 {
                self.file.set_len(100).unwrap();
            }
        }
        fn is_cancelled(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_file_that_shrinks_is_named() {
        for mode in [IoMode::Mmap, IoMode::Read] {
            let (file, _) = file(8 * CHUNK);
            let observer = Truncating {
                file: file.as_file(),
                done: AtomicU64::new(0),
            };
            let error = hash(file.path(), mode, &observer).unwrap_err();
            assert_eq!(error.code(), "file-changed");
            assert!(error.to_string().contains(file.path().to_str().unwrap()));
        }
    }

    /// Writes into the file while it is hashed, without a change of its size.
    struct Writing<'a>(&'a File);

    impl Observer for Writing<'_> {
        fn advance(&self, _bytes: u64) {
            // Time stamps move in ticks.
            std::thread::sleep(std::time::Duration::from_millis(20));
            self.0.write_all_at(b"changed", 0).unwrap();
        }
        fn is_cancelled(&self) -> bool {
            false
        }
    }

    #[test]
    fn a_file_that_is_written_meanwhile_is_named() {
        let (file, _) = file(2 * CHUNK);
        let error = hash(file.path(), IoMode::Auto, &Writing(file.as_file())).unwrap_err();
        assert_eq!(error.code(), "file-changed");
    }

    #[test]
    fn a_missing_file_is_named() {
        let error = hash(
            Path::new("/nonexistent/image.sif"),
            IoMode::Auto,
            &Unobserved,
        )
        .unwrap_err();
        assert_eq!(error.code(), "unreadable");
        assert!(error.to_string().contains("/nonexistent/image.sif"));
    }
}
