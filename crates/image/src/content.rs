//! Metadata of a container: labels, recipe, runscript and environment.
//!
//! The squashfs of the primary partition comes first, because it is what runs. Missing parts come from
//! the SIF's own objects: `JSON.Labels`, `Def.FILE`, `Env.Vars`, then the `inspect-metadata.json` that
//! apptainer writes beside an encrypted partition.

mod objects;
mod reader;
mod squashfs;
mod unreadable;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::process::Command;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sreg_model::SifImage;
use sreg_model::image::{ImageKind, SNIFF_BYTES, sniff};
use sreg_model::sif::{Extra, Filesystem};

use crate::open::{Layout, inflate, read_up_to};
use crate::window::Window;
use crate::{Image, Limits};
use unreadable::Unreadable;

/// The metadata of a container. Bytes that are not UTF-8 are replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Content {
    /// The labels. A value that is not text is converted to JSON.
    pub labels: BTreeMap<String, String>,
    /// The recipe from which the container was built.
    pub recipe: Option<String>,
    /// The script that runs when the container does.
    pub runscript: Option<String>,
    /// The scripts that set its environment, by their path in the container, or `Env.Vars` for those in
    /// the SIF itself. Scripts that apptainer puts into every image are left out, as `apptainer inspect
    /// --environment` does.
    pub environment: BTreeMap<String, String>,
    /// The text of `%help`.
    #[serde(default)]
    pub help: Option<String>,
    /// The script of `%test`.
    #[serde(default)]
    pub test: Option<String>,
    /// The script that runs when an instance starts.
    #[serde(default)]
    pub startscript: Option<String>,
    /// The applications inside (SCIF), by name.
    #[serde(default)]
    pub apps: BTreeMap<String, App>,
    /// Notes on parts that could not be read, with the reason, without a full stop.
    pub notes: Vec<String>,
}

/// An application inside a container (SCIF).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct App {
    /// Its labels. A value that is not text is converted to JSON.
    pub labels: BTreeMap<String, String>,
    /// The script that runs it.
    pub runscript: Option<String>,
    /// The text of its `%apphelp`.
    #[serde(alias = "helpfile")]
    pub help: Option<String>,
    /// The script of its `%apptest`.
    pub test: Option<String>,
    /// The scripts that set its environment, by their path in the container.
    pub environment: BTreeMap<String, String>,
}

impl Image {
    /// Reads the content of the image in another process, `reader`. This command gets the image on its
    /// standard input, limits itself with [`Limits::bind_this_process`], and writes the result of
    /// [`Image::content_in_process`] as JSON. Every failure becomes a note, and the process ends within
    /// the time of `limits`.
    #[must_use]
    pub fn content_through(&self, mut reader: Command, limits: &Limits) -> Content {
        reader::ask(&mut reader, &self.file, limits).unwrap_or_else(|why| {
            let mut content = Content::default();
            self.complete(Err(why), limits, &mut content);
            content
        })
    }

    /// Reads the content of the image in this process. A malicious squashfs can end the process: use
    /// [`Image::content_through`] for untrusted images. Links inside the container are not followed.
    /// Parts that cannot be read are left out and listed in [`Content::notes`]. An image inside gzip is
    /// inflated into a file without a name in the folder `scratch`.
    #[must_use]
    pub fn content_in_process(&self, limits: &Limits, scratch: &Path) -> Content {
        let mut content = Content::default();
        let read = self.read_squashfs(limits, scratch, &mut content);
        self.complete(read, limits, &mut content);
        content
    }

    /// Adds a note if the squashfs was not read, and fills missing parts from the SIF's objects.
    fn complete<E: std::fmt::Display>(
        &self,
        read: Result<(), E>,
        limits: &Limits,
        content: &mut Content,
    ) {
        if let Err(why) = read {
            let note = format!("the content could not be read: {why}");
            content.notes.push(note);
        }
        if let Some(sif) = self.sif() {
            objects::fill(&self.file, sif, limits, content);
        }
    }

    fn read_squashfs(
        &self,
        limits: &Limits,
        scratch: &Path,
        content: &mut Content,
    ) -> Result<(), Unreadable> {
        match &self.layout {
            Layout::Sif(sif) => read_partition(&self.file, sif, limits, content),
            Layout::Squashfs { offset, superblock } => {
                let size = self.size().saturating_sub(*offset);
                let window = Window::new(&self.file, *offset, size);
                squashfs::read(window, superblock, limits, content)
            }
            Layout::Gzip { offset, superblock } => {
                let end = offset.saturating_add(superblock.bytes_used());
                let file = inflate_to_temporary(&self.file, end, limits, scratch)?;
                let window = Window::new(&file, *offset, superblock.bytes_used());
                squashfs::read(window, superblock, limits, content)
            }
        }
    }
}

fn read_partition(
    file: &File,
    sif: &SifImage,
    limits: &Limits,
    content: &mut Content,
) -> Result<(), Unreadable> {
    let mut note = |text: String| content.notes.push(text);
    let Some(partition) = sif.primary_partition() else {
        note("the image has no primary partition".to_owned());
        return Ok(());
    };
    if let Extra::Partition { filesystem, .. } = partition.extra()
        && *filesystem != Filesystem::Squashfs
    {
        let word = filesystem.as_str().to_lowercase();
        note(format!(
            "the primary partition is not readable: its file system is {word}"
        ));
        return Ok(());
    }
    let (start, size) = (partition.offset(), partition.size());
    let front = usize::try_from(size).map_or(SNIFF_BYTES, |size| size.min(SNIFF_BYTES));
    match sniff(&read_up_to(file, start, front)?, size) {
        Ok(ImageKind::Squashfs {
            offset: 0,
            superblock,
        }) => squashfs::read(Window::new(file, start, size), &superblock, limits, content),
        Ok(_) => Err(Unreadable::Elsewhere),
        Err(error) => {
            note(format!("the primary partition is not readable: {error}"));
            Ok(())
        }
    }
}

/// Inflates the first `size` bytes of a gzipped file into a temporary file, because backhand needs to
/// seek.
fn inflate_to_temporary(
    file: &File,
    size: u64,
    limits: &Limits,
    scratch: &Path,
) -> Result<File, Unreadable> {
    if size > limits.inflated {
        return Err(Unreadable::Inflated(limits.inflated));
    }
    let mut temporary = tempfile::tempfile_in(scratch)?;
    io::copy(&mut inflate(file, u64::MAX).take(size), &mut temporary)?;
    Ok(temporary)
}

fn take_labels(json: &[u8], from: &str, content: &mut Content) {
    let labels = labels(json, from, &mut content.notes);
    content.labels.extend(labels);
}

/// Parses labels from JSON. Returns none, and adds a note, if the JSON is malformed.
fn labels(json: &[u8], from: &str, notes: &mut Vec<String>) -> BTreeMap<String, String> {
    match serde_json::from_slice::<BTreeMap<String, Value>>(json) {
        Ok(labels) => {
            let text = |(key, value)| match value {
                Value::String(text) => (key, text),
                other => (key, other.to_string()),
            };
            labels.into_iter().map(text).collect()
        }
        Err(error) => {
            notes.push(format!("the labels in {from} are not readable: {error}"));
            BTreeMap::new()
        }
    }
}
