//! Metadata of a container in its squashfs, read by backhand.
//!
//! backhand loads the table of inodes, allocates by counts that the image names and recurses as deep as
//! the image's folders. A malicious image can therefore end the process. This code runs in a process of
//! its own.

use std::collections::BTreeSet;
use std::io::{BufReader, Read as _};
use std::path::Path;

use backhand::{FilesystemReader, InnerNode, SquashfsFileReader};
use sreg_model::image::{Compression, Superblock};

use super::{Content, Limits, Unreadable, labels, take_labels};
use crate::window::Window;

const FOLDER: &str = "/.singularity.d";
const APPS: &str = "/scif/apps";
/// The maximal number of applications that are read.
const MAX_APPS: usize = 64;
/// The maximal number of environment scripts that are read.
const MAX_SCRIPTS: usize = 64;

/// Reads labels, recipe and scripts from the squashfs in `window`, which starts with `superblock`. Does
/// not follow links in it.
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
    let mut left_out = BTreeSet::new();
    for node in squashfs.files() {
        let InnerNode::File(file) = &node.inner else {
            continue;
        };
        let path = node.fullpath.as_path();
        let Some(place) = Place::of(path) else {
            continue;
        };
        let app = match place.app {
            None => None,
            Some(name) => {
                if content.apps.len() >= MAX_APPS && !content.apps.contains_key(name) {
                    left_out.insert(name.to_owned());
                    continue;
                }
                content.apps.entry(name.to_owned()).or_default();
                Some(name)
            }
        };
        if place.part == Part::Environment {
            scripts += 1;
            if scripts > MAX_SCRIPTS {
                continue;
            }
        }
        if let Some(text) = texts.take(path, file, content) {
            put(place.part, app, path, text, content);
        }
    }
    if scripts > MAX_SCRIPTS {
        content.notes.push(format!(
            "the environment has {scripts} files; {MAX_SCRIPTS} were read"
        ));
    }
    if !left_out.is_empty() {
        let apps = MAX_APPS + left_out.len();
        content
            .notes
            .push(format!("the image has {apps} apps; {MAX_APPS} were read"));
    }
    Ok(())
}

/// The metadata in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Labels,
    Recipe,
    Runscript,
    Help,
    Test,
    Startscript,
    Environment,
}

/// The subject of a file: the container, or an application in it.
#[derive(Debug, PartialEq, Eq)]
struct Place<'a> {
    app: Option<&'a str>,
    part: Part,
}

impl<'a> Place<'a> {
    /// Recognizes the paths that `apptainer inspect` reads.
    fn of(path: &'a Path) -> Option<Self> {
        let (app, below) = match path.strip_prefix(APPS) {
            Err(_) => (None, path.strip_prefix(FOLDER).ok()?),
            Ok(path) => {
                let mut parts = path.iter();
                let app = parts.next()?.to_str()?;
                (Some(app), parts.as_path().strip_prefix("scif").ok()?)
            }
        };
        let part = match (below.to_str()?, app) {
            ("labels.json", _) => Part::Labels,
            ("Singularity" | "Apptainer", None) => Part::Recipe,
            ("runscript", _) => Part::Runscript,
            ("runscript.help", _) => Part::Help,
            ("test", _) => Part::Test,
            ("startscript", None) => Part::Startscript,
            (other, _) => {
                let script = other.strip_prefix("env/")?;
                let is_docker = script.starts_with("10-docker") && script.ends_with(".sh");
                let is_own = script.starts_with('9') && script.ends_with("-environment.sh");
                if script.contains('/') || !(is_own || is_docker && app.is_none()) {
                    return None;
                }
                Part::Environment
            }
        };
        Some(Self { app, part })
    }
}

/// Stores the text of a file in its field.
fn put(part: Part, app: Option<&str>, path: &Path, text: String, content: &mut Content) {
    let name = path.to_string_lossy().into_owned();
    let Some(app) = app.and_then(|app| content.apps.get_mut(app)) else {
        match part {
            Part::Labels => take_labels(text.as_bytes(), "labels.json", content),
            Part::Recipe => content.recipe = Some(text),
            Part::Runscript => content.runscript = Some(text),
            Part::Help => content.help = Some(text),
            Part::Test => content.test = Some(text),
            Part::Startscript => content.startscript = Some(text),
            Part::Environment => {
                content.environment.insert(name, text);
            }
        }
        return;
    };
    match part {
        Part::Labels => app.labels = labels(text.as_bytes(), &name, &mut content.notes),
        Part::Runscript => app.runscript = Some(text),
        Part::Help => app.help = Some(text),
        Part::Test => app.test = Some(text),
        Part::Environment => {
            app.environment.insert(name, text);
        }
        Part::Recipe | Part::Startscript => {}
    }
}

/// Refuses a squashfs that backhand cannot read, or that would exceed the limits of the process. The
/// message is clearer than the exit status of a killed process.
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

/// Reads files as text, up to `limit` bytes in all.
struct Texts<'a, 'b> {
    squashfs: &'a FilesystemReader<'b>,
    limit: u64,
    left: u64,
}

impl Texts<'_, '_> {
    /// Returns the text of a file. A file that is too large or damaged becomes a note, and does not stop
    /// the others.
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
