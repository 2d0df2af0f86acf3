//! Which files of a folder are images, and what references their paths say (`spec/cli.md`).

mod case;
mod layout;
mod map;
mod name;
mod propose;

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sreg_index::stamp::Stamp;
use sreg_model::image::{ImageKind, SNIFF_BYTES, sniff};
use sreg_model::statement::Subject;
use sreg_model::{Arch, Namespace, Repository, Tag};

pub(crate) use self::case::FoldedNames;
pub use self::layout::Layout;
pub use self::map::{NameMap, Pattern};
use self::name::{NameError, Named};
pub use self::name::{misread, pulled_name};

/// How references are read from paths: as a map says, else by the first pattern that matches, else by
/// the layout.
#[derive(Debug, Clone)]
pub struct Naming {
    /// The namespace of images that lie in the source itself.
    pub flat: Namespace,
    /// The layout of the source.
    pub layout: Layout,
    /// Patterns for paths without their endings.
    pub patterns: Vec<Pattern>,
    /// The references of some files.
    pub map: NameMap,
}

impl Naming {
    /// Returns the plain layout, without a map or patterns.
    #[must_use]
    pub fn plain(flat: Namespace) -> Self {
        Self {
            flat,
            layout: Layout::Plain,
            patterns: Vec::new(),
            map: NameMap::default(),
        }
    }
}

/// A file that its name says is an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it is.
    pub path: PathBuf,
    /// What it was when the folder was read.
    pub stamp: Stamp,
    /// Its repository, by its path.
    pub repository: Repository,
    /// Its tag, by its path.
    pub tag: Tag,
    /// Its architecture, where the name says one.
    pub arch: Option<Arch>,
    /// The other references that its name could mean.
    pub others: Vec<String>,
}

/// Why a file or folder of a source cannot be published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFault {
    /// The error's word in `spec/cli.md`.
    pub code: &'static str,
    /// The file or folder.
    pub path: PathBuf,
    /// What is wrong with it, and what to do.
    pub message: String,
}

impl SourceFault {
    pub(crate) fn new(
        code: impl Into<&'static str>,
        path: &Path,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code: code.into(),
            path: path.to_owned(),
            message: message.into(),
        }
    }
}

/// What a folder holds.
#[derive(Debug, Default)]
pub struct Scan {
    /// The images, by path.
    pub candidates: Vec<Candidate>,
    /// What cannot be published.
    pub faults: Vec<SourceFault>,
    /// Images whose names do not say that they are, and folders that were not looked into.
    pub passed_over: Vec<SourceFault>,
}

/// Reads the folder `source` and all folders below it, but `skip`.
#[must_use]
pub fn scan(source: &Path, skip: &Path, naming: &Naming) -> Scan {
    let mut scan = Scan::default();
    let mut walk = Walk {
        skip: fs::canonicalize(skip).ok(),
        naming,
        scan: &mut scan,
        above: Vec::new(),
        in_registry: false,
    };
    walk.folder(source, &mut Vec::new());
    for path in naming
        .map
        .paths()
        .filter(|path| !source.join(path).exists())
    {
        let message = "the map names it, and it is not there";
        let fault = SourceFault::new("missing-file", &source.join(path), message);
        scan.faults.push(fault);
    }
    scan.passed_over
        .sort_by(|left, right| left.path.cmp(&right.path));
    scan.candidates
        .sort_by(|left, right| left.path.cmp(&right.path));
    scan
}

/// The most entries that are looked at for an image.
const MOST_LOOKED_AT: usize = 2000;

/// Whether a folder seems to hold images. It may be any folder, so only a part of it is looked
/// at, from the top.
#[must_use]
pub fn holds_images(folder: &Path) -> bool {
    let mut folders = VecDeque::from([folder.to_owned()]);
    let mut seen = 0;
    while let Some(folder) = folders.pop_front() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            seen += 1;
            if seen > MOST_LOOKED_AT {
                return false;
            }
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push_back(entry.path());
            } else if entry.file_name().to_str().and_then(image_stem).is_some() {
                return true;
            }
        }
    }
    false
}

/// Finds images that say the same reference and architecture, and references that differ by
/// case alone. All of them are faults, since none can be chosen over the others.
#[must_use]
pub fn collisions(images: &[(Subject, PathBuf)]) -> Vec<SourceFault> {
    let mut faults = Vec::new();
    let mut seen: BTreeMap<&Subject, &PathBuf> = BTreeMap::new();
    for (subject, path) in images {
        if let Some(first) = seen.insert(subject, path) {
            let message = format!(
                "{subject} is also what {} says; rename one of them",
                first.display()
            );
            faults.push(SourceFault::new("duplicate-reference", path, message));
        }
    }
    let mut folded = FoldedNames::default();
    for (subject, path) in images {
        let reference = format!("{}:{}", subject.repository, subject.tag);
        if let Err(other) = folded.insert(&reference) {
            let message =
                format!("{reference} and {other} differ by case alone; rename one of them");
            faults.push(SourceFault::new("case-collision", path, message));
        }
    }
    faults
}

/// Far more folders above an image than any layout has.
const MAX_FOLDERS: usize = 32;

/// Folders that file systems and their tools keep for themselves.
const OF_FILE_SYSTEMS: [&str; 3] = ["lost+found", "System Volume Information", "$RECYCLE.BIN"];

struct Walk<'a> {
    skip: Option<PathBuf>,
    naming: &'a Naming,
    scan: &'a mut Scan,
    /// Device and inode of every folder above, to see a loop of symbolic links.
    above: Vec<(u64, u64)>,
    /// Whether a folder above is a registry, whose blobs are images under other names.
    in_registry: bool,
}

