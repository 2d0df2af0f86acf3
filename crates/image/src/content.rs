//! What a container says of itself: labels, recipe, runscript and environment.
//!
//! The squashfs of the primary partition comes first: it is what runs. What it lacks is taken
//! from the SIF's own objects: `JSON.Labels`, `Def.FILE`, `Env.Vars`, then the
//! `inspect-metadata.json` that apptainer writes beside an encrypted partition.

mod objects;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use serde_json::Value;
use sreg_model::SifImage;
use sreg_model::image::{ImageKind, SNIFF_BYTES, Superblock, sniff};
use sreg_model::sif::{Extra, Filesystem};

use crate::Image;
use crate::open::{Layout, inflate};
use crate::source::{Source, Unreadable};
use crate::squashfs::{Inode, Squashfs};

const FOLDER: &str = ".singularity.d";
const ENVIRONMENT: &str = "/.singularity.d/env";
/// The most scripts of an environment that are read.
const MAX_SCRIPTS: usize = 64;

/// How much of an image is read to find its content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The largest file that is taken out of an image, in bytes.
    pub file: u64,
    /// What may be read and decompressed in all, in bytes; inflating a gzipped image is apart.
    pub read: u64,
    /// The largest squashfs that is inflated from gzip into a temporary file, in bytes.
    pub inflated: u64,
    /// How long it may take.
    pub time: Duration,
}

impl Default for Limits {
    /// 1 MiB a file, 256 MiB in all, 4 GiB inflated, 30 seconds.
    fn default() -> Self {
        Self {
            file: 1 << 20,
            read: 256 << 20,
            inflated: 4 << 30,
            time: Duration::from_secs(30),
        }
    }
}

/// What a container says of itself. Text that is not UTF-8 has its wrong bytes replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Content {
    /// The labels; a value that is no text is given as JSON.
    pub labels: BTreeMap<String, String>,
    /// The recipe that the container was built from.
    pub recipe: Option<String>,
    /// The script that runs when the container does.
    pub runscript: Option<String>,
    /// The scripts that set its environment, by their path in the container; `Env.Vars` for
    /// those that stand in the SIF itself.
    pub environment: BTreeMap<String, String>,
    /// What could not be read, and why: sentences without a full stop.
    pub notes: Vec<String>,
}

impl Image {
    /// Looks into the image, within `limits`. Links inside the container are not followed.
    /// Whatever cannot be read is left out and named in [`Content::notes`].
    #[must_use]
    pub fn content(&self, limits: &Limits) -> Content {
        let mut content = Content::default();
        let deadline = Instant::now() + limits.time;
        let read = match &self.layout {
            Layout::Sif(sif) => read_partition(&self.file, sif, limits, deadline, &mut content),
            Layout::Squashfs { offset, superblock } => {
                let size = self.size().saturating_sub(*offset);
                let source = Source::new(&self.file, *offset, size, limits.read, deadline);
                read_squashfs(source, *superblock, limits, &mut content)
            }
            Layout::Gzip { offset, superblock } => inflate_to_temporary(
                &self.file,
                *offset + superblock.bytes_used(),
                limits,
                deadline,
            )
            .and_then(|file| {
                let size = superblock.bytes_used();
                let source = Source::new(&file, *offset, size, limits.read, deadline);
                read_squashfs(source, *superblock, limits, &mut content)
            }),
        };
        if let Err(error) = read {
            content
                .notes
                .push(format!("the content could not be read: {error}"));
        }
        if let Some(sif) = self.sif() {
            let source = Source::new(&self.file, 0, self.size(), limits.read, deadline);
            objects::fill(source, sif, limits, &mut content);
        }
        content
    }
}

