//! OCI content descriptors (image-spec `descriptor.md`; `spec/manifest.md`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Arch, Digest};

/// The media type, digest and size of some content.
///
/// The fields have the order in which go-containerregistry, and apptainer with it, writes them. Unknown
/// fields are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    media_type: String,
    size: u64,
    digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    data: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    urls: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    /// PutOutcome, and ignored when read.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    platform: Option<Platform>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
}

/// The platform of an image, by which an image index distinguishes images.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Platform {
    architecture: String,
    os: String,
}

impl Descriptor {
    /// Creates a descriptor.
    #[must_use]
    pub fn new(media_type: &str, digest: Digest, size: u64) -> Self {
        Self {
            media_type: media_type.to_owned(),
            size,
            digest,
            data: None,
            urls: Vec::new(),
            annotations: BTreeMap::new(),
            platform: None,
            artifact_type: None,
        }
    }

    /// Sets the platform: Linux on an architecture.
    #[must_use]
    pub fn with_arch(mut self, arch: Arch) -> Self {
        self.platform = Some(Platform {
            architecture: arch.as_str().to_owned(),
            os: "linux".to_owned(),
        });
        self
    }

    /// Sets the inline content, as base64.
    #[must_use]
    pub fn with_data(mut self, base64: &str) -> Self {
        self.data = Some(base64.to_owned());
        self
    }

    /// Sets the one URL of the content.
    #[must_use]
    pub fn with_url(mut self, url: String) -> Self {
        self.urls.push(url);
        self
    }

    /// Adds an annotation.
    #[must_use]
    pub fn with_annotation(mut self, key: &str, value: String) -> Self {
        self.annotations.insert(key.to_owned(), value);
        self
    }

    /// Sets the artifact type and the annotations, for the manifest of an artifact.
    #[must_use]
    pub fn of_artifact(mut self, media: &str, annotations: BTreeMap<String, String>) -> Self {
        self.artifact_type = Some(media.to_owned());
        self.annotations = annotations;
        self
    }

    /// Returns the media type.
    #[must_use]
    pub fn media_type(&self) -> &str {
        &self.media_type
    }

    /// Returns the content's digest.
    #[must_use]
    pub fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Returns the content's length in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the URLs of the content.
    #[must_use]
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// Returns the annotations, by key.
    #[must_use]
    pub fn annotations(&self) -> &BTreeMap<String, String> {
        &self.annotations
    }
}
