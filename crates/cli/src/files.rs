//! Small files that commands read and write.

use sreg_model::fault::Code;
use std::path::Path;

use sreg_files::{Access, write_atomic};

use crate::error::CommandError;

/// Reads at most `max_bytes + 1` bytes of a file, so that callers can detect one that is too long.
pub(crate) fn read_capped(path: &Path, max_bytes: usize) -> Result<Vec<u8>, CommandError> {
    let failed = |error: std::io::Error| {
        let code = match error.kind() {
            std::io::ErrorKind::NotFound => Code::MissingFile,
            _ if sreg_files::is_not_a_file(&error) => Code::NotAFile,
            _ => Code::Unreadable,
        };
        CommandError::new(code, format!("{} cannot be read: {error}", path.display()))
    };
    sreg_files::read_capped(path, max_bytes).map_err(failed)
}

/// Fails unless an argument names a regular file, or a link to one.
pub(crate) fn check_is_file(path: &Path) -> Result<(), CommandError> {
    let wrong = |code, what: &str| {
        Err(CommandError::new(
            code,
            format!("{}: {what}", path.display()),
        ))
    };
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(()),
        Ok(_) => wrong(Code::NotAFile, "not a regular file"),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            wrong(Code::MissingFile, "not found")
        }
        Err(error) => wrong(Code::Unreadable, &error.to_string()),
    }
}

/// Replaces a file atomically. Replaces a symbolic link instead of following it.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), CommandError> {
    let failed = |error: std::io::Error| {
        CommandError::new(
            Code::Unwritable,
            format!("{} cannot be written: {error}", path.display()),
        )
    };
    write_atomic(path, bytes, Access::Umask).map_err(failed)
}
