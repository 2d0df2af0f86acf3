//! The arguments of the commands that bring images and registries from place to place.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{Io, Judging, Signing, Within};

#[derive(Debug, ClapArgs)]
pub(crate) struct Pull {
    /// What to fetch: `https://host/registry//namespace/name:tag`, with `s3://`, `file://` or a folder
    /// in front as well; or the URL of a file and its digest, `https://host/file.sif@sha256:…`.
    pub(crate) reference: String,
    /// The file, or the folder to put it into; - is standard output, once all of it is verified
    /// [default: name_tag.sif].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// To standard output as it comes: each part is verified, the whole only when the command ends
    /// with 0.
    #[arg(long)]
    pub(crate) stream: bool,
    /// Replace a file that is there and is another.
    #[arg(short, long)]
    pub(crate) force: bool,
    /// The architecture [default: this machine's, else the only one].
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<sreg_model::Arch>,
    /// Another place of the same registry, or of the same file; more than once for several.
    #[arg(long = "mirror", env = "SREG_MIRROR", value_name = "URL")]
    pub(crate) mirrors: Vec<String>,
    /// How many requests go at once.
    #[arg(long, env = "SREG_CONNECTIONS", value_name = "N", default_value_t = 4)]
    pub(crate) connections: usize,
    /// A folder of images that several users or machines share.
    #[arg(long, env = "SREG_IMAGE_CACHE", value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Fetch it, whatever the cache has.
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// From the cache alone, whatever servers have; what has expired since still holds.
    #[arg(
        long,
        env = "SREG_OFFLINE",
        requires = "cache",
        conflicts_with = "locked"
    )]
    pub(crate) offline: bool,
    /// The version that the lock file lists, not the newest; what has expired since still holds.
    #[arg(long)]
    pub(crate) locked: bool,
    #[command(flatten)]
    pub(crate) judging: Judging,
    #[command(flatten)]
    pub(crate) within: Within,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Mirror {
    /// A registry: a folder, or a URL.
    pub(crate) from: PathBuf,
    /// Where its copy is to be: a folder, or `s3://bucket/prefix`.
    pub(crate) to: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Doctor {
    /// A registry, or where one is to be: `s3://bucket/prefix`, `https://host/registry`, a folder.
    pub(crate) place: String,
    /// Also write to a folder, to see whether conditions are kept; buckets are written to anyway.
    #[arg(long)]
    pub(crate) write: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Push {
    /// An image file.
    pub(crate) image: PathBuf,
    /// The reference that it is to have: `s3://bucket/registry//namespace/name:tag`,
    /// `TREE//namespace/name:tag`.
    pub(crate) reference: String,
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// The statement that its publisher signed [default: the image's name with .statement behind it,
    /// where there is one].
    #[arg(long, value_name = "FILE")]
    pub(crate) statement: Option<PathBuf>,
    /// The tag is never to move again.
    #[arg(long)]
    pub(crate) frozen: bool,
    /// The architecture of an image that does not say its own.
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<sreg_model::Arch>,
    /// How the image is read.
    #[arg(long, env = "SREG_IO", value_name = "HOW")]
    pub(crate) io: Option<Io>,
    #[command(flatten)]
    pub(crate) within: Within,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Attach {
    /// The file: an SBOM, a signature that another tool made.
    pub(crate) file: PathBuf,
    /// The image that it belongs to: `s3://bucket/registry//namespace/name:tag`,
    /// `TREE//namespace/name:tag`.
    pub(crate) reference: String,
    /// The file's media type, such as `application/spdx+json`.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) media: String,
    /// The name that it is to have [default: its own].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// An annotation of its manifest; more than once for several.
    #[arg(long = "annotation", value_name = "KEY=VALUE")]
    pub(crate) annotations: Vec<String>,
    /// The architecture of the image, where the tag has several.
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<sreg_model::Arch>,
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// How the file is read.
    #[arg(long, env = "SREG_IO", value_name = "HOW")]
    pub(crate) io: Option<Io>,
    #[command(flatten)]
    pub(crate) within: Within,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Rm {
    /// The reference to remove, with its tag: `s3://bucket/registry//namespace/name:tag`,
    /// `REGISTRY//namespace/name:tag`.
    pub(crate) reference: String,
    /// Why it is removed; published with the removal.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// The architecture to remove [default: all of the tag's].
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<sreg_model::Arch>,
    #[command(flatten)]
    pub(crate) signing: Signing,
    #[command(flatten)]
    pub(crate) within: Within,
}
