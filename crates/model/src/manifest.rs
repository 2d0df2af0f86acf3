//! OCI manifests of images, byte for byte as apptainer writes them, and of their artifacts
//! (`spec/manifest.md`; apptainer `internal/pkg/client/oras/image.go`; image-spec `manifest.md`).

use crate::fault::Code;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::attachment::{self, Attachment};
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::document::Document;
use crate::media_type::{self, ImageFormat};
use crate::reference::{Repository, Tag};
use crate::statement::Statement;

/// The content of every SIF config: an empty JSON object.
pub const EMPTY_CONFIG: &[u8] = b"{}";
/// [`EMPTY_CONFIG`] in base64, for the config descriptor.
const EMPTY_CONFIG_BASE64: &str = "e30=";
/// The annotation with the file's name.
pub const TITLE: &str = "org.opencontainers.image.title";
/// The maximal size of a manifest, in bytes (distribution-spec: 4 MiB).
pub const MAX_BYTES: usize = 4 << 20;

/// Why bytes are not an image manifest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The manifest is longer than [`MAX_BYTES`].
    #[error("the manifest has {0} bytes, expected at most 4194304")]
    TooLarge(usize),
    /// The bytes are not JSON, or a field is missing or of the wrong type.
    #[error("the manifest is malformed: {0}")]
    Malformed(#[from] serde_json::Error),
    /// `schemaVersion` is not 2.
    #[error("schemaVersion is {0}, expected 2")]
    SchemaVersion(u64),
    /// `mediaType` is not that of an image manifest.
    #[error("mediaType is {0:?}, expected {expected:?}", expected = media_type::OCI_MANIFEST)]
    MediaType(String),
}

impl ManifestError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::TooLarge(_) => Code::ManifestTooLarge,
            Self::Malformed(_) => Code::MalformedManifest,
            Self::SchemaVersion(_) => Code::ManifestSchemaVersion,
            Self::MediaType(_) => Code::ManifestMediaType,
        }
    }
}

/// An image manifest: its exact bytes, and the parsed fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    bytes: Vec<u8>,
    fields: Fields,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    schema_version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    media_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    artifact_type: Option<String>,
    config: Descriptor,
    layers: Vec<Descriptor>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Descriptor>,
}

impl Manifest {
    /// Creates the manifest of an image. It is a function of these arguments alone, so that every
    /// publisher of the image writes the same bytes.
    ///
    /// # Panics
    /// Never: the manifest is always valid JSON.
    #[must_use]
    pub fn of_image(
        repository: &Repository,
        tag: &Tag,
        digest: Digest,
        size: u64,
        format: ImageFormat,
    ) -> Self {
        let title = file_name(repository, tag, format);
        let config = Descriptor::new(media_type::SIF_CONFIG, empty_config_digest(), 2)
            .with_data(EMPTY_CONFIG_BASE64);
        let layer =
            Descriptor::new(format.media_type(), digest, size).with_annotation(TITLE, title);
        Self::encode(Fields {
            schema_version: 2,
            media_type: Some(media_type::OCI_MANIFEST.to_owned()),
            artifact_type: None,
            config,
            layers: vec![layer],
            annotations: BTreeMap::new(),
            subject: None,
        })
    }

    /// Creates the manifest of an attachment of the image with the manifest `subject` (MAN-11).
    ///
    /// # Panics
    /// Never: the manifest is always valid JSON.
    #[must_use]
    pub fn of_attachment(attachment: &Attachment, subject: &Self) -> Self {
        let config = Descriptor::new(media_type::EMPTY, empty_config_digest(), 2)
            .with_data(EMPTY_CONFIG_BASE64);
        let layer = Descriptor::new(&attachment.media, attachment.digest, attachment.size)
            .with_annotation(TITLE, attachment.name.clone());
        Self::encode(Fields {
            schema_version: 2,
            media_type: Some(media_type::OCI_MANIFEST.to_owned()),
            artifact_type: Some(attachment.media.clone()),
            config,
            layers: vec![layer],
            annotations: attachment.annotated(),
            subject: Some(subject.descriptor()),
        })
    }

    /// Creates the manifest of the signatures of an image, which are in the file of `statement`
    /// (MAN-12).
    ///
    /// # Panics
    /// Never: the manifest is always valid JSON.
    #[must_use]
    pub fn of_signatures(statement: &Document<Statement>, subject: &Self) -> Self {
        let about = &statement.body().subject;
        let (name, tag, arch) = (about.repository.name(), &about.tag, about.arch);
        let attachment = Attachment {
            annotations: None,
            digest: Digest::of(statement.bytes()),
            media: attachment::STATEMENT.to_owned(),
            name: format!("{name}_{tag}.{arch}.statement"),
            size: statement.bytes().len() as u64,
        };
        Self::of_attachment(&attachment, subject)
    }

