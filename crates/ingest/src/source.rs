//! Finds the image files of a folder, and reads references from their paths (`spec/cli.md`).

mod layout;
mod map;
mod name;
mod propose;
mod walk;

use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::{Path, PathBuf};

use sreg_index::stamp::Stamp;
use sreg_model::fault::Code;
use sreg_model::statement::Subject;
use sreg_model::{Arch, FoldedNames, Namespace, Repository, Tag};

pub use self::layout::Layout;
pub use self::map::{NameMap, Pattern};
pub use self::name::{misread, pulled_name};
use self::walk::Walk;
use sreg_publish::SourceFault;

/// The rules for reading references from paths: the map, otherwise the first matching pattern, otherwise the
/// layout.
#[derive(Debug, Clone)]
pub struct Naming {
    /// The namespace of images at the top of the source.
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

/// A file with the name of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it is.
    pub path: PathBuf,
    /// Its stamp when the folder was read.
    pub stamp: Stamp,
    /// Its repository, by its path.
    pub repository: Repository,
    /// Its tag, by its path.
    pub tag: Tag,
    /// Its architecture, if the name states one.
    pub arch: Option<Arch>,
    /// The other references that its name could mean.
    pub others: Vec<String>,
}

/// The content of a folder.
#[derive(Debug, Default)]
pub struct Scan {
    /// The images, by path.
    pub candidates: Vec<Candidate>,
    /// The files that cannot be published.
    pub faults: Vec<SourceFault>,
    /// Images without the name of one, and folders and links that were not searched.
    pub passed_over: Vec<SourceFault>,
    /// Whether a folder of images may be missing: what is absent is not known to be gone.
    pub is_partial: bool,
}

/// Reads the folder `source` and all folders below it except `skip`.
#[must_use]
pub fn scan(source: &Path, skip: &Path, naming: &Naming) -> Scan {
    let mut scan = Scan::default();
    Walk::new(skip, naming, &mut scan).folder(source, &mut Vec::new());
    for path in naming
        .map
        .paths()
        .filter(|path| !source.join(path).exists())
    {
        let message = "listed in the map, but not found";
        let fault = SourceFault::new(Code::MissingFile, &source.join(path), message);
        scan.faults.push(fault);
    }
    scan.passed_over
        .sort_by(|left, right| left.path.cmp(&right.path));
    scan.candidates
        .sort_by(|left, right| left.path.cmp(&right.path));
    scan
}

/// The maximal number of entries to search for an image.
const MOST_LOOKED_AT: usize = 2000;

/// Returns whether a folder seems to contain images. Searches only a part of it, from the top, because it may
/// be any folder.
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

/// Finds images with the same reference and architecture, and references that differ only in case. All of
/// them are faults, because none has precedence.
#[must_use]
pub fn collisions(images: &[(Subject, PathBuf)]) -> Vec<SourceFault> {
    let mut faults = Vec::new();
    let mut seen: BTreeMap<&Subject, &PathBuf> = BTreeMap::new();
    for (subject, path) in images {
        if let Some(first) = seen.insert(subject, path) {
            let message = format!(
                "{subject} is also the reference of {}: rename one of them",
                first.display()
            );
            faults.push(SourceFault::new(Code::DuplicateReference, path, message));
        }
    }
    let mut folded = FoldedNames::default();
    for (subject, path) in images {
        let reference = format!("{}:{}", subject.repository, subject.tag);
        if let Err(other) = folded.insert(&reference) {
            let message =
                format!("{reference} and {other} differ only in case: rename one of them");
            faults.push(SourceFault::new(Code::CaseCollision, path, message));
        }
    }
    faults
}

/// Returns an image's file name without its ending; `None` for other files.
fn image_stem(name: &str) -> Option<&str> {
    let name = without_ending(name, ".gz").unwrap_or(name);
    [".sif", ".simg", ".img"]
        .iter()
        .find_map(|ending| without_ending(name, ending))
}

/// Like `strip_suffix`, ignoring the case of the ending.
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
