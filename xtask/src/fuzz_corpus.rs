//! `xtask fuzz-corpus`: the inputs that the fuzz targets start from, small and few.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use sreg_tests::fuzz;

/// Writes the inputs below `folder`, one folder for each target, in place of all that is there: an
/// input that is no longer made would stay unnoticed.
pub(crate) fn write(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("removing {}", folder.display()))?;
    }
    for (path, bytes) in fuzz::inputs() {
        let path = folder.join(path);
        let parent = path
            .parent()
            .expect("an input stands in its target's folder");
        fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
