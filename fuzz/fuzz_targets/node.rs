//! A node that is accepted encodes to the same bytes, and is no node of another position.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sreg_model::node::{Entry, MapName, NamespaceEntry, Node, Position, TagEntry};

fuzz_target!(|bytes: &[u8]| {
    let Some(position) = position(bytes) else {
        return;
    };
    match position.map {
        MapName::Namespaces => check::<NamespaceEntry>(bytes, &position),
        MapName::Tags(_) => check::<TagEntry>(bytes, &position),
    }
});

fn check<E: Entry>(bytes: &[u8], position: &Position) {
    let Ok(node) = Node::<E>::parse(bytes, position) else {
        return;
    };
    assert_eq!(node.encode(position), bytes);
    assert!(matches!(node, Node::Leaf(_)) == (node.count() <= 32));
    assert!(Node::<E>::parse(bytes, &position.child(0)).is_err());
}

/// The position that the first line names.
fn position(bytes: &[u8]) -> Option<Position> {
    let header = std::str::from_utf8(bytes.split(|byte| *byte == b'\n').next()?).ok()?;
    let mut words = header.split(' ').skip(2);
    let map = match words.next()? {
        "ns" => MapName::Namespaces,
        other => MapName::Tags(other.strip_prefix("tags/")?.parse().ok()?),
    };
    let root = Position::root(map);
    match words.next()? {
        "-" => Some(root),
        digits => digits.chars().try_fold(root, |position, digit| {
            Some(position.child(u8::try_from(digit.to_digit(16)?).ok()?))
        }),
    }
}
