//! Whole trees, and what a verifier finds in them: `spec/layout.md`.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::Case;
use super::example::{self, ISSUED, SIF, Statement, namespace_line, quote, tag_line};
use super::oracle::{self, Line};

const CONFIG: &str = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

/// A tree: the bytes of each path.
type Files = BTreeMap<String, Vec<u8>>;

/// An image of the example, a line of text instead of a SIF: verification looks at digests only.
struct Image {
    repository: &'static str,
    tag: &'static str,
    content: &'static str,
}

impl Image {
    fn digest(&self) -> String {
        oracle::digest(self.content)
    }

    fn size(&self) -> u64 {
        self.content.len() as u64
    }

    fn sidecar(&self) -> Vec<u8> {
        oracle::chain(self.content.as_bytes()).concat()
    }

    fn folded(&self) -> String {
        self.repository.to_lowercase()
    }

    fn namespace(&self) -> &str {
        self.repository.split('/').next().unwrap_or_default()
    }

    fn key(&self) -> String {
        let name = self.repository.split('/').nth(1).unwrap_or_default();
        format!("{name}:{}", self.tag)
    }

    fn manifest(&self) -> String {
        let title = format!("{}.sif", self.key().replace(':', "_"));
        example::manifest_of(SIF, self.size(), &self.digest(), &title)
    }

    fn statement(&self) -> Statement {
        Statement::present()
            .with("name", &quote(self.repository))
            .with("tag", &quote(self.tag))
            .with("digest", &quote(&self.digest()))
            .with("size", &self.size().to_string())
            .with("chain", &quote(&oracle::digest(self.sidecar())))
            .with("manifest", &quote(&oracle::digest(self.manifest())))
    }

    fn line(&self, statement: &Statement) -> Line {
        let id = oracle::digest(statement.line());
        tag_line(
            &self.key(),
            "amd64",
            Some((&self.digest(), self.size())),
            &id,
        )
    }

    fn blob(&self) -> String {
        format!("v2/{}/blobs/{}", self.folded(), self.digest())
    }

    fn chain_blob(&self) -> String {
        format!(
            "v2/{}/blobs/{}",
            self.folded(),
            oracle::digest(self.sidecar())
        )
    }

    fn seed_manifest(&self) -> String {
        format!("{}/manifests/{}/index.html", self.repository, self.tag)
    }

    /// Image, sidecar, config and views, but the list of tags.
    fn publish(&self, files: &mut Files) {
        files.insert(self.blob(), self.content.into());
        files.insert(self.chain_blob(), self.sidecar());
        files.insert(
            format!("v2/{}/blobs/{CONFIG}", self.folded()),
            b"{}".to_vec(),
        );
        let manifest = self.manifest();
        let place = format!(
            "v2/{}/manifests/{}",
            self.folded(),
            oracle::digest(&manifest)
        );
        files.insert(place, manifest.into());
        let seed = [
            r#"{"schemaVersion":2,"mediaType":"application/vnd.singularity.distribution.manifest.v2+json","#,
            r#""config":{"mediaType":"application/vnd.singularity.container.image.v1+json","size":2,"#,
            &format!(
                r#""digest":"{CONFIG}"}},"layers":[{{"mediaType":"{}","#,
                example::SQUASHFS
            ),
            &format!(
                r#""size":{},"digest":"{}","urls":["/{}"]}}]}}"#,
                self.size(),
                self.digest(),
                self.blob()
            ),
            "\n",
        ];
        files.insert(self.seed_manifest(), seed.concat().into());
    }
}

const FIRST: Image = Image {
    repository: "lab/tool",
    tag: "1.0",
    content: "the first image",
};
const SECOND: Image = Image {
    repository: "lab/tool",
    tag: "1.0",
    content: "the second image",
};

fn put_list(files: &mut Files, repository: &str, tags: &str) {
    let text = format!("{{\"name\":\"{repository}\",\"tags\":[{tags}]}}\n");
    files.insert(format!("{repository}/tags/index.html"), text.into());
}

fn sharded(folder: &str, digest: &str) -> String {
    let hex = digest.trim_start_matches("sha256:");
    format!("{folder}/{}/{hex}", &hex[..2])
}

fn put_statement(files: &mut Files, statement: &Statement) {
    let line = statement.line();
    files.insert(sharded("s", &oracle::digest(&line)), line.into());
}

/// Writes the nodes of an index, by namespace, and returns the id of its root.
fn put_index(files: &mut Files, maps: &[(&str, Vec<Line>)]) -> String {
    let mut namespaces = Vec::new();
    for (namespace, lines) in maps {
        let nodes = oracle::map(&format!("tags/{namespace}"), lines);
        namespaces.push(namespace_line(
            namespace,
            &nodes[0].id(),
            lines.len() as u64,
        ));
        for node in nodes {
            files.insert(sharded("n", &node.id()), node.bytes);
        }
    }
    let nodes = oracle::map("ns", &namespaces);
    let root = format!("sha256:{}", nodes[0].id());
    for node in nodes {
        files.insert(sharded("n", &node.id()), node.bytes);
    }
    root
}

fn head(root: &str, tags: u64, version: u64, previous: Option<&str>) -> String {
    let previous = previous.map_or(String::new(), |head| {
        format!("\"previous\":\"{}\",", oracle::digest(head))
    });
    format!(
        "{{\"epoch\":0,\"index\":{{\"digest\":\"{root}\",\"tags\":{tags}}},\"issued\":{},{previous}\"type\":\"sreg-head-v1\",\"version\":{version}}}\n",
        ISSUED + version
    )
}

/// What a test changes in the second version.
struct Second {
    statement: Statement,
    line: Line,
    tags: u64,
}

