//! Small files that commands read and write.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use crate::problem::Problem;

/// Reads a file, but never more than one byte over `most`: parsers refuse what is longer.
pub(crate) fn read_capped(path: &Path, most: usize) -> Result<Vec<u8>, Problem> {
    let failed = |error: std::io::Error| {
        let word = match error.kind() {
            std::io::ErrorKind::NotFound => "missing-file",
            _ => "unreadable",
        };
        Problem::new(word, format!("{} cannot be read: {error}", path.display()))
    };
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(failed)?;
    file.take(most as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    Ok(bytes)
}

/// Replaces a file as a whole; a link in its place is replaced, not followed.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(
            "unwritable",
            format!("{} cannot be written: {error}", path.display()),
        )
    };
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    // As any file that is made here, not the user's alone.
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    let mut file = builder
        .permissions(readable)
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(bytes).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
