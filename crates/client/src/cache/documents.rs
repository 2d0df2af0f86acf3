//! Documents in the cache, so that an image can be verified without a server: its statement and its digest
//! chain.

use std::path::{Path, PathBuf};
use std::{fs, io};

use sreg_files::{Access, Modes, write_atomic};
use sreg_model::statement::Statement;
use sreg_model::{Digest, Document, document};

use crate::cache::Cache;

impl Cache {
    /// Returns the statement with an id, if the cache has it. The cache is not trusted: content that is not
    /// that statement counts as absent.
    #[must_use]
    pub fn statement(&self, id: &Digest) -> Option<Document<Statement>> {
        let path = self.statement_path(id);
        let bytes = sreg_files::read_capped(&path, document::MAX_BYTES).ok()?;
        let statement = Document::<Statement>::parse(bytes).ok()?;
        (statement.id() == *id).then_some(statement)
    }

    /// Returns at most `max_bytes + 1` bytes of the sidecar with a digest, if the cache has it. They are not
    /// verified.
    #[must_use]
    pub fn sidecar(&self, digest: &Digest, max_bytes: usize) -> Option<Vec<u8>> {
        sreg_files::read_capped(&self.path(digest), max_bytes).ok()
    }

    /// Keeps a statement, and its sidecar if available.
    ///
    /// # Errors
    /// If a file cannot be written, which only leaves it out of the cache.
    pub fn keep(
        &self,
        statement: &Document<Statement>,
        sidecar: Option<(&Digest, &[u8])>,
    ) -> io::Result<()> {
        let modes = self.modes()?;
        self.keep_file(
            &modes,
            &self.statement_path(&statement.id()),
            statement.bytes(),
        )?;
        match sidecar {
            Some((digest, bytes)) => self.keep_file(&modes, &self.path(digest), bytes),
            None => Ok(()),
        }
    }

    /// Returns the modes for all users of the cache; creates the cache if it does not exist.
    fn modes(&self) -> io::Result<Modes> {
        fs::create_dir_all(&self.folder)?;
        Modes::of(&self.folder)
    }

    /// Writes a file unless it exists.
    fn keep_file(&self, modes: &Modes, path: &Path, bytes: &[u8]) -> io::Result<()> {
        if path.exists() {
            return Ok(());
        }
        modes.make_folders(path.parent().unwrap_or(&self.folder))?;
        write_atomic(path, bytes, Access::Umask)?;
        modes.apply(&sreg_files::open(path)?);
        Ok(())
    }

    fn statement_path(&self, id: &Digest) -> PathBuf {
        self.folder.join("statements").join(id.hex())
    }
}
