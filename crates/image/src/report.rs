//! The output of `sreg inspect`: the JSON of `spec/cli.md`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use sreg_model::sif::{Extra, Link, SifDescriptor};
use sreg_model::{Arch, Digest, ImageFormat, SifImage};

use crate::content::App;
use crate::{Content, Image};

/// The year 1, which Go writes for a time that was never set.
const YEAR_ONE: i64 = -62_135_596_800;

/// The note on an image whose primary partition has a word instead of an architecture code.
pub const WORD_AS_ARCH: &str = "the primary partition does not state its architecture as a code, as older versions of siftool setprim wrote it: that of the header holds";

/// An image's headers and content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// `sif` or `squashfs`.
    pub format: &'static str,
    /// `gzip` if the whole file is compressed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<&'static str>,
    /// The architecture of the image.
    pub arch: Arch,
    /// The size of the file, in bytes.
    pub size: u64,
    /// The digest of the file, if it was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// The digest chain, if it was requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chain: Option<Chain>,
    /// The header and objects of a SIF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sif: Option<ReportedSif>,
    /// Labels of the container.
    pub labels: BTreeMap<String, String>,
    /// The recipe from which the container was built.
    pub recipe: Option<String>,
    /// The script that runs when the container does.
    pub runscript: Option<String>,
    /// The scripts that set the environment, by path.
    pub environment: BTreeMap<String, String>,
    /// The text of `%help`.
    pub help: Option<String>,
    /// The script of `%test`.
    pub test: Option<String>,
    /// The script that runs when an instance starts.
    pub startscript: Option<String>,
    /// The applications inside, by name.
    pub apps: BTreeMap<String, App>,
    /// Signatures inside the SIF. They are listed, not verified.
    pub signatures: Vec<ReportedSignature>,
    /// Notes on parts that could not be read, with the reason.
    pub notes: Vec<String>,
}

/// A digest chain (`spec/digest-chain.md`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// The digest of the chain's bytes.
    pub digest: Digest,
    /// The number of chunks that it covers.
    pub chunks: u64,
}

/// A SIF's header and objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReportedSif {
    /// The version of the format.
    pub version: String,
    /// The image's UUID.
    pub id: String,
    /// The time at which the image was made, RFC 3339 in UTC; `null` if it is not stated.
    pub created: Option<String>,
    /// The time of the last change of the image, in the same form.
    pub modified: Option<String>,
    /// The objects, in the order of the table.
    pub objects: Vec<ReportedObject>,
}

/// An object of a SIF, in the words of siftool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReportedObject {
    /// Its id.
    pub id: u32,
    /// Its type.
    #[serde(rename = "type")]
    pub object_type: &'static str,
    /// Its group.
    pub group: Option<u32>,
    /// The id of the object or group to which it is linked.
    pub link: Option<u32>,
    /// Whether the link leads to a group, and not to an object; absent without a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link_to_group: Option<bool>,
    /// Its offset in the file.
    pub offset: u64,
    /// Its size, in bytes.
    pub size: u64,
    /// Its name, often empty.
    pub name: String,
    /// The file system of a partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filesystem: Option<&'static str>,
    /// The purpose of a partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<&'static str>,
    /// The architecture of a partition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arch: Option<Arch>,
    /// The hash of a signature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<&'static str>,
    /// The format of a cryptographic message or of a bill of materials.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub format: Option<&'static str>,
    /// The type of a cryptographic message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'static str>,
    /// The digest of an OCI blob.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// A signature inside a SIF.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReportedSignature {
    /// The object that holds it.
    pub object: u32,
    /// `pgp`, or `dsse` if the object names no PGP key.
    pub kind: &'static str,
    /// The hash, in siftool's word.
    pub hash: &'static str,
    /// The signer's PGP fingerprint, in upper-case hexadecimal digits.
    pub fingerprint: Option<String>,
}

impl Report {
    /// Creates the report of an image and its content. The caller sets digest and chain.
    #[must_use]
    pub fn new(image: &Image, content: Content) -> Self {
        let (format, compression) = match image.format() {
            ImageFormat::Sif => ("sif", None),
            ImageFormat::Squashfs => ("squashfs", None),
            ImageFormat::SquashfsGzip => ("squashfs", Some("gzip")),
        };
        let mut notes = content.notes;
        if image.has_word_as_arch() {
            notes.push(WORD_AS_ARCH.to_owned());
        }
        Self {
            format,
            compression,
            arch: image.arch(),
            size: image.size(),
            digest: None,
            chain: None,
            sif: image.sif().map(ReportedSif::new),
            labels: content.labels,
            recipe: content.recipe,
            runscript: content.runscript,
            environment: content.environment,
            help: content.help,
            test: content.test,
            startscript: content.startscript,
            apps: content.apps,
            signatures: image.sif().map(signatures).unwrap_or_default(),
            notes,
        }
    }
}

impl ReportedSif {
    fn new(sif: &SifImage) -> Self {
        let header = sif.header();
        Self {
            version: header.version().to_owned(),
            id: header.id(),
            created: date(header.created()),
            modified: date(header.modified()),
            objects: sif.objects().iter().map(ReportedObject::new).collect(),
        }
    }
}

impl ReportedObject {
    fn new(object: &SifDescriptor) -> Self {
        let mut reported = Self {
            id: object.id(),
            object_type: object.object_type().as_str(),
            group: object.group(),
            link: object.link().map(|(Link::Object(id) | Link::Group(id))| id),
            link_to_group: object.link().map(|link| matches!(link, Link::Group(_))),
            offset: object.offset(),
            size: object.size(),
            name: object.name().to_owned(),
            filesystem: None,
            partition: None,
            arch: None,
            hash: None,
            format: None,
            message: None,
            digest: None,
        };
        match object.extra() {
            Extra::Partition {
                filesystem,
                partition,
                arch,
            } => {
                reported.filesystem = Some(filesystem.as_str());
                reported.partition = Some(partition.as_str());
                reported.arch = Some(*arch);
            }
            Extra::Signature { hash, .. } => reported.hash = Some(hash.as_str()),
            Extra::CryptoMessage { format, message } => {
                reported.format = Some(format.as_str());
                reported.message = Some(message.as_str());
            }
            Extra::Sbom { format } => reported.format = Some(format.as_str()),
            Extra::OciBlob { digest } => reported.digest = *digest,
            _ => {}
        }
        reported
    }
}

fn signatures(sif: &SifImage) -> Vec<ReportedSignature> {
    let signature = |object: &SifDescriptor| match object.extra() {
        Extra::Signature { hash, fingerprint } => Some(ReportedSignature {
            object: object.id(),
            kind: if fingerprint.is_some() { "pgp" } else { "dsse" },
            hash: hash.as_str(),
            fingerprint: fingerprint
                .map(|bytes| bytes.iter().map(|byte| format!("{byte:02X}")).collect()),
        }),
        _ => None,
    };
    sif.objects().iter().filter_map(signature).collect()
}

/// Formats a time as RFC 3339 in UTC. Returns `None` for 0, for the year 1, and for times that RFC 3339
/// cannot express.
fn date(seconds: i64) -> Option<String> {
    let moment = Timestamp::from_second(seconds).ok()?;
    (seconds != 0 && seconds > YEAR_ONE).then(|| moment.to_string())
}
