//! Why a file of a publisher cannot be published.

use std::path::{Path, PathBuf};

use sreg_model::fault::Code;

/// Why a file or folder of a source cannot be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFault {
    /// The error's word in `spec/cli.md`.
    pub code: Code,
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it, and what to do.
    pub message: String,
}

impl SourceFault {
    /// Returns a fault of the file or folder at `path`.
    #[must_use]
    pub fn new(code: Code, path: &Path, message: impl Into<String>) -> Self {
        Self {
            code,
            path: path.to_owned(),
            message: message.into(),
        }
    }
}
