//! The arguments of the commands that transfer images and registries.

use std::path::PathBuf;

use clap::Args as ClapArgs;

use super::{Io, Judging, Signing, Within};

#[derive(Debug, ClapArgs)]
pub(crate) struct Pull {
    /// The image: `REGISTRY//namespace/name:tag`, where REGISTRY is `https://host/path`,
    /// `s3://bucket/prefix`, `file:///folder` or a folder; or the URL of a file with its digest,
    /// `https://host/file.sif@sha256:…`.
    pub(crate) reference: String,
    /// Write to this file or folder; with -, write to standard output once the whole image is verified
    /// [default: name_tag.sif].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write each verified part to standard output as it arrives; the whole image is verified only
    /// if the command exits with 0.
    #[arg(long)]
    pub(crate) stream: bool,
    /// Replace an existing file that differs.
    #[arg(short, long)]
    pub(crate) force: bool,
    /// Pull the image for this architecture [default: this machine's, otherwise the only one].
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<sreg_model::Arch>,
    /// Also download from this copy of the registry or file; can be repeated.
    #[arg(long = "mirror", env = "SREG_MIRROR", value_name = "URL")]
    pub(crate) mirrors: Vec<String>,
    /// Send up to this many requests at once.
    #[arg(long, env = "SREG_CONNECTIONS", value_name = "N", default_value_t = 4)]
    pub(crate) connections: usize,
    /// Keep images in this folder, which users and machines can share.
    #[arg(long, env = "SREG_IMAGE_CACHE", value_name = "DIR")]
    pub(crate) cache: Option<PathBuf>,
    /// Download the image even if the cache has it.
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// Pull from --cache without any request, even if the head has expired since the image was cached.
    #[arg(long, env = "SREG_OFFLINE", conflicts_with = "locked")]
    pub(crate) offline: bool,
    /// Pull the version in the lock file instead of the newest, even if its head has expired since.
    #[arg(long)]
    pub(crate) locked: bool,
    #[command(flatten)]
    pub(crate) judging: Judging,
    #[command(flatten)]
    pub(crate) within: Within,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Mirror {
    /// The registry to copy: a folder or a URL.
    pub(crate) from: PathBuf,
    /// The copy: a folder or `s3://bucket/prefix`.
    pub(crate) to: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Doctor {
    /// A registry, or the place for a new one: `s3://bucket/prefix`, `https://host/registry` or a
    /// folder.
    pub(crate) place: String,
    /// Also test conditional writes in a folder [default: only in buckets].
    #[arg(long)]
    pub(crate) write: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Push {
    /// An image file.
    pub(crate) image: PathBuf,
    /// The reference to publish: `REGISTRY//namespace/name:tag`, where REGISTRY is a folder or
    /// `s3://bucket/prefix`.
    pub(crate) reference: String,
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// Publish this signed statement [default: the image's path with .statement added, if it exists].
    #[arg(long, value_name = "FILE")]
    pub(crate) statement: Option<PathBuf>,
    /// Freeze the tag: it can no longer move to another image or be removed.
    #[arg(long)]
    pub(crate) frozen: bool,
    /// Set the architecture of an image whose headers do not state it.
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<sreg_model::Arch>,
    /// Choose how to read the image [default: auto].
    #[arg(long, env = "SREG_IO", value_name = "HOW")]
    pub(crate) io: Option<Io>,
    #[command(flatten)]
    pub(crate) within: Within,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Attach {
    /// The file, such as an SBOM or another tool's signature.
    pub(crate) file: PathBuf,
    /// The published image: `REGISTRY//namespace/name:tag`, where REGISTRY is a folder or
    /// `s3://bucket/prefix`.
    pub(crate) reference: String,
    /// Set the media type of the file, such as `application/spdx+json`.
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) media: String,
    /// Publish the file under this name [default: its own].
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Add this annotation to the file's manifest; can be repeated.
    #[arg(long = "annotation", value_name = "KEY=VALUE")]
    pub(crate) annotations: Vec<String>,
    /// Select the image for this architecture if the tag has several.
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<sreg_model::Arch>,
    #[command(flatten)]
    pub(crate) signing: Signing,
    /// Choose how to read the file [default: auto].
    #[arg(long, env = "SREG_IO", value_name = "HOW")]
    pub(crate) io: Option<Io>,
    #[command(flatten)]
    pub(crate) within: Within,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Rm {
    /// The reference to remove, with its tag: `REGISTRY//namespace/name:tag`, where REGISTRY is a
    /// folder or `s3://bucket/prefix`.
    pub(crate) reference: String,
    /// Publish this reason with the removal.
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: String,
    /// Remove only this architecture [default: all architectures of the tag].
    #[arg(long, value_name = "ARCH")]
    pub(crate) arch: Option<sreg_model::Arch>,
    #[command(flatten)]
    pub(crate) signing: Signing,
    #[command(flatten)]
    pub(crate) within: Within,
}
