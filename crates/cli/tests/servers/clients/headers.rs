//! Every header that a client depends on, of every response that it asks for: the conformance suite
//! does not look at them.

use std::fs;
use std::path::Path;

use serde_json::Value;
use sreg_model::layout::Place;
use sreg_model::manifest::empty_config_digest;
use sreg_model::media_type::SIF_CONFIG;

use super::client::Client;
use super::site::Site;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Status, media type and length, of HEAD and of GET.
fn heads(client: &Client, path: &str) -> [String; 2] {
    let format = "%{http_code}|%{content_type}|%header{content-length}|%header{content-encoding}|";
    let get = client.ok(&format!("curl -sS -o ~/body -w {format} URL/{path}"));
    let head = client.ok(&format!("curl -sS -I -o /dev/null -w {format} URL/{path}"));
    [get, head]
}

// spec: LAY-14 API-9
#[test]
fn of_what_is_there() {
    for site in Site::all() {
        let client = Client::of(&site);
        let manifest = site.manifest("lab/tool", "1.0");
        let index = site.manifest("lab/multi", "1.0");
        let image = site.digest("lab/tool:1.0", "amd64");
        let mut expected = vec![
            (format!("v2/lab/tool/manifests/{manifest}"), Some(MANIFEST)),
            ("v2/lab/tool/manifests/1.0".to_owned(), Some(MANIFEST)),
            (format!("v2/lab/tool/referrers/{manifest}"), Some(INDEX)),
            (
                format!("v2/lab/tool/blobs/{image}"),
                Some("application/octet-stream"),
            ),
            ("v2/lab/tool/tags/list".to_owned(), Some("application/json")),
            // No client looks at the media types of these.
            ("v2/".to_owned(), None),
            ("library/v1/images/lab/tool:1.0".to_owned(), None),
            ("api/container/lab/tool:1.0".to_owned(), None),
            ("lab/tool/tags/".to_owned(), None),
        ];
        expected.push((format!("v2/lab/multi/manifests/{index}"), Some(INDEX)));
        expected.push(("v2/lab/multi/manifests/1.0".to_owned(), Some(INDEX)));
        let path = "library/v1/imagefile/lab/tool:1.0".to_owned();
        expected.push((path, Some("application/octet-stream")));
        for (path, content_type) in expected {
            let [get, head] = heads(&client, &path);
            let length = std::fs::metadata(client.path("body")).unwrap().len();
            assert_eq!(get, head, "{}: {path}", site.host);
            let fields: Vec<&str> = get.split('|').collect();
            assert_eq!(fields[0], "200", "{}: {path}", site.host);
            if let Some(content_type) = content_type {
                assert_eq!(fields[1], content_type, "{}: {path}", site.host);
            }
            assert_eq!(fields[2], length.to_string(), "{}: {path}", site.host);
            assert_eq!(fields[3], "", "{}: {path}", site.host);
        }
    }
}

#[test]
fn of_ranges_and_of_what_is_not_there() {
    for site in Site::all() {
        let client = Client::of(&site);
        let host = site.host;
        let image = site.digest("lab/tool:1.0", "amd64");
        let status =
            |line: &str| client.ok(&format!("curl -sS -o ~/body -w %{{http_code}} {line}"));
        let blob = format!("URL/v2/lab/tool/blobs/{image}");
        assert_eq!(status(&format!("-r 100-199 {blob}")), "206", "{host}");
        assert_eq!(std::fs::metadata(client.path("body")).unwrap().len(), 100);
        assert_eq!(status(&format!("-r 99999999- {blob}")), "416", "{host}");
        // A bucket whose keys may not be listed says 403 of what is not there.
        let none = if host == "a bucket" {
            ["403", "404"]
        } else {
            ["404"; 2]
        };
        let other = "0".repeat(64);
        for path in [
            "v2/lab/tool/manifests/9.9".to_owned(),
            format!("v2/lab/tool/manifests/sha256:{other}"),
            format!("v2/lab/tool/blobs/sha256:{other}"),
            format!("v2/lab/tool/manifests/sha256-{other}"),
            "library/v1/oci-redirect?namespace=lab/tool".to_owned(),
            "library/version".to_owned(),
        ] {
            let found = status(&format!("URL/{path}"));
            assert!(none.contains(&&*found), "{host}: {path}: {found}");
        }
        // A bucket has what was copied there, and nothing else.
        let own = site.bench.public().join(".git");
        fs::create_dir_all(&own).unwrap();
        fs::write(own.join("config"), "secret").unwrap();
        for path in [
            ".git/config",
            "%2egit/config",
            "%2e%2e/%2e%2e/etc/passwd",
            "..%2f..%2fetc/passwd",
            "v2/../../secret",
        ] {
            let found = status(&format!("--path-as-is URL/{path}"));
            assert_ne!(found, "200", "{host}: {path}");
        }
    }
}

