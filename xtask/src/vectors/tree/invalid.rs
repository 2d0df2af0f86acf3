//! Trees with a fault.

use super::image::{FIRST, Image, SECOND};
use super::versions::{
    Second, attached, formerly_attached, honest, lagging, one_version, sharded, two_versions,
};
use super::{Files, encode};
use crate::vectors::Case;
use crate::vectors::artifact;
use crate::vectors::example::{quote, tag_line};
use crate::vectors::oracle;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, ids: &'static str, note: &str, files: Files, class: &'static str| {
        cases.push(Case::invalid(
            "tree",
            name,
            ids,
            note,
            encode(&files),
            class,
        ));
    };
    let edit = |path: &str, change: &dyn Fn(String) -> String| {
        let mut files = honest();
        let text = String::from_utf8(files[path].clone()).expect("what is edited is text");
        files.insert(path.to_owned(), change(text).into());
        files
    };
    let without = |path: &str| {
        let mut files = honest();
        assert!(files.remove(path).is_some(), "{path}");
        files
    };
    let with = |path: String, text: &str| {
        let mut files = honest();
        files.insert(path, text.into());
        files
    };

    // Heads.
    add(
        "slot-differs",
        "HEAD-10",
        "head and its slot differ",
        edit("heads/0/2", &|text| {
            text.replace("1790000002", "1790000003")
        }),
        "head-mismatch",
    );
    add(
        "lagging-head",
        "CLI-10",
        "version 2 is committed, head is still version 1",
        lagging(),
        "lagging-head",
    );
    add(
        "other-previous",
        "HEAD-11",
        "the head of version 1 is not the one that version 2 names",
        edit("heads/0/1", &|text| {
            text.replace("1790000001", "1790000000")
        }),
        "document-mismatch",
    );
    let two = String::from_utf8(honest()["heads/0/2"].clone()).expect("a head is text");
    add(
        "slot-of-other-version",
        "HEAD-9",
        "version 2 in the slot of version 1",
        with("heads/0/1".to_owned(), &two),
        "document-mismatch",
    );
    add(
        "stray-head",
        "HEAD-11",
        "a slot far behind the newest",
        with(
            "heads/0/9".to_owned(),
            &two.replace("\"version\":2", "\"version\":9"),
        ),
        "stray-head",
    );
    add(
        "false-sum",
        "HEAD-8",
        "the head counts one tag too many",
        two_versions(&Second {
            tags: 2,
            ..Second::honest()
        }),
        "node-sum",
    );

    // The index.
    let leaf = oracle::map("tags/lab", &[Second::honest().line]).remove(0);
    let leaf_path = sharded("n", &leaf.id());
    add(
        "missing-node",
        "IDX-22",
        "the root of tags/lab is not there",
        without(&leaf_path),
        "missing-node",
    );
    add(
        "changed-node",
        "IDX-22 LAY-2",
        "the root of tags/lab was changed",
        edit(&leaf_path, &|text| text.replace("tool", "tooI")),
        "node-mismatch",
    );
    let second = Second::honest();
    let id = oracle::digest(second.statement.line());
    let line = tag_line(
        "tool:1.0",
        "amd64",
        Some((&SECOND.digest(), SECOND.size() + 1)),
        &id,
    );
    add(
        "line-of-other-size",
        "IDX-24",
        "the line has another size than the statement",
        two_versions(&Second { line, ..second }),
        "statement-mismatch",
    );

    // Statements.
    let path = sharded("s", &id);
    add(
        "missing-statement",
        "IDX-24",
        "the newest statement is not there",
        without(&path),
        "missing-statement",
    );
    add(
        "changed-statement",
        "LAY-2",
        "the newest statement was changed",
        edit(&path, &|text| text.replace("1790000000", "1790000001")),
        "document-mismatch",
    );
    let first = sharded("s", &oracle::digest(FIRST.statement().line()));
    add(
        "missing-older-statement",
        "LAY-13",
        "the statement before the newest is not there",
        without(&first),
        "missing-statement",
    );
    let skipped = Second::honest().statement.with("seq", "3");
    add(
        "skipped-seq",
        "STM-16",
        "seq 3 follows seq 1",
        two_versions(&Second::of(skipped)),
        "statement-order",
    );

    // Blobs.
    add(
        "missing-image",
        "LAY-12",
        "the image is not there",
        without(&SECOND.blob()),
        "missing-blob",
    );
    add(
        "missing-sidecar",
        "LAY-12 CHAIN-9",
        "the sidecar is not there; the image is verified without it",
        without(&SECOND.chain_blob()),
        "missing-blob",
    );
    add(
        "changed-image",
        "LAY-2 CHAIN-7",
        "a byte of the image was changed",
        edit(&SECOND.blob(), &|text| text.replace("image", "imagE")),
        "blob-mismatch",
    );
    add(
        "cut-off-image",
        "CHAIN-7",
        "the image lost a byte",
        edit(&SECOND.blob(), &|text| text.replace("image", "imag")),
        "blob-size",
    );
    let mut files = honest();
    files.insert(SECOND.chain_blob(), FIRST.sidecar());
    add(
        "other-sidecar",
        "CHAIN-6 LAY-2",
        "the sidecar of another image under the name of this one's",
        files,
        "blob-mismatch",
    );
    let stated = Second::honest()
        .statement
        .with("chain", &quote(&oracle::digest(FIRST.sidecar())));
    let mut files = two_versions(&Second::of(stated));
    files.remove(&SECOND.chain_blob());
    files.insert(FIRST.chain_blob(), FIRST.sidecar());
    add(
        "sidecar-of-other-image",
        "CHAIN-5",
        "a statement that names the sidecar of another image",
        files,
        "chain-end",
    );
    add(
        "misnamed-blob",
        "LAY-2",
        "a blob that nothing names, and whose name is not its digest",
        with(FIRST.blob(), "not the first image"),
        "blob-mismatch",
    );

    // Views.
    add(
        "missing-view",
        "API-3",
        "the manifest of a tag is not there",
        without(&SECOND.seed_manifest()),
        "missing-view",
    );
    let mut older = Files::new();
    FIRST.publish(&mut older);
    let mut files = honest();
    files.insert(
        SECOND.seed_manifest(),
        older[&FIRST.seed_manifest()].clone(),
    );
    add(
        "stale-view",
        "CLI-10",
        "the manifest of a tag shows version 1",
        files,
        "stale-view",
    );
    add(
        "changed-view",
        "API-1",
        "the list of tags has one more space",
        edit("lab/tool/tags/index.html", &|text| {
            text.replace("\",\"", "\", \"").replace("\":[", "\": [")
        }),
        "view-mismatch",
    );
    add(
        "stray-view",
        "API-6",
        "a manifest of a tag that never was",
        with("lab/tool/manifests/9.9/index.html".to_owned(), "{}\n"),
        "stray-view",
    );
    add(
        "stray-tag-manifest",
        "API-6",
        "an OCI manifest of a tag that never was",
        with("v2/lab/tool/manifests/9.9".to_owned(), "{}"),
        "stray-view",
    );
    let mut files = honest();
    let manifest = format!("v2/lab/tool/manifests/{}", FIRST.tag);
    files.insert(manifest.clone(), older[&manifest].clone());
    add(
        "stale-tag-manifest",
        "API-11 CLI-10",
        "OCI clients are given the image of version 1",
        files,
        "stale-view",
    );
    let mut files = honest();
    let link = "library/v1/imagefile/lab/tool:1.0";
    files.insert(link.to_owned(), older[link].clone());
    add(
        "stale-link",
        "API-14 CLI-10",
        "library clients are given the image of version 1",
        files,
        "stale-view",
    );
    add(
        "link-out-of-the-tree",
        "API-14",
        "a link that leads elsewhere",
        with(link.to_owned(), "../../../../../secret"),
        "view-mismatch",
    );
    add(
        "link-the-long-way",
        "API-14",
        "a link that leads to the image on another way",
        edit(link, &|target| target.replace("v2/", "v2/../v2/")),
        "view-mismatch",
    );
    add(
        "other-image-instead-of-a-link",
        "API-14",
        "as many bytes as the image has, but others",
        with(link.to_owned(), &SECOND.content.replace("image", "imagE")),
        "view-mismatch",
    );
    add(
        "no-link",
        "API-14",
        "library clients find no image",
        without(link),
        "missing-view",
    );
    add(
        "no-ping",
        "API-9",
        "OCI clients are told that there is no registry",
        without("v2/index.html"),
        "missing-view",
    );
    add(
        "stray-link",
        "API-6",
        "a link of a tag that never was",
        with(
            "library/v1/imagefile/lab/tool:9.9".to_owned(),
            "../../../../head",
        ),
        "stray-view",
    );
    add(
        "changed-referrers",
        "API-12",
        "something is attached that nobody has attached",
        edit(
            &format!(
                "v2/lab/tool/referrers/{}",
                oracle::digest(SECOND.manifest())
            ),
            &|text| text.replace("[]", "[{}]"),
        ),
        "view-mismatch",
    );
    add(
        "stray-referrers",
        "API-12",
        "something is attached to a manifest that nothing names",
        with(
            format!("v2/lab/tool/referrers/{}", oracle::digest("no manifest")),
            &crate::vectors::example::NO_REFERRERS.replace("[]", "[{}]"),
        ),
        "stray-view",
    );
    let forged = {
        let (mut files, subject) = (honest(), SECOND.manifest());
        let list = format!("v2/lab/tool/referrers/{}", oracle::digest(&subject));
        for (path, text) in artifact::referrers("lab/tool", &subject, &[artifact::sbom()]) {
            if path != list {
                files.insert(path, text.into());
            }
        }
        files
    };
    add(
        "referrers-tag-of-nothing",
        "API-18",
        "nothing is attached to the manifest, and a host says so under its digest alone",
        forged,
        "stray-view",
    );
    let older = FIRST.manifest();
    let list = format!("v2/lab/tool/referrers/{}", oracle::digest(&older));
    let listing = |change: &dyn Fn(&str) -> String| {
        let mut files = honest();
        for (path, text) in artifact::referrers("lab/tool", &older, &[artifact::sbom()]) {
            let text = if path == list { change(&text) } else { text };
            files.insert(path, text.into());
        }
        files
    };
    add(
        "changed-older-referrers",
        "API-12 MAN-13",
        "a list for a manifest that only version 1 names says another type than the artifact",
        listing(&|text| text.replace("spdx+json", "spqr+json")),
        "stray-view",
    );
    let of_other = artifact::sbom().manifest(&SECOND.manifest());
    add(
        "older-referrers-of-another",
        "API-12 MAN-13",
        "it lists what is not there, and would refer to another manifest",
        listing(&|text| {
            let digest = oracle::digest(artifact::sbom().manifest(&older));
            text.replace(&digest, &oracle::digest(&of_other))
        }),
        "stray-view",
    );
    let artifact = oracle::digest(artifact::sbom().manifest(&older));
    let mut formerly = formerly_attached(&[artifact::sbom()]);
    formerly.remove(&format!("v2/lab/tool/manifests/{artifact}"));
    add(
        "older-referrers-without-artifact",
        "API-12 MAN-13",
        "a list that version 1 derives, of an artifact that is gone",
        formerly,
        "stray-view",
    );
    let sbom = artifact::sbom();
    let blob = format!("v2/lab/tool/blobs/{}", sbom.digest());
    let manifest = oracle::digest(sbom.manifest(&SECOND.manifest()));
    let of_attached = |path: &str, change: &dyn Fn(&str) -> Option<String>| {
        let mut files = attached(&[artifact::sbom()]);
        let before = files.remove(path).expect("it is there");
        let before = String::from_utf8(before).expect("it is text");
        if let Some(text) = change(&before) {
            files.insert(path.to_owned(), text.into());
        }
        files
    };
    add(
        "missing-attachment",
        "LAY-12",
        "what the statement attaches is not there",
        of_attached(&blob, &|_| None),
        "missing-blob",
    );
    add(
        "short-attachment",
        "LAY-12",
        "a byte less than the statement says",
        of_attached(&blob, &|text| Some(text[1..].to_owned())),
        "blob-size",
    );
    add(
        "changed-attachment",
        "LAY-2 LAY-12",
        "as many bytes as the statement says, but others",
        of_attached(&blob, &|text| Some(text.replace("2.3", "2.2"))),
        "blob-mismatch",
    );
    add(
        "no-manifest-of-an-attachment",
        "API-17",
        "OCI clients do not find what is attached",
        of_attached(&format!("v2/lab/tool/manifests/{manifest}"), &|_| None),
        "missing-view",
    );
    let tag = oracle::digest(SECOND.manifest()).replace(':', "-");
    let tag = format!("v2/lab/tool/manifests/{tag}");
    add(
        "no-referrers-tag",
        "API-18",
        "clients that know nothing of referrers do not find what is attached",
        of_attached(&tag, &|_| None),
        "missing-view",
    );
    add(
        "changed-referrers-tag",
        "API-18",
        "they find something else",
        of_attached(&tag, &|text| Some(text.replace("spdx", "spqr"))),
        "view-mismatch",
    );
    add(
        "empty-commit",
        "API-15",
        "a commit that makes clients empty their caches",
        edit("api/container/lab/tool:1.0", &|text| {
            let (before, _) = text.split_once("\"commit\"").expect("it has one");
            format!("{before}\"commit\":\"\"}}\n")
        }),
        "view-mismatch",
    );

    // Names.
    let image = |repository, tag| Image {
        repository,
        tag,
        content: "an image",
    };
    add(
        "folded-namespaces",
        "REF-11",
        "two namespaces that differ by case",
        one_version(&[image("lab/a", "1"), image("Lab/b", "1")]),
        "case-collision",
    );
    add(
        "folded-repositories",
        "REF-12",
        "two repositories that differ by case",
        one_version(&[image("lab/tool", "1"), image("lab/Tool", "2")]),
        "case-collision",
    );
    add(
        "folded-tags",
        "REF-13",
        "two tags that differ by case",
        one_version(&[image("lab/tool", "v1"), image("lab/tool", "V1")]),
        "case-collision",
    );
    cases
}
