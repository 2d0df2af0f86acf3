//! Each kind of response, with every field that a client depends on.

use sreg_model::Digest;

use crate::support::{Answer, Site};

const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// What is the same of all files.
fn check(answer: &Answer, content_type: &str, cache_control: &str, bytes: &[u8]) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.field("content-type"), content_type);
    assert_eq!(answer.field("cache-control"), cache_control);
    assert_eq!(answer.field("content-length"), bytes.len().to_string());
    assert_eq!(answer.field("accept-ranges"), "bytes");
    assert_eq!(answer.field("x-content-type-options"), "nosniff");
    assert_eq!(answer.field("content-encoding"), "");
    assert_ne!(answer.field("last-modified"), "");
    assert!(answer.field("etag").starts_with('"'), "{answer:?}");
    assert!(answer.body == bytes);
}

// spec: CLI-30
#[test]
fn files_by_their_path() {
    let site = Site::start();
    let hex = Digest::of(b"x").hex();
    for (path, content_type, cache_control) in [
        ("sreg.json".to_owned(), "application/json", "no-cache"),
        ("head".to_owned(), "text/plain; charset=utf-8", "no-cache"),
        (
            "heads/0/1".to_owned(),
            "text/plain; charset=utf-8",
            FOR_EVER,
        ),
        ("trust/1".to_owned(), "text/plain; charset=utf-8", FOR_EVER),
        (
            format!("n/{}/{hex}", &hex[..2]),
            "text/plain; charset=utf-8",
            FOR_EVER,
        ),
        (
            "lab/tool/manifests/1.0/index.html".to_owned(),
            "application/json",
            "no-cache",
        ),
        (
            "library/v1/images/lab/tool:1.0".to_owned(),
            "application/json",
            "no-cache",
        ),
        (
            "library/v1/imagefile/lab/tool:1.0".to_owned(),
            "application/octet-stream",
            "no-cache",
        ),
        (
            "api/container/lab/tool:1.0".to_owned(),
            "application/json",
            "no-cache",
        ),
        (
            "index.html".to_owned(),
            "text/html; charset=utf-8",
            "no-cache",
        ),
        (
            ".nojekyll".to_owned(),
            "text/plain; charset=utf-8",
            "no-cache",
        ),
    ] {
        site.write(&path, &path);
        let answer = site.ask(
            format!("GET /{path}"),
            &[("Accept-Encoding", "gzip, br, zstd")],
        );
        check(&answer, content_type, cache_control, path.as_bytes());
        assert_eq!(answer.field("docker-distribution-api-version"), "");
    }
}

#[test]
fn oci_files() {
    let site = Site::start();
    let image = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json"}"#;
    let index = r#"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json"}"#;
    let other = r#"{"schemaVersion":2,"mediaType":"text/html"}"#;
    let large = format!("{image}{}", " ".repeat(1 << 20));
    let (manifest_type, index_type) = (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.oci.image.index.v1+json",
    );
    for (bytes, content_type) in [
        (image, manifest_type),
        (index, index_type),
        (other, manifest_type),
        ("{}", manifest_type),
        ("no JSON", manifest_type),
        (&large, manifest_type),
    ] {
        let digest = Digest::of(bytes.as_bytes()).to_string();
        for (reference, cache_control) in [("1.0", "no-cache"), (&*digest, FOR_EVER)] {
            let path = format!("v2/lab/tool/manifests/{reference}");
            site.write(&path, bytes);
            let answer = site.get(&format!("/{path}"));
            check(&answer, content_type, cache_control, bytes.as_bytes());
            assert_eq!(answer.field("docker-content-digest"), digest);
            assert_eq!(answer.field("etag"), format!("\"{digest}\""));
            assert_eq!(
                answer.field("docker-distribution-api-version"),
                "registry/2.0"
            );
        }
    }
    // What stands there is another manifest: its own digest tells.
    let asked = Digest::of(b"another");
    site.write(&format!("v2/lab/tool/manifests/{asked}"), image);
    let answer = site.get(&format!("/v2/lab/tool/manifests/{asked}"));
    let found = Digest::of(image.as_bytes()).to_string();
    assert_eq!(answer.field("docker-content-digest"), found);

    let blob = Digest::of(b"blob").to_string();
    site.write(&format!("v2/lab/tool/blobs/{blob}"), "blob");
    // A colon may come escaped.
    for path in [blob.clone(), blob.replace(':', "%3A")] {
        let answer = site.get(&format!("/v2/lab/tool/blobs/{path}"));
        check(&answer, "application/octet-stream", FOR_EVER, b"blob");
        assert_eq!(answer.field("docker-content-digest"), blob);
        assert_eq!(answer.field("etag"), format!("\"{blob}\""));
    }
    for (path, content_type) in [
        (format!("v2/lab/tool/referrers/{blob}"), index_type),
        ("v2/lab/tool/tags/list".to_owned(), "application/json"),
        ("v2/index.html".to_owned(), "application/json"),
    ] {
        site.write(&path, "{}");
        let answer = site.get(&format!("/{path}"));
        check(&answer, content_type, "no-cache", b"{}");
        assert_eq!(answer.field("docker-content-digest"), "");
    }
    assert_eq!(site.get("/v2/").text(), "{}");
}

