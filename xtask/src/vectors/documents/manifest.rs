//! `spec/manifest.md`.

use serde_json::json;

use super::example::{self, SIF, SIZE, SQUASHFS};
use super::{Case, oracle};

const GZIP: &str = "application/vnd.singularity.image.squashfs+gzip";

pub(super) fn cases() -> Vec<Case> {
    let digest = example::image_digest();
    let mut cases = Vec::new();
    for (name, ids, note, media, title) in [
        (
            "sif",
            "MAN-1 MAN-2 MAN-3 MAN-8",
            "what is written for a SIF",
            SIF,
            "tool_1.0.sif",
        ),
        (
            "squashfs",
            "MAN-1 MAN-2 MAN-3",
            "a bare squashfs has a type and an ending of its own",
            SQUASHFS,
            "tool_1.0.simg",
        ),
        (
            "squashfs-gzip",
            "MAN-1 MAN-2 MAN-3",
            "so has a gzipped one",
            GZIP,
            "tool_1.0.simg.gz",
        ),
    ] {
        let text = example::manifest_of(media, SIZE, &digest, title);
        let id = oracle::digest(&text);
        cases.push(
            Case::valid(
                "manifest",
                name,
                ids,
                note,
                text,
                json!({"digest": id, "layers": [{"mediaType": media, "size": SIZE, "digest": digest}]}),
            )
            .with("image", json!({"name": "lab/tool", "tag": "1.0", "digest": digest, "size": SIZE, "media": media})),
        );
    }
    let text = example::manifest();
    let spaced = text.replacen('{', "{ \"x\": [null, 1.5],\n", 1);
    let created = text.replace(
        "}]}",
        "}],\"annotations\":{\"org.opencontainers.image.created\":\"2023-12-19T16:02:14Z\"}}",
    );
    for (name, note, text) in [
        (
            "unknown-field",
            "a field, a null, a float and white space that are not ours",
            spaced,
        ),
        (
            "created",
            "as apptainer pushes an image with a build date",
            created,
        ),
        (
            "no-media-type",
            "mediaType is optional in a manifest",
            text.replace(
                "\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",",
                "",
            ),
        ),
    ] {
        let id = oracle::digest(&text);
        cases.push(Case::valid(
            "manifest",
            name,
            "MAN-6 MAN-7 MAN-8",
            note,
            text,
            json!({"digest": id, "layers": [{"mediaType": SIF, "size": SIZE, "digest": digest}]}),
        ));
    }
    for (name, ids, note, text, class) in [
        (
            "empty",
            "MAN-7",
            "no byte",
            String::new(),
            "malformed-manifest",
        ),
        (
            "not-json",
            "MAN-7",
            "cut off in the middle",
            text[..200].to_owned(),
            "malformed-manifest",
        ),
        (
            "no-layers",
            "MAN-7",
            "no list of layers",
            text.replace("\"layers\"", "\"strata\""),
            "malformed-manifest",
        ),
        (
            "no-config",
            "MAN-7",
            "no config",
            text.replace("\"config\"", "\"configs\""),
            "malformed-manifest",
        ),
        (
            "negative-size",
            "MAN-7",
            "a negative size",
            text.replace(&SIZE.to_string(), "-1"),
            "malformed-manifest",
        ),
        (
            "other-algorithm",
            "MAN-7",
            "a digest that is not SHA-256",
            text.replace("sha256:44", "md5:44"),
            "malformed-manifest",
        ),
        (
            "layer-without-size",
            "MAN-7",
            "a layer without its size",
            text.replace(&format!("\"size\":{SIZE},"), ""),
            "malformed-manifest",
        ),
        (
            "schema-version-1",
            "MAN-5",
            "schemaVersion 1",
            text.replace("Version\":2", "Version\":1"),
            "manifest-schema-version",
        ),
        (
            "image-index",
            "MAN-6",
            "the media type of an image index",
            text.replace("image.manifest", "image.index"),
            "manifest-media-type",
        ),
    ] {
        cases.push(Case::invalid("manifest", name, ids, note, text, class));
    }
    cases
}
