//! Bringing an image to another name: by a link, a reflink, or a copy.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use sreg_index::hasher::Observer;

/// How an image gets into the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LinkMode {
    /// A reflink, else a hard link, else a copy: the first that the file system allows.
    #[default]
    Auto,
    /// A hard link: both names are one file, so changing the source changes what is published.
    Hard,
    /// A copy that shares its blocks until one side is written.
    Reflink,
    /// A copy.
    Copy,
}

impl LinkMode {
    /// The ways to try, in order. An image that runtimes write into is never hard-linked.
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

/// Whether `file` is an image that runtimes write into; what is no image is not.
fn is_writable(file: &Path) -> bool {
    sreg_image::Image::open(file).is_ok_and(|image| image.is_writable())
}

/// The bytes copied between two looks at whether to stop.
const COPY_STEP: u64 = 64 << 20;

pub(crate) fn bring(
    from: &Path,
    to: &Path,
    mode: LinkMode,
    observer: &dyn Observer,
) -> io::Result<()> {
    if mode == LinkMode::Hard {
        // A link to a symbolic link would publish the link.
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
        // The standard library copies between files inside the kernel.
        if io::copy(&mut io::Read::take(&source, COPY_STEP), &mut &target)? == 0 {
            return Ok(());
        }
    }
}
