//! The digest chain: SHA-256's chaining value after each MiB of a file
//! (`spec/digest-chain.md`).
//!
//! A file's digest is its plain SHA-256. With the chain, that digest can be verified in parallel: each
//! link is one MiB compressed from the previous chaining value, and all links together hold if and only
//! if the digest does.

use sha2::block_api::compress256;
use sreg_model::Digest;
use sreg_model::fault::Code;
use sreg_model::statement::MAX_SIZE;

/// The number of bytes between two chaining values: 1 MiB, a multiple of SHA-256's block.
pub const CHUNK: usize = 1 << 20;
const BLOCK: usize = 64;
/// The size of one chaining value, in bytes.
pub const VALUE: usize = 32;

/// SHA-256's initial chaining value (FIPS 180-4, 5.3.3).
const INITIAL: State = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

type State = [u32; 8];

/// Why bytes are not the chain of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChainError {
    /// No chain can exist for a file of this size.
    #[error("a file of {0} bytes has no digest chain: expected 1 to 2^44 bytes")]
    Size(u64),
    /// The sidecar's length does not follow from the file's size.
    #[error("the digest chain has {found} bytes, expected {expected}")]
    Length {
        /// The size of the sidecar.
        found: u64,
        /// 32 for each link.
        expected: u64,
    },
    /// The last value is not the file's digest.
    #[error("the digest chain ends in {found}, expected {expected}")]
    End {
        /// The last value.
        found: Digest,
        /// The file's digest.
        expected: Digest,
    },
}

impl ChainError {
    /// Returns the error's word in `spec/cli.md`.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            Self::Size(_) => Code::ChainSize,
            Self::Length { .. } => Code::ChainLength,
            Self::End { .. } => Code::ChainEnd,
        }
    }
}

/// The chain of a file: `m_1 … m_n`, where `m_n` is the file's digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    size: u64,
    sidecar: Vec<u8>,
}

/// Returns the number of links of a file of `size` bytes.
#[must_use]
pub fn links(size: u64) -> u64 {
    size / CHUNK as u64 + 1
}

/// Returns the length of the sidecar of a file of `size` bytes, in bytes.
#[must_use]
pub fn sidecar_len(size: u64) -> u64 {
    links(size) * VALUE as u64
}

impl Chain {
    /// Parses the sidecar of a file with this size and digest.
    ///
    /// # Errors
    /// `Size` if the size is out of bounds; `Length` if the length does not follow from it; `End` if the
    /// last value is not the digest.
    pub fn parse(sidecar: Vec<u8>, size: u64, digest: &Digest) -> Result<Self, ChainError> {
        if size == 0 || size > MAX_SIZE {
            return Err(ChainError::Size(size));
        }
        let expected = sidecar_len(size);
        if sidecar.len() as u64 != expected {
            return Err(ChainError::Length {
                found: sidecar.len() as u64,
                expected,
            });
        }
        let chain = Self { size, sidecar };
        let found = chain.digest();
        if found != *digest {
            return Err(ChainError::End {
                found,
                expected: *digest,
            });
        }
        Ok(chain)
    }