/// Every path of the tree.
fn paths(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            paths(&entry.path(), &format!("{path}/"), found);
        } else {
            found.push(path);
        }
    }
}

/// The media type of what stands at a place: of an OCI document its own.
fn media_type(root: &Path, place: &Place) -> String {
    match place {
        Place::Manifest(..) | Place::TagManifest(..) => {
            let document = fs::read(root.join(place.to_string())).unwrap();
            let document: Value = serde_json::from_slice(&document).unwrap();
            document["mediaType"].as_str().unwrap().to_owned()
        }
        Place::Blob(_, digest) if *digest == empty_config_digest() => SIF_CONFIG.to_owned(),
        _ => place.kind().served.content_type.to_owned(),
    }
}

// spec: LAY-14 LAY-17
#[test]
fn nginx_serves_every_file_as_the_spec_says() {
    let site = Site::nginx();
    let client = Client::of(&site);
    let root = site.bench.public();
    let mut all = Vec::new();
    paths(&root, "", &mut all);
    let mut kinds = std::collections::BTreeSet::new();
    for path in all {
        let place = Place::parse(&path).unwrap();
        kinds.insert(path.split('/').next().unwrap().to_owned());
        let asked = place.folder().unwrap_or_else(|| path.clone());
        let digest = match place {
            Place::Blob(_, digest) | Place::Manifest(_, digest) | Place::Index(_, digest) => {
                digest.to_string()
            }
            _ => String::new(),
        };
        let expected = format!(
            "200|{}|{}|{digest}||",
            media_type(&root, &place),
            place.kind().served.cache_control
        );
        let format = "%{http_code}|%{content_type}|%header{cache-control}|%header{docker-content-digest}|%header{content-encoding}|";
        for method in ["-o ~/body", "-I -o /dev/null"] {
            let line = format!("curl -sS {method} -H Accept-Encoding:gzip -w {format} URL/{asked}");
            assert_eq!(client.ok(&line), expected, "{method} {asked}");
        }
    }
    for kind in [
        "v2",
        "library",
        "api",
        "heads",
        "n",
        "s",
        "lab",
        "nginx.conf",
    ] {
        assert!(kinds.contains(kind), "{kind}");
    }
}

// spec: LAY-11
#[test]
fn nginx_serves_nothing_of_a_writer() {
    let site = Site::nginx();
    let client = Client::of(&site);
    fs::create_dir_all(site.bench.public().join("staging")).unwrap();
    fs::write(site.bench.public().join("staging/journal"), "{}").unwrap();
    client.fails("curl -fsS URL/staging/journal");
}

/// What is asked for as an architecture never becomes a path that is none.
#[test]
fn a_word_that_is_no_architecture_gives_what_is_shown() {
    for site in [Site::nginx(), Site::serve()] {
        let client = Client::of(&site);
        let told = |query: &str| {
            client.ok(&format!(
                "curl -fsS URL/library/v1/images/lab/multi:1.0{query}"
            ))
        };
        let shown = told("");
        assert_ne!(told("?arch=arm64"), shown, "{}", site.host);
        for arch in [
            "amd64",
            "s390x",
            "ARM64",
            "arm64x",
            "none",
            "arm64%2Fv1",
            "../library/arm64",
            "..%2flibrary%2farm64",
            "arm64/v1/images/lab/multi:1.0",
            "%00",
            "",
        ] {
            assert_eq!(
                told(&format!("?arch={arch}")),
                shown,
                "{}: {arch}",
                site.host
            );
        }
    }
}

/// What is not there is said in OCI's words.
#[test]
fn what_is_not_there_is_an_oci_error() {
    for site in [Site::nginx(), Site::serve()] {
        let client = Client::of(&site);
        let digest = format!("sha256:{}", "0".repeat(64));
        for (path, code) in [
            ("lab/none/manifests/1.0".to_owned(), "MANIFEST_UNKNOWN"),
            (format!("lab/none/manifests/{digest}"), "MANIFEST_UNKNOWN"),
            (format!("lab/none/blobs/{digest}"), "BLOB_UNKNOWN"),
            ("lab/none/tags/list".to_owned(), "NAME_UNKNOWN"),
        ] {
            let answer = client.ok(&format!(
                "curl -sS -w :%{{http_code}}:%{{content_type}} URL/v2/{path}"
            ));
            assert!(
                answer.contains(&format!("\"code\":\"{code}\"")),
                "{}: {path}: {answer}",
                site.host
            );
            assert!(
                answer.ends_with(":404:application/json"),
                "{}: {path}: {answer}",
                site.host
            );
        }
    }
}
