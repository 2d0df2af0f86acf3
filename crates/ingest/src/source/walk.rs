//! Walks a folder and sorts its files: images, faulty files, and skipped files.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sreg_index::stamp::Stamp;
use sreg_model::Namespace;
use sreg_model::fault::Code;
use sreg_model::image::{ImageKind, SNIFF_BYTES, sniff};

use super::name::{NameError, Named};
use super::{Candidate, Layout, Naming, Scan, image_stem, layout, propose};
use sreg_publish::SourceFault;

/// Far more folders above an image than any layout has.
const MAX_FOLDERS: usize = 32;

/// Folders that belong to file systems and their tools.
const OF_FILE_SYSTEMS: [&str; 3] = ["lost+found", "System Volume Information", "$RECYCLE.BIN"];

/// Reads a folder and all folders below it.
pub(super) struct Walk<'a> {
    skip: Option<PathBuf>,
    naming: &'a Naming,
    scan: &'a mut Scan,
    /// Device and inode of every parent folder, to detect loops of symbolic links.
    above: Vec<(u64, u64)>,
    /// Whether a parent folder is a registry, whose blobs are images under other names.
    in_registry: bool,
}

impl<'a> Walk<'a> {
    /// Returns a walk that skips `skip`.
    pub(super) fn new(skip: &Path, naming: &'a Naming, scan: &'a mut Scan) -> Self {
        Self {
            skip: fs::canonicalize(skip).ok(),
            naming,
            scan,
            above: Vec::new(),
            in_registry: false,
        }
    }

    /// Reads a folder; `relative` is its path below the source.
    pub(super) fn folder(&mut self, folder: &Path, relative: &mut Vec<String>) {
        if relative.len() > MAX_FOLDERS {
            let message = "folder is nested too deep to give a reference";
            return self.fault(Code::MalformedReference, folder, message);
        }
        let identity = match fs::metadata(folder) {
            Ok(metadata) => {
                let stamp = Stamp::of(&metadata);
                (stamp.device, stamp.inode)
            }
            Err(error) => return self.unreadable(folder, &error),
        };
        if self.above.contains(&identity) {
            return self.fault(
                Code::SymlinkLoop,
                folder,
                "symbolic link to a folder above it: delete the link",
            );
        }
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => return self.unreadable(folder, &error),
        };
        self.above.push(identity);
        let was_in_registry = self.in_registry;
        self.in_registry |= folder.join("sreg.json").exists();
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(&entry, relative),
                Err(error) => self.unreadable(folder, &error),
            }
        }
        self.in_registry = was_in_registry;
        self.above.pop();
    }

    fn entry(&mut self, entry: &fs::DirEntry, relative: &mut Vec<String>) {
        let path = entry.path();
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") {
            return;
        }
        let text = name.to_str();
        let shown = name.to_string_lossy();
        let mapped = self.naming.map.get(&below(relative, &shown));
        if mapped == Some(None) {
            return;
        }
        let mapped = mapped.flatten();
        let stem = match mapped {
            Some(_) => Some(image_stem(&shown).unwrap_or(&shown)),
            None => layout::stem(self.naming.layout, &shown),
        };
        // Follow links, because a folder may consist of links to images.
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                return self.fault(
                    Code::SymlinkLoop,
                    &path,
                    "symbolic link to itself: delete the link",
                );
            }
            // It may have led to a folder of images on a disk that is not mounted.
            Err(_) if stem.is_none() && is_link(entry) => {
                let message = "symbolic link that cannot be followed: no reference is removed while it is there";
                let fault = SourceFault::new(Code::NotSearched, &path, message);
                self.scan.is_partial = true;
                return self.scan.passed_over.push(fault);
            }
            Err(error) => return self.unreadable(&path, &error),
        };
        if metadata.is_dir() {
            if stem.is_some() {
                return self.fault(
                    Code::NotAFile,
                    &path,
                    "folder, not an image: build a SIF file from a sandbox first",
                );
            }
            if fs::canonicalize(&path).ok() == self.skip {
                return;
            }
            if OF_FILE_SYSTEMS.contains(&&*shown) {
                let message = "folder of the file system: not searched for images";
                let fault = SourceFault::new(Code::NotSearched, &path, message);
                return self.scan.passed_over.push(fault);
            }
            // A folder whose name is not UTF-8 can contain files to report.
            relative.push(shown.into_owned());
            self.folder(&path, relative);
            relative.pop();
            return;
        }
        let Some(stem) = stem else {
            if metadata.is_file() {
                self.other_file(&path, &shown, relative);
            }
            return;
        };
        if !metadata.is_file() {
            return self.fault(Code::NotAFile, &path, "not a regular file");
        }
        if text.is_none() {
            return self.fault(Code::MalformedReference, &path, "file name is not UTF-8");
        }
        match mapped.map_or_else(|| self.read(relative, stem), Ok) {
            Ok(named) => self.scan.candidates.push(Candidate {
                stamp: Stamp::of(&metadata),
                path,
                repository: named.repository,
                tag: named.tag,
                arch: named.arch,
                others: named.others,
            }),
            Err(error) => {
                let (code, what) = match &error {
                    NameError::Shape => (
                        Code::MalformedReference,
                        format!(
                            "path gives no reference in the {} layout",
                            self.naming.layout
                        ),
                    ),
                    NameError::Reference(error) => (error.code(), error.to_string()),
                };
                let message = format!("{what}; {}", proposal(relative, &shown));
                self.fault(code, &path, &message);
            }
        }
    }

    /// Reads the reference of a path: `folders` below the source, and the stem of the file.
    fn read(&self, folders: &[String], stem: &str) -> Result<Named, NameError> {
        let path = below(folders, stem);
        let naming = self.naming;
        let mut patterns = naming.patterns.iter();
        if let Some(named) = patterns.find_map(|pattern| pattern.read(&path, &naming.flat)) {
            return named;
        }
        let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
        layout::read(naming.layout, &folders, stem, &naming.flat)
    }

    /// Reports an image without the name of one.
    fn other_file(&mut self, path: &Path, name: &str, folders: &[String]) {
        // Skip partial downloads, and blobs of registries.
        if self.in_registry || name.ends_with(".part") || !holds_image(path) {
            return;
        }
        let mut message = format!(
            "an image without an image's ending: {}",
            proposal(folders, name)
        );
        if self.naming.layout == Layout::Plain && is_galaxy(name, &self.naming.flat) {
            message.push_str("; for a folder of Galaxy, add --layout galaxy");
        }
        let fault = SourceFault::new(Code::UnnamedImage, path, message);
        self.scan.passed_over.push(fault);
    }

    fn fault(&mut self, code: Code, path: &Path, message: &str) {
        self.scan.faults.push(SourceFault::new(code, path, message));
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.fault(Code::Unreadable, path, &format!("cannot be read: {error}"));
    }
}

