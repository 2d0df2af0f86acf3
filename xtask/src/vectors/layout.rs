//! `spec/layout.md`: paths, and `sreg.json`.

use serde_json::{Value, json};

use super::{Case, oracle};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = paths();
    cases.extend(settings());
    cases
}

fn paths() -> Vec<Case> {
    let digest = oracle::digest(b"image");
    let hex = oracle::hex(b"image");
    let shard = &hex[..2];
    let mut cases = Vec::new();
    let mut valid = |name: &str, note: &str, path: &str, expect: Value| {
        cases.push(Case::valid("layout", name, "LAY-1", note, path, expect));
    };
    valid(
        "settings",
        "the settings",
        "sreg.json",
        json!({"place": "settings", "view": false}),
    );
    valid(
        "head",
        "the newest head",
        "head",
        json!({"place": "head", "view": false}),
    );
    valid(
        "head-slot",
        "a head that is kept",
        "heads/0/12",
        json!({"place": "head-slot", "epoch": 0, "version": 12, "view": false}),
    );
    valid(
        "trust",
        "a version of trust",
        "trust/3",
        json!({"place": "trust", "version": 3, "view": false}),
    );
    valid(
        "node",
        "a node of the index",
        &format!("n/{shard}/{hex}"),
        json!({"place": "node", "digest": digest, "view": false}),
    );
    valid(
        "statement",
        "a statement",
        &format!("s/{shard}/{hex}"),
        json!({"place": "statement", "digest": digest, "view": false}),
    );
    valid(
        "blob",
        "an image or its sidecar",
        &format!("v2/lab/tool/blobs/{digest}"),
        json!({"place": "blob", "repository": "lab/tool", "digest": digest, "view": false}),
    );
    valid(
        "manifest",
        "an OCI manifest",
        &format!("v2/lab/tool/manifests/{digest}"),
        json!({"place": "manifest", "repository": "lab/tool", "digest": digest, "view": true}),
    );
    valid(
        "no-jekyll",
        "a file that GitHub Pages looks for",
        ".nojekyll",
        json!({"place": "no-jekyll", "view": true}),
    );
    valid(
        "ping",
        "what OCI clients ask for first",
        "v2/index.html",
        json!({"place": "ping", "view": true}),
    );
    valid(
        "nginx-conf",
        "how nginx serves the tree",
        "nginx.conf",
        json!({"place": "nginx-conf", "view": true}),
    );
    valid(
        "headers",
        "how Netlify and Cloudflare Pages do",
        "_headers",
        json!({"place": "headers", "view": true}),
    );
    valid(
        "index",
        "an image index that stands a second time",
        &format!("v2/lab/tool/indexes/{digest}"),
        json!({"place": "index", "repository": "lab/tool", "digest": digest, "view": true}),
    );
    valid(
        "tag-index",
        "the image index of a tag, which keeps its case",
        "v2/lab/tool/indexes/V1.0",
        json!({"place": "tag-index", "repository": "lab/tool", "tag": "V1.0", "view": true}),
    );
    valid(
        "tag-manifest",
        "the manifest of a tag, which keeps its case",
        "v2/lab/tool/manifests/V1.0",
        json!({"place": "tag-manifest", "repository": "lab/tool", "tag": "V1.0", "view": true}),
    );
    valid(
        "tags-list",
        "the list of tags of OCI",
        "v2/lab/tool/tags/list",
        json!({"place": "tags-list", "repository": "lab/tool", "view": true}),
    );
    valid(
        "referrers",
        "what is attached to a manifest",
        &format!("v2/lab/tool/referrers/{digest}"),
        json!({"place": "referrers", "repository": "lab/tool", "digest": digest, "view": true}),
    );
    valid(
        "referrers-tag",
        "the same, under a tag that no image has",
        &format!("v2/lab/tool/manifests/{}", digest.replace(':', "-")),
        json!({"place": "referrers-tag", "repository": "lab/tool", "digest": digest, "view": true}),
    );
    valid(
        "library-image",
        "what library clients are told",
        "library/v1/images/lab/tool:v1.0",
        json!({"place": "library-image", "repository": "lab/tool", "tag": "v1.0", "view": true}),
    );
    valid(
        "library-image-of-an-architecture",
        "what they are told of the image for one",
        "library/arm64/v1/images/lab/tool:v1.0",
        json!({"place": "library-image", "repository": "lab/tool", "tag": "v1.0", "arch": "arm64", "view": true}),
    );
    valid(
        "library-file",
        "what library clients are given",
        "library/v1/imagefile/lab/tool:v1.0",
        json!({"place": "library-file", "repository": "lab/tool", "tag": "v1.0", "view": true}),
    );
    valid(
        "shub",
        "what clients of Singularity Hub are told, in the repository's own case",
        "api/container/Lab/Tool:V1.0",
        json!({"place": "shub", "repository": "Lab/Tool", "tag": "V1.0", "view": true}),
    );
    valid(
        "seed-tags",
        "the list of tags, in the repository's own case",
        "Lab/Tool/tags/index.html",
        json!({"place": "seed-tags", "repository": "Lab/Tool", "view": true}),
    );
    valid(
        "seed-manifest",
        "the manifest of a tag",
        "Lab/Tool/manifests/1.0/index.html",
        json!({"place": "seed-manifest", "repository": "Lab/Tool", "tag": "1.0", "view": true}),
    );
    for (name, note, path) in [
        ("empty", "no byte", String::new()),
        ("leading-slash", "a slash in front", "/head".to_owned()),
        ("capital-head", "another case", "Head".to_owned()),
        (
            "version-0",
            "a version that no head has",
            "heads/0/0".to_owned(),
        ),
        (
            "leading-zero",
            "a zero in front of a number",
            "heads/0/01".to_owned(),
        ),
        (
            "trust-version-0",
            "a version that no trust has",
            "trust/0".to_owned(),
        ),
        (
            "trust-leading-zero",
            "a zero in front of a version of trust",
            "trust/01".to_owned(),
        ),
        (
            "plus-sign",
            "a sign in front of a number",
            "heads/0/+1".to_owned(),
        ),
        (
            "over-greatest-version",
            "2^53",
            "heads/0/9007199254740992".to_owned(),
        ),
        (
            "wrong-shard",
            "a folder that is not the start of the id",
            format!("n/00/{hex}"),
        ),
        ("no-shard", "no folder in between", format!("n/{hex}")),
        (
            "capital-digits",
            "an id in capitals",
            format!("s/{shard}/{}", hex.to_uppercase()),
        ),
        (
            "double-slash",
            "an empty component",
            format!("n//{shard}/{hex}"),
        ),
        (
            "capital-repository",
            "capitals under v2",
            format!("v2/Lab/tool/blobs/{digest}"),
        ),
        (
            "no-algorithm",
            "a blob without its algorithm",
            format!("v2/lab/tool/blobs/{hex}"),
        ),
        (
            "one-component",
            "a repository of one component",
            format!("v2/tool/blobs/{digest}"),
        ),
        ("other-file", "a file of somebody else", "CNAME".to_owned()),
        (
            "folder",
            "a folder, not a file",
            "lab/tool/tags/".to_owned(),
        ),
        (
            "parent-folder",
            "a way out of the tree",
            "lab/../tags/index.html".to_owned(),
        ),
        (
            "reserved-namespace",
            "a view in a reserved namespace",
            "v2/tool/tags/index.html".to_owned(),
        ),
        (
            "tag-of-a-digest",
            "a manifest under a tag that no image has",
            format!("v2/lab/tool/manifests/sha256-{hex}.sig"),
        ),
        (
            "index-of-a-capital-repository",
            "capitals under v2",
            "v2/Lab/tool/indexes/1.0".to_owned(),
        ),
        (
            "referrers-of-a-tag",
            "referrers are of a digest",
            "v2/lab/tool/referrers/1.0".to_owned(),
        ),
        (
            "capital-library-tag",
            "library clients ask in lower case",
            "library/v1/images/lab/tool:V1.0".to_owned(),
        ),
        (
            "library-without-tag",
            "an image without a tag",
            "library/v1/imagefile/lab/tool".to_owned(),
        ),
        (
            "library-of-no-architecture",
            "a word that is no architecture",
            "library/x86_64/v1/images/lab/tool:v1.0".to_owned(),
        ),
        (
            "library-version",
            "what is never there",
            "library/version".to_owned(),
        ),
        (
            "shub-reserved",
            "a reserved namespace",
            "api/container/v2/tool:1.0".to_owned(),
        ),
        (
            "malformed-tag",
            "a view of no tag",
            "lab/tool/manifests/.x/index.html".to_owned(),
        ),
    ] {
        cases.push(Case::invalid(
            "layout",
            name,
            "LAY-1",
            note,
            path,
            "foreign-file",
        ));
    }
    cases
}

