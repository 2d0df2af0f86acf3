//! Reads a published tree.

use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sreg_index::index::Index;
use sreg_index::map::{MapError, NodeSource};
use sreg_model::head::Head;
use sreg_model::layout::Place;
use sreg_model::node::TagEntry;
use sreg_model::settings::Settings;
use sreg_model::statement::Statement;
use sreg_model::{Digest, Document, Reference, Repository, Tag, document, node};

use crate::error::TreeError;
use crate::views;

/// A published tree: a folder with `sreg.json`.
#[derive(Debug, Clone)]
pub struct Tree {
    root: PathBuf,
    settings: Settings,
}

impl Tree {
    /// Opens the tree at `root`.
    ///
    /// # Errors
    /// When there is none, or it is of a later format.
    pub fn open(root: &Path) -> Result<Self, TreeError> {
        let path = root.join(Place::Settings.to_string());
        let bytes = match read_capped(&path, MAX_SETTINGS) {
            Ok(bytes) => bytes,
            Err(error) if is_absent(&error) => return Err(TreeError::NotATree(root.to_owned())),
            Err(error) => return Err(TreeError::read(&path)(error)),
        };
        let settings =
            Settings::parse(&bytes).map_err(|source| TreeError::Settings { path, source })?;
        Ok(Self {
            root: root.to_owned(),
            settings,
        })
    }

    pub(crate) fn with_settings(root: &Path, settings: Settings) -> Self {
        Self {
            root: root.to_owned(),
            settings,
        }
    }

    /// The folder.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What `sreg.json` says.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Where a place of the layout is on disk.
    #[must_use]
    pub fn path(&self, place: &Place) -> PathBuf {
        self.root.join(place.to_string())
    }

    /// Reads the file at a place, but never more than one byte over `most`.
    pub(crate) fn read(&self, place: &Place, most: usize) -> Result<Vec<u8>, TreeError> {
        read_capped(&self.path(place), most).map_err(TreeError::read_place(&self.root, place))
    }

    /// The newest head that is published.
    ///
    /// # Errors
    /// When there is none, or it is malformed.
    pub fn head(&self) -> Result<Document<Head>, TreeError> {
        match self.read(&Place::Head, document::MAX_BYTES) {
            Ok(bytes) => Document::parse(bytes).map_err(|source| TreeError::Document {
                path: self.path(&Place::Head),
                source,
            }),
            Err(TreeError::Missing { .. }) => Err(TreeError::NoHead(self.root.clone())),
            Err(error) => Err(error),
        }
    }

    /// The head that is kept at a slot, or nothing where there is none.
    ///
    /// # Errors
    /// When it cannot be read, is malformed, or is of another version.
    pub fn head_slot(&self, epoch: u64, version: u64) -> Result<Option<Document<Head>>, TreeError> {
        let slot = Place::HeadSlot { epoch, version };
        let path = self.path(&slot);
        let head: Document<Head> = match self.read(&slot, document::MAX_BYTES) {
            Ok(bytes) => Document::parse(bytes).map_err(|source| TreeError::Document {
                path: path.clone(),
                source,
            })?,
            Err(TreeError::Missing { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        if (head.body().epoch, head.body().version) != (epoch, version) {
            let what = format!(
                "it is version {} of epoch {}",
                head.body().version,
                head.body().epoch
            );
            return Err(TreeError::Mismatch { path, what });
        }
        Ok(Some(head))
    }

    /// The statement `id`.
    ///
    /// # Errors
    /// When it is missing, malformed, or another one.
    pub fn statement(&self, id: &Digest) -> Result<Document<Statement>, TreeError> {
        let place = Place::Statement(*id);
        let path = self.path(&place);
        let bytes = self.read(&place, document::MAX_BYTES)?;
        let statement: Document<Statement> =
            Document::parse(bytes).map_err(|source| TreeError::Document {
                path: path.clone(),
                source,
            })?;
        let found = statement.id();
        if found != *id {
            return Err(TreeError::Mismatch {
                path,
                what: format!("its id is {found}"),
            });
        }
        Ok(statement)
    }

    /// The index that `head` names.
    #[must_use]
    pub fn index(&self, head: &Head) -> Index<'_> {
        Index::new(self, &head.index)
    }

    /// The lines of an index that a reference names, whatever their architecture: with a tag, by
    /// the nodes on the way to it alone; by digest, of its namespace.
    ///
    /// # Errors
    /// When a node cannot be read.
    pub fn lines(&self, head: &Head, reference: &Reference) -> Result<Vec<TagEntry>, TreeError> {
        let (index, repository) = (self.index(head), reference.repository());
        let mut lines = match reference.tag_or_default() {
            Some(tag) => index
                .look_up(repository, &tag)
                .map_err(|error| self.map_error(error))?,
            None => views::lines_of_namespace(self, index, repository.namespace())?,
        };
        lines.retain(|line| {
            let digest = line.image.map(|image| image.digest);
            line.key.name() == *repository.name()
                && reference
                    .digest()
                    .is_none_or(|named| digest == Some(*named))
        });
        Ok(lines)
    }

    /// The tags of a repository that have an image, in ascending order.
    ///
    /// # Errors
    /// When a node cannot be read.
    pub fn tags(&self, head: &Head, repository: &Repository) -> Result<Vec<Tag>, TreeError> {
        let mut tags = views::present_tags(self, self.index(head), repository.namespace())?;
        let mut tags = tags.remove(repository).unwrap_or_default();
        tags.sort();
        Ok(tags)
    }

    /// Whether another run is writing to the tree at this moment, as far as locks show it.
    #[must_use]
    pub fn is_being_written(&self) -> bool {
        let locked = |folder: fs::File| {
            matches!(folder.try_lock_shared(), Err(fs::TryLockError::WouldBlock))
        };
        fs::File::open(&self.root).is_ok_and(locked)
    }

    /// The id of the registry that the tree says it is, by its `trust/1`, which is not verified;
    /// nothing where it has no keys, or where that is malformed.
    #[must_use]
    pub fn registry(&self) -> Option<Digest> {
        crate::verify::read_trust(self, 1)
            .ok()
            .map(|trust| trust.id())
    }

    pub(crate) fn map_error(&self, source: MapError) -> TreeError {
        TreeError::Map {
            path: self.root.clone(),
            source,
        }
    }
}

impl NodeSource for Tree {
    fn load(&self, id: &Digest) -> Result<Vec<u8>, MapError> {
        let path = self.path(&Place::Node(*id));
        match read_capped(&path, node::MAX_BYTES) {
            Ok(bytes) => Ok(bytes),
            Err(error) if is_absent(&error) => Err(MapError::Missing(*id)),
            Err(source) => Err(MapError::Io { id: *id, source }),
        }
    }
}

/// The largest `sreg.json`, in bytes: two URLs and what stands around them.
const MAX_SETTINGS: usize = 8 << 10;

/// Reads a whole regular file, but never more than one byte over `most`: parsers refuse what is
/// longer. Anything else that has a file's name is refused, and never waited for.
pub(crate) fn read_capped(path: &Path, most: usize) -> io::Result<Vec<u8>> {
    let file = fs::File::options()
        .read(true)
        // A pipe would else wait for somebody to write into it.
        .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, NotAFile));
    }
    let mut bytes = Vec::new();
    file.take(most as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// A folder, a pipe or a device where a file should be.
#[derive(Debug, thiserror::Error)]
#[error("not a regular file")]
struct NotAFile;

/// Whether an error says that there is something else than a file.
pub(crate) fn is_not_a_file(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<NotAFile>())
}

/// Whether an error says that there is no such file. A file where a folder should be says so too.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}
