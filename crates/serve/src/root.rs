//! The served folder. The kernel keeps each open inside it (`openat2`): a symbolic link may lead from
//! one file of the registry to another, and never out, even if somebody swaps it meanwhile.

use std::fs::{File, Metadata};
use std::io::{self, IoSliceMut};
use std::os::unix::fs::FileExt as _;
use std::path::Path;

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
use rustix::io::{Errno, ReadWriteFlags};

use crate::error::ServeError;

/// The maximal number of retries of an open that collides with a rename.
const TRIES: usize = 64;

/// The folder, kept open. If it is moved, the opened folder is still served.
#[derive(Debug)]
pub(crate) struct Root(File);

/// Whether a lookup may wait for a disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// It may, on a thread that may block.
    Allowed,
    /// It may not: if the data are not in memory, the error is `WouldBlock`.
    Never,
}

impl Wait {
    /// Reads into a buffer at an offset. Returns the number of bytes.
    pub(crate) fn read_at(self, file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        match self {
            Self::Allowed => file.read_at(buffer, offset),
            Self::Never => {
                let buffers = &mut [IoSliceMut::new(buffer)];
                match rustix::io::preadv2(file, buffers, offset, ReadWriteFlags::NOWAIT) {
                    // File systems that cannot promise it.
                    Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                        Err(io::ErrorKind::WouldBlock.into())
                    }
                    read => Ok(read?),
                }
            }
        }
    }
}

/// The entry at a path.
#[derive(Debug)]
pub(crate) enum Entry {
    /// A regular file, open.
    File(File, Metadata),
    /// A folder.
    Folder,
    /// No served file.
    Nothing,
}

impl Root {
    /// Opens the folder at `path`, and checks that the kernel supports `openat2`.
    pub(crate) fn open(path: &Path) -> Result<Self, ServeError> {
        let failed = |source| ServeError::Folder {
            path: path.to_owned(),
            source,
        };
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
        let folder = rustix::fs::open(path, flags, Mode::empty());
        let root = Self(folder.map_err(|error| failed(error.into()))?.into());
        match root.open_below(".", Wait::Allowed) {
            // Sandboxes that do not know a call answer that it is not permitted.
            Err(Errno::NOSYS | Errno::PERM) => Err(ServeError::Kernel),
            Err(error) => Err(failed(error.into())),
            Ok(_) => Ok(root),
        }
    }

    /// Opens the entry at a path relative to the root.
    ///
    /// # Errors
    /// `WouldBlock` if it may not wait but would have to; otherwise the error of the file system.
    pub(crate) fn entry(&self, path: &str, wait: Wait) -> io::Result<Entry> {
        let file = match self.open_below(path, wait) {
            Ok(file) => file,
            Err(Errno::AGAIN | Errno::INVAL) if wait == Wait::Never => {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            // A socket or a device without a driver is nothing that can be opened; a link that
            // leads out, back to itself or nowhere is no file either.
            Err(
                Errno::NOENT
                | Errno::NOTDIR
                | Errno::NAMETOOLONG
                | Errno::LOOP
                | Errno::XDEV
                | Errno::NXIO
                | Errno::NODEV
                | Errno::INVAL,
            ) => return Ok(Entry::Nothing),
            Err(error) => return Err(error.into()),
        };
        let metadata = file.metadata()?;
        Ok(if metadata.is_file() {
            Entry::File(file, metadata)
        } else if metadata.is_dir() {
            Entry::Folder
        } else {
            Entry::Nothing
        })
    }

    fn open_below(&self, path: &str, wait: Wait) -> Result<File, Errno> {
        // A pipe that nobody writes to would keep an open waiting without NONBLOCK.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK | OFlags::NOCTTY;
        let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let mut tries = 0;
        if wait == Wait::Never {
            resolve |= ResolveFlags::CACHED;
            tries = TRIES;
        }
        loop {
            match openat2(&self.0, path, flags, Mode::empty(), resolve) {
                // The kernel could not rule out that a rename led the open out.
                Err(Errno::AGAIN) if tries < TRIES => tries += 1,
                Err(Errno::INTR) => {}
                opened => return opened.map(File::from),
            }
        }
    }
}

/// Returns whether an error means that open files or memory are exhausted at the moment.
pub(crate) fn is_short(error: &io::Error) -> bool {
    matches!(
        Errno::from_io_error(error),
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM | Errno::NOBUFS | Errno::AGAIN)
    )
}