fn settings() -> Vec<Case> {
    let plain = r#"{"format":1,"type":"sreg-registry"}"#;
    let with = |fields: &str| format!("{{{fields},\"format\":1,\"type\":\"sreg-registry\"}}\n");
    let digest = oracle::digest(b"image");
    let hex = oracle::hex(b"image");
    let image = json!({
        "name": "Lab/Tool", "tag": "1.0", "arch": "arm64", "digest": digest,
        "media": "application/vnd.sylabs.sif.layer.v1.sif",
    });
    let mut cases = Vec::new();
    let mut valid = |name: &str, ids: &'static str, note: &str, text: String, expect: Value| {
        cases.push(
            Case::valid("settings", name, ids, note, text, expect).with("image", image.clone()),
        );
    };
    valid(
        "default",
        "LAY-5 API-7",
        "without a base URL, links are relative to the site",
        format!("{plain}\n"),
        json!({"image_url": format!("/v2/lab/tool/blobs/{digest}")}),
    );
    valid(
        "base-url",
        "LAY-7 API-7",
        "with one, they are absolute",
        with(r#""base_url":"https://example.org/registry""#),
        json!({
            "base_url": "https://example.org/registry",
            "image_url": format!("https://example.org/registry/v2/lab/tool/blobs/{digest}"),
        }),
    );
    valid(
        "blob-url-hex",
        "LAY-8 LAY-9 API-7",
        "a template for images by digest",
        with(r#""blob_url":"https://example.org/{hex}.{ext}""#),
        json!({
            "blob_url": "https://example.org/{hex}.{ext}",
            "image_url": format!("https://example.org/{hex}.sif"),
        }),
    );
    valid(
        "blob-url-name",
        "LAY-8 LAY-9 API-7",
        "a template for images by name, which keeps case; it stands above the base URL",
        with(
            r#""base_url":"http://h","blob_url":"https://example.org/{namespace}/{name}/{tag}.{arch}.{ext}""#,
        ),
        json!({
            "base_url": "http://h",
            "blob_url": "https://example.org/{namespace}/{name}/{tag}.{arch}.{ext}",
            "image_url": "https://example.org/Lab/Tool/1.0.arm64.sif",
        }),
    );
    valid(
        "blob-url-digest",
        "LAY-8 LAY-9 API-7",
        "the digest with its algorithm; a placeholder may stand twice",
        with(r#""blob_url":"https://example.org/{digest}/{digest}""#),
        json!({
            "blob_url": "https://example.org/{digest}/{digest}",
            "image_url": format!("https://example.org/{digest}/{digest}"),
        }),
    );
    for host in ["nginx", "s3", "gcs", "pages", "netlify", "cloudflare"] {
        valid(
            &format!("host-{host}"),
            "LAY-5 LAY-16",
            "what serves the tree",
            format!("{{\"format\":1,\"host\":\"{host}\",\"type\":\"sreg-registry\"}}\n"),
            json!({"host": host, "image_url": format!("/v2/lab/tool/blobs/{digest}")}),
        );
    }
    for (name, ids, note, text, class) in [
        (
            "other-host",
            "LAY-16",
            "a host that nobody knows",
            "{\"format\":1,\"host\":\"apache\",\"type\":\"sreg-registry\"}\n".to_owned(),
            "malformed-settings",
        ),
        (
            "capital-host",
            "LAY-16",
            "a host in capitals",
            "{\"format\":1,\"host\":\"NGINX\",\"type\":\"sreg-registry\"}\n".to_owned(),
            "malformed-settings",
        ),
        (
            "empty",
            "LAY-5",
            "no byte",
            String::new(),
            "malformed-settings",
        ),
        (
            "no-line-feed",
            "LAY-5",
            "no LF at the end",
            plain.to_owned(),
            "malformed-settings",
        ),
        (
            "two-lines",
            "LAY-5",
            "a second LF",
            format!("{plain}\n\n"),
            "malformed-settings",
        ),
        (
            "format-0",
            "LAY-6",
            "a format that never was",
            "{\"format\":0,\"type\":\"sreg-registry\"}\n".to_owned(),
            "malformed-settings",
        ),
        (
            "no-format",
            "LAY-5",
            "no format",
            "{\"type\":\"sreg-registry\"}\n".to_owned(),
            "malformed-settings",
        ),
        (
            "other-type",
            "LAY-5",
            "another type",
            "{\"format\":1,\"type\":\"other\"}\n".to_owned(),
            "malformed-settings",
        ),
        (
            "unknown-field",
            "LAY-5",
            "a field that format 1 does not have",
            with("\"a\":1"),
            "malformed-settings",
        ),
        (
            "newer-format",
            "LAY-6",
            "format 2, with fields that are not known",
            "{\"format\":2,\"more\":1,\"type\":\"sreg-registry\"}\n".to_owned(),
            "newer-format",
        ),
        (
            "newer-format-not-canonical",
            "LAY-6",
            "format 3, not canonical by the rules of format 1",
            "{ \"type\": \"sreg-registry\", \"format\": 3, \"x\": null }".to_owned(),
            "newer-format",
        ),
        (
            "other-scheme",
            "LAY-7",
            "a base URL of another scheme",
            with(r#""base_url":"ftp://example.org""#),
            "malformed-settings",
        ),
        (
            "no-host",
            "LAY-7",
            "a base URL without a host",
            with(r#""base_url":"https://""#),
            "malformed-settings",
        ),
        (
            "query",
            "LAY-7",
            "a base URL with a query",
            with(r#""base_url":"https://example.org/?a""#),
            "malformed-settings",
        ),
        (
            "space-in-url",
            "LAY-7",
            "a base URL with a space",
            with(r#""base_url":"https://example.org/a b""#),
            "malformed-settings",
        ),
        (
            "brace-in-base-url",
            "LAY-7",
            "a base URL with a placeholder",
            with(r#""base_url":"https://example.org/{hex}""#),
            "malformed-settings",
        ),
        (
            "slash-at-end",
            "LAY-7",
            "a base URL with a slash at its end: it is stored without",
            with(r#""base_url":"https://example.org/""#),
            "malformed-settings",
        ),
        (
            "unknown-placeholder",
            "LAY-8",
            "a placeholder that does not exist",
            with(r#""blob_url":"https://example.org/{hash}""#),
            "malformed-settings",
        ),
        (
            "open-brace",
            "LAY-8",
            "a brace that is not closed",
            with(r#""blob_url":"https://example.org/{hex""#),
            "malformed-settings",
        ),
        (
            "names-no-image",
            "LAY-8",
            "a template that is the same for every image",
            with(r#""blob_url":"https://example.org/image.sif""#),
            "malformed-settings",
        ),
        (
            "name-without-tag",
            "LAY-8",
            "a template that is the same for every tag",
            with(r#""blob_url":"https://example.org/{name}.sif""#),
            "malformed-settings",
        ),
    ] {
        cases.push(Case::invalid("settings", name, ids, note, text, class));
    }
    cases
}
