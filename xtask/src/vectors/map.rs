//! Whole maps, and proofs over them: `spec/index.md`.

use serde_json::{Value, json};

use super::Case;
use super::example::{namespace_line, tag_line};
use super::oracle::{self, Line, Node};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = maps();
    cases.extend(proofs());
    cases
}

/// A line of a map of tags whose image and statement do not exist.
fn line(key: &str, arch: &str) -> Line {
    let image = oracle::digest(key);
    tag_line(key, arch, Some((&image, 7)), &oracle::digest("statement"))
}

/// `count` lines, of which every seventh is a removal and every fifth has a second architecture.
fn lines(count: usize) -> Vec<Line> {
    let mut lines = Vec::new();
    for number in 0.. {
        let key = format!("tool{}:{}", number % 3, number);
        if number % 7 == 6 {
            lines.push(tag_line(&key, "amd64", None, &oracle::digest(&key)));
        } else {
            lines.push(line(&key, "amd64"));
        }
        if number % 5 == 4 {
            lines.push(line(&key, "arm64"));
        }
        if lines.len() >= count {
            break;
        }
    }
    lines.truncate(count);
    lines
}

/// Keys whose hashes share their first `digits` hexadecimal digits with that of `deep:0`.
fn deep(count: usize, digits: usize) -> Vec<Line> {
    let start = oracle::hex(b"deep:0")[..digits].to_owned();
    (0u32..)
        .map(|number| format!("deep:{number}"))
        .filter(|key| oracle::hex(key.as_bytes()).starts_with(&start))
        .take(count)
        .map(|key| line(&key, "amd64"))
        .collect()
}

/// An order that depends on nothing but the lines' number.
fn shuffled(lines: &[Line]) -> Vec<Line> {
    let mut shuffled = lines.to_vec();
    shuffled.sort_by_key(|line| oracle::hex(format!("shuffle {}", line.text).as_bytes()));
    shuffled
}

fn maps() -> Vec<Case> {
    let mut deep_and_others = deep(33, 3);
    deep_and_others.extend(lines(10));
    let namespaces: Vec<Line> = (0..40)
        .map(|number| {
            namespace_line(
                &format!("lab{number}"),
                &oracle::hex(&[number]),
                u64::from(number) + 1,
            )
        })
        .collect();
    let forty = lines(40);
    let mut reversed = forty.clone();
    reversed.reverse();
    let mut cases = Vec::new();
    for (name, ids, note, map, lines) in [
        ("empty", "IDX-3 IDX-16", "no line", "tags/lab", vec![]),
        ("one", "IDX-3", "one line", "tags/lab", lines(1)),
        (
            "thirty-two",
            "IDX-3 IDX-15",
            "the largest map of one leaf",
            "tags/lab",
            shuffled(&lines(32)),
        ),
        (
            "thirty-three",
            "IDX-2 IDX-3",
            "the smallest map with a branch",
            "tags/lab",
            shuffled(&lines(33)),
        ),
        ("forty", "IDX-2 IDX-3", "forty lines", "tags/lab", forty),
        (
            "forty-reversed",
            "IDX-3",
            "the same lines in another order give the same nodes",
            "tags/lab",
            reversed,
        ),
        (
            "sixty-four",
            "IDX-2 IDX-3",
            "sixty-four lines",
            "tags/lab",
            shuffled(&lines(64)),
        ),
        (
            "six-hundred",
            "IDX-2 IDX-3",
            "two levels of branches",
            "tags/lab",
            shuffled(&lines(600)),
        ),
        (
            "deep",
            "IDX-2 IDX-3",
            "33 keys that share three digits: branches with one child",
            "tags/lab",
            shuffled(&deep_and_others),
        ),
        (
            "deep-leaf",
            "IDX-3 IDX-19",
            "one line fewer: all merge into one leaf",
            "tags/lab",
            shuffled(&deep(32, 3)),
        ),
        (
            "namespaces",
            "IDX-1 IDX-2 IDX-3",
            "a map of namespaces",
            "ns",
            namespaces,
        ),
    ] {
        let nodes = oracle::map(map, &lines);
        let listed: Vec<Value> = nodes
            .iter()
            .map(|node| json!({"id": sha256(node), "kind": node.kind, "prefix": shown(node), "count": node.count}))
            .collect();
        let input: String = lines.iter().map(|line| line.text.clone() + "\n").collect();
        cases.push(
            Case::valid(
                "map",
                name,
                ids,
                note,
                input,
                json!({"root": sha256(&nodes[0]), "count": lines.len(), "nodes": listed}),
            )
            .with("map", json!(map)),
        );
    }
    cases
}

fn sha256(node: &Node) -> String {
    format!("sha256:{}", node.id())
}

fn shown(node: &Node) -> &str {
    if node.prefix.is_empty() {
        "-"
    } else {
        &node.prefix
    }
}

/// The nodes on the way to `key`, root first.
fn path<'a>(nodes: &'a [Node], key: &str) -> Vec<&'a Node> {
    let hash = oracle::hex(key.as_bytes());
    nodes
        .iter()
        .filter(|node| hash.starts_with(&node.prefix))
        .collect()
}

fn texts<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Vec<String> {
    nodes
        .into_iter()
        .map(|node| String::from_utf8(node.bytes.clone()).expect("a node is text"))
        .collect()
}

/// A proof: the nodes as text, root first.
fn proof(nodes: &[String]) -> String {
    format!("{}\n", json!({ "nodes": nodes }))
}

