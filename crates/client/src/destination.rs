//! The destination of a pulled image.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};

/// The destination of a pulled image.
pub enum Destination<'a> {
    /// Into a file.
    File {
        /// The file.
        path: PathBuf,
        /// Whether to replace an existing file that differs.
        replace: bool,
    },
    /// To a writer, after the whole image is verified in a temporary file.
    Spool {
        /// The folder of the temporary file.
        folder: PathBuf,
        /// The writer.
        to: &'a mut dyn Write,
    },
    /// To a writer, each part once it is verified. The whole image is verified only if the pull succeeds.
    Stream {
        /// The writer.
        to: &'a mut dyn Write,
    },
}

impl Destination<'_> {
    /// Returns the file for an image: `out`, or `name` in it if it is a folder, or `name` in the working folder.
    #[must_use]
    pub fn file_for(out: Option<&Path>, name: &str) -> PathBuf {
        match out {
            None => PathBuf::from(name),
            Some(path) if path.is_dir() => path.join(name),
            Some(path) => path.to_owned(),
        }
    }
}

impl fmt::Debug for Destination<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, replace } => f
                .debug_struct("File")
                .field("path", path)
                .field("replace", replace)
                .finish(),
            Self::Spool { folder, .. } => f
                .debug_struct("Spool")
                .field("folder", folder)
                .finish_non_exhaustive(),
            Self::Stream { .. } => f.debug_struct("Stream").finish_non_exhaustive(),
        }
    }
}
