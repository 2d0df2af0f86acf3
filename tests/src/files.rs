//! Folders as tests compare them.

use std::fs;
use std::path::{Path, PathBuf};

/// All files below a folder, in order; links to folders are not followed, and what is absent has no files.
///
/// # Panics
/// When a folder cannot be read.
#[must_use]
pub fn paths(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let Ok(entries) = fs::read_dir(&next) else {
            continue;
        };
        for entry in entries {
            let path = entry.expect("an entry").path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if path.is_file() {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// All files below a folder with their bytes, by their paths from there.
///
/// # Panics
/// When a file cannot be read, or its name is not UTF-8.
#[must_use]
pub fn snapshot(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let named = |path: &PathBuf| {
        let name = path.strip_prefix(folder).expect("it is below the folder");
        let name = name.to_str().expect("a name in UTF-8").to_owned();
        (name, fs::read(path).expect("its bytes"))
    };
    let mut files: Vec<_> = paths(folder).iter().map(named).collect();
    files.sort();
    files
}
