//! Warnings for the user of an operation that continues.

use std::fmt;
use std::path::PathBuf;

use sreg_model::Arch;
use sreg_registry::explain;

use crate::fetch;
use crate::known::KnownError;

/// A warning. Its `Display` is a sentence for a person.
#[derive(Debug)]
#[non_exhaustive]
pub enum Warning {
    /// Two histories of a registry are signed. These files prove it.
    Forked(Vec<PathBuf>),
    /// A registry could not be used; a mirror is tried next.
    Skipped {
        /// The registry or mirror.
        registry: PathBuf,
        /// Why.
        message: String,
    },
    /// The only image of a reference is for another architecture.
    OtherArch(Arch),
    /// The registry has no keys.
    Unsigned,
    /// The image has no valid digest chain, and is downloaded in one piece.
    NoDigestChain,
    /// The image was pulled, but the state of its registry could not be recorded.
    NotRecorded(KnownError),
    /// The file system does not support execute permission.
    NotExecutable(PathBuf),
    /// A warning of the download.
    Fetch(fetch::Warning),
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forked(evidence) => {
                let paths: Vec<String> = evidence
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                write!(
                    f,
                    "a signer has signed two histories of this registry: see the evidence in {}",
                    paths.join(", ")
                )
            }
            Self::Skipped { registry, message } => {
                write!(f, "{}: {message}", registry.display())
            }
            Self::OtherArch(arch) => {
                write!(f, "image is for {arch}, not for this machine")
            }
            Self::Unsigned => f.write_str(
                "the registry is unsigned: digests show that bytes are whole, not who published them",
            ),
            Self::NoDigestChain => f.write_str(
                "no valid digest chain for this image: downloading it in one piece",
            ),
            Self::NotRecorded(error) => {
                write!(f, "the registry's state was not recorded: {}", explain(error))
            }
            Self::NotExecutable(path) => write!(
                f,
                "cannot make {path} executable on this file system: run `apptainer run {path}`",
                path = path.display()
            ),
            Self::Fetch(warning) => warning.fmt(f),
        }
    }
}
