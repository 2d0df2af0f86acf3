//! The images of `examples/images/`: `xtask examples` writes them, a test compares them.

use std::fs;
use std::path::{Path, PathBuf};

use sreg_model::Arch;

use crate::images;

/// Every example: its path below `examples/images/`, and its bytes. Together they show each
/// layout that a folder of images may have.
#[must_use]
pub fn all() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        (
            "lab/tool/1.0.sif",
            images::sif("lab/tool:1.0", Arch::Amd64, 1000),
        ),
        (
            "lab/tool/1.0.arm64.sif",
            images::sif("lab/tool:1.0 arm64", Arch::Arm64, 1000),
        ),
        (
            "lab/tool/1.1.sif",
            images::sif("lab/tool:1.1", Arch::Amd64, 2000),
        ),
        (
            "lab/hello_latest.sif",
            images::sif("lab/hello:latest", Arch::Amd64, 0),
        ),
        (
            "greeting_1.0.sif",
            images::sif("library/greeting:1.0", Arch::Amd64, 0),
        ),
        (
            "older_2.4.simg",
            images::simg_with_shebang("library/older:2.4", 0),
        ),
    ]
}

/// Writes every example into a folder, which is made, and returns the folder.
///
/// # Panics
/// If the folder cannot be written.
pub fn write(folder: &Path) -> PathBuf {
    for (path, bytes) in all() {
        let file = folder.join(path);
        let parent = file.parent().expect("an example is in a folder");
        fs::create_dir_all(parent).expect("the folder can be written");
        fs::write(file, bytes).expect("the folder can be written");
    }
    folder.to_owned()
}
