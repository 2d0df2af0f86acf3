//! `xtask examples`: the images that the documentation and the tests start from.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};

/// Writes every example below `folder`. Files of other names are left alone; a test finds them.
pub(crate) fn write(folder: &Path) -> Result<()> {
    for (path, bytes) in sreg_tests::examples::all() {
        let path = folder.join(path);
        let parent = path.parent().expect("an example stands in a folder");
        fs::create_dir_all(parent).with_context(|| format!("making {}", parent.display()))?;
        fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(())
}
