//! OCI image indexes: the images of a tag that has several architectures, and lists of referrers
//! (`spec/manifest.md`; image-spec `image-index.md`).

use serde::{Deserialize, Serialize};

use crate::arch::Arch;
use crate::descriptor::Descriptor;
use crate::digest::Digest;
use crate::media_type::OCI_INDEX;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageIndex<'a> {
    schema_version: u64,
    media_type: &'static str,
    manifests: &'a [Descriptor],
}

/// Returns the exact bytes of an image index of `manifests`, in their order.
///
/// # Panics
/// Never: the image index is always valid JSON.
#[must_use]
pub fn encode(manifests: &[Descriptor]) -> Vec<u8> {
    let index = ImageIndex {
        schema_version: 2,
        media_type: OCI_INDEX,
        manifests,
    };
    serde_json::to_vec(&index).expect("an image index of ours is JSON")
}

/// Returns the digests that an image index lists, in its order, or `None` if the bytes are not an image
/// index.
#[must_use]
pub fn listed(bytes: &[u8]) -> Option<Vec<Digest>> {
    #[derive(Deserialize)]
    struct Listed {
        manifests: Vec<Descriptor>,
    }
    let index: Listed = serde_json::from_slice(bytes).ok()?;
    Some(index.manifests.iter().map(|one| *one.digest()).collect())
}

/// Returns the rank of an architecture as a default: amd64 first, then the others by their words.
#[must_use]
pub fn rank(arch: Arch) -> impl Ord {
    (arch != Arch::Amd64, arch)
}