#[test]
fn head_says_what_get_says() {
    let site = Site::start();
    site.write("head", "small");
    site.write("large", vec![7; 100_000]);
    site.write("v2/lab/tool/manifests/1.0", "{}");
    site.write("lab/tool/tags/index.html", "{}");
    for path in [
        "/head",
        "/large",
        "/v2/lab/tool/manifests/1.0",
        "/lab/tool/tags/",
        "/lab/tool/tags",
        "/v2/lab/tool/manifests/2.0",
        "/nothing",
        "/%2e%2e",
    ] {
        let get = site.get(path);
        // A range means nothing to HEAD.
        let head = site.ask(format!("HEAD {path}"), &[("Range", "bytes=1-2")]);
        assert_eq!(head.status, get.status, "{path}");
        assert_eq!(head.fields(), get.fields(), "{path}");
        assert_eq!(head.body, b"", "{path}");
        assert_eq!(get.field("content-length"), get.body.len().to_string());
    }
}

#[test]
fn what_is_not_there() {
    let site = Site::start();
    let digest = Digest::of(b"x");
    for (path, code) in [
        ("/v2/lab/tool/manifests/1.0".to_owned(), "MANIFEST_UNKNOWN"),
        (
            format!("/v2/lab/tool/manifests/{digest}"),
            "MANIFEST_UNKNOWN",
        ),
        (format!("/v2/lab/tool/blobs/{digest}"), "BLOB_UNKNOWN"),
        ("/v2/lab/tool/tags/list".to_owned(), "NAME_UNKNOWN"),
        ("/v2/".to_owned(), "NAME_UNKNOWN"),
        ("/v2".to_owned(), "NAME_UNKNOWN"),
    ] {
        let answer = site.get(&path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.oci_code(), code, "{path}");
        assert_eq!(
            answer.field("docker-distribution-api-version"),
            "registry/2.0"
        );
        assert_eq!(answer.field("cache-control"), "no-cache");
    }
    let answer = site.get("/head");
    assert_eq!(
        (answer.status, answer.text()),
        (404, "not found\n".to_owned())
    );
    assert_eq!(answer.field("content-type"), "text/plain; charset=utf-8");
    assert_eq!(answer.field("x-content-type-options"), "nosniff");
}

#[test]
fn only_get_and_head() {
    let site = Site::start();
    site.write("head", "small");
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
        for (target, is_oci) in [("/head", false), ("/v2/lab/tool/blobs/uploads/", true)] {
            let answer = site.ask(format!("{method} {target}"), &[]);
            assert_eq!(answer.status, 405, "{method}");
            assert_eq!(answer.field("allow"), "GET, HEAD");
            if is_oci {
                assert_eq!(answer.oci_code(), "UNSUPPORTED");
            }
        }
    }
    assert_eq!(site.ask("OPTIONS *", &[]).status, 405);
    assert_eq!(site.ask("CONNECT example:443", &[]).status, 405);
}

#[test]
fn folders() {
    let site = Site::start();
    site.write("v2/index.html", "{}");
    site.write("lab/tool/tags/index.html", "{\"tags\":[]}");
    for (from, to) in [("/v2", "/v2/"), ("/lab/tool/tags?x=1", "/lab/tool/tags/")] {
        let answer = site.get(from);
        assert_eq!(answer.status, 301, "{from}");
        assert_eq!(answer.field("location"), to);
        assert_eq!(site.get(to).status, 200, "{to}");
    }
    for path in ["/", "/lab", "/lab/", "/lab/tool/tags/index.html/", "/head/"] {
        assert_eq!(site.get(path).status, 404, "{path}");
    }
    // Never to another host, whatever the path looks like.
    assert_eq!(site.get("//lab/tool/tags").field("location"), "");
}

#[test]
fn an_architecture() {
    let site = Site::start();
    site.write("library/v1/images/lab/tool:1.0", "plain");
    site.write("library/arm64/v1/images/lab/tool:1.0", "arm64");
    site.write("arm64/head", "no");
    site.write("head", "head");
    for (target, body) in [
        ("/library/v1/images/lab/tool:1.0", "plain"),
        ("/library/v1/images/lab/tool:1.0?arch=arm64", "arm64"),
        ("/library/v1/images/lab/tool:1.0?x=y&arch=arm64", "arm64"),
        ("/library/v1/images/lab/tool:1.0?arch=amd64", "plain"),
        ("/library/v1/images/lab/tool:1.0?arch=..", "plain"),
        ("/library/v1/images/lab/tool:1.0?arch=", "plain"),
        ("/head?arch=arm64", "head"),
    ] {
        let answer = site.get(target);
        assert_eq!(answer.text(), body, "{target}");
    }
    let answer = site.get("/library/v1/images/lab/tool:1.0?arch=arm64");
    assert_eq!(answer.field("content-type"), "application/json");
}
