//! What is derived from statements and `sreg.json`: `spec/api.md`.

use serde_json::{Map, Value, json};

use super::example::{self, ISSUED, SIF, SQUASHFS, Statement, quote};
use super::{Case, oracle};

/// One statement of a vector.
struct Entry {
    repository: &'static str,
    tag: &'static str,
    arch: &'static str,
    media: &'static str,
    present: bool,
}

const fn sif(repository: &'static str, tag: &'static str, arch: &'static str) -> Entry {
    Entry {
        repository,
        tag,
        arch,
        media: SIF,
        present: true,
    }
}

const fn gone(repository: &'static str, tag: &'static str) -> Entry {
    Entry {
        present: false,
        ..sif(repository, tag, "amd64")
    }
}

impl Entry {
    fn digest(&self) -> String {
        let Self {
            repository,
            tag,
            arch,
            ..
        } = self;
        oracle::digest(format!("{repository}:{tag} {arch}"))
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
        example::manifest_of(SIF, self.size(), &self.digest(), &title)
    }

    fn statement(&self) -> String {
        let statement = Statement::present()
            .with("name", &quote(self.repository))
            .with("tag", &quote(self.tag))
            .with("arch", &quote(self.arch));
        if self.present {
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

/// The expected files. `lists` gives the list of tags of each repository, `shown` the entry and
/// the URL of each endpoint of a tag; the OCI documents follow from the entries.
fn files(entries: &[Entry], lists: &[(&str, &str)], shown: &[(usize, String)]) -> Value {
    let mut files = Map::new();
    let mut put = |path: String, text: String| {
        files.insert(path, json!(text));
    };
    for (repository, list) in lists {
        put(
            format!("{repository}/tags/index.html"),
            format!("{{\"name\":\"{repository}\",\"tags\":[{list}]}}\n"),
        );
        let folded = repository.to_lowercase();
        put(format!("v2/{folded}/blobs/{CONFIG}"), "{}".to_owned());
    }
    for (at, url) in shown {
        let entry = &entries[*at];
        put(
            format!("{}/manifests/{}/index.html", entry.repository, entry.tag),
            entry.seed_manifest(url),
        );
    }
    for entry in entries.iter().filter(|entry| entry.present) {
        let (folded, manifest) = (entry.repository.to_lowercase(), entry.manifest());
        put(
            format!("v2/{folded}/manifests/{}", oracle::digest(&manifest)),
            manifest,
        );
    }
    json!({ "files": files })
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
                   shown: &[(usize, String)]| {
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
            files(&entries, lists, shown),
        ));
    };

    let one = sif("lab/tool", "1.0", "amd64");
    let url = blob(&one);
    add(
        "one-image",
        "API-1 API-2 API-3 API-7 API-8",
        "the smallest registry, without a base URL",
        plain,
        vec![one],
        &[("lab/tool", "\"1.0\"")],
        &[(0, url.clone())],
    );
    add(
        "base-url",
        "API-3 API-7",
        "the same, with one",
        based,
        vec![sif("lab/tool", "1.0", "amd64")],
        &[("lab/tool", "\"1.0\"")],
        &[(0, format!("https://example.org/registry{url}"))],
    );
    add(
        "blob-url",
        "API-3 API-7 LAY-9",
        "images that are elsewhere",
        elsewhere,
        vec![sif("lab/tool", "1.0", "amd64")],
        &[("lab/tool", "\"1.0\"")],
        &[(0, "https://example.org/lab/tool/1.0.amd64.sif".to_owned())],
    );
    let squashfs = Entry {
        media: SQUASHFS,
        ..sif("Lab/Tool", "V1", "unknown")
    };
    let url = blob(&squashfs);
    add(
        "squashfs",
        "API-1 API-3 API-8 REF-10",
        "an older image; endpoints keep the case of names, OCI paths fold it",
        plain,
        vec![squashfs],
        &[("Lab/Tool", "\"V1\"")],
        &[(0, url)],
    );
    let entries = vec![
        sif("lab/tool", "1.0", "386"),
        sif("lab/tool", "1.0", "arm64"),
        sif("lab/tool", "1.0", "amd64"),
    ];
    let url = blob(&entries[2]);
    add(
        "amd64",
        "API-4 API-8",
        "of several architectures amd64 is shown, though 386 comes first",
        plain,
        entries,
        &[("lab/tool", "\"1.0\"")],
        &[(2, url)],
    );
    let entries = vec![
        sif("lab/tool", "1.0", "s390x"),
        sif("lab/tool", "1.0", "arm64"),
    ];
    let url = blob(&entries[1]);
    add(
        "no-amd64",
        "API-4 API-8",
        "without amd64, the first by its word",
        plain,
        entries,
        &[("lab/tool", "\"1.0\"")],
        &[(1, url)],
    );
    let entries: Vec<Entry> = ["b", "latest", "10", "_x", "1.0", "B"]
        .into_iter()
        .map(|tag| sif("lab/tool", tag, "amd64"))
        .collect();
    let shown: Vec<(usize, String)> = entries.iter().map(&blob).enumerate().collect();
    add(
        "order-of-tags",
        "API-2",
        "tags by their bytes: a dot before a digit, capitals, the underscore, small letters",
        plain,
        entries,
        &[("lab/tool", r#""1.0","10","B","_x","b","latest""#)],
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
        &[(1, url)],
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
        &[(1, url)],
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
    let shown: Vec<(usize, String)> = entries.iter().map(&blob).enumerate().collect();
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
