//! Bytes, ids and times that follow from a word, so that a fixture is the same on every run.

use sha2::{Digest as _, Sha256};

/// A source of bytes that are random enough not to compress, the same for the same word.
#[derive(Debug, Clone)]
pub struct Seed(u64);

impl Seed {
    /// The source for `word`.
    #[must_use]
    pub fn new(word: &str) -> Self {
        let hash: [u8; 32] = Sha256::digest(word).into();
        let mut first = [0; 8];
        first.copy_from_slice(&hash[..8]);
        Self(u64::from_le_bytes(first))
    }

    /// The source for a number.
    #[must_use]
    pub fn of_number(number: u64) -> Self {
        Self(number.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1))
    }

    /// The next number, after splitmix64: fast, where hashing every block would not be.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// Whether something happens that happens so often in a thousand times.
    pub fn happens(&mut self, in_a_thousand: u64) -> bool {
        self.below(1000) < in_a_thousand
    }

    /// The next `length` bytes.
    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length + 8);
        while bytes.len() < length {
            bytes.extend(self.number().to_le_bytes());
        }
        bytes.truncate(length);
        bytes
    }

    /// A time of the years 2020 to 2023, in seconds since 1970.
    pub fn time(&mut self) -> u32 {
        1_577_836_800 + u32::try_from(self.number() % 100_000_000).expect("less than a u32")
    }
}
