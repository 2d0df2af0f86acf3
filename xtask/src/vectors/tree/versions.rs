//! Trees of one version and of two.

use std::collections::BTreeMap;

use super::Files;
use super::image::{FIRST, Image, SECOND, put_constants, put_list};
use crate::vectors::artifact::{self, Attached};
use crate::vectors::example::{ISSUED, Statement, namespace_line, quote};
use crate::vectors::oracle::{self, Line};

pub(super) fn sharded(folder: &str, digest: &str) -> String {
    let hex = digest.trim_start_matches("sha256:");
    format!("{folder}/{}/{hex}", &hex[..2])
}

pub(super) fn put_statement(files: &mut Files, statement: &Statement) {
    let line = statement.line();
    files.insert(sharded("s", &oracle::digest(&line)), line.into());
}

/// Writes the nodes of an index, by namespace, and returns the id of its root.
pub(super) fn put_index(files: &mut Files, maps: &[(&str, Vec<Line>)]) -> String {
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

pub(super) fn head(root: &str, tags: u64, version: u64, previous: Option<&str>) -> String {
    let previous = previous.map_or(String::new(), |head| {
        format!("\"previous\":\"{}\",", oracle::digest(head))
    });
    format!(
        "{{\"epoch\":0,\"index\":{{\"digest\":\"{root}\",\"tags\":{tags}}},\"issued\":{},{previous}\"type\":\"sreg-head-v1\",\"version\":{version}}}\n",
        ISSUED + version
    )
}

/// What a test changes in the second version.
pub(super) struct Second {
    pub(super) statement: Statement,
    pub(super) line: Line,
    pub(super) tags: u64,
}

impl Second {
    pub(super) fn honest() -> Self {
        let previous = oracle::digest(FIRST.statement().line());
        let statement = SECOND
            .statement()
            .with("seq", "2")
            .with("previous", &quote(&previous));
        Self::of(statement)
    }

    pub(super) fn of(statement: Statement) -> Self {
        Self {
            line: SECOND.line(&statement),
            statement,
            tags: 1,
        }
    }
}

/// `lab/tool:1.0` was the first image in version 1, and is the second one in version 2.
pub(super) fn two_versions(second: &Second) -> Files {
    two_versions_from(&FIRST.statement(), second)
}

fn two_versions_from(first: &Statement, second: &Second) -> Files {
    let mut files = Files::new();
    put_constants(&mut files);
    put_statement(&mut files, first);
    put_statement(&mut files, &second.statement);
    let root = put_index(&mut files, &[("lab", vec![FIRST.line(first)])]);
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

pub(super) fn honest() -> Files {
    two_versions(&Second::honest())
}

/// The same, with files attached to the second image.
pub(super) fn attached(attached: &[Attached]) -> Files {
    let statement = with_attached(Second::honest().statement, attached);
    let mut files = two_versions(&Second::of(statement));
    for one in attached {
        let blob = format!("v2/lab/tool/blobs/{}", one.digest());
        files.insert(blob, one.content.clone().into());
    }
    put_referrers(&mut files, &SECOND, attached);
    files
}

/// The same as the honest one, where a file was attached to the first image, and what refers to that is still
/// listed.
pub(super) fn formerly_attached(attached: &[Attached]) -> Files {
    let first = with_attached(FIRST.statement(), attached);
    let previous = quote(&oracle::digest(first.line()));
    let second = Second::honest().statement.with("previous", &previous);
    let mut files = two_versions_from(&first, &Second::of(second));
    put_referrers(&mut files, &FIRST, attached);
    files
}

fn with_attached(statement: Statement, attached: &[Attached]) -> Statement {
    let elements: Vec<String> = attached.iter().map(Attached::element).collect();
    statement.with("attached", &format!("[{}]", elements.join(",")))
}

fn put_referrers(files: &mut Files, image: &Image, attached: &[Attached]) {
    let referrers = artifact::referrers("lab/tool", &image.manifest(), attached);
    let files_of = referrers.into_iter();
    files.extend(files_of.map(|(path, text)| (path, text.into())));
}

/// The same tree before `head` was moved on to version 2.
pub(super) fn lagging() -> Files {
    let mut files = honest();
    for path in [SECOND.blob(), SECOND.chain_blob()] {
        files.remove(&path);
    }
    files.retain(|path, _| !path.contains("/manifests/") && !path.contains("/referrers/"));
    FIRST.publish(&mut files);
    let one = files["heads/0/1"].clone();
    files.insert("head".to_owned(), one);
    files
}

/// A registry of one version, with images that each have a statement of their own.
pub(super) fn one_version(images: &[Image]) -> Files {
    let mut files = Files::new();
    put_constants(&mut files);
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