impl Second {
    fn honest() -> Self {
        let previous = oracle::digest(FIRST.statement().line());
        let statement = SECOND
            .statement()
            .with("seq", "2")
            .with("previous", &quote(&previous));
        Self::of(statement)
    }

    fn of(statement: Statement) -> Self {
        Self {
            line: SECOND.line(&statement),
            statement,
            tags: 1,
        }
    }
}

/// `lab/tool:1.0` was the first image in version 1, and is the second one in version 2.
fn two_versions(second: &Second) -> Files {
    let mut files = Files::new();
    files.insert(
        "sreg.json".to_owned(),
        "{\"format\":1,\"type\":\"sreg-registry\"}\n".into(),
    );
    let statement = FIRST.statement();
    put_statement(&mut files, &statement);
    put_statement(&mut files, &second.statement);
    let root = put_index(&mut files, &[("lab", vec![FIRST.line(&statement)])]);
    let one = head(&root, 1, 1, None);
    let root = put_index(&mut files, &[("lab", vec![second.line.clone()])]);
    let two = head(&root, second.tags, 2, Some(&one));
    files.insert("heads/0/1".to_owned(), one.into());
    files.insert("heads/0/2".to_owned(), two.clone().into());
    files.insert("head".to_owned(), two.into());
    SECOND.publish(&mut files);
    put_list(&mut files, "lab/tool", "\"1.0\"");
    files
}

fn honest() -> Files {
    two_versions(&Second::honest())
}

/// The same tree before `head` was moved on to version 2.
fn lagging() -> Files {
    let mut files = honest();
    for path in [SECOND.blob(), SECOND.chain_blob()] {
        files.remove(&path);
    }
    files.retain(|path, _| !path.contains("/manifests/"));
    FIRST.publish(&mut files);
    let one = files["heads/0/1"].clone();
    files.insert("head".to_owned(), one);
    files
}

/// A registry of one version, with images that each have a statement of their own.
fn one_version(images: &[Image]) -> Files {
    let mut files = Files::new();
    files.insert(
        "sreg.json".to_owned(),
        "{\"format\":1,\"type\":\"sreg-registry\"}\n".into(),
    );
    let mut maps: BTreeMap<&str, Vec<Line>> = BTreeMap::new();
    let mut lists: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for image in images {
        let statement = image.statement();
        put_statement(&mut files, &statement);
        maps.entry(image.namespace())
            .or_default()
            .push(image.line(&statement));
        lists
            .entry(image.repository)
            .or_default()
            .push(quote(image.tag));
        image.publish(&mut files);
    }
    for (repository, mut tags) in lists {
        tags.sort();
        put_list(&mut files, repository, &tags.join(","));
    }
    let maps: Vec<(&str, Vec<Line>)> = maps.into_iter().collect();
    let root = put_index(&mut files, &maps);
    let head = head(&root, images.len() as u64, 1, None);
    files.insert("heads/0/1".to_owned(), head.clone().into());
    files.insert("head".to_owned(), head.into());
    files
}

/// The tree as JSON: what is text as `files`, the rest in hexadecimal digits as `hex`.
fn encode(files: &Files) -> String {
    let (mut texts, mut hex) = (Map::new(), Map::new());
    for (path, bytes) in files {
        match std::str::from_utf8(bytes) {
            Ok(text) => texts.insert(path.clone(), json!(text)),
            Err(_) => hex.insert(path.clone(), json!(oracle::spell(bytes))),
        };
    }
    let mut text = serde_json::to_string_pretty(&json!({"files": texts, "hex": hex}))
        .expect("strings are JSON");
    text.push('\n');
    text
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = valid();
    cases.extend(invalid());
    cases
}

fn valid() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, ids: &'static str, note: &str, files: &Files, warnings: Value| {
        cases.push(Case::valid(
            "tree",
            name,
            ids,
            note,
            encode(files),
            json!({"warnings": warnings}),
        ));
    };
    add(
        "two-versions",
        "HEAD-8 HEAD-9 HEAD-10 HEAD-11 IDX-22 IDX-24 LAY-2 LAY-12 LAY-13 STM-16",
        "a tag that moved once; the first image is gone, its statement is not",
        &honest(),
        json!([]),
    );
    add(
        "empty",
        "HEAD-8 IDX-16",
        "a registry without a tag",
        &one_version(&[]),
        json!([]),
    );
    let mut files = honest();
    files.insert("CNAME".to_owned(), b"example.org\n".to_vec());
    add(
        "foreign-file",
        "CLI-11 LAY-10",
        "a file of somebody else",
        &files,
        json!(["foreign-file"]),
    );
    let mut files = honest();
    files.insert(FIRST.blob(), FIRST.content.into());
    add(
        "older-image",
        "CLI-11 LAY-13",
        "an image that only version 1 names",
        &files,
        json!(["stray-file"]),
    );
    let mut files = honest();
    let node = "sreg-node-v1 leaf ns -\n";
    files.insert(sharded("n", &oracle::digest(node)), node.into());
    add(
        "stray-node",
        "CLI-11",
        "a node that no head reaches",
        &files,
        json!(["stray-file"]),
    );
    cases
}

fn invalid() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &str, ids: &'static str, note: &str, files: Files, class: &'static str| {
        // What is derived from something that cannot be read cannot be checked either.
        let consequences = [
            "missing-node",
            "changed-node",
            "line-of-other-size",
            "missing-statement",
            "changed-statement",
        ];
        let mut case = Case::invalid("tree", name, ids, note, encode(&files), class);
        if consequences.contains(&name) {
            case = case.with("consequences", json!(true));
        }
        cases.push(case);
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