fn is_link(entry: &fs::DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_symlink())
}

/// Returns the path of a file below the source.
fn below(folders: &[String], name: &str) -> String {
    let parts = folders.iter().map(String::as_str).chain([name]);
    parts.collect::<Vec<_>>().join("/")
}

/// Returns whether a file has a name as Galaxy writes it.
fn is_galaxy(name: &str, flat: &Namespace) -> bool {
    layout::stem(Layout::Galaxy, name)
        .is_some_and(|stem| layout::read(Layout::Galaxy, &[], stem, flat).is_ok())
}

/// Returns the advice for a file without a reference.
fn proposal(folders: &[String], name: &str) -> String {
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    let proposed = propose::propose(&folders, name);
    // The current name is no proposal.
    let own = folders.iter().copied().chain([name]).collect::<Vec<_>>();
    let is_other = |path: &String| *path != own.join("/");
    match proposed.filter(is_other) {
        Some(name) => format!("rename it to {name}, or set its reference with --map"),
        None => "rename it to <name>_<tag>.sif, or set its reference with --map".to_owned(),
    }
}

/// Returns whether a file begins like a SIF or a squashfs.
fn holds_image(path: &Path) -> bool {
    let Ok(file) = File::open(path) else {
        return false;
    };
    let mut front = Vec::new();
    let read = file.take(SNIFF_BYTES as u64).read_to_end(&mut front);
    read.is_ok()
        && matches!(
            sniff(&front, u64::MAX),
            Ok(ImageKind::Sif | ImageKind::Squashfs { .. })
        )
}
