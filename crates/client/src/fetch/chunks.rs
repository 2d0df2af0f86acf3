//! A set of chunks of an image: one bit for each.

use std::ops::Range;

const BITS: usize = u64::BITS as usize;

/// Some of the chunks `0..length`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Chunks {
    words: Vec<u64>,
    length: usize,
    count: usize,
}

impl Chunks {
    /// Returns the empty set of `length` chunks.
    pub(crate) fn none(length: usize) -> Self {
        Self {
            words: vec![0; length.div_ceil(BITS)],
            length,
            count: 0,
        }
    }

    /// Returns the set of the chunks in `ranges`, out of `length` chunks.
    pub(crate) fn of(length: usize, ranges: &[Range<u64>]) -> Self {
        let mut chunks = Self::none(length);
        let clip = |at: u64| usize::try_from(at).map_or(length, |at| at.min(length));
        for range in ranges {
            for chunk in clip(range.start)..clip(range.end) {
                chunks.insert(chunk);
            }
        }
        chunks
    }

    /// Returns the number of possible chunks.
    pub(crate) fn length(&self) -> usize {
        self.length
    }

    /// Returns the number of chunks in the set.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    pub(crate) fn contains(&self, chunk: usize) -> bool {
        chunk < self.length && self.words[chunk / BITS] >> (chunk % BITS) & 1 == 1
    }

    /// Adds a chunk. Returns whether it is new.
    pub(crate) fn insert(&mut self, chunk: usize) -> bool {
        let new = chunk < self.length && !self.contains(chunk);
        if new {
            self.words[chunk / BITS] |= 1 << (chunk % BITS);
            self.count += 1;
        }
        new
    }

    pub(crate) fn remove(&mut self, chunk: usize) {
        if self.contains(chunk) {
            self.words[chunk / BITS] &= !(1 << (chunk % BITS));
            self.count -= 1;
        }
    }

    /// Returns the complement.
    pub(crate) fn others(&self) -> Self {
        let mut others = Self::none(self.length);
        for chunk in (0..self.length).filter(|chunk| !self.contains(*chunk)) {
            others.insert(chunk);
        }
        others
    }

    /// Returns the first chunk in the set at `from` or later.
    pub(crate) fn next(&self, from: usize) -> Option<usize> {
        self.find(from, |word| word)
    }

    /// Returns the ranges of chunks in the set, ascending, with gaps between them.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        let mut at = 0;
        std::iter::from_fn(move || {
            let start = self.next(at)?;
            let end = self.find(start, |word| !word).unwrap_or(self.length);
            at = end;
            Some(start as u64..end as u64)
        })
    }

    fn find(&self, from: usize, see: impl Fn(u64) -> u64) -> Option<usize> {
        let mut mask = u64::MAX << (from % BITS);
        for at in from / BITS..self.words.len() {
            let word = see(self.words[at]) & mask;
            if word != 0 {
                // At most 63.
                let bit = word.trailing_zeros() as usize;
                return Some(at * BITS + bit).filter(|chunk| *chunk < self.length);
            }
            mask = u64::MAX;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_set(length in 0usize..300, changes in prop::collection::vec((0usize..320, any::<bool>()), 0..200)) {
            let (mut chunks, mut oracle) = (Chunks::none(length), BTreeSet::new());
            for (chunk, added) in changes {
                if added {
                    prop_assert_eq!(chunks.insert(chunk), chunk < length && oracle.insert(chunk));
                } else {
                    chunks.remove(chunk);
                    oracle.remove(&chunk);
                }
            }
            prop_assert_eq!(chunks.count(), oracle.len());
            for from in 0..length {
                prop_assert_eq!(chunks.contains(from), oracle.contains(&from));
                prop_assert_eq!(chunks.next(from), oracle.range(from..).next().copied());
            }
            let ranges: Vec<_> = chunks.ranges().collect();
            prop_assert!(ranges.windows(2).all(|pair| pair[0].end < pair[1].start));
            prop_assert_eq!(&Chunks::of(length, &ranges), &chunks);
            prop_assert_eq!(chunks.others().count() + chunks.count(), length);
        }
    }
}
