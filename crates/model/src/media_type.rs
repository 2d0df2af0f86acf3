//! Media types, and the image formats that they mean (`spec/manifest.md`).

use serde::{Deserialize, Serialize};

/// An OCI image manifest (image-spec `manifest.md`).
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An OCI image index (image-spec `image-index.md`).
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// The config of an image manifest as apptainer pushes it; its content is `{}`.
pub const SIF_CONFIG: &str = "application/vnd.sylabs.sif.config.v1+json";
/// The config of an artifact that has none; its content is `{}` (image-spec `manifest.md`).
pub const EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// The one layer of a SIF manifest (apptainer `internal/pkg/client/oras/layer.go`).
pub const SIF_LAYER: &str = "application/vnd.sylabs.sif.layer.v1.sif";
/// The misspelled type that Singularity before 3.7 pushed. It is read, and never written.
pub const SIF_LAYER_LEGACY: &str = "appliciation/vnd.sylabs.sif.layer.tar";
/// A bare squashfs image, with the type of the first static registries.
pub const SQUASHFS: &str = "application/vnd.singularity.image.squashfs";
/// A bare squashfs image inside gzip.
pub const SQUASHFS_GZIP: &str = "application/vnd.singularity.image.squashfs+gzip";
/// A digest chain sidecar (`spec/digest-chain.md`).
pub const DIGEST_CHAIN: &str = "application/vnd.sreg.digest-chain.v1";
/// The manifest at a static-v1 endpoint (`spec/api.md`).
pub const SEED_MANIFEST: &str = "application/vnd.singularity.distribution.manifest.v2+json";
/// The config descriptor at a static-v1 endpoint.
pub const SEED_CONFIG: &str = "application/vnd.singularity.container.image.v1+json";

/// The format of an image file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ImageFormat {
    /// A SIF file.
    #[serde(rename = "application/vnd.sylabs.sif.layer.v1.sif")]
    Sif,
    /// A bare squashfs, with or without a launch line before it.
    #[serde(rename = "application/vnd.singularity.image.squashfs")]
    Squashfs,
    /// A bare squashfs inside gzip.
    #[serde(rename = "application/vnd.singularity.image.squashfs+gzip")]
    SquashfsGzip,
}

impl ImageFormat {
    /// Returns the media type of the image's bytes, in its statement and in its manifest.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Sif => SIF_LAYER,
            Self::Squashfs => SQUASHFS,
            Self::SquashfsGzip => SQUASHFS_GZIP,
        }
    }

    /// Returns the ending of a file's name, without the dot.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Sif => "sif",
            Self::Squashfs => "simg",
            Self::SquashfsGzip => "simg.gz",
        }
    }
}
