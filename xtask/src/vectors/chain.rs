//! `spec/digest-chain.md`.

use serde_json::{Value, json};

use super::{Case, oracle};

const MIB: u64 = 1 << 20;

/// What the file is: a size, and bytes that replace those of the pattern.
struct Recipe {
    size: u64,
    patches: Vec<(u64, &'static str)>,
}

impl Recipe {
    fn plain(size: u64) -> Self {
        Self {
            size,
            patches: vec![],
        }
    }

    fn bytes(&self) -> Vec<u8> {
        let mut bytes = oracle::pattern(self.size);
        for (offset, text) in &self.patches {
            let start = usize::try_from(*offset).expect("a vector is small");
            bytes[start..start + text.len()].copy_from_slice(text.as_bytes());
        }
        bytes
    }

    fn text(&self) -> Vec<u8> {
        let patches: Vec<Value> = self
            .patches
            .iter()
            .map(|(offset, text)| json!({"offset": offset, "text": text}))
            .collect();
        let mut recipe = json!({"pattern": "spread-1", "size": self.size});
        if !patches.is_empty() {
            recipe["patches"] = json!(patches);
        }
        let mut bytes = recipe.to_string().into_bytes();
        bytes.push(b'\n');
        bytes
    }
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut sizes = vec![1, 55, 56, 63, 64];
    for mib in [1, 2] {
        for away in [-9i64, -8, -1, 0, 1, 55, 56] {
            sizes.push((mib * MIB).saturating_add_signed(away));
        }
    }
    for size in sizes {
        let recipe = Recipe::plain(size);
        let file = recipe.bytes();
        let sidecar = oracle::chain(&file).concat();
        assert_eq!(
            oracle::spell(&sidecar[sidecar.len() - 32..]),
            oracle::hex(&file)
        );
        let expect = json!({
            "digest": oracle::digest(&file),
            "chain": oracle::digest(&sidecar),
            "links": sidecar.len() / 32,
        });
        cases.push(
            Case::valid(
                "digest-chain",
                &format!("size-{size}"),
                "CHAIN-1 CHAIN-2 CHAIN-3 CHAIN-4 CHAIN-7",
                "a file and its sidecar",
                recipe.text(),
                expect,
            )
            .file("sidecar", sidecar),
        );
    }
    cases.extend(invalid());
    cases
}

fn invalid() -> Vec<Case> {
    const SIZE: u64 = 4 * MIB + 55;
    let honest = Recipe::plain(SIZE);
    let digest = oracle::digest(honest.bytes());
    let links = oracle::chain(&honest.bytes());
    let evil = Recipe {
        size: SIZE,
        patches: vec![(MIB - 4, "evil")],
    };
    let evil_links = oracle::chain(&evil.bytes());
    let evil_tail = Recipe {
        size: SIZE,
        patches: vec![(SIZE - 4, "evil")],
    };
    let other = oracle::chain(
        &Recipe {
            size: SIZE,
            patches: vec![(0, "other")],
        }
        .bytes(),
    );
    let mut swapped = links.clone();
    swapped.swap(1, 2);
    let mut flipped = links.clone();
    flipped[2][31] ^= 1;
    let mut evil_front = links.clone();
    evil_front[..3].copy_from_slice(&evil_links[..3]);
    let mut mixed = other.clone();
    mixed[2..].copy_from_slice(&links[2..]);
    let mut initial = vec![[0u8; 32]];
    initial[0] = *b"\x6a\x09\xe6\x67\xbb\x67\xae\x85\x3c\x6e\xf3\x72\xa5\x4f\xf5\x3a\x51\x0e\x52\x7f\x9b\x05\x68\x8c\x1f\x83\xd9\xab\x5b\xe0\xcd\x19";
    initial.extend_from_slice(&links);
    let little: Vec<[u8; 32]> = links
        .iter()
        .enumerate()
        .map(|(at, link)| {
            if at + 1 == links.len() {
                *link
            } else {
                word_swapped(*link)
            }
        })
        .collect();
    let mut shorter = links.concat();
    shorter.pop();

    let mut cases = Vec::new();
    for (name, ids, note, recipe, sidecar, class, link) in [
        (
            "one-entry-missing",
            "CHAIN-4 CHAIN-5",
            "an inner entry is missing",
            &honest,
            [&links[..1], &links[2..]].concat().concat(),
            "chain-length",
            None,
        ),
        (
            "one-entry-more",
            "CHAIN-4 CHAIN-5",
            "SHA-256's initial value in front",
            &honest,
            initial.concat(),
            "chain-length",
            None,
        ),
        (
            "one-byte-missing",
            "CHAIN-4 CHAIN-5",
            "the last byte is missing",
            &honest,
            shorter,
            "chain-length",
            None,
        ),
        (
            "empty",
            "CHAIN-4 CHAIN-5",
            "no byte",
            &honest,
            Vec::new(),
            "chain-length",
            None,
        ),
        (
            "other-end",
            "CHAIN-3 CHAIN-5",
            "the sidecar of another file of the same size",
            &honest,
            other.concat(),
            "chain-end",
            None,
        ),
        (
            "order-reversed",
            "CHAIN-3 CHAIN-5",
            "the entries from last to first",
            &honest,
            links.iter().rev().copied().collect::<Vec<_>>().concat(),
            "chain-end",
            None,
        ),
        (
            "swapped",
            "CHAIN-7",
            "the second and the third entry swapped",
            &honest,
            swapped.concat(),
            "blob-mismatch",
            Some(2),
        ),
        (
            "flipped-bit",
            "CHAIN-7",
            "a bit of the third entry flipped",
            &honest,
            flipped.concat(),
            "blob-mismatch",
            Some(3),
        ),
        (
            "little-endian",
            "CHAIN-4 CHAIN-7",
            "the inner entries in little-endian words",
            &honest,
            little.concat(),
            "blob-mismatch",
            Some(1),
        ),
        (
            "evil-first-chunk",
            "CHAIN-7",
            "the first chunk of the file is another",
            &evil,
            links.concat(),
            "blob-mismatch",
            Some(1),
        ),
        (
            "evil-front",
            "CHAIN-7 CHAIN-8",
            "a false first chunk, and its chaining values in the first three entries: links 1 to 3 hold",
            &evil,
            evil_front.concat(),
            "blob-mismatch",
            Some(4),
        ),
        (
            "evil-tail",
            "CHAIN-7",
            "the last, partial chunk of the file is another",
            &evil_tail,
            links.concat(),
            "blob-mismatch",
            Some(5),
        ),
        (
            "two-sidecars",
            "CHAIN-7",
            "the first two entries are those of another file",
            &honest,
            mixed.concat(),
            "blob-mismatch",
            Some(1),
        ),
    ] {
        let mut case = Case::invalid("digest-chain", name, ids, note, recipe.text(), class)
            .with("digest", json!(digest))
            .file("sidecar", sidecar);
        if let Some(link) = link {
            case = case.with("link", json!(link));
        }
        cases.push(case);
    }
    let nothing = Recipe::plain(0);
    cases.push(
        Case::invalid(
            "digest-chain",
            "size-0",
            "CHAIN-10",
            "a file without a byte, whose digest would be its own sidecar",
            nothing.text(),
            "chain-size",
        )
        .with("digest", json!(oracle::digest(b"")))
        .file("sidecar", oracle::chain(b"").concat()),
    );
    cases
}

fn word_swapped(link: [u8; 32]) -> [u8; 32] {
    let mut swapped = link;
    for word in swapped.as_chunks_mut::<4>().0 {
        word.reverse();
    }
    swapped
}
