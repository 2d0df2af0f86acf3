//! Faults of files that cannot be published.

use std::path::{Path, PathBuf};

use sreg_model::fault::Code;

/// A fault of a file or folder that cannot be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFault {
    /// The fault word in `spec/cli.md`.
    pub code: Code,
    /// The file or folder.
    pub path: PathBuf,
    /// The fault, and what to do.
    pub message: String,
}

impl SourceFault {
    /// Returns the fault of a file or folder.
    #[must_use]
    pub fn new(code: Code, path: &Path, message: impl Into<String>) -> Self {
        Self {
            code,
            path: path.to_owned(),
            message: message.into(),
        }
    }
}