fn proofs() -> Vec<Case> {
    let all = lines(600);
    let nodes = oracle::map("tags/lab", &all);
    let root = sha256(&nodes[0]);
    let small = oracle::map("tags/lab", &lines(5));
    let mut cases = Vec::new();
    let absent_in_leaf = (0..)
        .map(|number| format!("absent:{number}"))
        .find(|key| {
            path(&nodes, key)
                .last()
                .is_some_and(|node| node.kind == "leaf")
        })
        .expect("some key leads to a leaf");
    let deep_nodes = oracle::map("tags/lab", &deep(33, 3));
    let mut valid =
        |name: &str, ids: &'static str, note: &str, nodes: &[Node], source: &[Line], key: &str| {
            let found: Vec<Value> = source
                .iter()
                .filter(|line| line.key == key)
                .map(|line| serde_json::from_str(&line.text).expect("a line is JSON"))
                .collect();
            cases.push(
                Case::valid(
                    "proof",
                    name,
                    ids,
                    note,
                    proof(&texts(path(nodes, key))),
                    json!({"lines": found}),
                )
                .with("root", json!(sha256(&nodes[0])))
                .with("count", json!(nodes[0].count))
                .with("map", json!("tags/lab"))
                .with("key", json!(key)),
            );
        };
    valid(
        "included",
        "IDX-22 IDX-23 IDX-25",
        "one line, three nodes down",
        &nodes,
        &all,
        "tool0:3",
    );
    valid(
        "two-architectures",
        "IDX-25",
        "both lines of a key",
        &nodes,
        &all,
        "tool1:4",
    );
    valid(
        "removed",
        "IDX-25",
        "a removal is a line like any other",
        &nodes,
        &all,
        "tool0:6",
    );
    valid(
        "one-leaf",
        "IDX-25",
        "a map of a single node",
        &small,
        &lines(5),
        "tool0:0",
    );
    valid(
        "absent-in-leaf",
        "IDX-26",
        "the leaf where the key would stand",
        &nodes,
        &all,
        &absent_in_leaf,
    );
    valid(
        "absent-at-branch",
        "IDX-26",
        "the branch that has no child for the key's next digit",
        &deep_nodes,
        &deep(33, 3),
        "absent:0",
    );
    valid(
        "absent-in-empty",
        "IDX-26",
        "an empty map",
        &oracle::map("tags/lab", &[]),
        &[],
        "absent:0",
    );

    let key = "tool0:3";
    let good = texts(path(&nodes, key));
    let digit = oracle::hex(key.as_bytes())[..1].to_owned();
    let child_count = path(&nodes, key)[1].count;
    // A root that claims one line too many below the child on the path, and one that gives the
    // child's place to a node of another prefix: both hash to the root they are given with.
    let claim = |count: usize| {
        good[0]
            .lines()
            .map(|text| match text.strip_prefix(&format!("{digit} ")) {
                Some(rest) => format!("{digit} {} {count}\n", &rest[..64]),
                None => format!("{text}\n"),
            })
            .collect::<String>()
    };
    let greater = claim(child_count + 1);
    let sibling = nodes
        .iter()
        .find(|node| node.prefix.len() == 1 && node.prefix != digit)
        .expect("a root of 600 lines has several children");
    let misplaced: String = good[0]
        .lines()
        .map(|text| match text.strip_prefix(&format!("{digit} ")) {
            Some(_) => format!("{digit} {} {child_count}\n", sibling.id()),
            None => format!("{text}\n"),
        })
        .collect();
    let mut flipped = good.clone();
    let last = flipped.len() - 1;
    flipped[last] = flipped[last].replace("\"size\":7", "\"size\":8");
    let cut = good[..last].to_vec();
    let mut longer = good.clone();
    longer.push(texts([sibling]).remove(0));
    let mut wrong_root = good.clone();
    wrong_root[0] = greater.clone();
    let lines_of = all.len();
    for (name, ids, note, root, count, nodes, class) in [
        (
            "changed-leaf",
            "IDX-22 IDX-25",
            "a leaf that does not hash to its id",
            root.clone(),
            lines_of,
            flipped,
            "missing-node",
        ),
        (
            "changed-root",
            "IDX-22 IDX-25",
            "a root that does not hash to the root's id",
            root.clone(),
            lines_of,
            wrong_root,
            "missing-node",
        ),
        (
            "cut-off",
            "IDX-25",
            "the last node is missing",
            root.clone(),
            lines_of,
            cut,
            "missing-node",
        ),
        (
            "no-node",
            "IDX-25",
            "no node",
            root.clone(),
            lines_of,
            vec![],
            "missing-node",
        ),
        (
            "root-count",
            "IDX-23",
            "a root with one line fewer than whoever named it says",
            root.clone(),
            lines_of + 1,
            good.clone(),
            "node-sum",
        ),
        (
            "false-count",
            "IDX-23",
            "a branch that counts one line too many below its child",
            oracle::digest(&greater),
            lines_of + 1,
            [vec![greater], good[1..].to_vec()].concat(),
            "node-sum",
        ),
        (
            "misplaced-child",
            "IDX-7 IDX-25",
            "a child of another prefix, under its honest id",
            oracle::digest(&misplaced),
            lines_of,
            [vec![misplaced], texts([sibling])].concat(),
            "node-prefix",
        ),
    ] {
        cases.push(
            Case::invalid("proof", name, ids, note, proof(&nodes), class)
                .with("root", json!(root))
                .with("count", json!(count))
                .with("map", json!("tags/lab"))
                .with("key", json!(key)),
        );
    }
    cases.push(
        Case::valid("proof", "one-node-more", "IDX-25", "a node that is not on the way is not looked at", proof(&longer), json!({"lines": [serde_json::from_str::<Value>(&line(key, "amd64").text).expect("a line is JSON")]}))
            .with("root", json!(root))
            .with("count", json!(lines_of))
            .with("map", json!("tags/lab"))
            .with("key", json!(key)),
    );
    cases
}
