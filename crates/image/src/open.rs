//! Opens images: reads their format and architecture from headers only.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::Path;

use flate2::read::MultiGzDecoder;
use sreg_model::image::{ImageError, ImageKind, SNIFF_BYTES, Superblock, sniff};
use sreg_model::sif::{Extra, Filesystem, PartitionType, SifDescriptor, SifHeader};
use sreg_model::{Arch, ImageFormat, SifImage};

use crate::OpenError;

/// The number of bytes of a gzip stream that are read to find a superblock at the start of its content:
/// far more than necessary, unless the stream consists of empty members.
const GZIP_FRONT: u64 = 64 * 1024;

/// An image file whose headers are sound.
#[derive(Debug)]
pub struct Image {
    pub(crate) file: File,
    size: u64,
    pub(crate) layout: Layout,
}

/// The content of the headers.
#[derive(Debug)]
pub(crate) enum Layout {
    Sif(SifImage),
    Squashfs {
        offset: u64,
        superblock: Superblock,
    },
    /// The position of the squashfs in the inflated bytes.
    Gzip {
        offset: u64,
        superblock: Superblock,
    },
}

impl Image {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// [`OpenError`] if the file is not a sound image.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        match sreg_files::open(path) {
            Err(error) if sreg_files::is_not_a_file(&error) => Err(OpenError::NotAFile),
            file => Self::from_file(file.map_err(OpenError::Read)?),
        }
    }

    /// Opens an image in a file that is open for reading. Does not change the position of the file:
    /// reads are at offsets.
    ///
    /// # Errors
    /// As [`Image::open`].
    pub fn from_file(file: File) -> Result<Self, OpenError> {
        let metadata = file.metadata().map_err(OpenError::Read)?;
        if !metadata.is_file() {
            return Err(OpenError::NotAFile);
        }
        let size = metadata.len();
        let front = read_up_to(&file, 0, SNIFF_BYTES).map_err(OpenError::Read)?;
        let layout = match sniff(&front, size)? {
            ImageKind::Sif => Layout::Sif(read_sif(&file, &front, size)?),
            ImageKind::Squashfs { offset, superblock } => Layout::Squashfs { offset, superblock },
            // Gzip, and whatever kind comes later: it must hold what this version knows.
            _ => look_inside(&file)?,
        };
        Ok(Self { file, size, layout })
    }

    /// Returns the format for publication.
    #[must_use]
    pub fn format(&self) -> ImageFormat {
        match self.layout {
            Layout::Sif(_) => ImageFormat::Sif,
            Layout::Squashfs { .. } => ImageFormat::Squashfs,
            Layout::Gzip { .. } => ImageFormat::SquashfsGzip,
        }
    }

    /// Returns the architecture; a bare squashfs does not state it.
    #[must_use]
    pub fn arch(&self) -> Arch {
        self.sif().map_or(Arch::Unknown, SifImage::arch)
    }

    /// Returns whether the primary partition of a SIF has a word instead of an architecture code, so
    /// that the header's architecture is valid.
    #[must_use]
    pub fn has_word_as_arch(&self) -> bool {
        self.sif().is_some_and(SifImage::has_word_as_arch)
    }

    /// Returns the size of the file, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns whether runtimes may write into the file while they run it: a SIF with an overlay, or with a
    /// file system that is not read-only.
    #[must_use]
    pub fn is_writable(&self) -> bool {
        let is_writable = |object: &SifDescriptor| {
            matches!(
                object.extra(),
                Extra::Partition {
                    partition: PartitionType::Overlay,
                    ..
                } | Extra::Partition {
                    filesystem: Filesystem::Ext3,
                    ..
                }
            )
        };
        self.sif()
            .is_some_and(|sif| sif.objects().iter().any(is_writable))
    }

    /// Returns the header and objects of a SIF.
    #[must_use]
    pub fn sif(&self) -> Option<&SifImage> {
        match &self.layout {
            Layout::Sif(sif) => Some(sif),
            Layout::Squashfs { .. } | Layout::Gzip { .. } => None,
        }
    }
}

fn read_sif(file: &File, front: &[u8], size: u64) -> Result<SifImage, OpenError> {
    let header = SifHeader::parse(front, size)?;
    let table = header.table();
    // At most `MAX_DESCRIPTORS` of them, and inside the file: the header was checked.
    let length = usize::try_from(table.end - table.start).unwrap_or(usize::MAX);
    let table = read_up_to(file, table.start, length).map_err(OpenError::Read)?;
    Ok(SifImage::parse(header, &table)?)
}

fn look_inside(file: &File) -> Result<Layout, OpenError> {
    let mut front = Vec::new();
    inflate(file, GZIP_FRONT)
        .take(u64::try_from(SNIFF_BYTES).unwrap_or(u64::MAX))
        .read_to_end(&mut front)
        .map_err(OpenError::Gzip)?;
    // How much the stream holds is not known before it is inflated.
    match sniff(&front, u64::MAX).map_err(OpenError::InsideGzip)? {
        ImageKind::Squashfs { offset, superblock } => Ok(Layout::Gzip { offset, superblock }),
        ImageKind::Sif => Err(OpenError::InsideGzip(ImageError::Other(
            "a SIF, which is published as it is",
        ))),
        _ => Err(OpenError::InsideGzip(ImageError::Other("gzip once more"))),
    }
}

/// Returns a reader of the content of the first `length` bytes of a gzipped file.
pub(crate) fn inflate(file: &File, length: u64) -> impl Read {
    MultiGzDecoder::new(io::BufReader::new(At { file, position: 0 }.take(length)))
}

/// A reader with a position of its own, so that several readers can read one [`Image`].
struct At<'a> {
    file: &'a File,
    position: u64,
}

impl Read for At<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.position)?;
        self.position += u64::try_from(read).unwrap_or(u64::MAX);
        Ok(read)
    }
}

/// Reads up to `length` bytes from `offset`, fewer if the file ends before.
pub(crate) fn read_up_to(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while filled < length {
        let at = offset.saturating_add(u64::try_from(filled).unwrap_or(u64::MAX));
        match file.read_at(&mut bytes[filled..], at) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