fn read_partition(
    file: &File,
    sif: &SifImage,
    limits: &Limits,
    deadline: Instant,
    content: &mut Content,
) -> Result<(), Unreadable> {
    let Some(partition) = sif.primary_partition() else {
        content
            .notes
            .push("the image has no primary partition".to_owned());
        return Ok(());
    };
    if let Extra::Partition { filesystem, .. } = partition.extra()
        && *filesystem != Filesystem::Squashfs
    {
        let word = filesystem.as_str().to_lowercase();
        content.notes.push(format!(
            "the primary partition is not readable: its file system is {word}"
        ));
        return Ok(());
    }
    let (start, size) = (partition.offset(), partition.size());
    let mut source = Source::new(file, start, size, limits.read, deadline);
    let front = size.min(u64::try_from(SNIFF_BYTES).unwrap_or(u64::MAX));
    let front = source.read(0, usize::try_from(front).unwrap_or(SNIFF_BYTES))?;
    match sniff(&front, size) {
        Ok(ImageKind::Squashfs {
            offset: 0,
            superblock,
        }) => read_squashfs(source, superblock, limits, content),
        Ok(_) => Err(Unreadable::Damaged(
            "the primary partition does not start with one",
        )),
        Err(error) => {
            content
                .notes
                .push(format!("the primary partition is not readable: {error}"));
            Ok(())
        }
    }
}

fn inflate_to_temporary(
    file: &File,
    size: u64,
    limits: &Limits,
    deadline: Instant,
) -> Result<File, Unreadable> {
    if size > limits.inflated {
        return Err(Unreadable::TooLarge("the inflated image", limits.inflated));
    }
    let mut temporary = tempfile::tempfile()?;
    let mut from = inflate(file, u64::MAX).take(size);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        if Instant::now() > deadline {
            return Err(Unreadable::Deadline);
        }
        match from.read(&mut buffer) {
            Ok(0) => return Ok(temporary),
            Ok(read) => temporary.write_all(&buffer[..read])?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn read_squashfs(
    source: Source<'_>,
    superblock: Superblock,
    limits: &Limits,
    content: &mut Content,
) -> Result<(), Unreadable> {
    let mut squashfs = Squashfs::new(source, superblock)?;
    if let Some(json) = text_at(&mut squashfs, &[FOLDER, "labels.json"], limits, content)? {
        take_labels(json.as_bytes(), "labels.json", content);
    }
    content.recipe = text_at(&mut squashfs, &[FOLDER, "Singularity"], limits, content)?;
    content.runscript = text_at(&mut squashfs, &[FOLDER, "runscript"], limits, content)?;
    let Some(folder) = squashfs.find(&[FOLDER, "env"])? else {
        return Ok(());
    };
    let scripts = squashfs.list(&folder)?;
    if scripts.len() > MAX_SCRIPTS {
        content.notes.push(format!(
            "{ENVIRONMENT} has {} files; {MAX_SCRIPTS} were read",
            scripts.len()
        ));
    }
    for (name, reference) in scripts.into_iter().take(MAX_SCRIPTS) {
        let path = format!("{ENVIRONMENT}/{}", String::from_utf8_lossy(&name));
        let inode = squashfs.inode(reference)?;
        if let Some(script) = text_of(&mut squashfs, &inode, &path, limits, content)? {
            content.environment.insert(path, script);
        }
    }
    Ok(())
}

fn text_at(
    squashfs: &mut Squashfs<'_>,
    path: &[&str],
    limits: &Limits,
    content: &mut Content,
) -> Result<Option<String>, Unreadable> {
    match squashfs.find(path)? {
        Some(inode) => text_of(
            squashfs,
            &inode,
            &format!("/{}", path.join("/")),
            limits,
            content,
        ),
        None => Ok(None),
    }
}

/// A file's text. One that is too large leaves a note, and the others are read all the same.
fn text_of(
    squashfs: &mut Squashfs<'_>,
    inode: &Inode,
    path: &str,
    limits: &Limits,
    content: &mut Content,
) -> Result<Option<String>, Unreadable> {
    if !matches!(inode, Inode::File { .. }) {
        return Ok(None);
    }
    match squashfs.content(inode, limits.file) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(Unreadable::TooLarge(_, limit)) => {
            content.notes.push(format!(
                "{path} is larger than {limit} bytes and was left out"
            ));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn take_labels(json: &[u8], from: &str, content: &mut Content) {
    match serde_json::from_slice::<BTreeMap<String, Value>>(json) {
        Ok(labels) => content
            .labels
            .extend(labels.into_iter().map(|(key, value)| match value {
                Value::String(text) => (key, text),
                other => (key, other.to_string()),
            })),
        Err(error) => content
            .notes
            .push(format!("the labels in {from} are not readable: {error}")),
    }
}