    /// Returns the file's digest: the last value.
    ///
    /// # Panics
    /// Never: a chain has at least one value.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let value = self
            .sidecar
            .last_chunk()
            .expect("a chain has at least one value");
        Digest::from_bytes(*value)
    }

    /// Returns the file's size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the number of links.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sidecar.len() / VALUE
    }

    /// Returns `false`: a chain has at least one link.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Returns the sidecar's bytes: the values in order, each eight big-endian words.
    #[must_use]
    pub fn sidecar(&self) -> &[u8] {
        &self.sidecar
    }

    /// Returns the digest of the sidecar, which a statement names as `chain`.
    #[must_use]
    pub fn sidecar_digest(&self) -> Digest {
        Digest::of(&self.sidecar)
    }

    /// Returns the offset and the length in the file of the bytes of `link`, counted from 0.
    #[must_use]
    pub fn range(&self, link: usize) -> (u64, usize) {
        let offset = link as u64 * CHUNK as u64;
        let length = self.size.saturating_sub(offset).min(CHUNK as u64);
        (offset, usize::try_from(length).unwrap_or(CHUNK))
    }

    /// Returns whether `bytes`, those of [`Chain::range`], lead from the value before `link` to the
    /// value after it.
    #[must_use]
    pub fn holds(&self, link: usize, bytes: &[u8]) -> bool {
        let (_, length) = self.range(link);
        if link >= self.len() || bytes.len() != length {
            return false;
        }
        let mut state = match link {
            0 => INITIAL,
            _ => state_of(&self.sidecar[(link - 1) * VALUE..link * VALUE]),
        };
        if link + 1 == self.len() {
            finish(&mut state, bytes, self.size);
        } else {
            let (blocks, _) = bytes.as_chunks::<BLOCK>();
            compress256(&mut state, blocks);
        }
        bytes_of(&state)[..] == self.sidecar[link * VALUE..(link + 1) * VALUE]
    }
}

/// Makes a chain from bytes given in order, in pieces of any length.
#[derive(Debug, Clone)]
pub struct ChainBuilder {
    state: State,
    size: u64,
    block: [u8; BLOCK],
    sidecar: Vec<u8>,
}

impl Default for ChainBuilder {
    fn default() -> Self {
        Self {
            state: INITIAL,
            size: 0,
            block: [0; BLOCK],
            sidecar: Vec::new(),
        }
    }
}

impl ChainBuilder {
    /// Adds the next bytes of the file.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = CHUNK - offset_in(self.size, CHUNK);
            let (piece, rest) = bytes.split_at(room.min(bytes.len()));
            self.absorb(piece);
            self.size += piece.len() as u64;
            if offset_in(self.size, CHUNK) == 0 {
                self.sidecar.extend_from_slice(&bytes_of(&self.state));
            }
            bytes = rest;
        }
    }

    /// Compresses all whole blocks, and keeps the rest.
    fn absorb(&mut self, mut bytes: &[u8]) {
        let held = offset_in(self.size, BLOCK);
        if held > 0 {
            let (piece, rest) = bytes.split_at((BLOCK - held).min(bytes.len()));
            self.block[held..held + piece.len()].copy_from_slice(piece);
            if held + piece.len() < BLOCK {
                return;
            }
            compress256(&mut self.state, &[self.block]);
            bytes = rest;
        }
        let (blocks, rest) = bytes.as_chunks::<BLOCK>();
        compress256(&mut self.state, blocks);
        self.block[..rest.len()].copy_from_slice(rest);
    }

    /// Returns the chain of all bytes that were added.
    #[must_use]
    pub fn finish(mut self) -> Chain {
        let held = offset_in(self.size, BLOCK);
        let tail = self.block;
        finish(&mut self.state, &tail[..held], self.size);
        self.sidecar.extend_from_slice(&bytes_of(&self.state));
        Chain {
            size: self.size,
            sidecar: self.sidecar,
        }
    }
}

/// Compresses the end of a file with SHA-256's padding (FIPS 180-4, 5.1.1): a one bit, zeros,
/// and the length of the whole file in bits.
fn finish(state: &mut State, end: &[u8], size: u64) {
    let (blocks, rest) = end.as_chunks::<BLOCK>();
    compress256(state, blocks);
    let mut last = [[0u8; BLOCK]; 2];
    let flat = last.as_flattened_mut();
    flat[..rest.len()].copy_from_slice(rest);
    flat[rest.len()] = 0x80;
    let used = if rest.len() < BLOCK - 8 { 1 } else { 2 };
    flat[used * BLOCK - 8..used * BLOCK].copy_from_slice(&(size * 8).to_be_bytes());
    compress256(state, &last[..used]);
}

fn offset_in(size: u64, unit: usize) -> usize {
    // A remainder by a usize fits a usize.
    usize::try_from(size % unit as u64).unwrap_or(0)
}