impl Walk<'_> {
    fn folder(&mut self, folder: &Path, relative: &mut Vec<String>) {
        if relative.len() > MAX_FOLDERS {
            let message = "folders nest too deep: no image here could have a reference";
            return self.fault("malformed-reference", folder, message);
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
                "symlink-loop",
                folder,
                "a symbolic link leads back to a folder above it; remove the link",
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
        // Following links: a folder of links to images elsewhere is a folder of images.
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            Err(error) if error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error()) => {
                return self.fault(
                    "symlink-loop",
                    &path,
                    "a symbolic link leads back to itself; remove the link",
                );
            }
            // A broken link with another ending is no image, and no folder of any.
            Err(_) if stem.is_none() && is_link(entry) => return,
            Err(error) => return self.unreadable(&path, &error),
        };
        if metadata.is_dir() {
            if stem.is_some() {
                return self.fault(
                    "not-a-file",
                    &path,
                    "a folder is no image: a sandbox has to be built into a SIF file first",
                );
            }
            if fs::canonicalize(&path).ok() == self.skip {
                return;
            }
            if OF_FILE_SYSTEMS.contains(&&*shown) {
                let message = "a folder of the file system, which is not searched for images";
                let fault = SourceFault::new("not-searched", &path, message);
                return self.scan.passed_over.push(fault);
            }
            // A folder whose name is no text can still hold files to complain about.
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
            return self.fault("not-a-file", &path, "not a regular file");
        }
        if text.is_none() {
            return self.fault("malformed-reference", &path, "its name is not UTF-8");
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
                        "malformed-reference",
                        format!(
                            "its path gives no reference in the {} layout",
                            self.naming.layout
                        ),
                    ),
                    NameError::Reference(error) => (error.code().word(), error.to_string()),
                };
                let message = format!("{what}; {}", proposal(relative, &shown));
                self.fault(code, &path, &message);
            }
        }
    }

    /// The reference that a path says: `folders` below the source, and the stem of the file.
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

    /// Lists a file whose name does not say that it is an image, if it is one.
    fn other_file(&mut self, path: &Path, name: &str, folders: &[String]) {
        // What a pull has begun, and blobs of registries.
        if self.in_registry || name.ends_with(".part") || !holds_image(path) {
            return;
        }
        let message = format!(
            "it is an image, and its name does not say so; {}",
            proposal(folders, name)
        );
        let fault = SourceFault::new("unnamed-image", path, message);
        self.scan.passed_over.push(fault);
    }

    fn fault(&mut self, code: impl Into<&'static str>, path: &Path, message: &str) {
        self.scan.faults.push(SourceFault::new(code, path, message));
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.fault("unreadable", path, &format!("cannot be read: {error}"));
    }
}

fn is_link(entry: &fs::DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_symlink())
}

/// The path of a file below the source.
fn below(folders: &[String], name: &str) -> String {
    let parts = folders.iter().map(String::as_str).chain([name]);
    parts.collect::<Vec<_>>().join("/")
}

/// What to do about a file that has no reference.
fn proposal(folders: &[String], name: &str) -> String {
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    match propose::propose(&folders, name) {
        Some(name) => format!("rename it to {name}, or give its reference with --map"),
        None => "rename it to <name>_<tag>.sif, or give its reference with --map".to_owned(),
    }
}

/// Whether a file begins like a SIF or a squashfs.
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

/// What stands before the ending of an image's file name; nothing for other files.
fn image_stem(name: &str) -> Option<&str> {
    let name = without_ending(name, ".gz").unwrap_or(name);
    [".sif", ".simg", ".img"]
        .iter()
        .find_map(|ending| without_ending(name, ending))
}

/// As `strip_suffix`, whatever the case of the ending.
fn without_ending<'a>(name: &'a str, ending: &str) -> Option<&'a str> {
    let (stem, last) = name.split_at_checked(name.len().checked_sub(ending.len())?)?;
    last.eq_ignore_ascii_case(ending).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str) -> Option<String> {
        let mut folders: Vec<&str> = path.split('/').collect();
        let file = folders.pop().unwrap();
        let flat = "library".parse().unwrap();
        let named = name::plain(&folders, image_stem(file)?, &flat).ok()?;
        Some(format!(
            "{}:{}{}",
            named.repository,
            named.tag,
            named.arch.map_or(String::new(), |arch| format!(" {arch}"))
        ))
    }

    #[test]
    fn paths_say_references() {
        for (path, reference) in [
            ("lab/tool/1.0.sif", "lab/tool:1.0"),
            ("lab/tool/1.0.arm64.sif", "lab/tool:1.0 arm64"),
            ("lab/tool/1.0.arm65.sif", "lab/tool:1.0.arm65"),
            ("lab/tool_1.0.sif", "lab/tool:1.0"),
            ("lab/my_tool_1.0.ppc64le.simg", "lab/my_tool:1.0 ppc64le"),
            ("lab/tool.sif", "lab/tool:latest"),
            ("lab/tool/manifests/1.0/whatever.sif", "lab/tool:1.0"),
            (
                "lab/tool/manifests/1.0/x.arm64.img.gz",
                "lab/tool:1.0 arm64",
            ),
            ("tool_1.0.simg.gz", "library/tool:1.0"),
            ("tool.img", "library/tool:latest"),
            ("TOOL_1.0.SIF", "library/TOOL:1.0"),
            ("Lab/Tool/1.0.sif", "Lab/Tool:1.0"),
        ] {
            assert_eq!(said(path).as_deref(), Some(reference), "{path}");
        }
        for path in [
            "a/b/c/d.sif",
            "a/b/manifests/x.sif",
            "lab/.sif",
            "lab/-x_1.sif",
            "v2/tool_1.sif",
            "a/b/t+1.sif",
            "lab/x.tar",
        ] {
            assert_eq!(said(path), None, "{path}");
        }
    }
}
