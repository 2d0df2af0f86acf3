//! Slow and direct forms of the spec's definitions.

use sha2::{Digest as _, Sha256};

/// 64 lower-case hexadecimal digits of the SHA-256 of `bytes`.
pub(super) fn hex(bytes: &[u8]) -> String {
    spell(&Sha256::digest(bytes))
}

/// `sha256:` and [`hex`].
pub(super) fn digest(bytes: impl AsRef<[u8]>) -> String {
    format!("sha256:{}", hex(bytes.as_ref()))
}

/// Bytes as lower-case hexadecimal digits.
pub(super) fn spell(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of the pattern `spread-1`: byte `i` is
/// `(i + (i>>8)*7 + (i>>16)*13 + (i>>20)*31) mod 256`.
pub(super) fn pattern(size: u64) -> Vec<u8> {
    (0..size)
        .map(|i| {
            let sum = i + (i >> 8) * 7 + (i >> 16) * 13 + (i >> 20) * 31;
            sum.to_le_bytes()[0]
        })
        .collect()
}

/// The chaining values of a file, by the plain block function and padding of FIPS 180-4:
/// one after each full MiB, and the digest.
pub(super) fn chain(file: &[u8]) -> Vec<[u8; 32]> {
    let mut padded = file.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend_from_slice(&(file.len() as u64 * 8).to_be_bytes());
    let mut state: [u32; 8] = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    let mut links = Vec::new();
    let mut done = 0;
    for block in padded.as_chunks::<64>().0 {
        sha2::block_api::compress256(&mut state, &[*block]);
        done += 64;
        // A file's last chunk is never full, so its link is the digest alone.
        if done % (1 << 20) == 0 && done <= file.len() {
            links.push(big_endian(state));
        }
    }
    links.push(big_endian(state));
    links
}

fn big_endian(state: [u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (place, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *place = word.to_be_bytes();
    }
    bytes
}

/// One line of a leaf: what it is sorted by, and its bytes without the LF.
#[derive(Clone)]
pub(super) struct Line {
    pub(super) key: String,
    pub(super) arch: String,
    pub(super) text: String,
}

/// A node of a map: its place, its kind, the lines below and its bytes.
pub(super) struct Node {
    pub(super) prefix: String,
    pub(super) kind: &'static str,
    pub(super) count: usize,
    pub(super) bytes: Vec<u8>,
}

impl Node {
    pub(super) fn id(&self) -> String {
        hex(&self.bytes)
    }
}

/// All nodes of the map of `lines`, each branch before its children: the root comes first.
pub(super) fn map(name: &str, lines: &[Line]) -> Vec<Node> {
    below(name, String::new(), lines)
}

fn below(name: &str, prefix: String, lines: &[Line]) -> Vec<Node> {
    let shown = if prefix.is_empty() { "-" } else { &prefix };
    if lines.len() <= 32 {
        let mut sorted = lines.to_vec();
        sorted.sort_by(|a, b| (a.key.as_bytes(), &a.arch).cmp(&(b.key.as_bytes(), &b.arch)));
        let mut text = format!("sreg-node-v1 leaf {name} {shown}\n");
        for line in sorted {
            text.push_str(&line.text);
            text.push('\n');
        }
        return vec![Node {
            kind: "leaf",
            count: lines.len(),
            bytes: text.into_bytes(),
            prefix,
        }];
    }
    let mut text = format!("sreg-node-v1 branch {name} {shown}\n");
    let mut nodes = Vec::new();
    for digit in "0123456789abcdef".chars() {
        let child = format!("{prefix}{digit}");
        let bucket: Vec<Line> = lines
            .iter()
            .filter(|line| hex(line.key.as_bytes()).starts_with(&child))
            .cloned()
            .collect();
        if bucket.is_empty() {
            continue;
        }
        let subtree = below(name, child, &bucket);
        text.push_str(&format!("{digit} {} {}\n", subtree[0].id(), bucket.len()));
        nodes.extend(subtree);
    }
    nodes.insert(
        0,
        Node {
            kind: "branch",
            count: lines.len(),
            bytes: text.into_bytes(),
            prefix,
        },
    );
    nodes
}