fn bytes_of(state: &State) -> [u8; VALUE] {
    let mut bytes = [0; VALUE];
    for (out, word) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *out = word.to_be_bytes();
    }
    bytes
}

fn state_of(bytes: &[u8]) -> State {
    let mut state = [0; 8];
    for (word, bytes) in state.iter_mut().zip(bytes.as_chunks::<4>().0) {
        *word = u32::from_be_bytes(*bytes);
    }
    state
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns bytes in which no two chunks are equal.
    fn bytes(size: usize) -> Vec<u8> {
        (0..size)
            .map(|i| (i ^ (i >> 8) ^ (i >> 16) ^ (i >> 20)).to_le_bytes()[0])
            .collect()
    }

    fn chain(bytes: &[u8]) -> Chain {
        let mut builder = ChainBuilder::default();
        builder.update(bytes);
        builder.finish()
    }

    fn all_hold(chain: &Chain, bytes: &[u8]) -> Vec<bool> {
        (0..chain.len())
            .map(|link| {
                let (offset, length) = chain.range(link);
                let offset = usize::try_from(offset).unwrap();
                chain.holds(link, &bytes[offset..offset + length])
            })
            .collect()
    }

    #[test]
    fn the_last_value_is_plain_sha_256_at_every_edge() {
        let mut sizes = vec![1, 55, 56, 63, 64, 65];
        for k in [1usize, 2] {
            sizes.extend(
                [-9isize, -8, -1, 0, 1, 55, 56].map(|edge| (k * CHUNK).saturating_add_signed(edge)),
            );
        }
        for size in sizes {
            let bytes = bytes(size);
            let chain = chain(&bytes);
            assert_eq!(chain.digest(), Digest::of(&bytes), "{size}");
            assert_eq!(chain.len(), size / CHUNK + 1);
            assert!(
                all_hold(&chain, &bytes).into_iter().all(|holds| holds),
                "{size}"
            );
            let parsed = Chain::parse(chain.sidecar().to_vec(), size as u64, &chain.digest());
            assert_eq!(parsed, Ok(chain));
        }
    }

    #[test]
    fn one_changed_byte_breaks_its_link_only() {
        let mut bytes = bytes(2 * CHUNK + 100);
        let chain = chain(&bytes);
        bytes[CHUNK + 5] ^= 1;
        assert_eq!(all_hold(&chain, &bytes), [true, false, true]);
    }

    #[test]
    fn refused() {
        let bytes = bytes(CHUNK + 1);
        let good = chain(&bytes);
        let (sidecar, size, digest) = (good.sidecar().to_vec(), good.size(), good.digest());
        let code = |sidecar: &[u8], size, digest| {
            Chain::parse(sidecar.to_vec(), size, &digest).map_err(|error| error.code().word())
        };
        assert_eq!(code(&sidecar, 0, digest), Err("chain-size"));
        assert_eq!(code(&sidecar, MAX_SIZE + 1, digest), Err("chain-size"));
        assert_eq!(code(&sidecar[1..], size, digest), Err("chain-length"));
        assert_eq!(
            code(&sidecar, size + CHUNK as u64, digest),
            Err("chain-length")
        );
        assert_eq!(code(&sidecar, size, Digest::of(b"")), Err("chain-end"));
        assert!(!good.holds(0, &bytes[..CHUNK - 1]));
        assert!(!good.holds(2, b""));
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(size in 0usize..300_000, cuts in prop::collection::vec(1usize..70_000, 1..8)) {
            let bytes = bytes(size);
            let mut builder = ChainBuilder::default();
            let mut rest = &bytes[..];
            for cut in cuts.iter().cycle() {
                if rest.is_empty() { break }
                let (piece, after) = rest.split_at((*cut).min(rest.len()));
                builder.update(piece);
                rest = after;
            }
            prop_assert_eq!(builder.finish(), chain(&bytes));
        }
    }
}
