//! Which files of a folder are images, and what references their paths say (`spec/cli.md`).

mod case;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sreg_index::stamp::Stamp;
use sreg_model::reference::ReferenceError;
use sreg_model::statement::Subject;
use sreg_model::{Arch, Name, Namespace, Repository, Tag};

pub(crate) use self::case::FoldedNames;

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
    pub(crate) fn new(code: &'static str, path: &Path, message: impl Into<String>) -> Self {
        Self {
            code,
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
}

/// Reads the folder `source` and all folders below it, but `skip`. `flat` is the namespace of
/// images that lie in `source` itself.
#[must_use]
pub fn scan(source: &Path, skip: &Path, flat: &Namespace) -> Scan {
    let mut scan = Scan::default();
    let mut walk = Walk {
        skip: fs::canonicalize(skip).ok(),
        flat,
        scan: &mut scan,
        above: Vec::new(),
    };
    walk.folder(source, &mut Vec::new());
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

struct Walk<'a> {
    skip: Option<PathBuf>,
    flat: &'a Namespace,
    scan: &'a mut Scan,
    /// Device and inode of every folder above, to see a loop of symbolic links.
    above: Vec<(u64, u64)>,
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
        for entry in entries {
            match entry {
                Ok(entry) => self.entry(&entry, relative),
                Err(error) => self.unreadable(folder, &error),
            }
        }
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
        let stem = image_stem(&shown);
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
            // A folder whose name is no text can still hold files to complain about.
            relative.push(text.map_or_else(|| name.to_string_lossy().into_owned(), str::to_owned));
            self.folder(&path, relative);
            relative.pop();
            return;
        }
        let Some(stem) = stem else { return };
        if !metadata.is_file() {
            return self.fault("not-a-file", &path, "not a regular file");
        }
        if text.is_none() {
            return self.fault("malformed-reference", &path, "its name is not UTF-8");
        }
        match reference(relative, stem, self.flat) {
            Ok((repository, tag, arch)) => self.scan.candidates.push(Candidate { stamp: Stamp::of(&metadata), path, repository, tag, arch }),
            Err(NameError::Depth) => self.fault(
                "malformed-reference",
                &path,
                "its path gives no reference; put it at <namespace>/<name>/<tag>.sif or <namespace>/<name>_<tag>.sif",
            ),
            Err(NameError::Reference(error)) => self.fault(error.code(), &path, &error.to_string()),
        }
    }

    fn fault(&mut self, code: &'static str, path: &Path, message: &str) {
        self.scan.faults.push(SourceFault::new(code, path, message));
    }

    fn unreadable(&mut self, path: &Path, error: &io::Error) {
        self.fault("unreadable", path, &format!("cannot be read: {error}"));
    }
}

fn is_link(entry: &fs::DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_symlink())
}

/// What stands before the ending of an image's file name; nothing for other files.
fn image_stem(name: &str) -> Option<&str> {
    let name = name.strip_suffix(".gz").unwrap_or(name);
    [".sif", ".simg", ".img"]
        .iter()
        .find_map(|ending| name.strip_suffix(ending))
}

#[derive(Debug, PartialEq, Eq)]
enum NameError {
    Depth,
    Reference(ReferenceError),
}

impl From<ReferenceError> for NameError {
    fn from(error: ReferenceError) -> Self {
        Self::Reference(error)
    }
}

/// The reference that a path says: `folders` below the source, and the stem of the file.
fn reference(
    folders: &[String],
    stem: &str,
    flat: &Namespace,
) -> Result<(Repository, Tag, Option<Arch>), NameError> {
    let (stem, arch) = split_arch(stem);
    let folders: Vec<&str> = folders.iter().map(String::as_str).collect();
    let (namespace, name, tag) = match folders[..] {
        [] => {
            let (name, tag) = split_tag(stem);
            (flat.clone(), name, tag)
        }
        [namespace] => {
            let (name, tag) = split_tag(stem);
            (namespace.parse()?, name, tag)
        }
        [namespace, name] => (namespace.parse()?, name, Some(stem)),
        [namespace, name, "manifests", tag] => (namespace.parse()?, name, Some(tag)),
        _ => return Err(NameError::Depth),
    };
    let repository = Repository::new(namespace, name.parse::<Name>()?)?;
    Ok((
        repository,
        tag.map_or(Ok(Tag::default()), str::parse)?,
        arch,
    ))
}

/// `1.0.arm64` is tag `1.0` for arm64.
fn split_arch(stem: &str) -> (&str, Option<Arch>) {
    match stem.rsplit_once('.') {
        Some((rest, word)) if !rest.is_empty() => match word.parse() {
            Ok(Arch::Unknown) | Err(_) => (stem, None),
            Ok(arch) => (rest, Some(arch)),
        },
        _ => (stem, None),
    }
}

/// `my_tool_1.0` is tag `1.0` of `my_tool`; without a `_` there is no tag.
fn split_tag(stem: &str) -> (&str, Option<&str>) {
    match stem.rsplit_once('_') {
        Some((name, tag)) => (name, Some(tag)),
        None => (stem, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(path: &str) -> Option<String> {
        let mut folders: Vec<String> = path.split('/').map(str::to_owned).collect();
        let file = folders.pop().unwrap();
        let flat = "library".parse().unwrap();
        let (repository, tag, arch) = reference(&folders, image_stem(&file)?, &flat).ok()?;
        Some(format!(
            "{repository}:{tag}{}",
            arch.map_or(String::new(), |arch| format!(" {arch}"))
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
