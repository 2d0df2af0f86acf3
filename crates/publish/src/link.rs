//! Gives an image another name: by a link, a reflink, or a copy.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use sreg_index::hasher::Observer;

/// How to put an image into the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkMode {
    /// A reflink, hard link or copy: the first that the file system supports.
    #[default]
    Auto,
    /// A hard link: changing the source also changes the published file.
    Hard,
    /// A copy that shares its blocks until one side is written.
    Reflink,
    /// A copy.
    Copy,
}

impl LinkMode {
    /// Returns the ways to try, in order. An image that runtimes write to is never hard-linked.
    pub(crate) fn attempts(self, file: &Path) -> &'static [Self] {
        match self {
            Self::Auto if is_writable(file) => &[Self::Reflink, Self::Copy],
            Self::Auto => &[Self::Reflink, Self::Hard, Self::Copy],
            Self::Hard if is_writable(file) => &[Self::Reflink, Self::Copy],
            Self::Hard => &[Self::Hard],
            Self::Reflink => &[Self::Reflink],
            Self::Copy => &[Self::Copy],
        }
    }
}

/// Returns whether `file` is an image that runtimes write to.
fn is_writable(file: &Path) -> bool {
    sreg_image::Image::open(file).is_ok_and(|image| image.is_writable())
}

/// The number of bytes copied between two checks for cancellation.
const COPY_STEP: u64 = 64 << 20;

pub(crate) fn bring(
    from: &Path,
    to: &Path,
    mode: LinkMode,
    observer: &dyn Observer,
) -> io::Result<()> {
    if mode == LinkMode::Hard {
        // Resolve symbolic links, otherwise the link itself would be published.
        return fs::hard_link(fs::canonicalize(from)?, to);
    }
    let source = sreg_files::open(from)?;
    let target = OpenOptions::new().write(true).create_new(true).open(to)?;
    if mode == LinkMode::Reflink {
        return Ok(rustix::fs::ioctl_ficlone(&target, &source)?);
    }
    loop {
        if observer.is_cancelled() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        // The standard library copies between files in the kernel.
        if io::copy(&mut io::Read::take(&source, COPY_STEP), &mut &target)? == 0 {
            return Ok(());
        }
    }
}
