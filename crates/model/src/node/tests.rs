use super::*;
use crate::Arch;

fn entry(name: &str, arch: Arch) -> TagEntry {
    TagEntry {
        arch,
        image: Some(ImageSize {
            digest: Digest::of(name.as_bytes()),
            size: 7,
        }),
        key: name.parse().unwrap(),
        statement: Digest::of(b"statement"),
    }
}

fn root() -> Position {
    Position::root(MapName::Tags("lab".parse().unwrap()))
}

fn leaf(lines: &[&str]) -> Vec<u8> {
    format!("sreg-node-v1 leaf tags/lab -\n{}", lines.concat()).into_bytes()
}

#[test]
fn encode_then_parse_is_identity() {
    let removed = TagEntry {
        image: None,
        ..entry("b:1", Arch::Amd64)
    };
    let node = Node::Leaf(vec![
        entry("a:1", Arch::Amd64),
        entry("a:1", Arch::Arm64),
        removed,
    ]);
    let bytes = node.encode(&root());
    assert!(bytes.starts_with(b"sreg-node-v1 leaf tags/lab -\n{\"arch\":\"amd64\",\"digest\":"));
    assert_eq!(Node::parse(&bytes, &root()), Ok(node));

    let id = Digest::of(b"child");
    let branch: Node<TagEntry> = Node::Branch(vec![
        Child {
            nibble: 3,
            id,
            count: 32,
        },
        Child {
            nibble: 15,
            id,
            count: 1,
        },
    ]);
    let bytes = branch.encode(&root());
    assert_eq!(branch.count(), 33);
    assert_eq!(Node::parse(&bytes, &root()), Ok(branch));
}

#[test]
fn each_fault_has_its_own_word() {
    let line = |name: &str| String::from_utf8(encode_entry(&entry(name, Arch::Amd64))).unwrap();
    let (a, b) = (line("a:1"), line("b:1"));
    let hex = Digest::of(b"child").hex();
    let branch = |lines: &str| format!("sreg-node-v1 branch tags/lab -\n{lines}").into_bytes();
    let many: Vec<String> = (10..43)
        .map(|number| line(&format!("a:{number}")))
        .collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (bytes, word) in [
        (vec![b'x'; MAX_BYTES + 1], "node-too-large"),
        (b"".to_vec(), "node-line"),
        (b"sreg-node-v2 leaf tags/lab -\n".to_vec(), "node-header"),
        (b"sreg-node-v1 twig tags/lab -\n".to_vec(), "node-header"),
        (b"sreg-node-v1 leaf tags/lab - \n".to_vec(), "node-header"),
        (b"sreg-node-v1 leaf tags/lab2 -\n".to_vec(), "node-map"),
        (b"sreg-node-v1 leaf tags/lab a\n".to_vec(), "node-prefix"),
        (leaf(&[a.trim_end()]), "node-line"),
        (leaf(&[&a, "\n"]), "node-line"),
        (leaf(&[&"x".repeat(1025), "\n"]), "node-line-length"),
        (leaf(&["{}\n"]), "node-entry"),
        (leaf(&[&a.replace("\"size\":7,", "")]), "node-entry"),
        (leaf(&[&b, &a]), "node-order"),
        (leaf(&[&a, &a]), "node-duplicate"),
        (leaf(&many), "node-leaf-too-long"),
        (branch("x\n"), "node-child"),
        (branch(&format!("A {hex} 40\n")), "node-child"),
        (branch(&format!("a {hex} 0\n")), "node-child"),
        (branch(&format!("a {hex} 040\n")), "node-child"),
        (branch(&format!("a {hex} 40\n3 {hex} 40\n")), "node-order"),
        (
            branch(&format!("a {hex} 40\na {hex} 40\n")),
            "node-duplicate",
        ),
        (branch(&format!("a {hex} 32\n")), "node-branch-too-short"),
        (
            branch(&format!("a {hex} {MAX_INTEGER}\nb {hex} 1\n")),
            "node-count",
        ),
    ] {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let error = Node::<TagEntry>::parse(&bytes, &root()).unwrap_err();
        assert_eq!(error.code(), word, "{text}");
    }
    let below = root().child(key_hash("a:1").nibble(0) ^ 1);
    let bytes = Node::Leaf(vec![entry("a:1", Arch::Amd64)]).encode(&below);
    let error = Node::<TagEntry>::parse(&bytes, &below).unwrap_err();
    assert_eq!(error.code(), "node-off-prefix");
    let bytes = Node::<TagEntry>::Leaf(vec![]).encode(&below);
    let error = Node::<TagEntry>::parse(&bytes, &below).unwrap_err();
    assert_eq!(error.code(), "node-empty-leaf");
}