    fn encode(fields: Fields) -> Self {
        let bytes = serde_json::to_vec(&fields).expect("a manifest of ours is JSON");
        Self { bytes, fields }
    }

    /// Parses any image manifest, leniently: unknown fields are ignored.
    ///
    /// # Errors
    /// `TooLarge`, `Malformed`, `SchemaVersion` or `MediaType`.
    pub fn parse(bytes: Vec<u8>) -> Result<Self, ManifestError> {
        if bytes.len() > MAX_BYTES {
            return Err(ManifestError::TooLarge(bytes.len()));
        }
        let fields: Fields = serde_json::from_slice(&bytes)?;
        if fields.schema_version != 2 {
            return Err(ManifestError::SchemaVersion(fields.schema_version));
        }
        match &fields.media_type {
            Some(other) if other != media_type::OCI_MANIFEST => {
                Err(ManifestError::MediaType(crate::digest::shorten(other)))
            }
            _ => Ok(Self { bytes, fields }),
        }
    }

    /// Returns the exact bytes, over which the manifest's digest is taken.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns the digest of the exact bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }

    /// Returns the descriptor of the manifest, for an artifact with its type and annotations.
    #[must_use]
    pub fn descriptor(&self) -> Descriptor {
        let descriptor = Descriptor::new(
            media_type::OCI_MANIFEST,
            self.digest(),
            self.bytes.len() as u64,
        );
        match &self.fields.artifact_type {
            Some(media) => descriptor.of_artifact(media, self.fields.annotations.clone()),
            None => descriptor,
        }
    }

    /// Returns the subject, if the manifest is that of an artifact with one.
    #[must_use]
    pub fn subject(&self) -> Option<&Descriptor> {
        self.fields.subject.as_ref()
    }

    /// Returns the config descriptor.
    #[must_use]
    pub fn config(&self) -> &Descriptor {
        &self.fields.config
    }

    /// Returns the layers, in order.
    #[must_use]
    pub fn layers(&self) -> &[Descriptor] {
        &self.fields.layers
    }
}

/// Returns the digest of [`EMPTY_CONFIG`].
#[must_use]
pub fn empty_config_digest() -> Digest {
    Digest::of(EMPTY_CONFIG)
}

/// Returns the name of the file that a pull writes: `<name>_<tag>.<extension>`.
#[must_use]
pub fn file_name(repository: &Repository, tag: &Tag, format: ImageFormat) -> String {
    format!("{}_{tag}.{}", repository.name(), format.extension())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Manifest {
        Manifest::of_image(
            &"lab/tool".parse().unwrap(),
            &"1.0".parse().unwrap(),
            Digest::of(b"image"),
            29_814_784,
            ImageFormat::Sif,
        )
    }

    #[test]
    fn the_bytes_are_those_that_apptainer_pushes() {
        let digest = Digest::of(b"image");
        let expected = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.sylabs.sif.config.v1+json","size":2,"digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","data":"e30="}},"layers":[{{"mediaType":"application/vnd.sylabs.sif.layer.v1.sif","size":29814784,"digest":"{digest}","annotations":{{"org.opencontainers.image.title":"tool_1.0.sif"}}}}]}}"#
        );
        assert_eq!(String::from_utf8_lossy(example().bytes()), expected);
    }

    #[test]
    fn parse_keeps_the_bytes_and_passes_over_unknown_fields() {
        let manifest = example();
        assert_eq!(
            Manifest::parse(manifest.bytes().to_vec()).unwrap(),
            manifest
        );
        let text = String::from_utf8(manifest.bytes().to_vec()).unwrap();
        let spaced = text.replacen('{', "{ \"x\": [null, 1.5],\n", 1);
        let parsed = Manifest::parse(spaced.clone().into_bytes()).unwrap();
        assert_eq!(parsed.bytes(), spaced.as_bytes());
        assert_eq!(parsed.layers(), manifest.layers());
    }

    #[test]
    fn each_fault_has_its_own_word() {
        let text = String::from_utf8(example().bytes().to_vec()).unwrap();
        for (bytes, word) in [
            (String::new(), "malformed-manifest"),
            (
                text.replace("\"layers\"", "\"strata\""),
                "malformed-manifest",
            ),
            (text.replace("29814784", "-1"), "malformed-manifest"),
            (text.replace("sha256:44", "md5:44"), "malformed-manifest"),
            (
                text.replace("Version\":2", "Version\":1"),
                "manifest-schema-version",
            ),
            (
                text.replace("image.manifest", "image.index"),
                "manifest-media-type",
            ),
            // spec: MAN-4
            (" ".repeat(MAX_BYTES + 1), "manifest-too-large"),
        ] {
            assert_eq!(
                Manifest::parse(bytes.into_bytes()).unwrap_err().code(),
                word
            );
        }
    }
}
