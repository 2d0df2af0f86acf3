//! What is derived from statements and `sreg.json`: `spec/api.md`.

use serde_json::{Map, Value, json};

use super::artifact::{self, Attached};
use super::example::{self, ISSUED, SIF, SQUASHFS, Statement, quote};
use super::{Case, oracle};

/// One statement of a vector.
struct Entry {
    repository: &'static str,
    tag: &'static str,
    arch: &'static str,
    media: &'static str,
    present: bool,
    attached: Vec<Attached>,
}

const fn sif(repository: &'static str, tag: &'static str, arch: &'static str) -> Entry {
    Entry {
        repository,
        tag,
        arch,
        media: SIF,
        present: true,
        attached: Vec::new(),
    }
}

fn gone(repository: &'static str, tag: &'static str) -> Entry {
    Entry {
        present: false,
        ..sif(repository, tag, "amd64")
    }
}

impl Entry {
    /// What is hashed in the place of an image.
    fn content(&self) -> String {
        let Self {
            repository,
            tag,
            arch,
            ..
        } = self;
        format!("{repository}:{tag} {arch}")
    }

    fn digest(&self) -> String {
        oracle::digest(self.content())
    }

    /// A size that tells images apart.
    fn size(&self) -> u64 {
        1000 + self.tag.len() as u64 * 10 + self.arch.len() as u64
    }

    fn name(&self) -> &str {
        self.repository.split('/').nth(1).unwrap_or_default()
    }

    fn manifest(&self) -> String {
        let ending = if self.media == SQUASHFS {
            "simg"
        } else {
            "sif"
        };
        let title = format!("{}_{}.{ending}", self.name(), self.tag);
        example::manifest_of(self.media, self.size(), &self.digest(), &title)
    }

    fn statement(&self) -> String {
        let statement = Statement::present()
            .with("name", &quote(self.repository))
            .with("tag", &quote(self.tag))
            .with("arch", &quote(self.arch));
        if self.present {
            let elements: Vec<String> = self.attached.iter().map(Attached::element).collect();
            let statement = match elements[..] {
                [] => statement,
                _ => statement.with("attached", &format!("[{}]", elements.join(","))),
            };
            return statement
                .with("media", &quote(self.media))
                .with("digest", &quote(&self.digest()))
                .with("size", &self.size().to_string())
                .with("chain", &quote(&oracle::digest("chain")))
                .with("manifest", &quote(&oracle::digest(self.manifest())))
                .line();
        }
        Statement::removed()
            .with("name", &quote(self.repository))
            .with("tag", &quote(self.tag))
            .with("issued", &ISSUED.to_string())
            .line()
    }

