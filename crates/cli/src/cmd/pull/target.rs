//! Where a pulled image is put.

use std::path::{Path, PathBuf};

use sreg_client::fetch::Wanted;
use sreg_index::hasher::{self, IoMode};

use crate::args;
use crate::problem::Problem;
use crate::progress::Progress;

/// Where a pulled image is put.
pub(super) enum Output {
    /// A file.
    File(PathBuf),
    /// Standard output; `early` as it comes, before all of it is verified.
    Stdout { early: bool },
}

impl Output {
    /// What the arguments say; `name` where they do not, or name a folder.
    pub(super) fn of(args: &args::Pull, name: &str) -> Result<Self, Problem> {
        let is_stdout = args.out.as_deref() == Some(Path::new("-"));
        if args.stream || is_stdout {
            if args.out.is_some() && !is_stdout {
                return Err(Problem::new("usage", "--stream writes to standard output")
                    .with_hint("leave -o out, or leave --stream out"));
            }
            return Ok(Self::Stdout { early: args.stream });
        }
        Ok(Self::File(match &args.out {
            None => PathBuf::from(name),
            Some(path) if path.is_dir() => path.join(name),
            Some(path) => path.clone(),
        }))
    }

    /// Whether it is standard output.
    pub(super) fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout { .. })
    }

    /// The file's name, as people know it.
    pub(super) fn shown(&self) -> Option<String> {
        match self {
            Self::File(path) => Some(path.display().to_string()),
            Self::Stdout { .. } => None,
        }
    }
}

/// Whether the image is there already. Refuses to replace a file that is another image, or none.
pub(super) fn check(
    path: &Path,
    wanted: &Wanted,
    force: bool,
    progress: &ProgressBar<'_>,
) -> Result<bool, Problem> {
    let Ok(found) = path.symlink_metadata() else {
        return Ok(false);
    };
    let is_same = found.is_file()
        && wanted.size.is_none_or(|size| size == found.len())
        && hasher::hash(path, IoMode::Auto, progress)
            .is_ok_and(|hashed| hashed.chain.digest() == wanted.digest);
    match is_same {
        true => Ok(true),
        false if force && !found.is_dir() => Ok(false),
        false => Err(Problem::new(
            "file-exists",
            format!("{} is there already, and is another file", path.display()),
        )
        .with_hint("choose another name with -o, or replace it with --force")),
    }
}
