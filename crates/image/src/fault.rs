//! Why a file cannot be opened as an image.

use sreg_model::fault::Code;
use std::io;

use sreg_model::image::ImageError;
use sreg_model::sif::SifError;

/// Why a file cannot be opened as an image. The caller names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The file cannot be opened or read.
    #[error("cannot read the file")]
    Read(#[source] io::Error),
    /// The path is a folder, a device or a pipe.
    #[error("not a regular file")]
    NotAFile,
    /// The file is not an image.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// The file is not a sound SIF.
    #[error(transparent)]
    Sif(#[from] SifError),
    /// The gzip stream is damaged or cut off near its start.
    #[error("the gzip stream is damaged")]
    Gzip(#[source] io::Error),
    /// The content of the gzip stream is not a bare squashfs.
    #[error("inside gzip: {0}")]
    InsideGzip(ImageError),
}

impl OpenError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Read(_) => Code::Unreadable,
            Self::NotAFile => Code::NotAFile,
            Self::Image(error) | Self::InsideGzip(error) => error.code(),
            Self::Sif(error) => error.code(),
            Self::Gzip(_) => Code::GzipDamaged,
        }
    }
}
