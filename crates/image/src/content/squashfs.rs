//! What a squashfs says of its container, by way of backhand.
//!
//! backhand loads the table of inodes, allocates by counts that the image names and recurses as
//! deep as the image's folders. An image made for the purpose can so end the process; this runs
//! in one that is there to be ended.

use std::io::{BufReader, Read as _};
use std::path::Path;

use backhand::{FilesystemReader, InnerNode, SquashfsFileReader};
use sreg_model::image::{Compression, Superblock};

use super::{Content, Limits, Unreadable, take_labels};
use crate::window::Window;

const FOLDER: &str = "/.singularity.d";
const ENVIRONMENT: &str = "/.singularity.d/env";
/// The most scripts of an environment that are read.
const MAX_SCRIPTS: usize = 64;

/// Takes labels, recipe and scripts from the squashfs in `window`, which starts with
/// `superblock`. Links in it are not followed.
pub(super) fn read(
    window: Window<'_>,
    superblock: &Superblock,
    limits: &Limits,
    content: &mut Content,
) -> Result<(), Unreadable> {
    check(superblock, limits)?;
    let squashfs =
        FilesystemReader::from_reader(BufReader::new(window)).map_err(|_| Unreadable::Squashfs)?;
    let mut texts = Texts {
        squashfs: &squashfs,
        limit: limits.text,
        left: limits.text,
    };
    let mut scripts = 0;
    for node in squashfs.files() {
        let InnerNode::File(file) = &node.inner else {
            continue;
        };
        let path = node.fullpath.as_path();
        if path.parent() == Some(Path::new(ENVIRONMENT)) {
            scripts += 1;
            if scripts <= MAX_SCRIPTS
                && let Some(script) = texts.take(path, file, content)
            {
                let path = path.to_string_lossy().into_owned();
                content.environment.insert(path, script);
            }
        } else if path.parent() == Some(Path::new(FOLDER)) {
            match path.file_name().and_then(|name| name.to_str()) {
                Some("Singularity") => content.recipe = texts.take(path, file, content),
                Some("runscript") => content.runscript = texts.take(path, file, content),
                Some("labels.json") => {
                    if let Some(json) = texts.take(path, file, content) {
                        take_labels(json.as_bytes(), "labels.json", content);
                    }
                }
                _ => {}
            }
        }
    }
    if scripts > MAX_SCRIPTS {
        content.notes.push(format!(
            "{ENVIRONMENT} has {scripts} files; {MAX_SCRIPTS} were read"
        ));
    }
    Ok(())
}

/// Refuses what backhand cannot read, and what would take it past the limits of its process:
/// this is said in better words than how the process ended.
fn check(superblock: &Superblock, limits: &Limits) -> Result<(), Unreadable> {
    if let unknown @ (Compression::Lzma | Compression::Lzo) = superblock.compression() {
        return Err(Unreadable::Compression(unknown.as_str()));
    }
    let inodes = superblock.inodes();
    if inodes > limits.inodes {
        return Err(Unreadable::Inodes(inodes, limits.inodes));
    }
    let tables = superblock.bytes_used() - superblock.inode_table();
    if tables > limits.tables {
        return Err(Unreadable::Tables(tables, limits.tables));
    }
    Ok(())
}

/// Files that are taken out as text, until they are `limit` bytes together.
struct Texts<'a, 'b> {
    squashfs: &'a FilesystemReader<'b>,
    limit: u64,
    left: u64,
}

impl Texts<'_, '_> {
    /// The text of a file. One that is too large or damaged leaves a note, and the others are
    /// read all the same.
    fn take(
        &mut self,
        path: &Path,
        file: &SquashfsFileReader,
        content: &mut Content,
    ) -> Option<String> {
        let read = self.read(file);
        if let Err(why) = &read {
            let path = path.display();
            content.notes.push(format!("{path} was left out: {why}"));
        }
        let bytes = read.ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn read(&mut self, file: &SquashfsFileReader) -> Result<Vec<u8>, Unreadable> {
        let size = u64::try_from(file.file_len()).unwrap_or(u64::MAX);
        self.left = self
            .left
            .checked_sub(size)
            .ok_or(Unreadable::TooMuchText(self.limit))?;
        let reader = self.squashfs.file(file).reader_checked();
        let reader = reader.map_err(|_| Unreadable::Squashfs)?;
        let mut bytes = Vec::new();
        reader.take(size).read_to_end(&mut bytes)?;
        if bytes.len() == file.file_len() {
            Ok(bytes)
        } else {
            Err(Unreadable::Squashfs)
        }
    }
}