    fn seed_manifest(&self, url: &str) -> String {
        [
            r#"{"schemaVersion":2,"mediaType":"application/vnd.singularity.distribution.manifest.v2+json","#,
            r#""config":{"mediaType":"application/vnd.singularity.container.image.v1+json","size":2,"#,
            r#""digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},"#,
            &format!(r#""layers":[{{"mediaType":"{SQUASHFS}","size":{},"#, self.size()),
            &format!(r#""digest":"{}","urls":["{url}"]}}]}}"#, self.digest()),
        ]
        .concat()
            + "\n"
    }
}

const CONFIG: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// An entry of an image index.
fn index_entry(entry: &Entry) -> String {
    let manifest = entry.manifest();
    format!(
        r#"{{"mediaType":"application/vnd.oci.image.manifest.v1+json","size":{},"digest":"{}","platform":{{"architecture":"{}","os":"linux"}}}}"#,
        manifest.len(),
        oracle::digest(&manifest),
        entry.arch
    )
}

/// The expected files. `lists` gives the list of tags of each repository, `shown` for each tag the
/// entries that are present, in the order of an image index, and the URL of the first; what is by digest
/// follows from the entries.
fn files(
    entries: &[Entry],
    lists: &[(&str, &str)],
    shown: &[(Vec<usize>, String)],
    has_links: bool,
) -> Value {
    let (mut files, mut links) = (Map::new(), Map::new());
    let mut put = |path: String, text: String| {
        files.insert(path, json!(text));
    };
    put(".nojekyll".to_owned(), String::new());
    put("v2/index.html".to_owned(), "{}\n".to_owned());
    for (repository, list) in lists {
        put(
            format!("{repository}/tags/index.html"),
            format!("{{\"name\":\"{repository}\",\"tags\":[{list}]}}\n"),
        );
        let folded = repository.to_lowercase();
        put(format!("v2/{folded}/blobs/{CONFIG}"), "{}".to_owned());
        put(
            format!("v2/{folded}/tags/list"),
            format!("{{\"name\":\"{folded}\",\"tags\":[{list}]}}\n"),
        );
    }
    for (order, url) in shown {
        let entry = &entries[order[0]];
        let (folded, tag) = (entry.repository.to_lowercase(), entry.tag);
        let document = match &order[..] {
            [_] => entry.manifest(),
            several => {
                let images: Vec<String> = several
                    .iter()
                    .map(|at| index_entry(&entries[*at]))
                    .collect();
                let index = example::NO_REFERRERS.replace("[]", &format!("[{}]", images.join(",")));
                let digest = oracle::digest(&index);
                put(format!("v2/{folded}/manifests/{digest}"), index.clone());
                put(
                    format!("v2/{folded}/referrers/{digest}"),
                    example::NO_REFERRERS.to_owned(),
                );
                index
            }
        };
        put(format!("v2/{folded}/manifests/{tag}"), document);
        let content = entry.content();
        let mut put_library = |base: &str, above: &str, entry: &Entry| {
            let library = format!("{folded}:{}", tag.to_lowercase());
            let told = example::library_image(entry.content().as_bytes(), entry.size(), entry.arch);
            put(format!("{base}/v1/images/{library}"), told);
            let target = format!("{above}v2/{folded}/blobs/{}", entry.digest());
            links.insert(format!("{base}/v1/imagefile/{library}"), json!(target));
        };
        put_library("library", "../../../../", entry);
        for entry in order.iter().map(|at| &entries[*at]) {
            if !matches!(entry.arch, "amd64" | "unknown") {
                let base = format!("library/{}", entry.arch);
                put_library(&base, "../../../../../", entry);
            }
        }
        put(
            format!("api/container/{}:{tag}", entry.repository),
            example::shub(url, entry.repository, tag, content.as_bytes()),
        );
        put(
            format!("{}/manifests/{}/index.html", entry.repository, entry.tag),
            entry.seed_manifest(url),
        );
    }
    for entry in entries.iter().filter(|entry| entry.present) {
        let (folded, manifest) = (entry.repository.to_lowercase(), entry.manifest());
        let digest = oracle::digest(&manifest);
        for (path, text) in artifact::referrers(&folded, &manifest, &entry.attached) {
            put(path, text);
        }
        put(format!("v2/{folded}/manifests/{digest}"), manifest);
    }
    if !has_links {
        links.clear();
    }
    json!({ "files": files, "links": links })
}

/// The file that tells a host how to serve a tree, where there is one, and its path.
pub(super) fn file_of_host(host: &str) -> Option<(&'static str, String)> {
    let path = match host {
        "nginx" => "nginx.conf",
        "netlify" | "cloudflare" => "_headers",
        _ => return None,
    };
    let file = crate::root().join("spec/hosts").join(path);
    let text = std::fs::read_to_string(file).expect("the spec has it");
    Some((path, text))
}

/// The same files for a host.
fn for_host(mut expected: Value, settings: &str) -> Value {
    let settings: Value = serde_json::from_str(settings).expect("settings are JSON");
    let host = settings["host"].as_str().unwrap_or_default();
    let files = expected["files"].as_object_mut().expect("it is an object");
    if let Some((path, text)) = file_of_host(host) {
        files.insert(path.to_owned(), json!(text));
    }
    if host == "nginx" {
        let is_index = |text: &Value| {
            let text = text.as_str().unwrap_or_default();
            text.contains("\"mediaType\":\"application/vnd.oci.image.index")
        };
        let copies: Vec<(String, Value)> = files
            .iter()
            .filter(|(path, text)| path.contains("/manifests/") && is_index(text))
            .map(|(path, text)| (path.replace("/manifests/", "/indexes/"), text.clone()))
            .collect();
        files.extend(copies);
    }
    expected
}

pub(super) fn cases() -> Vec<Case> {
    let plain = "{\"format\":1,\"type\":\"sreg-registry\"}\n";
    let based =
        "{\"base_url\":\"https://example.org/registry\",\"format\":1,\"type\":\"sreg-registry\"}\n";
    let elsewhere = "{\"blob_url\":\"https://example.org/{namespace}/{name}/{tag}.{arch}.{ext}\",\"format\":1,\"type\":\"sreg-registry\"}\n";
    let blob = |entry: &Entry| {
        let folded = entry.repository.to_lowercase();
        format!("/v2/{folded}/blobs/{}", entry.digest())
    };
    let mut cases = Vec::new();
    let mut add = |name: &str,
                   ids: &'static str,
                   note: &str,
                   settings: &str,
                   entries: Vec<Entry>,
                   lists: &[(&str, &str)],
                   shown: &[(Vec<usize>, String)]| {
        let mut input = settings.to_owned();
        for entry in &entries {
            input.push_str(&entry.statement());
        }
        cases.push(Case::valid(
            "views",
            name,
            ids,
            note,
            input,
            for_host(
                files(&entries, lists, shown, !settings.contains("blob_url")),
                settings,
            ),
        ));
    };

    let one = sif("lab/tool", "1.0", "amd64");
    let url = blob(&one);
    add(
        "one-image",
        "API-1 API-2 API-3 API-7 API-8 API-9 API-10 API-11 API-12 API-13 API-14 API-15",
        "the smallest registry, without a base URL",
        plain,
        vec![one],
        &[("lab/tool", "\"1.0\"")],
        &[(vec![0], url.clone())],
    );
    add(
        "base-url",
        "API-3 API-7 API-15",
        "the same, with one",
        based,
        vec![sif("lab/tool", "1.0", "amd64")],
        &[("lab/tool", "\"1.0\"")],
        &[(vec![0], format!("https://example.org/registry{url}"))],
    );
    add(
        "blob-url",
        "API-3 API-7 API-14 API-15 LAY-9",
        "images that are elsewhere",
        elsewhere,
        vec![sif("lab/tool", "1.0", "amd64")],
        &[("lab/tool", "\"1.0\"")],
        &[(
            vec![0],
            "https://example.org/lab/tool/1.0.amd64.sif".to_owned(),
        )],
    );
    let squashfs = Entry {
        media: SQUASHFS,
        ..sif("Lab/Tool", "V1", "unknown")
    };
    let url = blob(&squashfs);
    add(
        "squashfs",
        "API-1 API-3 API-8 API-10 API-13 API-15 REF-10",
        "an older image; endpoints keep the case of names, OCI paths fold it",
        plain,
        vec![squashfs],
        &[("Lab/Tool", "\"V1\"")],
        &[(vec![0], url)],
    );
    let entries = vec![
        sif("lab/tool", "1.0", "386"),
        sif("lab/tool", "1.0", "arm64"),
        sif("lab/tool", "1.0", "amd64"),
    ];
    let url = blob(&entries[2]);
    add(
        "amd64",
        "API-4 API-8 API-11 API-12 API-13 API-16 MAN-9 MAN-10",
        "of several architectures amd64 is shown, though 386 comes first",
        plain,
        entries,
        &[("lab/tool", "\"1.0\"")],
        &[(vec![2, 0, 1], url)],
    );
    let one = Entry {
        attached: vec![artifact::sbom(), artifact::bundle()],
        ..sif("Lab/Tool", "1.0", "amd64")
    };
    let url = blob(&one);
    add(
        "attached",
        "API-12 API-17 API-18 MAN-11 MAN-13 MAN-14",
        "an SBOM, and what another tool signed, with annotations",
        plain,
        vec![one],
        &[("Lab/Tool", "\"1.0\"")],
        &[(vec![0], url)],
    );
    let entries = vec![
        Entry {
            attached: vec![artifact::bundle()],
            ..sif("lab/tool", "1.0", "arm64")
        },
        Entry {
            attached: vec![artifact::sbom()],
            ..sif("lab/tool", "1.0", "amd64")
        },
    ];
    let url = blob(&entries[1]);
    add(
        "attached-to-architectures",
        "API-12 API-17 API-18 MAN-14",
        "each image has its own, and the image index nothing",
        plain,
        entries,
        &[("lab/tool", "\"1.0\"")],
        &[(vec![1, 0], url)],
    );
    for (name, ids, note, host) in [
        (
            "host-nginx",
            "API-11 API-19 LAY-17",
            "nginx has a configuration, and image indexes a second time",
            "nginx",
        ),
        ("host-netlify", "LAY-17", "Netlify has headers", "netlify"),
        (
            "host-cloudflare",
            "LAY-17",
            "Cloudflare Pages has the same",
            "cloudflare",
        ),
        (
            "host-pages",
            "LAY-17",
            "GitHub Pages has nothing of its own",
            "pages",
        ),
    ] {
        let settings = format!("{{\"format\":1,\"host\":\"{host}\",\"type\":\"sreg-registry\"}}\n");
        let entries = vec![
            sif("lab/one", "1.0", "amd64"),
            sif("lab/tool", "1.0", "arm64"),
            sif("lab/tool", "1.0", "amd64"),
        ];
        let (one, two) = (blob(&entries[0]), blob(&entries[2]));
        add(
            name,
            ids,
            note,
            &settings,
            entries,
            &[("lab/one", "\"1.0\""), ("lab/tool", "\"1.0\"")],
            &[(vec![0], one), (vec![2, 1], two)],
        );
    }
    let entries = vec![
        sif("lab/tool", "1.0", "s390x"),
        sif("lab/tool", "1.0", "arm64"),
    ];
    let url = blob(&entries[1]);
    add(
        "no-amd64",
        "API-4 API-8 API-11 API-12 API-13 MAN-9 MAN-10",
        "without amd64, the first by its word",
        plain,
        entries,
        &[("lab/tool", "\"1.0\"")],
        &[(vec![1, 0], url)],
    );
    let entries: Vec<Entry> = ["b", "latest", "10", "_x", "1.0", "C"]
        .into_iter()
        .map(|tag| sif("lab/tool", tag, "amd64"))
        .collect();
    let shown: Vec<(Vec<usize>, String)> = entries
        .iter()
        .map(&blob)
        .enumerate()
        .map(|(at, url)| (vec![at], url))
        .collect();
    add(
        "order-of-tags",
        "API-2 API-10",
        "tags by their bytes: a dot before a digit, capitals, the underscore, small letters",
        plain,
        entries,
        &[("lab/tool", r#""1.0","10","C","_x","b","latest""#)],
        &shown,
    );
    let entries = vec![gone("lab/tool", "1.0"), sif("lab/tool", "2.0", "amd64")];
    let url = blob(&entries[1]);
    add(
        "one-removed",
        "API-2 API-6",
        "a removed tag has neither a manifest nor a place in the list",
        plain,
        entries,
        &[("lab/tool", "\"2.0\"")],
        &[(vec![1], url)],
    );
    let entries = vec![gone("lab/tool", "1.0"), sif("lab/tool", "1.0", "arm64")];
    let url = blob(&entries[1]);
    add(
        "one-architecture-removed",
        "API-2 API-4 API-6",
        "the tag stays while one architecture is present",
        plain,
        entries,
        &[("lab/tool", "\"1.0\"")],
        &[(vec![1], url)],
    );
    add(
        "all-removed",
        "API-5 API-6",
        "a repository without a present image has no views",
        plain,
        vec![gone("lab/tool", "1.0"), gone("lab/tool", "2.0")],
        &[],
        &[],
    );
    let entries = vec![
        sif("lab/tool", "1.0", "amd64"),
        sif("lab/tools", "1.0", "amd64"),
        sif("lab2/tool", "1.0", "amd64"),
    ];
    let shown: Vec<(Vec<usize>, String)> = entries
        .iter()
        .map(&blob)
        .enumerate()
        .map(|(at, url)| (vec![at], url))
        .collect();
    add(
        "repositories",
        "API-1 API-2 API-8",
        "repositories whose names start alike are kept apart",
        plain,
        entries,
        &[
            ("lab/tool", "\"1.0\""),
            ("lab/tools", "\"1.0\""),
            ("lab2/tool", "\"1.0\""),
        ],
        &shown,
    );
    cases
}
